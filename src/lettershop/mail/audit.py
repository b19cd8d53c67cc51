"""The log of who did what, as it is written and read. What is kept of an act is its name and its target, never its content."""

from collections.abc import Sequence

from lettershop.base.clock import Clock
from lettershop.store import audit
from lettershop.store.audit import Act, Noted
from lettershop.store.database import Database


class Audit:
    """One object per process, on the main half."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def note(
        self, workspace_id: int | None, door: str, actor: str, action: str, target: str = "", ip: str = ""
    ) -> None:
        """Keep an act; on disk when this returns."""
        act = Act(self._clock.now(), workspace_id, door, actor[:200], action[:200], target[:300], ip[:45])
        await self._db.write(audit.note, act)

    async def page(
        self, workspace_id: int, *, operator: bool = False, before: int | None = None, limit: int = 50, actor: str = "",
        action: str = "",
    ) -> Sequence[Noted]:  # fmt: skip
        """The newest acts first; see `store.audit.page`."""
        return await self._db.read(
            audit.page, workspace_id, operator=operator, before=before, limit=limit, actor=actor, action=action
        )
