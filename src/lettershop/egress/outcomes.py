"""Outcomes on their way into the store: gathered, then committed in groups (DESIGN.md, "group commit").

    add -> (a few ms or enough of them) -> one `store.envelopes.finish` -> `done(ids)`: the window has room again

An outcome that the database does not take now is kept and tried again: forgetting it would send a message twice.
"""

import asyncio
from collections.abc import Callable

from lettershop.base.errors import Temporary
from lettershop.base.log import Logger
from lettershop.store import envelopes
from lettershop.store.database import Database, DatabaseClosed
from lettershop.store.envelopes import Outcome

GATHER = 0.05
"""Seconds to gather: a commit costs half a millisecond of processor time, an outcome in it twenty microseconds."""
ENOUGH = 200
PATIENCE = 0.5
"""Seconds between tries while the database is busy."""
LATE = 3.0
"""Seconds after which a commit that is not through is trouble."""


class Outcomes:
    """One object per engine."""

    def __init__(self, db: Database, done: Callable[[list[Outcome]], None], log: Logger) -> None:
        self._db = db
        self._done = done
        self._log = log
        self._gathered: list[Outcome] = []
        self._odd = False
        self._due: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self._late: asyncio.TimerHandle | None = None
        self.late = False  # the database has not taken outcomes for some time

    def add(self, outcome: Outcome) -> None:
        """Record this soon."""
        self._gathered.append(outcome)
        if self._task is not None:
            return  # the running commit takes the next group when it is through
        if len(self._gathered) >= ENOUGH:
            self._begin()
        elif self._due is None:
            self._due = asyncio.get_running_loop().call_later(GATHER, self._begin)

    def _begin(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
        if self._task is None and self._gathered:
            loop = asyncio.get_running_loop()
            self._task = loop.create_task(self._commit())
            self._task.add_done_callback(self._through)
            self._late = loop.call_later(LATE, self._is_late)

    def _is_late(self) -> None:
        self.late = True

    def _through(self, task: asyncio.Task[None]) -> None:
        self._task = None
        self.late = False
        if self._late is not None:
            self._late.cancel()
        if self._gathered and not task.cancelled() and task.exception() is None:
            if len(self._gathered) >= ENOUGH:
                self._begin()
            elif self._due is None:
                self._due = asyncio.get_running_loop().call_later(GATHER, self._begin)

    async def _commit(self) -> None:
        group, self._gathered = self._gathered, []
        while not await self._store(group):
            left = await self._one_by_one(group) if self._odd else group
            if len(left) < len(group):  # the database works: what it does not take once more it never will
                if left := await self._one_by_one(left):
                    self._log.error("outcomes cannot be stored", envelopes=[one.envelope_id for one in left])
                break
            await asyncio.sleep(PATIENCE)
        self._done(group)

    async def _store(self, group: list[Outcome]) -> bool:
        """Whether they are committed; `_odd` then tells of an error that waiting may not cure."""
        try:
            await self._db.write(envelopes.finish, group)
        except DatabaseClosed:
            raise
        except Temporary as error:
            self._log.warning("outcomes wait for the database", outcomes=len(group), why=error.public)
            self._odd = False
            return False
        except Exception:
            self._log.exception("outcomes not stored", outcomes=len(group))
            self._odd = True
            return False
        return True

    async def _one_by_one(self, group: list[Outcome]) -> list[Outcome]:
        """Those that are not taken even alone."""
        return [outcome for outcome in group if not await self._store([outcome])]

    async def flush(self) -> None:
        """Return when everything added so far is committed."""
        while self._gathered or self._task is not None:
            self._begin()
            if self._task is not None:
                await asyncio.wait([self._task])
