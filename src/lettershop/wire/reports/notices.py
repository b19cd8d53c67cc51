"""JSON notices that Amazon SES mails by way of SNS: bounces, complaints, deliveries. [pure]"""

import json
from typing import Any

from lettershop.wire.reports.status import code_in, status_in
from lettershop.wire.reports.values import Action, Original, Recipient, Report
from lettershop.wire.reports.view import View

_SECTIONS = {"Bounce": "bounce", "Complaint": "complaint", "Delivery": "delivery"}


def read(view: View) -> Report | None:
    """The report that a JSON notice is, or None."""
    text = view.notice.strip()
    if not text.startswith("{") or "notificationType" not in text[:5000]:
        return None
    try:
        notice, _ = json.JSONDecoder(strict=False).raw_decode(text.replace("\n ", "").replace("\n", ""))
        kind = notice.get("notificationType") or notice.get("eventType")
        return _report(kind, notice.get(_SECTIONS.get(kind, ""), {}), Original(_header(notice.get("mail", {}))))
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError):  # JSON of another shape
        return None


def _report(kind: str, section: dict[str, Any], original: Original) -> Report | None:
    if kind == "Complaint":
        people = [Recipient(item["emailAddress"]) for item in section.get("complainedRecipients", [])]
        feedback = section.get("complaintFeedbackType") or "abuse"
        return Report("complaint", tuple(people), original, feedback, standard=True)
    if kind == "Bounce":
        permanent = section.get("bounceType") != "Transient"
        people = [_bounced(item, permanent=permanent) for item in section.get("bouncedRecipients", [])]
        return Report("bounce", tuple(people), original, standard=True)
    if kind == "Delivery":
        answer = section.get("smtpResponse", "")
        people = [Recipient(address, "delivered", diagnostic=answer) for address in section.get("recipients", [])]
        return Report("ordinary", tuple(people), original, standard=True)
    return None


def _bounced(item: dict[str, Any], *, permanent: bool) -> Recipient:
    words = item.get("diagnosticCode") or ""
    action: Action = "failed"
    status = item.get("status") or status_in(words) or ("5.0.0" if permanent else "4.0.0")
    return Recipient(item["emailAddress"], action, status, code_in(words), words)


def _header(mail: dict[str, Any]) -> bytes:
    pairs = [(item.get("name", ""), item.get("value", "")) for item in mail.get("headers", [])]
    lines = [f"{name}: {value}" for name, value in pairs if name and "\n" not in f"{name}{value}"]
    return "".join(f"{line}\r\n" for line in lines).encode()
