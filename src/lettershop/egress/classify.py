"""What an answer of a receiver means: a reason in the usual terms, hard or soft, try again or not, and advice. [pure]

`classify(code, enhanced, text)` looks for the first rule of `egress.answers` whose pattern is in the text, then at the
enhanced status code (RFC 3463 and the IANA registry), then at vaguer words, last at the reply code. Words are more
trustworthy than codes: large providers use 5.7.1 and 5.5.0 for nearly everything.

Failures of our own (a name that does not resolve, a refused connection) come here in the words of a reply.
"""

import re
from dataclasses import dataclass
from typing import Literal

from lettershop.egress.answers import CODES, ENHANCED, RULES, VAGUE, Reason, Rule

Stage = Literal["route", "connect", "greeting", "ehlo", "tls", "auth", "mail", "rcpt", "data", "dot", "quit", ""]
"""Where the answer came: "route" is the look-up of the MX, "dot" the answer to the whole message."""

BEFORE_MAIL = frozenset({"connect", "greeting", "ehlo", "tls", "auth"})
"""Stages at which a refusal concerns us or the host, never one address or message."""


@dataclass(frozen=True, slots=True)
class Class:
    """`hard`: the address is dead. `retry`: it may work later. Neither: this message is refused, the address may live."""

    reason: Reason
    hard: bool
    retry: bool
    advice: str


DEAD: frozenset[Reason] = frozenset({"unknown-user", "inactive-user", "bad-domain"})
"""Reasons that, said for good, mean that the address is of no more use."""

ALWAYS_LATER: frozenset[Reason] = frozenset({"too-many-recipients", "too-many-connections", "greylisted"})
"""Reasons that pass by themselves even where a receiver says them with a 5xx (RFC 5321 4.5.3.1.10 for the first)."""

ADVICE: dict[Reason, str] = {
    "unknown-user": "The address does not exist. Remove it and look where it came from.",
    "inactive-user": "The mailbox is closed. Remove the address.",
    "bad-domain": "The domain takes no mail. Look for a typing error, else remove the address.",
    "mailbox-full": "The mailbox is full, perhaps abandoned. Try again with the next campaign.",
    "greylisted": "The receiver wants to see a second attempt. Nothing to do.",
    "rate": "The receiver takes less than we send. Send more slowly to this provider.",
    "too-many-connections": "Open fewer connections to this provider.",
    "too-many-recipients": "The receiver takes fewer recipients at once. Nothing to do.",
    "reputation": "The receiver distrusts our address or domain. Look it up on the block list named; write to engaged people only.",
    "content": "The message looks like spam to the receiver. Look at its links, wording and the share of pictures.",
    "virus": "The receiver takes an attachment or a link for dangerous. Remove it.",
    "authentication": "SPF, DKIM or DMARC does not pass. Run `lettershop domain check` for the sending domain.",
    "dns": "A DNS record of ours is missing or wrong, often the reverse record. Run `lettershop doctor`.",
    "tls": "The receiver wants an encrypted connection, or encryption failed.",
    "too-large": "The message is too large for the receiver. Make it smaller.",
    "relay-denied": "The receiver does not feel responsible for this domain. Check its MX records or our route.",
    "sender": "The receiver does not accept our sender address. Check that it exists and takes mail.",
    "loop": "The message runs in a circle. Check MX records and forwardings.",
    "policy": "A rule of the receiver says no. Ask its postmaster with the answer at hand.",
    "protocol": "We and the receiver misunderstand each other. Please report it with the dialogue.",
    "busy": "The receiver has a problem of its own. Nothing to do.",
    "network": "The receiver cannot be reached. Nothing to do unless it lasts.",
    "expired": "It was tried until its time ran out.",
    "undetermined": "The answer gives no reason. Read it in full.",
}

TELLS_NOTHING = frozenset({"", "0.0", "5.0", "7.0", "7.1"})
"""Details of enhanced codes that receivers use for everything."""


def _compile(rules: tuple[Rule, ...]) -> tuple[tuple[re.Pattern[str], Reason], ...]:
    return tuple((re.compile(rule.pattern, re.IGNORECASE), rule.reason) for rule in rules)


_RULES, _VAGUE = _compile(RULES), _compile(VAGUE)


def classify(code: int, enhanced: str, text: str, stage: Stage = "") -> Class:
    """The class of an answer. `enhanced` as "5.1.1" or empty; before MAIL an answer never concerns one address."""
    reason = _reason(code, enhanced, text)
    return _class(reason, permanent=code >= 500 and stage not in BEFORE_MAIL)


def _reason(code: int, enhanced: str, text: str) -> Reason:
    answer = f"{code} {enhanced} {text}" if enhanced else f"{code} {text}"
    detail = enhanced[2:]
    certain = None if detail in TELLS_NOTHING else ENHANCED.get(detail)
    found = _first(_RULES, answer) or certain or _first(_VAGUE, answer)
    return found or CODES.get(code) or ENHANCED.get(detail, "undetermined")


def _first(rules: tuple[tuple[re.Pattern[str], Reason], ...], answer: str) -> Reason | None:
    return next((reason for pattern, reason in rules if pattern.search(answer)), None)


def _class(reason: Reason, *, permanent: bool) -> Class:
    retry = not permanent or reason in ALWAYS_LATER
    return Class(reason, hard=permanent and reason in DEAD, retry=retry, advice=ADVICE[reason])


EXPIRED = Class("expired", hard=False, retry=False, advice=ADVICE["expired"])
"""Given up by ourselves because the time ran out before any answer gave a better reason."""
