"""The connections of one process: which are opened, woken, dismissed, and when all sites are looked at.

    look_at_all    with each round, and soon after domains were placed or a place became free where many wait for one
    look_at        one site: a connection to it stands, or is gone

What may be opened is decided in `egress.traffic`; what a connection does is `egress.attempt`.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Protocol

from lettershop.egress.attempt import Attempt, Desk
from lettershop.egress.traffic import Traffic
from lettershop.egress.ways import Opening, Site, Way

TOGETHER = 0.02
"""Looking at all sites costs: what changes within so many seconds is looked at together."""
DEAR = 20.0
"""And not sooner than so many times what the last look took: with thousands of sites it takes milliseconds."""


class Office(Desk, Protocol):
    """What is needed of the engine besides."""

    traffic: Traffic

    @property
    def halted(self) -> bool:
        """Whether nothing new may begin."""


class Connections:
    """See the module. `placed` is called after each look that a change began: domains may wait for a place."""

    def __init__(self, office: Office, placed: Callable[[], None]) -> None:
        self._office = office
        self._then = placed
        self._attempts: dict[Attempt, asyncio.Task[None]] = {}
        self._looking: asyncio.Handle | None = None
        self._looked_at = 0.0
        self._took = 0.0

    def look_at_all(self) -> None:
        """Open connections where there is mail and the traffic allows it; the most urgent first."""
        loop, traffic = asyncio.get_running_loop(), self._office.traffic
        began = loop.time()
        monotonic = self._office.clock.monotonic()
        stalled = 0
        for attempt in list(self._attempts):
            attempt.wake()
            stalled += attempt.stalled(monotonic)
        traffic.stalled = stalled
        self._give_up_some()
        for opening in traffic.openings(self._office.clock.now()):
            self._open(opening)
        if traffic.full:
            self._dismiss_idle()
        self._make_room()
        self._looked_at = loop.time()
        self._took = self._looked_at - began

    def look_soon(self) -> None:
        """Something changed at many sites: look at all, once for what changes at this moment."""
        if self._looking is None and not self._office.halted:
            loop = asyncio.get_running_loop()
            soon = self._looked_at + max(TOGETHER, DEAR * self._took) - loop.time()
            self._looking = loop.call_later(max(0.0, soon), self._look_now)

    def _look_now(self) -> None:
        self._looking = None
        if not self._office.halted:
            self.look_at_all()
            self._then()

    def look_at(self, site: Site) -> None:
        """Something changed at one site only: a connection to it stands, or is gone; others may wait for its place."""
        office = self._office
        if office.halted:
            return
        now, traffic = office.clock.now(), office.traffic
        for opening in traffic.openings(now, site):
            self._open(opening)
        if traffic.capped:
            for opening in traffic.further(now):
                self._open(opening)
            if not traffic.behind:
                self.look_soon()
        self._make_room()

    def wake(self, ways: Collection[Way]) -> None:
        """There is mail for these."""
        for attempt in list(self._attempts):
            if attempt.opening.way in ways and attempt.opening.way.queue.size:
                attempt.wake()

    async def stop(self, patience: float) -> None:
        """End them all; what is on the wire has so many seconds."""
        for attempt, task in list(self._attempts.items()):
            if not attempt.leave():
                task.cancel()
        tasks = list(self._attempts.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def _open(self, opening: Opening) -> None:
        attempt = Attempt(self._office, opening)
        task = asyncio.create_task(attempt.run(), name=f"to {opening.way.site.name}")
        self._attempts[attempt] = task
        task.add_done_callback(lambda done: self._closed(attempt, done))

    def _closed(self, attempt: Attempt, task: asyncio.Task[None]) -> None:
        del self._attempts[attempt]
        office, opening = self._office, attempt.opening
        office.traffic.closed(opening)
        if not task.cancelled() and task.exception() is not None:
            office.log.error("a connection failed within", site=opening.way.site.name, exc_info=task.exception())
            opening.pace.unreachable(office.clock.now(), "internal error")
        self.look_at(opening.way.site)

    def _dismiss_idle(self) -> None:
        """Others want their places."""
        for attempt in self._attempts:
            if attempt.idle:
                attempt.leave()

    def _give_up_some(self) -> None:
        """Very many hosts do not answer: the oldest tries make room."""
        given_up = {id(opening) for opening in self._office.traffic.given_up(self._office.clock.now())}
        if given_up:
            for attempt in list(self._attempts):
                if id(attempt.opening) in given_up:
                    attempt.give_up()

    def _make_room(self) -> None:
        """Where urgent mail finds all connections of a site in use, the youngest that carries only bulk leaves."""
        traffic = self._office.traffic
        wanted, traffic.evict = traffic.evict, []
        for opening in wanted:
            for attempt in reversed(self._attempts):
                ways = attempt.opening.way
                if attempt.opening.pace is opening.pace and ways is not opening.way and not attempt.leaving:
                    attempt.leave()
                    break
