"""Feedback reports (RFC 5965): what a provider sends when a person presses "spam". Read, and written. [pure]"""

import re
from dataclasses import dataclass

from lettershop.wire.message import headers
from lettershop.wire.message.addresses import mailboxes
from lettershop.wire.message.compose import Header, body_part, multipart
from lettershop.wire.message.words import decode
from lettershop.wire.reports.status import ADDRESS
from lettershop.wire.reports.values import LONGEST, Kind, Original, Recipient, Report
from lettershop.wire.reports.view import View

_JMRP_SUBJECT = re.compile(r"\s*complaint about message from\s", re.IGNORECASE)
_DESK = re.compile(
    r"(?:abuse|spam|fbl|feedback|feedback-?loop|complaints?|arf|staff|scomp|junk|reports?|postmaster|trust)\b",
    re.IGNORECASE,
)
_ABUSE_SUBJECT = re.compile(
    r"\b(?:abuse|spam|complaint|junk|ube|uce)\b.{0,40}\b(?:report|complaint|notification|notice|from|about)|"
    r"\b(?:report|complaint|notification)\b.{0,40}\b(?:abuse|spam|junk|unsolicited)|reported as (?:spam|junk)|client tos notification|"
    r"beschwerde|missbrauch",
    re.IGNORECASE,
)
_REPORTED = (
    "X-HmXmrOriginalRecipient",
    "X-MS-Exchange-Organization-Original-Recipient",
    "X-Original-To",
    "Delivered-To",
)

KINDS: dict[str, Kind] = {"not-spam": "ordinary", "opt-out": "unsubscribe", "opt-out-list": "unsubscribe",
                          "auth-failure": "dmarc-report"}  # fmt: skip
"""What the types of RFC 5965 7.3, RFC 6430 and RFC 6591 mean to us; all others are complaints."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """The machine-readable part of a report. `recipients`: Original-Rcpt-To, in order."""

    type: str = "abuse"
    user_agent: str = ""
    mail_from: str = ""
    recipients: tuple[str, ...] = ()
    source_ip: str = ""
    reported_domain: str = ""


def parse(text: str) -> Feedback:
    """The fields of a message/feedback-report part (RFC 5965 3)."""
    header = headers.parse(text.lstrip("\n").encode("utf-8", "replace"))
    wanted = [*header.all("Original-Rcpt-To"), *header.all("Removal-Recipient")]
    found = [match[0] for field in wanted for match in ADDRESS.finditer(field.value)]
    sender = mailboxes(header.get("Original-Mail-From") or "")
    return Feedback(
        (header.get("Feedback-Type") or "abuse").strip().lower(), header.get("User-Agent") or "",
        sender[0].address if sender else "", tuple(dict.fromkeys(found)), header.get("Source-IP") or "",
        header.get("Reported-Domain") or "",
    )  # fmt: skip


def read(view: View) -> Report | None:
    """The report that a message is, or None."""
    if view.feedback or view.report_type == "feedback-report":
        feedback = parse(view.feedback[0] if view.feedback else view.notice)
        original = Original(view.returned)
        recipients = feedback.recipients or _from_original(original)
        kind = KINDS.get(feedback.type, "complaint")
        return Report(kind, tuple(map(Recipient, recipients)), original, feedback.type, standard=True)
    if view.returned and not view.status and _reported_in_words(view):
        original = Original(view.returned)
        return Report("complaint", tuple(map(Recipient, _from_original(original))), original, "abuse")
    return None


def _reported_in_words(view: View) -> bool:
    """Outlook.com's own form, and what abuse desks forward: the message, under a subject that says why."""
    subject = decode((view.header.get("Subject") or "")[:LONGEST])
    if _JMRP_SUBJECT.match(subject):
        return True
    sender = mailboxes((view.header.get("From") or "")[:LONGEST])
    return bool(sender and _DESK.match(sender[0].address) and _ABUSE_SUBJECT.search(subject))


def _from_original(original: Original) -> tuple[str, ...]:
    for name in _REPORTED:
        found = original.addresses(name)
        if found:
            return tuple(dict.fromkeys(found))
    return tuple(dict.fromkeys(original.addresses("To")))


def compose(
    feedback: Feedback, original: bytes, *, sender: str, recipient: str, date: str, message_id: str, boundary: str
) -> bytes:
    """A report about the message `original`, ready to send."""
    fields = Header()
    fields.add("Feedback-Type", feedback.type)
    fields.add("User-Agent", feedback.user_agent or "Lettershop")
    fields.add("Version", "1")
    if feedback.mail_from:
        fields.add("Original-Mail-From", f"<{feedback.mail_from}>")
    for address in feedback.recipients:
        fields.add("Original-Rcpt-To", f"<{address}>")
    for name, value in (("Source-IP", feedback.source_ip), ("Reported-Domain", feedback.reported_domain)):
        if value:
            fields.add(name, value)
    words = "This is a report about a message that a recipient does not want.\r\n"
    header = Header()
    header.add("From", sender)
    header.add("To", recipient)
    header.text("Subject", f"FW: {headers.parse(original).get('Subject') or ''}".strip())
    header.add("Date", date)
    header.add("Message-ID", f"<{message_id}>")
    header.add("MIME-Version", "1.0")
    parts = [
        body_part("text/plain; charset=utf-8", words.encode()),
        body_part("message/feedback-report", fields.encode()),
        body_part("message/rfc822", original),
    ]
    return multipart(header, "report", parts, boundary, params="report-type=feedback-report")
