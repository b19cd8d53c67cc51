"""Slows down those who guess passwords. In memory of one process (`shared_throttle`: of all); the owner
decides what a key is.

A key (an account, an address) has some tries free; each failure after them doubles the wait, up to `longest` seconds.
A success of the key forgets its failures, and an hour without a failure does so too. Waiting is refusing: no
connection is held open, the caller says how many seconds are left.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from lettershop.base.clock import Clock

REMEMBERED = 50_000
"""Most keys kept; the oldest go first, so that memory is bounded whoever knocks."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`free` failures cost nothing; then the wait doubles from one second up to `longest`."""

    free: int
    longest: float = 900.0
    forget_after: float = 3600.0


@dataclass(slots=True)
class _Failures:
    count: int
    last: float


class Throttle:
    """Counts failures by key."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: OrderedDict[str, _Failures] = OrderedDict()

    def wait(self, keys: Iterable[tuple[str, Limit]]) -> float:
        """Seconds until another try is allowed; 0 for now."""
        return max((self._wait(key, limit) for key, limit in keys), default=0.0)

    def failed(self, keys: Iterable[tuple[str, Limit]]) -> None:
        """Count a failure for each key."""
        now = self._clock.monotonic()
        for key, limit in keys:
            before = self._seen.pop(key, None)
            fresh = before is None or now - before.last > limit.forget_after
            self._seen[key] = _Failures(1 if fresh or before is None else before.count + 1, now)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures of a key."""
        self._seen.pop(key, None)

    def _wait(self, key: str, limit: Limit) -> float:
        failures = self._seen.get(key)
        if failures is None:
            return 0.0
        passed = self._clock.monotonic() - failures.last
        return 0.0 if passed > limit.forget_after else pause(limit, failures.count, passed)


def pause(limit: Limit, count: int, passed: float) -> float:
    """Seconds left to wait after so many failures, of which the last is `passed` seconds ago."""
    if count <= limit.free:
        return 0.0
    return max(0.0, min(limit.longest, 2.0 ** min(count - limit.free - 1, 20)) - passed)
