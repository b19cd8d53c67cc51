"""The queue as operators and marketers act on it: what waits, retry now, remove. `store.queue` holds the statements."""

from collections.abc import Mapping, Sequence

from lettershop.base.clock import Clock
from lettershop.base.errors import NotFound
from lettershop.mail.sites import Sites, Standing
from lettershop.store import dialogues
from lettershop.store import queue as rows
from lettershop.store.database import Database
from lettershop.store.queue import SiteQueue, Waiting


class NotInQueue(NotFound):
    """There is no such envelope, or it belongs to another workspace."""

    code = "not-in-queue"


class Queue:
    """One object per process, on the main half. `workspace_id` None means of all workspaces, for operators."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def waiting(
        self, *, workspace_id: int | None = None, site: str | None = None, after: int = 0, limit: int = 100
    ) -> Sequence[Waiting]:
        """What is queued or being tried, by id, a page after the id `after`."""
        return await self._db.read(rows.list_waiting, workspace_id=workspace_id, site=site, after=after, limit=limit)

    async def sites(self) -> Sequence[SiteQueue]:
        """What waits by recipient domain, of all workspaces."""
        return await self._db.read(rows.by_site)

    async def held_back(self) -> Sequence[Standing]:
        """Sites that are closed to a source address now, and why."""
        return [one for one in await Sites(self._db, self._clock).standings() if one.suspended_until or one.why]

    async def totals(self) -> Mapping[str, int]:
        """How many are queued and how many are being tried, of all workspaces."""
        return await self._db.read(rows.totals)

    async def show(self, envelope_id: int, *, workspace_id: int | None = None) -> Waiting:
        """One envelope, waiting or finished. Raises NotInQueue."""
        return await self._own(envelope_id, workspace_id)

    async def dialogue(self, envelope_id: int, *, workspace_id: int | None = None) -> str:
        """What was said at its last attempt, if that failed and is kept; else empty. Raises NotInQueue."""
        await self._own(envelope_id, workspace_id)
        found = await self._db.read(dialogues.of, envelope_id)
        return "" if found is None else found[1]

    async def waits(self, envelope_id: int, *, workspace_id: int | None = None) -> Waiting:
        """One envelope that is queued or being tried. Raises NotInQueue."""
        found = await self._own(envelope_id, workspace_id)
        if found.finished_at is not None:
            raise NotInQueue("This message is not in the queue any more.")
        return found

    async def retry(self, envelope_id: int, *, workspace_id: int | None = None) -> int:
        """Make it due now; how many that were (0: it is being tried, or due already). Raises NotInQueue."""
        await self._own(envelope_id, workspace_id)
        return await self._db.write(rows.retry_now, self._clock.now(), ids=[envelope_id])

    async def remove(self, envelope_id: int, *, workspace_id: int | None = None) -> int:
        """Withhold it for good; how many that were (0: it is being tried). Raises NotInQueue."""
        await self._own(envelope_id, workspace_id)
        return await self._db.write(rows.remove, self._clock.now(), [envelope_id])

    async def _own(self, envelope_id: int, workspace_id: int | None) -> Waiting:
        found = await self._db.read(rows.show, envelope_id)
        if found is None or (workspace_id is not None and found.workspace_id != workspace_id):
            raise NotInQueue("This message is not in the queue.")
        return found
