"""Keeps the copy of the people by columns up to date (`store.columnar`), in one process at a time."""

from lettershop.base.clock import Clock
from lettershop.store import columnar
from lettershop.store.database import Database

LOOK = 0.5
"""Seconds between two looks. How far the copy is behind changes no answer, only how long it takes."""

QUIET = ((5.0, 200), (60.0, 1))
"""After so many seconds without a fold, so few contacts are enough for one."""


class ColumnKeeper:
    """Folds changes into the copy, a piece in one transaction, where enough of them wait."""

    def __init__(self, main: Database, clock: Clock) -> None:
        self._main = main
        self._clock = clock
        self._look_at = 0.0
        self._folded: dict[int, float] = {}

    async def step(self) -> bool:
        """Fold one piece of each workspace that is behind; True if there may be more."""
        now = self._clock.now()
        if now < self._look_at:
            return False
        more = False
        for workspace_id, count in (await self._main.read(columnar.all_waiting)).items():
            since = now - self._folded.setdefault(workspace_id, now)
            quiet = any(since >= seconds and count >= enough for seconds, enough in QUIET)
            if quiet or count >= columnar.FOLD_ROWS:
                more |= await self._main.write(columnar.fold, workspace_id, all_of_it=quiet)
                self._folded[workspace_id] = now
        self._look_at = 0.0 if more else now + LOOK
        return more
