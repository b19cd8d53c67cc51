"""The log of facts as a workspace reads it: oldest first, from where it stopped."""

from collections.abc import Sequence

from lettershop.store import factlog
from lettershop.store.database import Database
from lettershop.store.factlog import Logged


class Events:
    """One object per process, on the main half."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def page(
        self, workspace_id: int, *, after: int = 0, limit: int = 50, campaign_id: int | None = None,
        contact_id: int | None = None, kind: str | None = None,
    ) -> Sequence[Logged]:  # fmt: skip
        """The next facts after the id `after`; those of a campaign, a contact or a kind if one is named."""
        return await self._db.read(
            factlog.of_workspace, workspace_id, after=after, limit=limit, campaign_id=campaign_id,
            contact_id=contact_id, kind=kind,
        )  # fmt: skip
