"""Waiting for news of mailboxes: one query every half second for all who wait, none while nobody does."""

import asyncio

from lettershop.base.clock import Clock
from lettershop.base.errors import Temporary
from lettershop.store import messages
from lettershop.store.database import Database

INTERVAL = 0.5
"""Seconds between two looks."""


class Watch:
    """Shared by all sessions of a process."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock
        self._waiting: dict[asyncio.Future[None], tuple[int, int]] = {}
        self._task: asyncio.Task[None] | None = None

    async def changed(self, mailbox_id: int, modseq: int) -> None:
        """Returns when the mailbox's modseq is another one, or the mailbox is gone."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[future] = (mailbox_id, modseq)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run(), name="mailbox-watch")
        try:
            await future
        finally:
            del self._waiting[future]
            if not self._waiting and self._task is not None:
                self._task.cancel()
                self._task = None

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(INTERVAL)
            try:
                now = await self._db.read(messages.modseqs, {box for box, _ in self._waiting.values()})
            except Temporary:
                continue
            for future, (mailbox_id, modseq) in self._waiting.items():
                if now.get(mailbox_id) != modseq and not future.done():
                    future.set_result(None)
