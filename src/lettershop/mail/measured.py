"""What is measured of the whole machine: the counts of all workers, and what waits. For metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lettershop.base.clock import Clock
from lettershop.egress.meters import Book, Meters, WorkerUse
from lettershop.mail.sites import Sites, Standing
from lettershop.store import queue, webhook_deliveries
from lettershop.store.database import Database

FRESH = 10.0
"""Seconds that what waits is not counted anew: a long queue takes a moment."""


@dataclass(frozen=True, slots=True)
class Depths:
    """What waits: envelopes by state, sites and sources as they stand, events by webhook."""

    queue: Mapping[str, int] = field(default_factory=dict)
    sites: Sequence[Standing] = ()
    webhooks: Mapping[int, int] = field(default_factory=dict)


class Measured:
    """One object per process."""

    def __init__(self, meters: Meters, main: Database, clock: Clock) -> None:
        self._meters = meters
        self._main = main
        self._clock = clock
        self._sites = Sites(main, clock)
        self._depths = Depths()
        self._counted_at = float("-inf")

    def asked(self, kind: str) -> None:
        """A link in a message was asked for."""
        asked = self._meters.book.asked
        asked[kind] = asked.get(kind, 0) + 1

    def total(self) -> tuple[Book, Sequence[WorkerUse]]:
        """The figures of all workers together, and what each has used."""
        return self._meters.total()

    async def depths(self) -> Depths:
        """What waits."""
        now = self._clock.monotonic()
        if now - self._counted_at >= FRESH:
            self._counted_at = now
            self._depths = Depths(
                await self._main.read(queue.totals), await self._sites.standings(),
                await self._main.read(webhook_deliveries.all_waiting),
            )  # fmt: skip
        return self._depths
