"""How many requests a token may make: a bucket each, in memory of one process."""

from collections import OrderedDict

from lettershop.base.clock import Clock

REMEMBERED = 10_000


class RequestRate:
    """`per_second` requests for ever, `burst` at once."""

    def __init__(self, clock: Clock, per_second: float, burst: float) -> None:
        self._clock = clock
        self._per_second = per_second
        self._burst = burst
        self._buckets: OrderedDict[int, tuple[float, float]] = OrderedDict()

    def wait(self, key: int) -> float:
        """Take one request; seconds until there is room if there is none now (then nothing is taken), else 0."""
        now = self._clock.monotonic()
        left, last = self._buckets.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - last) * self._per_second)
        allowed = left >= 1
        self._buckets[key] = (left - 1 if allowed else left, now)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._per_second
