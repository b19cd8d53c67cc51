"""What a received message tells about mail that we sent: bounces, complaints, automatic answers. [pure]

    found = understand(message)
    found.kind, found.recipients[0].hard, found.advice, found.message_id

`wire.reports` reads the message; here its recipients get a reason, hard or soft, and advice by the rules of the delivery
engine (`egress.classify`): an answer that we were given and one that a bounce quotes mean the same.
"""

import email
import re
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any

from flufl.bounce import all_failures

from lettershop.egress.classify import Class, Rules, shipped
from lettershop.wire.reports.files import tidy
from lettershop.wire.reports.recognise import recognise
from lettershop.wire.reports.signs import from_machine
from lettershop.wire.reports.values import Kind, Original, Recipient, Report
from lettershop.wire.reports.view import view

MOST_FALLBACK = 1 << 16
"""Octets of a message that the slow reader is given."""

_ADDRESSING = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10"})
_CURT = re.compile(r"unknown user|user unknown", re.IGNORECASE)
_FILTER = re.compile(r"\b55\d[\s:-]+: user unknown", re.IGNORECASE)
"""au/KDDI (ezweb.ne.jp, au.com) says this, with nothing before the colon, also where the person's filter refuses."""
_THERE = ("2.0", "2.1", "7.1")
"""Details of statuses of a mailbox that is there: with them "user unknown" is what a filter says."""

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
    address to which it was sent, where that is another one; `provider`: whose answer it is, where that is known.
    """

    address: str
    status: str
    code: int
    hard: bool
    reason: str
    diagnostic: str
    advice: str = ""
    original: str = ""
    provider: str = ""


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


def understand(message: bytes, rules: Rules | None = None) -> Inspection:
    """What the message is, and what it means for each recipient it is about, by these rules. Never raises."""
    message = tidy(message)
    report = recognise(message)
    if report.kind in ("bounce", "delay") and not report.recipients:
        report = Report(report.kind, _fallback(message), report.original)
    table = rules or shipped()
    people = tuple(_affected(recipient, report.kind, table) for recipient in report.recipients)
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


def _affected(recipient: Recipient, kind: Kind, rules: Rules) -> Affected:
    if kind not in ("bounce", "delay"):
        status = recipient.status or ("2.0.0" if recipient.action == "delivered" else "")
        return Affected(
            recipient.address, status, recipient.code, False, "", recipient.diagnostic, ADVICE[kind], recipient.original
        )
    status = recipient.status or ("4.0.0" if kind == "delay" else "5.0.0")
    judged = _classified(recipient, status, kind, rules)
    return Affected(
        recipient.address, status, recipient.code, judged.hard, judged.reason, recipient.diagnostic, judged.advice,
        recipient.original, judged.provider,
    )  # fmt: skip


def _classified(recipient: Recipient, status: str, kind: Kind, rules: Rules) -> Class:
    final = status.startswith("5") or status[2:] in _ADDRESSING  # given up on a wrong address, though said with 4xx
    code = recipient.code or (550 if final else 450)
    if final and code < 500:
        code += 100
    elif not final and code >= 500 and not recipient.code:
        code -= 100
    found = rules.classify(code, status, recipient.diagnostic, recipient.stage, recipient.remote)
    if kind == "delay":
        return replace(found, hard=False)
    if found.reason == "unknown-user" and recipient.stage in ("mail", "connect"):  # then it is we who are unknown
        return _as(found, "sender", rules)
    if found.reason == "unknown-user" and _filtered(recipient, status):
        return _as(found, "filtered", rules)
    return replace(found, hard=found.hard or found.certain)


def _as(found: Class, reason: str, rules: Rules) -> Class:
    return replace(found, reason=reason, hard=False, certain=False, advice=rules.advice(reason))


def _filtered(recipient: Recipient, status: str) -> bool:
    """Whether "unknown user" may only mean that a filter refuses.

    So if the address was taken at RCPT and refused after the message, or if the status says that the mailbox is there.
    """
    if _FILTER.search(recipient.diagnostic):
        return True
    if not _CURT.search(recipient.diagnostic):
        return False
    return recipient.stage == "dot" or (recipient.stage != "rcpt" and status[2:] in _THERE and bool(recipient.code))
