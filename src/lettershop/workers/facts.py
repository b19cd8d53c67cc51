"""Runs the consumers of the fact logs. One process does it at a time (a lease); a cursor that moves with the work makes
sure that even two at once would count nothing twice.
"""

import asyncio

from lettershop.base.clock import Clock
from lettershop.base.errors import LettershopError
from lettershop.base.log import get_logger
from lettershop.marketing.analytics import Analytics
from lettershop.store import singletons
from lettershop.store.database import Database

LEASE = "facts"
LEASE_SECONDS = 10.0
POLL = 0.1
"""Seconds between two looks when there is nothing to do."""

PAUSE = 5.0
"""Seconds after an unforeseen error."""


class FactWorker:
    """See the module. `owner` names this process."""

    def __init__(self, main: Database, analytics: Analytics, clock: Clock, *, owner: str) -> None:
        self._main = main
        self._analytics = analytics
        self._clock = clock
        self._owner = owner
        self._leased_until = 0.0
        self._log = get_logger("workers.facts")

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then give the lease back."""
        while not stop.is_set():
            busy = False
            try:
                busy = await self._lease() and await self._analytics.step()
            except LettershopError as error:
                self._log.warning("facts wait", why=error.public)
            except Exception:
                self._log.exception("facts stopped and will go on")
                await self._clock.sleep(PAUSE)
            if not busy:
                await self._clock.sleep(POLL)
        await self._main.write(singletons.give_back, LEASE, self._owner)

    async def _lease(self) -> bool:
        now = self._clock.now()
        if now < self._leased_until - LEASE_SECONDS / 2:
            return True
        taken = await self._main.write(singletons.take, LEASE, self._owner, now=now, seconds=LEASE_SECONDS)
        self._leased_until = now + LEASE_SECONDS if taken else 0.0
        return taken
