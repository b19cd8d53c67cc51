"""What a received message means for a campaign: a bounce, a complaint, a reply, an automatic answer, a wish to leave. [pure]

    returned = Returned.read(message, tokens)        a look at the header; only what stands out is read in full
    returned.facts(recipient, message_id, now)       `recipient`: whom the bounce address named, if it came to one

Nothing is believed that does not carry a token of ours (`mail.tokens`): in the address it came to, in In-Reply-To or
References, or in what a report quotes. A forged report can therefore only concern the person who was given the token.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict

from lettershop.base.facts import AutoReplied, BounceReported, Complained, Fact, Replied, Unsubscribed
from lettershop.egress.classify import Rules
from lettershop.mail.bounces import Affected, Inspection, understand
from lettershop.mail.tokens import Recipient, Tokens
from lettershop.wire.message import headers, mime
from lettershop.wire.message.headers import Header
from lettershop.wire.message.words import raw_text
from lettershop.wire.reports import answers, glance, signs
from lettershop.wire.reports.values import Kind

MOST = 1 << 18
"""Octets of a message that are read: reports are small, and what they quote stands near their beginning."""
LONGEST = 1_000
"""Characters of one text in a fact."""
CANDIDATES = 1_000
"""Words in the form of a token that are tried."""

_TOKEN = re.compile(rb"(?:^|[/+<=:,;\s]|%2[bB])([A-Za-z2-7]{18,64})(?=[@>/.\s\"'?&<;,]|$)")
_SOFT_BREAK = re.compile(rb"=\r?\n")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


class Head(TypedDict):
    """What every fact about a recipient says."""

    at: float
    campaign_id: int
    contact_id: int
    envelope_id: int


@dataclass(frozen=True, slots=True)
class Returned:
    """What a message says. `named`: whom what it quotes or answers names; `leave`: it says only "unsubscribe"."""

    kind: Kind = "ordinary"
    sender: str = ""
    subject: str = ""
    recipients: tuple[Affected, ...] = ()
    feedback: str = ""
    named: Recipient | None = None
    answers: bool = False
    leave: bool = False

    @classmethod
    def read(cls, data: bytes, tokens: Tokens, rules: Rules | None = None) -> "Returned":
        """Read a received message, by these rules for bounces. Never raises."""
        header = headers.parse(data, 0, min(len(data), MOST))
        answered = _answered(header, tokens)
        if answered is None and not glance.stands_out(header):
            return ORDINARY
        message = data[:MOST]
        understood = understand(message, rules)
        if understood.kind in ("bounce", "delay", "complaint"):
            return _report(header, understood, _quoted(message, understood, tokens))
        if glance.is_automatic(header):
            return cls(
                "auto-reply", _sender(header), _subject(header), named=answered or _quoted(message, None, tokens)
            )
        if answered is None:
            return ORDINARY
        leave = answers.asks_to_leave(answers.own_words(_text(message)) or _subject(header))
        return cls("ordinary", _sender(header), _subject(header), named=answered, answers=True, leave=leave)

    def facts(self, recipient: Recipient | None, message_id: int, now: float) -> list[Fact]:
        """What there is to tell, about the recipient that the address named, else about whom the message names."""
        person = recipient or self.named
        return [] if person is None else list(self._facts(person, message_id, now))

    def _facts(self, person: Recipient, message_id: int, now: float) -> Iterator[Fact]:
        head = Head(
            at=now, campaign_id=person.campaign_id, contact_id=person.contact_id, envelope_id=person.envelope_id
        )
        if self.kind == "bounce":
            yield self._bounced(head)
        elif self.kind == "complaint":
            address = self.recipients[0].address if self.recipients else ""
            reporter = self.sender.rpartition("@")[2]
            yield Complained(**head, address=_clean(address), feedback_type=_clean(self.feedback), reporter=reporter)
        elif self.kind == "auto-reply":
            yield AutoReplied(**head, address=self.sender, subject=self.subject)
        elif self.answers:
            yield Replied(**head, address=self.sender, message_id=message_id, subject=self.subject)
            if self.leave:
                yield Unsubscribed(**head, how="reply")

    def _bounced(self, head: Head) -> BounceReported:
        """One fact for one person: where a report names several, an address behind theirs may still take mail."""
        worst = next((one for one in self.recipients if one.hard), None)
        first = worst or next(iter(self.recipients), None)
        if first is None:
            return BounceReported(**head, address="", status="", hard=False, reason="undetermined")
        return BounceReported(
            **head, address=_clean(first.address), status=first.status, hard=all(one.hard for one in self.recipients),
            reason=first.reason, diagnostic=_clean(first.diagnostic), advice=first.advice,
        )  # fmt: skip


ORDINARY = Returned()


def _report(header: Header, understood: Inspection, named: Recipient | None) -> Returned:
    return Returned(
        understood.kind, _sender(header), _subject(header), understood.recipients, understood.feedback, named
    )


def _answered(header: Header, tokens: Tokens) -> Recipient | None:
    """Whom the message answers: our Message-ID begins with the token (RFC 5322 3.6.4)."""
    for name in ("In-Reply-To", "References"):
        for field in header.all(name):
            found = _first(field.raw, tokens)
            if found is not None:
                return found
    return None


def _quoted(message: bytes, understood: Inspection | None, tokens: Tokens) -> Recipient | None:
    """Whom a report is about: by the header of the original, else by any link or address of ours in it."""
    found = _first(understood.original.raw, tokens) if understood is not None else None
    return found or _first(_SOFT_BREAK.sub(b"", message), tokens)


def _first(data: bytes, tokens: Tokens) -> Recipient | None:
    for number, match in enumerate(_TOKEN.finditer(data)):
        if number >= CANDIDATES:
            return None
        found = tokens.open(match[1].decode("ascii"))
        if found is not None:
            return found
    return None


def _sender(header: Header) -> str:
    return _clean(raw_text(signs.sender_of(header)))


def _subject(header: Header) -> str:
    return _clean(signs.subject(header))


def _text(message: bytes) -> str:
    """The first text part: what a person wrote."""
    part = next((part for part in mime.scan(message).walk() if part.mime in ("text/plain", "text/html")), None)
    return mime.text_of(message, part) if part is not None else ""


def _clean(text: str) -> str:
    """Text that every database and every JSON reader takes."""
    return _UNPRINTABLE.sub(" ", text).encode("utf-8", "replace").decode("utf-8")[:LONGEST]
