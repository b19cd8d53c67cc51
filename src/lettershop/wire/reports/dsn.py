"""Writes delivery status notifications (RFC 3464): what a sender gets when a message was given up or takes longer. [pure]

    compose(notice, [Failure("a@b.example", "5.1.1", "550 5.1.1 No such user", "mx.b.example", "…")], original)

Three parts (RFC 6522): words for people with what to do, fields for machines, the header of the message. Sent with the
null sender (RFC 3464 2), so that no answer to it can come back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lettershop.wire.message import headers
from lettershop.wire.message.compose import Header, body_part, crlf, mailbox, multipart, one_line, text_part
from lettershop.wire.message.seven_bit import speaks_utf8
from lettershop.wire.message.words import decode

Action = Literal["failed", "delayed", "delivered", "relayed"]  # RFC 3464 2.3.3
SUBJECT: Mapping[Action, str] = {
    "failed": "Your message was not delivered", "delayed": "Your message takes longer",
    "delivered": "Your message was delivered", "relayed": "Your message was handed over",
}  # fmt: skip
_BEGINNING: Mapping[Action, str] = {
    "failed": "was not delivered to", "delayed": "could not be delivered yet to", "delivered": "was delivered to",
    "relayed": "was handed over to the mail server of",
}  # fmt: skip
_END: Mapping[Action, str] = {
    "failed": "Nothing more will be tried.",
    "delayed": "It is tried further; you need not do anything, and not send it again.",
    "delivered": "You asked to be told.",
    "relayed": "You asked to be told. That server does not tell more, unless the message cannot be delivered.",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A recipient and what became of the message. `status` like "5.1.1"; `answer`: what `remote` said, empty if nobody did.

    `until`: the date to which it is tried further. `original`: the address that the sender wrote, "type;address" (ORCPT).
    """

    address: str
    status: str
    answer: str = ""
    remote: str = ""
    advice: str = ""
    last_attempt: str = ""
    until: str = ""
    original: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is said once. Dates as RFC 5322 has them; `arrival` of the message; `message_id` without brackets.

    `envid`: the sender's own name of the message (ENVID); `full`: the whole message is returned, not its header (RET).
    """

    reporter: str
    recipient: str
    date: str
    message_id: str
    boundary: str
    arrival: str = ""
    action: Action = "failed"
    envid: str = ""
    full: bool = False


def compose(notice: Notice, failures: Sequence[Failure], original: bytes) -> bytes:
    """The notification, ready to be delivered. `original`: the message's header, or its beginning; empty if it is gone."""
    wide = not all(failure.address.isascii() for failure in failures)
    read = headers.parse(original)
    returned = original if notice.full else crlf(original[: read.end])
    header = Header()
    header.add("From", mailbox("Mail Delivery System", f"MAILER-DAEMON@{notice.reporter}"))
    header.add("To", notice.recipient)
    header.text("Subject", SUBJECT[notice.action])
    header.add("Date", notice.date)
    header.add("Message-ID", f"<{notice.message_id}>")
    if (about := read.get("Message-ID")) is not None:
        header.add("References", about)
    header.add("Auto-Submitted", "auto-replied")  # RFC 3834 3.1.7
    header.add("MIME-Version", "1.0")
    words = _words(notice, failures, decode(read.get("Subject") or ""))
    parts = [text_part(words), _status(notice, failures, wide=wide)]
    if returned:
        parts.append(_whole(returned) if notice.full else _returned(returned))
    return multipart(header, "report", parts, notice.boundary, params="report-type=delivery-status")


def _words(notice: Notice, failures: Sequence[Failure], subject: str) -> str:
    """The part for people."""
    about = f" “{one_line(subject)}”" if subject.strip() else ""
    when = f" of {notice.arrival}" if notice.arrival else ""
    people = "\n".join(_person(failure) for failure in failures)
    return (
        f"This is the mail server {notice.reporter}.\n\nYour message{about}{when} {_BEGINNING[notice.action]}:\n\n"
        f"{people}\n{_END[notice.action]} {'Your message' if notice.full else 'The header of your message'} is attached.\n"
    )


def _person(failure: Failure) -> str:
    lines = [f"  {failure.address}"]
    if failure.advice:
        lines.append(f"    {failure.advice}")
    if failure.answer:
        lines.append(f"    {failure.remote or 'The other server'} said: {one_line(failure.answer)}")
    if failure.until:
        lines.append(f"    It is tried until {failure.until}.")
    return "\n".join(lines) + "\n"


def _status(notice: Notice, failures: Sequence[Failure], *, wide: bool) -> bytes:
    """The part for machines (RFC 3464 2); with addresses beyond ASCII as RFC 6533 has it."""
    top = Header()
    if notice.envid:
        top.add("Original-Envelope-Id", _ascii(notice.envid))  # RFC 3464 2.2.1
    top.add("Reporting-MTA", f"dns; {notice.reporter}")
    if notice.arrival:
        top.add("Arrival-Date", notice.arrival)
    groups = [top.encode(), *(_group(failure, notice.action) for failure in failures)]
    kind = "message/global-delivery-status" if wide else "message/delivery-status"
    return body_part(kind, b"\r\n".join(groups), encoding="8bit" if wide else "")


def _group(failure: Failure, action: Action) -> bytes:
    fields = Header()
    if failure.original:
        fields.add("Original-Recipient", failure.original)  # RFC 3464 2.3.1
    kind = "rfc822" if failure.address.isascii() else "utf-8"
    fields.add("Final-Recipient", f"{kind}; {failure.address}")
    fields.add("Action", action)
    fields.add("Status", failure.status)
    if failure.remote:
        fields.add("Remote-MTA", f"dns; {failure.remote}")
    if failure.answer:
        fields.add("Diagnostic-Code", f"smtp; {_ascii(failure.answer)}")
    if failure.last_attempt:
        fields.add("Last-Attempt-Date", failure.last_attempt)
    if failure.until and action == "delayed":
        fields.add("Will-Retry-Until", failure.until)  # RFC 3464 2.3.9
    return fields.encode()


def _ascii(text: str) -> str:
    """RFC 3464 2.1: the fields are ASCII; what is not stands as a question mark."""
    return text.encode("ascii", "replace").decode()


def _whole(message: bytes) -> bytes:
    """RFC 3461 6.2: what the sender asked for."""
    kind = "message/global" if speaks_utf8(message) else "message/rfc822"
    return body_part(kind, message, encoding="" if message.isascii() else "8bit")


def _returned(header: bytes) -> bytes:
    if header.isascii():
        return body_part("text/rfc822-headers", header)
    return body_part("message/global-headers", header, encoding="8bit")  # RFC 6533 6
