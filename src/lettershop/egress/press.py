"""Where messages are made: for many connections in one go, when they have room for them.

    want(recipe, done) -> once what the sockets had to say is dealt with -> { draft all; finish each: done(bytes) } -> sockets again

A signature drives the interpreter's own code out of the processor's caches, and so do the socket calls: drafted one after
the other, messages cost three fifths of what they do between two signatures. A turn is kept short, so that nobody else on
this event loop waits long; who had no turn is first in the next one.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from lettershop.base.clock import Clock
from lettershop.egress.message import Recipe

TURN = 0.01
"""Seconds of work in one turn, about."""
LEAST, MOST = 4, 64

Done = Callable[[bytes | Exception], None]
Draft = Callable[[], bytes]


class Press:
    """One per engine."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._wanted: deque[tuple[Recipe, Done]] = deque()
        self._running = False
        self._seconds = TURN / LEAST  # a message, lately

    def want(self, recipe: Recipe, done: Done) -> None:
        """Make this soon; `done` gets the message, or why it cannot be made, and must not raise."""
        self._wanted.append((recipe, done))
        if not self._running:
            self._running = True
            asyncio.get_running_loop().call_soon(self._turn)

    @staticmethod
    def now(recipe: Recipe) -> bytes | Exception:
        """The message, or why it cannot be made, at once."""
        return _finished(_drafted(recipe))

    def _turn(self) -> None:
        count = min(len(self._wanted), max(LEAST, min(MOST, int(TURN / self._seconds))))
        before = self._clock.monotonic()
        batch = [self._wanted.popleft() for _ in range(count)]
        _make(batch)
        passed = (self._clock.monotonic() - before) / count
        self._seconds = 0.8 * self._seconds + 0.2 * passed
        self._running = bool(self._wanted)
        if self._running:
            asyncio.get_running_loop().call_soon(self._turn)


def _make(batch: Sequence[tuple[Recipe, Done]]) -> None:
    drafts = [_drafted(recipe) for recipe, _ in batch]
    for (_, done), draft in zip(batch, drafts, strict=True):
        done(_finished(draft))


def _drafted(recipe: Recipe) -> Draft | Exception:
    try:
        return recipe.draft() if recipe.draft is not None else recipe.make
    except Exception as error:
        return error


def _finished(draft: Draft | Exception) -> bytes | Exception:
    if isinstance(draft, Exception):
        return draft
    try:
        return draft()
    except Exception as error:
        return error
