"""The queue as operators and marketers look at it and act on it: one message, or all that fit a filter.

`store.queue` holds what is looked at, `store.queue_acts` what is done. Who acts on many is told first how many they are
(`count`); then it is done in pieces, so that a million does not hold up the delivery. What is being tried is left alone.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal

from lettershop.base.clock import Clock
from lettershop.base.errors import Invalid, NotFound
from lettershop.mail.queue_why import why
from lettershop.mail.sites import Sites, Standing
from lettershop.store import dialogues
from lettershop.store import queue as rows
from lettershop.store import queue_acts as acts
from lettershop.store import sites as site_rows
from lettershop.store.database import Database, Transaction
from lettershop.store.queue import Filter, Fitting, SiteQueue, Waiting
from lettershop.wire.address import Address, InvalidAddress

PIECE = 2000
"""Envelopes of one transaction."""

Act = Literal["retry", "remove", "hold", "release"]
_ACTS: Mapping[Act, Callable[[Transaction, float, Sequence[int]], int]] = {
    "retry": lambda tx, now, ids: acts.retry_now(tx, now, ids=ids),
    "remove": acts.remove,
    "hold": acts.hold,
    "release": acts.release,
}


class NotInQueue(NotFound):
    """There is no such envelope, or it belongs to another workspace."""

    code = "not-in-queue"


class NoSuchWay(Invalid):
    """Mail cannot be moved there."""

    code = "no-such-way"


class Queue:
    """One object per process, on the main half. `workspace_id` None means of all workspaces, for operators.

    `pools`: the names of the pools of source addresses to which mail can be moved.
    """

    def __init__(self, db: Database, clock: Clock, *, pools: Collection[str] = ()) -> None:
        self._db = db
        self._clock = clock
        self.pools = tuple(pools)

    # -- looking

    async def waiting(self, which: Filter = rows.ALL, *, after: int = 0, limit: int = 100) -> Sequence[Waiting]:
        """What is queued or being tried, by id, a page after the id `after`."""
        return await self._db.read(rows.list_waiting, which.at(self._clock.now()), after=after, limit=limit)

    async def whys(self, waiting: Sequence[Waiting]) -> Sequence[str]:
        """Why each of them waits, in a sentence."""
        sites = await self._db.read(site_rows.serving, {one.site for one in waiting})
        now = self._clock.now()
        return [why(one, sites.get(one.site, ()), now) for one in waiting]

    async def why(self, one: Waiting) -> str:
        """Why it waits; empty for what is finished."""
        return (await self.whys([one]))[0]

    async def count(self, which: Filter) -> Fitting:
        """How many fit."""
        return await self._db.read(rows.fitting, which.at(self._clock.now()))

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
        found = await self._db.read(rows.show, envelope_id)
        if found is None or (workspace_id is not None and found.workspace_id != workspace_id):
            raise NotInQueue("This message is not in the queue.")
        return found

    async def dialogue(self, envelope_id: int, *, workspace_id: int | None = None) -> str:
        """What was said at its last attempt, if that failed and is kept; else empty. Raises NotInQueue."""
        await self.show(envelope_id, workspace_id=workspace_id)
        found = await self._db.read(dialogues.of, envelope_id)
        return "" if found is None else found[1]

    # -- acting

    async def act(self, act: Act, which: Filter) -> int:
        """Do it to all that fit; how many it changed (what is being tried, or is so already, is not changed)."""
        return await self._in_pieces(_ACTS[act], which)

    async def move(self, which: Filter, *, route: str = "", pool: str = "") -> int:
        """Send all that fit by the route of another domain, or from another pool; how many. Raises NoSuchWay."""
        if bool(route) == bool(pool):
            raise NoSuchWay("Say either a domain whose route to take or a pool.")
        if pool:
            if pool not in self.pools:
                raise NoSuchWay(f"There is no pool {pool}.", remedy="[delivery.pools] names them.")
            return await self._in_pieces(partial(_to_pool, pool), which)
        return await self._in_pieces(partial(_to_route, _domain(route)), which)

    async def _in_pieces(self, do: Callable[[Transaction, float, Sequence[int]], int], which: Filter) -> int:
        which = which.at(self._clock.now())
        changed = after = 0
        while ids := await self._db.read(rows.ids_of, which, after=after, limit=PIECE):
            changed += await self._db.write(do, self._clock.now(), ids)
            after = ids[-1]
        return changed

    async def retry(self, envelope_id: int, *, workspace_id: int | None = None) -> int:
        """Make it due now; how many that were (0: it is being tried, or due already). Raises NotInQueue."""
        return await self.act_on("retry", envelope_id, workspace_id=workspace_id)

    async def remove(self, envelope_id: int, *, workspace_id: int | None = None) -> int:
        """Withhold it for good; how many that were (0: it is being tried). Raises NotInQueue."""
        return await self.act_on("remove", envelope_id, workspace_id=workspace_id)

    async def act_on(self, act: Act, envelope_id: int, *, workspace_id: int | None = None) -> int:
        """Do it to one; 1, or 0 if it is being tried, or is so already. Raises NotInQueue."""
        await self.show(envelope_id, workspace_id=workspace_id)
        return await self.act(act, replace(rows.ALL, workspace_id=workspace_id, ids=(envelope_id,)))


def _to_pool(pool: str, tx: Transaction, now: float, ids: Sequence[int]) -> int:
    return acts.move_to_pool(tx, now, ids, pool)


def _to_route(domain: str, tx: Transaction, now: float, ids: Sequence[int]) -> int:
    return acts.reroute(tx, now, ids, domain)


def _domain(name: str) -> str:
    try:
        return Address.parse(f"a@{name}").domain
    except InvalidAddress:
        raise NoSuchWay(f"{name} is no domain.") from None
