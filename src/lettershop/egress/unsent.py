"""Envelopes that no connection carries: their sources are asked all the same, then they are judged by an answer of our own."""

from collections.abc import Sequence
from typing import Protocol

from lettershop.base.clock import Clock
from lettershop.egress.message import Leased, Recipe, Withhold
from lettershop.egress.prepare import Prepared
from lettershop.egress.retries import Retries
from lettershop.egress.rules import Rules
from lettershop.egress.verdict import Answer, judge, too_late, withheld
from lettershop.net.dial import CannotConnect
from lettershop.store.envelopes import Outcome


class Office(Protocol):
    """What is needed of the engine."""

    @property
    def clock(self) -> Clock:
        """The time."""

    @property
    def retries(self) -> Retries:
        """When what is put off is tried again."""

    @property
    def rules(self) -> Rules:
        """What answers mean."""

    async def prepare(self, leased: Sequence[Leased], *, patience: float) -> Prepared:
        """Ask the source; the answer may take `patience` seconds longer for the sake of others."""

    def record(self, outcome: Outcome) -> None:
        """Store this soon."""


async def ready_ones(
    office: Office, taken: Sequence[Leased], why: str, patience: float = 0.0
) -> list[tuple[Leased, Recipe]]:
    """Those that may be sent; the others get their outcome here. `why`: the words for which their site is not reached."""
    now = office.clock.now()
    for leased in taken:
        if leased.expires_at <= now:
            office.record(too_late(leased, now, why))
    ready = []
    alive = [leased for leased in taken if leased.expires_at > now]
    for leased, answer in await office.prepare(alive, patience=patience):
        if isinstance(answer, Withhold):
            office.record(withheld(leased, answer, office.clock.now()))
        else:
            ready.append((leased, answer))
    return ready


async def judge_all(office: Office, taken: Sequence[Leased], answer: Answer, why: str) -> None:
    """An attempt of all of them that ended with this answer."""
    for leased, recipe in await ready_ones(office, taken, why):
        office.record(judge(leased, recipe.address, answer, office.clock.now(), office.retries, office.rules))


def failure_of(error: CannotConnect, host: str) -> Answer:
    """What the server said, or our own words for it. TLS that cannot be had is never for good."""
    if error.tls:
        return Answer(
            454, "4.7.5", f"TLS is demanded and cannot be had ({error.tls}): {error.public}", error.stage, host
        )
    if error.reply is not None:
        return Answer(error.reply.code, error.reply.enhanced, error.reply.text, error.stage, host)
    return Answer(451, "4.4.1", error.public, error.stage, host)
