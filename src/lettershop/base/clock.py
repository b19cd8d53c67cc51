"""The one source of time and randomness.

Nobody else calls `time`, `datetime.now`, `random` or `secrets`: a `Clock` is handed in, so that a test stages its own
time and a simulation runs years in seconds. All times in the program are seconds since the Unix epoch, UTC, as float.
"""

import asyncio
import secrets
import time
from collections.abc import Callable
from typing import Protocol


class Clock(Protocol):
    """Time and randomness for those who do; those who decide get the values."""

    def now(self) -> float:
        """Seconds since the epoch, UTC."""

    def monotonic(self) -> float:
        """Seconds since some fixed point; never goes back. For durations and time-outs."""

    async def sleep(self, seconds: float) -> None:
        """Wait; on a virtual clock this returns as soon as that clock has got there."""

    def token(self, size: int = 16) -> bytes:
        """`size` unpredictable bytes, good for keys and nonces."""


class SystemClock:
    """The machine's own clock and random source."""

    def now(self) -> float:
        """See `Clock.now`."""
        return time.time()

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        await asyncio.sleep(seconds)

    def token(self, size: int = 16) -> bytes:
        """See `Clock.token`."""
        return secrets.token_bytes(size)


class ManualClock:
    """A clock that stands still until it is told to move; its tokens count up, so runs repeat exactly."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start
        self._tokens = 0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        """See `Clock.now`."""
        return self._now

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`: returns when `advance` has passed the moment."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + seconds, future))
        await future

    def advance(self, seconds: float) -> None:
        """Move on by `seconds` and wake those whose time has come."""
        self._now += seconds
        due = [entry for entry in self._sleepers if entry[0] <= self._now]
        self._sleepers = [entry for entry in self._sleepers if entry[0] > self._now]
        for _, future in sorted(due, key=lambda entry: entry[0]):
            if not future.done():
                future.set_result(None)

    def token(self, size: int = 16) -> bytes:
        """See `Clock.token`."""
        self._tokens += 1
        return self._tokens.to_bytes(size, "big")


Now = Callable[[], float]
