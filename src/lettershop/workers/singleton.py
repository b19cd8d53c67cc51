"""Runs one step again and again, in one process at a time: the process that holds the lease in the database.

A step returns whether there is more to do at once. An error of ours means "later"; an unforeseen one is logged and the
loop goes on after a pause: a run loop that ends would be a service that silently stands still.
"""

import asyncio
from collections.abc import Awaitable, Callable

from lettershop.base.clock import Clock
from lettershop.base.errors import LettershopError
from lettershop.base.log import get_logger
from lettershop.store import singletons
from lettershop.store.database import Database

LEASE_SECONDS = 10.0
POLL = 0.1
"""Seconds between two looks when there is nothing to do."""

SLACKENING = 1.2
LONGEST = 4
"""Each look in vain makes the pause so many times longer, up to so many polls: a dozen idle loops took 8 % of a core."""

ELSEWHERE = 1.0
"""Seconds between two looks whether the process that does the work is gone."""

WAIT = 1.0
"""Seconds after an error of ours: the database is away, say."""

PAUSE = 5.0
"""Seconds after an unforeseen error."""


class Singleton:
    """See the module. `name` is that of the work, `owner` that of this process, `poll` the pause when nothing is to do.

    `end` finishes what the steps have begun, before somebody else may go on.
    """

    def __init__(
        self, main: Database, clock: Clock, step: Callable[[], Awaitable[bool]], *, name: str, owner: str,
        poll: float = POLL, end: Callable[[], Awaitable[None]] | None = None,
    ) -> None:  # fmt: skip
        self._main = main
        self._clock = clock
        self._step = step
        self._name = name
        self._owner = owner
        self._poll = poll
        self._end = end
        self._leased_until = 0.0
        self._log = get_logger(f"workers.{name}")

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then give the lease back."""
        pause = self._poll
        while not stop.is_set():
            if await self._once():
                pause = self._poll
                continue
            await self._clock.sleep(pause if self._leased_until else max(self._poll, ELSEWHERE))
            pause = min(pause * SLACKENING, self._poll * LONGEST)
        if self._end is not None:
            await self._end()
        await self._main.write(singletons.give_back, self._name, self._owner)

    async def _once(self) -> bool:
        try:
            return await self._lease() and await self._step()
        except LettershopError as error:
            self._log.warning("has to wait", why=error.public)
            await self._clock.sleep(WAIT)
        except Exception:
            self._log.exception("stopped and will go on")
            await self._clock.sleep(PAUSE)
        return False

    async def _lease(self) -> bool:
        """Whether it is this process's turn; the lease is renewed when half of it has passed."""
        now = self._clock.now()
        if now < self._leased_until - LEASE_SECONDS / 2:
            return True
        taken = await self._main.write(singletons.take, self._name, self._owner, now=now, seconds=LEASE_SECONDS)
        self._leased_until = now + LEASE_SECONDS if taken else 0.0
        return taken
