"""What a received message tells about mail that we sent: bounces, complaints, automatic answers. [pure]

    found = understand(message)
    found.kind, found.recipients[0].hard, found.advice, found.message_id

`wire.reports` reads the message; here its recipients get a reason, hard or soft, and advice by the rules of the delivery
engine (`egress.classify`): an answer that we were given and one that a bounce quotes mean the same.
"""

import email
import re
from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from flufl.bounce import all_failures

from lettershop.egress.classify import Class, classify
from lettershop.wire.reports import phrases
from lettershop.wire.reports.recognise import recognise
from lettershop.wire.reports.signs import from_machine
from lettershop.wire.reports.values import Kind, Original, Recipient, Report
from lettershop.wire.reports.view import view

MOST_FALLBACK = 1 << 16
"""Octets of a message that the slow reader is given."""

_ADDRESSING = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10"})
_VAGUE = (".0.0", ".5.0", ".7.0")
_CURT = re.compile(r"unknown user|user unknown", re.IGNORECASE)
_FILTER = re.compile(r"\b55\d[\s:-]+: user unknown", re.IGNORECASE)
"""au/KDDI (ezweb.ne.jp, au.com) says this, with nothing before the colon, also where the person's filter refuses."""

ADVICE: dict[Kind, str] = {
    "bounce": "The message was not delivered; the report does not say to whom. Read it in full.",
    "delay": "Nothing to do: the server goes on trying.",
    "complaint": "The person pressed “spam”: write to this address no more, and look where the consent came from.",
    "auto-reply": "Nothing to do: a machine answered.",
    "unsubscribe": "Take the person off the list now; the law gives days, the person does not.",
    "dmarc-report": "A receiver's report on mail in your domain's name; it counts in the deliverability figures.",
    "tls-report": "A receiver's report on encrypted connections to your servers.",
    "ordinary": "",
}


@dataclass(frozen=True, slots=True)
class Affected:
    """A recipient that a report is about. `hard`: the address is dead; `reason`: a class of `egress.classify`.

    `status` is never empty for a bounce: x.0.0 where nothing more is known; `code` is 0 if unknown. `original`: the
    address to which it was sent, where that is another one.
    """

    address: str
    status: str
    code: int
    hard: bool
    reason: str
    diagnostic: str
    advice: str = ""
    original: str = ""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a message is. `message_id`: of the message that it is about or that it answers, empty if it does not say."""

    kind: Kind
    recipients: tuple[Affected, ...]
    original: Original
    feedback: str
    advice: str

    @property
    def message_id(self) -> str:
        """The original's Message-ID without brackets."""
        return self.original.message_id

    def as_json(self) -> dict[str, Any]:
        """As `lettershop inspect` prints it (CONTRACT.md)."""
        people = [asdict(person) for person in self.recipients]
        for person in people:
            person["class"] = person.pop("reason")
        return {"kind": self.kind, "recipients": people, "advice": self.advice, "message_id": self.message_id} | (
            {"feedback": self.feedback} if self.feedback else {}
        )


def understand(message: bytes) -> Inspection:
    """What the message is, and what it means for each recipient it is about. Never raises."""
    report = recognise(message)
    if report.kind in ("bounce", "delay") and not report.recipients:
        report = Report(report.kind, _fallback(message), report.original)
    people = tuple(_affected(recipient, report.kind) for recipient in report.recipients)
    return Inspection(report.kind, people, report.original, report.feedback, _advice(report.kind, people))


def _fallback(message: bytes) -> tuple[Recipient, ...]:
    """Old forms that our own reader finds nobody in; slow, and only asked about mail that machines wrote."""
    if not from_machine(view(message)):
        return ()
    try:
        _, permanent = all_failures(email.message_from_bytes(message[:MOST_FALLBACK]))
    except Exception:  # a foreign reader on hostile input: what it cannot read, it does not know
        return ()
    return tuple(Recipient(address.decode("ascii", "replace"), "failed") for address in sorted(permanent))


def _advice(kind: Kind, people: tuple[Affected, ...]) -> str:
    """One sentence for the message: of a bounce, the one that most of its recipients have."""
    counted = Counter(person.advice for person in people)
    return counted.most_common(1)[0][0] if kind == "bounce" and counted else ADVICE[kind]


def _affected(recipient: Recipient, kind: Kind) -> Affected:
    if kind not in ("bounce", "delay"):
        status = recipient.status or ("2.0.0" if recipient.action == "delivered" else "")
        return Affected(
            recipient.address, status, recipient.code, False, "", recipient.diagnostic, ADVICE[kind], recipient.original
        )
    status = recipient.status or ("4.0.0" if kind == "delay" else "5.0.0")
    judged = _classified(recipient, status)
    return Affected(
        recipient.address, status, recipient.code, judged.hard and kind == "bounce" and not _filtered(recipient),
        judged.reason, recipient.diagnostic, judged.advice, recipient.original,
    )  # fmt: skip


def _classified(recipient: Recipient, status: str) -> Class:
    """A status that says little is replaced by what the words amount to."""
    told = phrases.status_of(recipient.diagnostic) if status.endswith(_VAGUE) else ""
    final = status.startswith("5") or status[2:] in _ADDRESSING  # given up on a wrong address, though said with 4xx
    code = recipient.code or (550 if final else 450)
    if final and code < 500:
        code += 100
    elif not final and code >= 500 and not recipient.code:
        code -= 100
    return classify(code, status[0] + told[1:] if told else status, recipient.diagnostic)


def _filtered(recipient: Recipient) -> bool:
    """Whether "unknown user" may only mean that a filter refuses: it was taken at RCPT and refused after the message."""
    if recipient.stage == "dot" and _CURT.search(recipient.diagnostic):
        return True
    return _FILTER.search(recipient.diagnostic) is not None
