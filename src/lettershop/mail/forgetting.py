"""Forgets what is kept for a time only: dialogues of failed attempts, sites that nobody wrote to for long. In one process at a time."""

from lettershop.base.clock import Clock
from lettershop.store import audit, dialogues, sites
from lettershop.store.database import Database

EVERY = 3600.0
"""Seconds between two looks."""
PIECE = 1000
DAY = 86_400.0


class Forgetting:
    """`keep_dialogues`, `keep_audit`: days."""

    def __init__(self, main: Database, clock: Clock, *, keep_dialogues: float, keep_audit: float = 730.0) -> None:
        self._main = main
        self._clock = clock
        self._keep = keep_dialogues * DAY
        self._keep_audit = keep_audit * DAY
        self._looked_at = float("-inf")

    async def step(self) -> bool:
        """Forget a piece; True if there may be more."""
        now = self._clock.now()
        if now < self._looked_at + EVERY:
            return False
        if await self._main.write(dialogues.forget, now - self._keep, PIECE) == PIECE:
            return True
        if await self._main.write(audit.forget_before, now - self._keep_audit, PIECE) == PIECE:
            return True
        await self._main.write(sites.forget_old, now)
        self._looked_at = now
        return False
