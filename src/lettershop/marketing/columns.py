"""Keeps the copy of the people by columns up to date (`store.columnar`), in one process at a time."""

from lettershop.base.clock import Clock
from lettershop.store import columnar
from lettershop.store.database import Database

LOOK = 1.0
"""Seconds between two looks. How far the copy is behind changes no answer, only how long it takes."""


class ColumnKeeper:
    """Folds changes into the copy, a piece in one transaction, where enough of them wait."""

    def __init__(self, main: Database, clock: Clock) -> None:
        self._main = main
        self._clock = clock
        self._look_at = 0.0

    async def step(self) -> bool:
        """Fold one piece of each workspace that is behind; True if there may be more."""
        if self._clock.now() < self._look_at:
            return False
        more = False
        for workspace_id in await self._main.read(columnar.behind):
            more |= await self._main.write(columnar.fold, workspace_id)
        self._look_at = 0.0 if more else self._clock.now() + LOOK
        return more

    async def fold_all(self, workspace_id: int) -> None:
        """All of a workspace, at once: after an import."""
        while await self._main.write(columnar.fold, workspace_id):
            pass
