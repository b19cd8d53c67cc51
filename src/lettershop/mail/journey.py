"""The journey of one recipient's message: from the hand-over to what the person did, in one timeline.

    envelope > what the logs of both halves say of it > steps in the order of time, each with plain words

`Journeys` asks, `tell` says what a fact means to a person who reads it. What is shown here is nothing that is kept for
the sake of showing: it is made of the facts, of the envelope's row, and of the dialogue of an attempt that failed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lettershop.base import facts
from lettershop.base.clock import Clock
from lettershop.base.errors import NotFound
from lettershop.base.facts import Fact
from lettershop.mail.queue import Queue
from lettershop.store import journeys as rows
from lettershop.store.database import Database
from lettershop.store.journeys import Recorded
from lettershop.store.queue import Waiting


class NoSuchRecipient(NotFound):
    """This campaign has no such recipient."""

    code = "no-such-recipient"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened. `kind`: HandedOver, or a kind of fact; `answer`: what a server said, word for word.

    `machine`: whether a machine opened or clicked; None where nobody judged, or nothing was to be judged.
    """

    at: float
    kind: str
    words: str
    answer: str = ""
    machine: bool | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Journey:
    """An envelope, its steps, the dialogue of its last attempt if that failed; and `why` it waits, if it does."""

    envelope: Waiting
    why: str
    dialogue: str
    steps: tuple[Step, ...]


class Journeys:
    """One object per process. `workspace_id` None means of all workspaces, for operators."""

    def __init__(self, main: Database, mail: Database, queue: Queue, clock: Clock) -> None:
        self._clock = clock
        self._main = main
        self._mail = mail
        self._queue = queue

    async def of_envelope(self, envelope_id: int, *, workspace_id: int | None = None) -> Journey:
        """By the envelope's number; raises NotInQueue where there is none, or it belongs to another workspace."""
        envelope = await self._queue.show(envelope_id, workspace_id=workspace_id)
        about = (envelope_id, envelope.campaign_id, envelope.contact_id)
        found = [*await self._main.read(rows.recorded, *about), *await self._mail.read(rows.returned, *about)]
        return Journey(
            envelope,
            await self._queue.why(envelope),
            await self._queue.dialogue(envelope_id),
            _steps(envelope, found, self._clock.now()),
        )

    async def of_recipient(self, campaign_id: int, address: str, *, workspace_id: int | None = None) -> Journey:
        """By a campaign and an address; raises NoSuchRecipient."""
        envelope_id = await self._main.read(rows.envelope_of, campaign_id, address.strip().lower())
        if envelope_id is None:
            raise NoSuchRecipient(f"This campaign has no recipient {address}.")
        return await self.of_envelope(envelope_id, workspace_id=workspace_id)

    async def in_campaign(self, campaign_id: int, envelope_id: int, *, workspace_id: int | None = None) -> Journey:
        """By a campaign and the envelope's number; raises NoSuchRecipient where they do not belong together."""
        found = await self.of_envelope(envelope_id, workspace_id=workspace_id)
        if found.envelope.campaign_id != campaign_id:
            raise NoSuchRecipient(f"This campaign has no recipient {envelope_id}.")
        return found


def _steps(envelope: Waiting, found: Sequence[Recorded], now: float) -> tuple[Step, ...]:
    handed = Step(envelope.created_at, "HandedOver", "Handed over for delivery")
    steps = [handed] if handed.at <= now else []  # not yet, if it is to be sent later
    left: set[str] = set()
    for one in found:
        if isinstance(one.fact, facts.Unsubscribed):
            if one.fact.how in left:
                continue  # what came by mail is in both logs
            left.add(one.fact.how)
        steps.append(tell(one))
    return tuple(sorted(steps, key=lambda step: step.at))


def tell(one: Recorded) -> Step:
    """A fact in plain words."""
    fact = one.fact
    words = WORDS.get(type(fact), _plain)(fact)
    machine = one.verdict.machine if one.verdict is not None else getattr(fact, "machine", None)
    if one.verdict is not None:
        about = [f"by a machine: {one.verdict.reasons}" if machine else "", one.verdict.device]
        words = f"{words} ({', '.join(filter(None, about))})" if any(about) else words
    return Step(fact.at, fact.kind, words, _answer(fact), machine, fact.data())


def _answer(fact: Fact) -> str:
    if isinstance(fact, facts.Delivered | facts.Deferred | facts.Bounced):
        return f"{fact.code} {fact.text}".strip()
    return fact.diagnostic if isinstance(fact, facts.BounceReported) else ""


def _plain(fact: Fact) -> str:
    return fact.kind


def _delivered(fact: Any) -> str:
    how = f"over {fact.tls}" if fact.tls else "unencrypted"
    where = "Stored in a mailbox here" if fact.mx == "local" else f"Delivered to {fact.mx} {how}"
    return f"{where}, at attempt {fact.attempt}, {_span(fact.latency)} after the hand-over"


def _deferred(fact: Any) -> str:
    where = f" by {fact.mx}" if fact.mx else ""
    return f"Attempt {fact.attempt}: put off{where} ({fact.reason}), to be tried again after {_span(fact.retry_at - fact.at)}"


def _bounced(fact: Any) -> str:
    where = f" by {fact.mx}" if fact.mx else ""
    what = "refused for good" if fact.hard or fact.code >= 500 else "given up"
    return f"Attempt {fact.attempt}: {what}{where} ({fact.reason}). {fact.advice}".strip()


def _told_of_bounce(fact: Any) -> str:
    kind = "hard" if fact.hard else "soft"
    return f"A bounce came back ({fact.reason}, {kind}). {fact.advice}".strip()


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.1f} s" if seconds < 10 else f"{seconds:.0f} s"


WORDS: Mapping[type[Fact], Callable[[Any], str]] = {
    facts.Delivered: _delivered,
    facts.Deferred: _deferred,
    facts.Bounced: _bounced,
    facts.Withheld: lambda fact: f"Not sent: {fact.reason}",
    facts.DelayTold: lambda fact: f"{fact.sender} was told that it takes longer",
    facts.BounceReported: _told_of_bounce,
    facts.Complained: lambda fact: "Complained: pressed “spam”",
    facts.Replied: lambda fact: f"Replied: {fact.subject}" if fact.subject else "Replied",
    facts.AutoReplied: lambda fact: (
        f"An automatic answer came: {fact.subject}" if fact.subject else "An automatic answer came"
    ),
    facts.Opened: lambda fact: "Opened",
    facts.Clicked: lambda fact: f"Followed link {fact.link}",
    facts.Unsubscribed: lambda fact: f"Unsubscribed ({fact.how})",
}
