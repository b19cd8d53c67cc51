"""What policy lets through of what was leased: providers at which a circuit breaker holds a campaign back. [pure]

    a look at the store (a few rows a poll) > `learn` > `sift` each batch of leases: go on, or park until later and why

Nothing here costs anything per message while nothing is closed. What is parked keeps its turn: it comes back when the
slow pace has room for it, or after `LOOK_AGAIN`, or at once when a person resumes.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lettershop.egress.message import Leased
from lettershop.store.breakers import Closed
from lettershop.store.envelopes import Lane

LOOK_AGAIN = 3600.0
"""Seconds after which what is held back is looked at again."""
BURST = 10.0
"""Seconds' worth that a slow pace lets through at once, at least one message."""
Key = tuple[int, str]
"""(campaign, site)"""


@dataclass(frozen=True, slots=True)
class Parked:
    """A lease to be given back until `due`; `why` is shown in the queue."""

    leased: Leased
    due: float
    why: str


class Gate:
    """One per engine. `workers`: how many processes share what is slowed down."""

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers
        self._closed: dict[Key, Closed] = {}
        self._tokens: dict[Key, tuple[float, float]] = {}  # how many may go, and when that was known

    @property
    def open(self) -> bool:
        """Whether everything may go."""
        return not self._closed

    def learn(self, closed: Iterable[Closed]) -> list[Closed]:
        """Take what is closed now; those that are new or worse than before."""
        before, self._closed = self._closed, {(one.campaign_id, one.provider): one for one in closed}
        self._tokens = {key: tokens for key, tokens in self._tokens.items() if key in self._closed}
        return [
            one for key, one in self._closed.items() if key not in before or before[key].per_second != one.per_second
        ]

    def sift(self, lane: Lane, leased: Sequence[Leased], now: float) -> tuple[list[Leased], list[Parked]]:
        """Those that may go now, and those that are to wait."""
        go: list[Leased] = []
        parked: list[Parked] = []
        waiting: Counter[Key] = Counter()
        for one in leased:
            key = (lane.campaign_id, one.site)
            closed = self._closed.get(key)
            if closed is None or self._token(key, closed, now):
                go.append(one)
                continue
            waiting[key] += 1
            wait = waiting[key] * self._workers / closed.per_second if closed.per_second else LOOK_AGAIN
            parked.append(Parked(one, now + min(wait, LOOK_AGAIN), closed.words))
        return go, parked

    def _token(self, key: Key, closed: Closed, now: float) -> bool:
        """Whether the slow pace has room for one more."""
        if not closed.per_second:
            return False
        rate = closed.per_second / self._workers
        level, since = self._tokens.get(key, (1.0, now))
        level = min(max(1.0, BURST * rate), level + (now - since) * rate)
        self._tokens[key] = (level - 1.0 if level >= 1.0 else level, now)
        return level >= 1.0
