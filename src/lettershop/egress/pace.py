"""How fast: retry times, and how many connections a site gets now. [pure]

A site's window of connections opens by success and closes by the receiver's objections, as in TCP: a 421 or a "too many"
halves it, every `GROWTH` accepted messages open it by one again, never above the limit. A site that cannot be reached
rests for the time after which its mail is retried, longer each time. Times are arguments, in seconds since the epoch.
"""

from collections.abc import Sequence
from dataclasses import dataclass

GROWTH = 20
"""Messages accepted in a row that open the window by one connection."""
SPREAD = 0.1
"""Retries are spread over a tenth of their delay, so that a crowd deferred at once does not come back at once."""
GOLDEN = 0.618033988749895
BREATH = 1.0
"""Seconds a site rests after it objected to our pace."""


def retry_at(now: float, attempts: int, delays: Sequence[float], envelope_id: int) -> float:
    """When an envelope that has met its `attempts`-th temporary answer (1 is the first) is tried again.

    The spread is derived from the envelope, so the same question has the same answer.
    """
    delay = delays[min(attempts, len(delays)) - 1]
    return now + delay * (1 + SPREAD * (envelope_id * GOLDEN % 1))


@dataclass(frozen=True, slots=True)
class Limits:
    """What one process may ask of one site."""

    connections: int = 10
    messages_per_connection: int = 100


class Pace:
    """The state of one site in this process."""

    __slots__ = ("_accepted", "_delays", "failures", "limits", "open", "rests_until", "why", "window")

    def __init__(self, limits: Limits, delays: Sequence[float]) -> None:
        self.limits = limits
        self.window = limits.connections
        self.open = 0  # connections now, those being made included
        self.rests_until = 0.0
        self.failures = 0  # connections in a row that could not be made
        self.why = ""  # the words for which it rests
        self._accepted = 0
        self._delays = delays

    def rests(self, now: float) -> bool:
        """Whether the site must not be asked now."""
        return now < self.rests_until

    def room(self, now: float) -> int:
        """How many more connections may be opened now. A site that failed is tried with one."""
        if now < self.rests_until:
            return 0
        return (1 if self.failures else self.window) - self.open

    def accepted(self) -> None:
        """A message was taken."""
        self.failures = 0
        self._accepted += 1
        if self._accepted >= GROWTH:
            self._accepted = 0
            self.window = min(self.limits.connections, self.window + 1)

    def connected(self) -> None:
        """The site can be reached."""
        self.failures = 0

    def objected(self, now: float, why: str) -> None:
        """The site said that we are too many or too fast."""
        self.window = max(1, self.window // 2)
        self._accepted = 0
        self._rest(now + BREATH, why)

    def unreachable(self, now: float, why: str) -> None:
        """A connection could not be made; others of the same moment count once."""
        if self.rests(now):
            return
        self.failures += 1
        self._rest(now + self._delays[min(self.failures, len(self._delays)) - 1], why)

    def _rest(self, until: float, why: str) -> None:
        self.rests_until = max(self.rests_until, until)
        self.why = why


def handful(seconds_per_message: float, *, target: float = 0.25, most: int = 24) -> int:
    """How many messages a connection should ask for at once: about a quarter of a second's worth, so a pause acts soon."""
    if seconds_per_message <= 0:
        return 4
    return max(1, min(most, int(target / seconds_per_message)))
