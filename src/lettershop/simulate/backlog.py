"""The queue of a simulation: who was not tried yet, and who waits for a moment. [pure]

Ten million recipients must not be ten million objects: the untried are a number, those that wait are packed into arrays
by the second at which they are due.
"""

from array import array
from heapq import heappop, heappush

SHIFT = 40
"""Bits for the recipient's number; attempts are above them."""
MASK = (1 << SHIFT) - 1


class Backlog:
    """Recipients 0 … count - 1; each is taken, and put back or not."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._next = 0
        self._due: dict[int, array[int]] = {}
        self._seconds: list[int] = []
        self.waiting = count

    def put(self, number: int, attempts: int, due: float) -> None:
        """It comes again at `due`."""
        second = int(due) + 1
        bucket = self._due.get(second)
        if bucket is None:
            bucket = self._due[second] = array("Q")
            heappush(self._seconds, second)
        bucket.append(number | attempts << SHIFT)
        self.waiting += 1

    def take(self, most: int, now: float) -> list[tuple[int, int]]:
        """Up to so many (number, attempts) that are due, earliest first; the untried have been due from the start."""
        count = min(most, self._count - self._next)
        taken = [(number, 0) for number in range(self._next, self._next + count)]
        self._next += count
        while len(taken) < most and self._seconds and self._seconds[0] <= now:
            bucket = self._due[self._seconds[0]]
            part = bucket[-(most - len(taken)) :]
            del bucket[-len(part) :]
            taken += [(packed & MASK, packed >> SHIFT) for packed in part]
            if not bucket:
                del self._due[heappop(self._seconds)]
        self.waiting -= len(taken)
        return taken

    def next_due(self) -> float | None:
        """When the next is due; None if nothing waits."""
        if self._next < self._count:
            return 0.0
        return float(self._seconds[0]) if self._seconds else None
