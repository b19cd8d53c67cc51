"""The bounded active window: what this process holds of the queue.

However long the queue is, a process holds at most `size` envelopes of each priority, so that memory is bounded, a crash
gives back little, and urgent mail finds room of its own. Taking begins when half the window is free.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from sqlalchemy import Connection

from lettershop.egress.gate import Parked
from lettershop.egress.message import Leased
from lettershop.egress.schedule import shares
from lettershop.store import breakers, envelopes
from lettershop.store import lanes as lane_rows
from lettershop.store.breakers import Closed
from lettershop.store.database import Database, Transaction
from lettershop.store.envelopes import Lane
from lettershop.store.stored import Claim

Taken = list[tuple[Lane, list[Leased]]]


class Window:
    """Leases taken from the store and given back to it."""

    def __init__(self, db: Database, owner: str, *, size: int, lease_for: float) -> None:
        self._db = db
        self._owner = owner
        self._size = size
        self._lease_for = lease_for
        self._held: Counter[int] = Counter()  # by priority
        self._priority: dict[int, int] = {}  # of a held envelope
        self.beside = 0  # of those that are held, so many wait for hosts that seem dead; they take no place from others
        self.open_lanes: Mapping[int, float | None] = {}  # with the messages a second that they are limited to
        self.closed: Sequence[Closed] = ()  # providers at which campaigns are held back
        self._more: set[int] = set()  # priorities of which more was due than there was room for
        self._owed: list[tuple[Callable[[Transaction], object], list[int]]] = []  # on its way back to the queue

    def __len__(self) -> int:
        """Envelopes held."""
        return len(self._priority)

    @property
    def hungry(self) -> bool:
        """Whether it is worth asking the store again at once."""
        return any(self._taking(priority) <= self._size // 2 for priority in self._more)

    def room(self, priority: int) -> int:
        """How many more of this priority may be taken now."""
        held = self._taking(priority)
        return self._size - held if held <= self._size // 2 else 0

    def _taking(self, priority: int) -> int:
        return max(0, self._held[priority] - self.beside)

    async def take(self, now: float) -> Taken:
        """Look at the lanes and lease what there is room for; a read where nothing is to be had."""
        due, self.open_lanes, self.closed = await self._db.read(_look, now)
        wanted = shares(due, self.room)
        self._more = {lane.priority for lane in due}
        if not wanted:
            return []
        taken = await self._db.write(_lease, self._owner, now, now + self._lease_for, wanted)
        full = {lane.priority for (lane, leased), (_, share) in zip(taken, wanted, strict=True) if len(leased) == share}
        self._more -= {lane.priority for lane, _ in wanted} - full
        for lane, leased in taken:
            self._held[lane.priority] += len(leased)
            self._priority.update((one.envelope_id, lane.priority) for one in leased)
        return taken

    def claim(self, priority: int, now: float) -> Claim | None:
        """For an envelope that is leased while it is queued; None if the window of this priority is full."""
        return Claim(self._owner, now + self._lease_for) if self._taking(priority) < self._size else None

    def adopt(self, lane: Lane, leased: Sequence[Leased]) -> None:
        """These were leased by such a claim."""
        self.open_lanes = {**self.open_lanes, lane.lane_id: lane.per_second}
        self._held[lane.priority] += len(leased)
        self._priority.update((one.envelope_id, lane.priority) for one in leased)

    def let_go(self, ids: Iterable[int]) -> None:
        """These have outcomes or were given back."""
        for envelope_id in ids:
            priority = self._priority.pop(envelope_id, None)
            if priority is not None:
                self._held[priority] -= 1

    def give_back(self, leased: Sequence[Leased]) -> None:
        """Untried, to the queue, due as before; with the next `settle`, as all that goes back."""
        if leased:
            ids = [one.envelope_id for one in leased]
            self._owed.append((lambda tx: envelopes.release(tx, self._owner, ids), ids))

    def park(self, leased: Sequence[Leased], until: Callable[[int], float]) -> None:
        """To the queue until a later time each: `until(index)`."""
        if leased:
            parked = [(one.envelope_id, until(index)) for index, one in enumerate(leased)]
            self._owed.append((lambda tx: envelopes.park(tx, self._owner, parked), [key for key, _ in parked]))

    def hold_back(self, parked: Sequence[Parked], now: float) -> None:
        """To the queue until later, for the reason that each has."""
        if parked:
            rows = [(one.leased.envelope_id, one.due, one.why) for one in parked]
            self._owed.append((lambda tx: breakers.set_aside(tx, self._owner, rows, now), [row[0] for row in rows]))

    async def settle(self) -> None:
        """Write what goes back. What the database does not take now is tried again with the next call."""
        while self._owed:
            write, ids = self._owed[0]
            await self._db.write(write)
            del self._owed[0]
            self.let_go(ids)

    async def recover(self, now: float) -> int:
        """Give back what this process does not hold but its name does, and what ran out; how many.

        So it is at the start (a former process was killed), and after a lease whose commit had no answer.
        """
        return await self._db.write(_recover, self._owner, list(self._priority), now)

    async def leave(self, now: float) -> None:
        """At a stop: give back everything."""
        await self.settle()
        self._priority.clear()
        self._held.clear()
        await self.recover(now)

    async def tidy(self, now: float) -> None:
        """The rare work on the queue: leases that ran out, cancelled campaigns, lanes without mail."""
        while await self._db.write(_tidy, now):
            pass


def _look(conn: Connection, now: float) -> tuple[list[Lane], dict[int, float | None], list[Closed]]:
    return *envelopes.open_lanes(conn, now), breakers.closed(conn)


def _lease(tx: Transaction, owner: str, now: float, until: float, wanted: Sequence[tuple[Lane, int]]) -> Taken:
    allowed = [(lane.lane_id, breakers.allowance(tx, lane, share, now)) for lane, share in wanted]
    lists = envelopes.lease(tx, owner, now, until, allowed)
    return [(lane, leased) for (lane, _), leased in zip(wanted, lists, strict=True)]


def _recover(tx: Transaction, owner: str, held: Sequence[int], now: float) -> int:
    return envelopes.release_owner(tx, owner, but=held) + envelopes.reclaim(tx, now)


def _tidy(tx: Transaction, now: float) -> int:
    envelopes.reclaim(tx, now)
    lane_rows.close_empty_lanes(tx, now)
    return lane_rows.sweep_cancelled(tx, now)
