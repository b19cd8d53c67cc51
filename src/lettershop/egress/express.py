"""The short way of what a person waits for: accepted in this process, sent by this process, without a look into the queue.

    ticket -> the commit that accepts the message leases its envelopes to this process -> `queued` -> the engine has them
    no ticket (nobody delivers here, the engine is full or in trouble) -> the commit -> ring: who delivers looks

One commit instead of two, and no turn among rounds and reads that a campaign keeps busy. A lease that does not reach the
engine after all goes back to the queue with its next round.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from lettershop.egress.message import Leased, Recipe, Withhold
from lettershop.store.envelopes import Lane
from lettershop.store.stored import Claim

Answers = Sequence[tuple[Leased, Recipe | Withhold]]


@dataclass(frozen=True, slots=True)
class Ticket:
    """The engine's promise to take what is leased by `claim`, unless it was in trouble meanwhile (`generation`)."""

    claim: Claim
    generation: int


class Desk(Protocol):
    """What is needed of the engine."""

    def ticket(self, priority: int) -> Ticket | None:
        """Room for a message of this priority, if there is any."""

    def hand_over(self, ticket: Ticket, lane: Lane, leased: Sequence[Leased], answers: Answers) -> None:
        """Take these; `answers` is what their source would say of them now, for as many as it is known."""


class Express:
    """One per process. `ring` tells all who deliver that there is mail in the queue."""

    def __init__(self, ring: Callable[[], None] = lambda: None) -> None:
        self._ring = ring
        self._desk: Desk | None = None

    def serve(self, desk: Desk) -> None:
        """This process delivers."""
        self._desk = desk

    def ticket(self, priority: int) -> Ticket | None:
        """Ask it immediately before the commit."""
        return self._desk.ticket(priority) if self._desk is not None else None

    def queued(self, ticket: Ticket | None, lane: Lane, leased: Sequence[Leased], answers: Answers) -> None:
        """After the commit; `leased` are the envelopes that it leased by the ticket."""
        if self._desk is not None and ticket is not None and leased:
            self._desk.hand_over(ticket, lane, leased, answers)
        else:
            self._ring()
