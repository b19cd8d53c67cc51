"""Requests that a client may repeat: claimed, answered, remembered for a day. A service over `store.idempotency`."""

from lettershop.base.clock import Clock
from lettershop.store import idempotency as rows
from lettershop.store.database import Database
from lettershop.store.idempotency import Kept

ABANDONED = 120.0
"""Seconds after which a request without an answer is taken for dead: its process was killed."""


class Repeats:
    """One object per process."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def claim(self, owner: str, name: str, fingerprint: str) -> Kept | None:
        """Begin a request; None if it is new, else what is known of the first one."""
        now = self._clock.now()
        kept = await self._db.write(rows.claim, owner, name, fingerprint, now)
        if kept is not None and kept.under_way and kept.at < now - ABANDONED:
            await self.let_go(owner, name)
            return await self._db.write(rows.claim, owner, name, fingerprint, now)
        return kept

    async def keep(self, owner: str, name: str, status: int, content_type: str, body: bytes) -> None:
        """Keep the answer."""
        await self._db.write(rows.keep, owner, name, status, content_type, body)

    async def let_go(self, owner: str, name: str) -> None:
        """Forget a request that failed on our side."""
        await self._db.write(rows.let_go, owner, name)
