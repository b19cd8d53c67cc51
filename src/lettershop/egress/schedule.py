"""Which envelope next: the leased ones, by site, priority and lane. [pure]

Two questions are answered here. `shares`: how many envelopes may be leased from which lane, so that a password reset never
waits behind a newsletter and no tenant starves another. `Schedule.take`: which of a site's envelopes a connection gets:
the highest priority first, within it the lanes in turn.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from lettershop.store.envelopes import Lane, Leased


def shares(lanes: Sequence[Lane], room: Callable[[int], int]) -> list[tuple[Lane, int]]:
    """(lane, how many) for lanes with mail that is due; `room(priority)` is how many that priority may still hold.

    A priority's room is divided by workspaces, a workspace's share by its lanes; nobody who is due gets nothing while
    there is room.
    """
    result: list[tuple[Lane, int]] = []
    for priority in sorted({lane.priority for lane in lanes}):
        due = [lane for lane in lanes if lane.priority == priority]
        free = room(priority)
        workspaces = {lane.workspace_id: sum(other.workspace_id == lane.workspace_id for other in due) for lane in due}
        for lane in due:
            share = max(1, free // len(workspaces) // workspaces[lane.workspace_id])
            if (share := min(share, free)) > 0:
                result.append((lane, share))
    return result


class SiteQueue:
    """What is leased for one site: a queue for each lane, those of a priority served in turn."""

    __slots__ = ("_lanes", "size")

    def __init__(self) -> None:
        self._lanes: dict[tuple[int, int], deque[Leased]] = {}  # (priority, lane) in the order of turns
        self.size = 0

    @property
    def priority(self) -> int:
        """The most urgent priority that waits."""
        return min(priority for priority, _ in self._lanes)

    def add(self, lane: Lane, leased: Leased) -> None:
        """Put at the end of its lane's queue."""
        queue = self._lanes.get(key := (lane.priority, lane.lane_id))
        if queue is None:
            queue = self._lanes[key] = deque()
        queue.append(leased)
        self.size += 1

    def take(self, count: int) -> list[Leased]:
        """The next `count`, fewer if there are no more."""
        taken: list[Leased] = []
        while len(taken) < count and self._lanes:
            key = min(self._lanes, key=_priority)  # of equal ones the first: the one whose turn was longest ago
            queue = self._lanes.pop(key)
            taken.append(queue.popleft())
            if queue and not self._lanes:  # one lane alone: no turns to keep
                while queue and len(taken) < count:
                    taken.append(queue.popleft())
            if queue:
                self._lanes[key] = queue  # to the end of the turns
        self.size -= len(taken)
        return taken

    def shed(self, count: int) -> list[Leased]:
        """The `count` that would come last, in the order in which they would come."""
        shed: list[Leased] = []
        while len(shed) < count and self._lanes:
            key = max(self._lanes, key=_priority)
            queue = self._lanes[key]
            while queue and len(shed) < count:
                shed.append(queue.pop())
            if not queue:
                del self._lanes[key]
        self.size -= len(shed)
        return shed[::-1]

    def drop(self, wanted: Callable[[int], bool]) -> list[Leased]:
        """Take out all lanes that `wanted(lane_id)` does not want."""
        gone = [key for key in self._lanes if not wanted(key[1])]
        dropped = [leased for key in gone for leased in self._lanes.pop(key)]
        self.size -= len(dropped)
        return dropped


def _priority(key: tuple[int, int]) -> int:
    return key[0]


class Schedule:
    """All that is leased and not yet taken by a connection."""

    def __init__(self) -> None:
        self._sites: dict[str, SiteQueue] = {}

    def __len__(self) -> int:
        """How many wait."""
        return sum(queue.size for queue in self._sites.values())

    def add(self, lane: Lane, leased: Iterable[Leased]) -> None:
        """Newly leased envelopes of one lane."""
        for one in leased:
            queue = self._sites.get(one.site)
            if queue is None:
                queue = self._sites[one.site] = SiteQueue()
            queue.add(lane, one)

    def waiting(self, site: str) -> int:
        """How many wait for a site."""
        queue = self._sites.get(site)
        return queue.size if queue else 0

    def sites(self) -> Iterator[tuple[str, int]]:
        """Sites with mail and how much, the most urgent first, then in the order in which they came."""
        for site, queue in sorted(self._sites.items(), key=lambda item: item[1].priority):
            yield site, queue.size

    def take(self, site: str, count: int) -> list[Leased]:
        """The next `count` for a site."""
        queue = self._sites.get(site)
        if queue is None:
            return []
        taken = queue.take(count)
        if not queue.size:
            del self._sites[site]
        return taken

    def shed(self, site: str, count: int) -> list[Leased]:
        """The last `count` of a site."""
        queue = self._sites[site]
        shed = queue.shed(count)
        if not queue.size:
            del self._sites[site]
        return shed

    def drop(self, wanted: Callable[[int], bool]) -> list[Leased]:
        """Take out the envelopes of lanes that are not wanted any more (held, cancelled)."""
        dropped = [leased for queue in self._sites.values() for leased in queue.drop(wanted)]
        self._sites = {site: queue for site, queue in self._sites.items() if queue.size}
        return dropped

    def drop_at(self, site: str, wanted: Callable[[int], bool]) -> list[Leased]:
        """The same at one site."""
        queue = self._sites.get(site)
        if queue is None:
            return []
        dropped = queue.drop(wanted)
        if not queue.size:
            del self._sites[site]
        return dropped
