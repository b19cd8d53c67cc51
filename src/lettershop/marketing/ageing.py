"""Retention: what is known of people is forgotten after the days that the operator sets. A step for `workers.singleton`.

Raw signals of opens and clicks first (their verdicts stay), then whole facts where that is wanted, then files of imports.
Figures of reports are counters and stay.
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path

from lettershop.base.clock import Clock
from lettershop.base.config import Retention
from lettershop.store import ageing, imports
from lettershop.store.database import Database

EVERY = 3600.0
"""Seconds between two looks."""
DAY = 86_400.0


class Ageing:
    """See the module. `folder`: files of imports elsewhere are the operator's own and stay."""

    def __init__(self, main: Database, mail: Database, clock: Clock, keep: Retention, folder: Path) -> None:
        self._main = main
        self._mail = mail
        self._clock = clock
        self._keep = keep
        self._folder = folder.absolute()
        self._looked_at = float("-inf")

    async def step(self) -> bool:
        """Forget a piece; True if there may be more."""
        now = self._clock.now()
        if now < self._looked_at + EVERY:
            return False
        if self._keep.raw_hits and await self._main.write(ageing.forget_raw, now - self._keep.raw_hits * DAY):
            return True
        if self._keep.facts and await self._facts(now - self._keep.facts * DAY):
            return True
        if self._keep.import_files:
            await self._files(now - self._keep.import_files * DAY)
        self._looked_at = now
        return False

    async def _facts(self, before: float) -> bool:
        main = await self._main.read(ageing.slowest, "facts")
        mail = await self._main.read(ageing.slowest, "mail_facts")
        more = await self._main.write(ageing.forget_facts, "facts", before, main)
        return await self._mail.write(ageing.forget_facts, "mail_facts", before, mail) or more

    async def _files(self, before: float) -> None:
        names = await self._main.read(imports.files_before, before)
        mine = [path for path in map(Path, names) if path.absolute().parent == self._folder]
        await asyncio.to_thread(_remove, mine)


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
