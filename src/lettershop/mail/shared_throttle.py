"""The throttle of sign-ins to the web interface: as `mail.throttle`, counted by all workers together.

A try counts as failed before it is made, and is taken back when it was good: a hundred tries at the same moment, at as many
workers, are a hundred failures.
"""

from collections.abc import Sequence
from hashlib import sha256

from lettershop.base.clock import Clock
from lettershop.mail.throttle import Limit, pause
from lettershop.store import tries
from lettershop.store.database import Database, Transaction


class SharedThrottle:
    """One object per purpose and process; `purpose` keeps its keys apart from others'."""

    def __init__(self, db: Database, clock: Clock, purpose: str) -> None:
        self._db = db
        self._clock = clock
        self._purpose = purpose

    async def begin(self, limits: Sequence[tuple[str, Limit]]) -> float:
        """Seconds to wait; 0: the try may be made, and counts as failed until `good` is called."""
        if not limits:
            return 0.0
        return await self._db.write(_begin, [(self._hash(key), limit) for key, limit in limits], self._clock.now())

    async def good(self, limits: Sequence[tuple[str, Limit]]) -> None:
        """The try was good: the first key's failures are forgotten, for the others this one did not happen."""
        if limits:
            first, *others = [self._hash(key) for key, _ in limits]
            await self._db.write(_good, first, others)

    async def once(self, key: str) -> bool:
        """Whether this key is used for the first time, within a day."""
        return await self._db.write(_once, self._hash(key), self._clock.now())

    def _hash(self, key: str) -> str:
        return sha256(f"{self._purpose} {key}".encode()).hexdigest()


def _begin(tx: Transaction, limits: Sequence[tuple[str, Limit]], now: float) -> float:
    seen = tries.seen(tx.conn, [key for key, _ in limits])
    counts, wait = {}, 0.0
    for key, limit in limits:
        count, last = seen.get(key, (0, now))
        count = 0 if now - last > limit.forget_after else count
        wait = max(wait, pause(limit, count, max(0.0, now - last)))
        counts[key] = count + 1
    if not wait:
        tries.keep(tx, counts, now)
    return wait


def _once(tx: Transaction, key: str, now: float) -> bool:
    fresh = not tries.seen(tx.conn, [key])
    if fresh:
        tries.keep(tx, {key: 1}, now)
    return fresh


def _good(tx: Transaction, first: str, others: Sequence[str]) -> None:
    tries.forget(tx, first)
    tries.take_back(tx, others)
