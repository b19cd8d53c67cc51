"""Forgets what is kept for a time only. In one process at a time.

Dialogues of failed attempts, the log of who did what, sites that nobody wrote to for long; stored messages that everybody
has, or nobody will get; the bytes of messages that the last mailbox has let go. Bytes are deleted before the row that
remembers them: after a crash they are deleted again, never kept for nothing and never missed.
"""

from dataclasses import dataclass

from lettershop.base.clock import Clock
from lettershop.store import audit, dialogues, messages, sites, stored
from lettershop.store.blobs import Blobs
from lettershop.store.database import Database

EVERY = 3600.0
"""Seconds between two looks."""
PIECE = 1000
DAY = 86_400.0

GRACE = 3600.0
"""Seconds after which the bytes of an expunged message go: somebody may be reading them."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Days. `messages`: since a stored message was handed over; it stays longer while it waits for anybody."""

    dialogues: float
    audit: float = 730.0
    messages: float = 30.0


class Forgetting:
    """See the module."""

    def __init__(self, main: Database, mail: Database, blobs: Blobs, clock: Clock, keep: Keep) -> None:
        self._main = main
        self._mail = mail
        self._blobs = blobs
        self._clock = clock
        self._keep = keep
        self._looked_at = float("-inf")

    async def step(self) -> bool:
        """Forget a piece; True if there may be more."""
        now = self._clock.now()
        if now < self._looked_at + EVERY:
            return False
        if await self._main.write(dialogues.forget, now - self._keep.dialogues * DAY, PIECE) == PIECE:
            return True
        if await self._main.write(audit.forget_before, now - self._keep.audit * DAY, PIECE) == PIECE:
            return True
        if await self._stored(now - self._keep.messages * DAY) or await self._expunged(now - GRACE):
            return True
        await self._main.write(sites.forget_old, now)
        await self._blobs.tidy()
        self._looked_at = now
        return False

    async def _stored(self, before: float) -> bool:
        due = await self._main.read(stored.over, before, PIECE)
        for blob in due.values():
            if blob:
                await self._blobs.delete(blob)
        await self._main.write(stored.forget, list(due))
        return len(due) == PIECE

    async def _expunged(self, before: float) -> bool:
        due = await self._mail.read(messages.released_before, before, PIECE)
        for blob, used in due.items():
            if not used:
                await self._blobs.delete(blob)
        await self._mail.write(messages.forget_released, list(due))
        return len(due) == PIECE
