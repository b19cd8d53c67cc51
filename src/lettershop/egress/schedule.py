"""Which envelope next: the leased ones of one way, by priority, workspace and lane. [pure]

Two questions are answered here. `shares`: how many envelopes may be leased from which lane, so that a password reset never
waits behind a newsletter and no tenant starves another. `Turns.take`: which envelopes a connection gets: the highest
priority first, within it the workspaces in turn, within a workspace its lanes. So ten campaigns of one tenant get as much
as the one of another.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from lettershop.store.envelopes import BULK, Lane, Leased


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


Allowed = Callable[[Lane, int], int]
"""How many of so many envelopes of a lane may go now."""


class Turns:
    """What is leased for one way: priority > workspace > lane > envelopes, the last two served in turn."""

    __slots__ = ("_lanes", "_levels", "size")

    def __init__(self) -> None:
        self._levels: dict[int, dict[int, dict[int, deque[Leased]]]] = {}
        self._lanes: dict[int, Lane] = {}
        self.size = 0

    @property
    def priority(self) -> int:
        """The most urgent priority that waits; raises ValueError if nothing does."""
        return min(self._levels)

    def lanes(self) -> Iterator[Lane]:
        """The lanes with envelopes here."""
        return (self._lanes[key] for level in self._levels.values() for own in level.values() for key in own)

    def before(self, priority: int = BULK) -> int:
        """How many wait that are more urgent than this."""
        return sum(
            len(queue) for own, level in self._levels.items() if own < priority for lanes in level.values()
            for queue in lanes.values()
        )  # fmt: skip

    def add(self, lane: Lane, leased: Leased) -> None:
        """Put at the end of its lane's queue."""
        level = self._levels.get(lane.priority)
        if level is None:
            level = self._levels[lane.priority] = {}
        lanes = level.get(lane.workspace_id)
        if lanes is None:
            lanes = level[lane.workspace_id] = {}
        queue = lanes.get(lane.lane_id)
        if queue is None:
            queue = lanes[lane.lane_id] = deque()
            self._lanes[lane.lane_id] = lane
        queue.append(leased)
        self.size += 1

    def take(self, count: int, allowed: Allowed | None = None) -> list[Leased]:
        """The next `count`, fewer if there are no more or no more are allowed."""
        taken: list[Leased] = []
        budget: dict[int, int] = {}
        for priority in sorted(self._levels):
            level = self._levels[priority]
            held: list[tuple[int, int, deque[Leased]]] = []
            while level and len(taken) < count:
                self._turn(level, count, taken, held, budget, allowed)
            for workspace, lane_id, queue in held:
                level.setdefault(workspace, {})[lane_id] = queue
            if not level:
                del self._levels[priority]
            if len(taken) >= count:
                break
        self.size -= len(taken)
        return taken

    def _turn(
        self, level: dict[int, dict[int, deque[Leased]]], count: int, taken: list[Leased],
        held: list[tuple[int, int, deque[Leased]]], budget: dict[int, int], allowed: Allowed | None,
    ) -> None:  # fmt: skip
        """The next lane of the next workspace; alone, it gives all that is wanted at once."""
        workspace = next(iter(level))
        lanes = level.pop(workspace)
        lane_id = next(iter(lanes))
        queue = lanes.pop(lane_id)
        most = 1 if level or lanes else count - len(taken)
        if allowed is not None:
            if lane_id not in budget:
                budget[lane_id] = allowed(self._lanes[lane_id], min(count - len(taken), len(queue)))
            most = min(most, budget[lane_id])
            budget[lane_id] -= min(most, len(queue))
        for _ in range(min(most, len(queue))):
            taken.append(queue.popleft())
        if queue and most == 0:
            held.append((workspace, lane_id, queue))
        elif queue:
            lanes[lane_id] = queue  # to the end of the turns
        if lanes:
            level[workspace] = lanes

    def shed(self, count: int) -> list[Leased]:
        """The `count` that would come last, in the order in which they would come; a part of every lane's end."""
        shed: list[Leased] = []
        for priority in sorted(self._levels, reverse=True):
            level = self._levels[priority]
            while level and len(shed) < count:
                workspace, lanes = max(level.items(), key=_weight)
                lane_id, queue = max(lanes.items(), key=_length)
                while queue and len(shed) < count:
                    shed.append(queue.pop())
                self._tidy(level, workspace, lane_id)
            if not level:
                del self._levels[priority]
        self.size -= len(shed)
        return shed[::-1]

    @staticmethod
    def _tidy(level: dict[int, dict[int, deque[Leased]]], workspace: int, lane_id: int) -> None:
        if not level[workspace][lane_id]:
            del level[workspace][lane_id]
        if not level[workspace]:
            del level[workspace]

    def drop(self, wanted: Callable[[int, Leased], bool]) -> list[Leased]:
        """Take out all envelopes that `wanted(lane_id, envelope)` does not want."""
        dropped: list[Leased] = []
        for level in self._levels.values():
            for lanes in level.values():
                for lane_id, queue in lanes.items():
                    out = [one for one in queue if not wanted(lane_id, one)]
                    if out:
                        gone = {one.envelope_id for one in out}
                        lanes[lane_id] = deque(one for one in queue if one.envelope_id not in gone)
                        dropped += out
        if dropped:
            self._levels = _without_empty(self._levels)
            self.size -= len(dropped)
        return dropped

    def drop_lanes(self, wanted: Callable[[int], bool]) -> list[Leased]:
        """Take out all envelopes of lanes that are not wanted; cheap where all are."""
        if all(wanted(lane_id) for level in self._levels.values() for lanes in level.values() for lane_id in lanes):
            return []
        return self.drop(lambda lane_id, _: wanted(lane_id))


def _without_empty(
    levels: dict[int, dict[int, dict[int, deque[Leased]]]],
) -> dict[int, dict[int, dict[int, deque[Leased]]]]:
    kept: dict[int, dict[int, dict[int, deque[Leased]]]] = {}
    for priority, level in levels.items():
        for workspace, lanes in level.items():
            for lane_id, queue in lanes.items():
                if queue:
                    kept.setdefault(priority, {}).setdefault(workspace, {})[lane_id] = queue
    return kept


def _weight(item: tuple[int, dict[int, deque[Leased]]]) -> int:
    return sum(len(queue) for queue in item[1].values())


def _length(item: tuple[int, deque[Leased]]) -> int:
    return len(item[1])
