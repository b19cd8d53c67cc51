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
PER_CONNECTION = 8
"""Waiting messages that are worth a further connection."""
MEASURE = 3.0
AHEAD = 10.0
KEEP = 16
"""Every `MEASURE` seconds the rate is taken; `AHEAD` seconds' worth, at least `KEEP` envelopes, is held for a site."""
LONGEST_PARKED = 300.0
FORGET, FORGET_FAILED = 60.0, 7200.0
"""Seconds after which the state of an unused site is dropped."""


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

    __slots__ = (
        "_accepted", "_delays", "_measured_at", "_used_at", "answered", "failures", "limits", "open", "rate", "reached",
        "rests_until", "standing", "why", "window",
    )  # fmt: skip

    def __init__(self, limits: Limits, delays: Sequence[float], now: float) -> None:
        self.limits = limits
        self.window = limits.connections
        self.open = 0  # connections now, those being made included
        self.standing = 0  # of these, those that stand
        self.reached = False  # a connection was made, and none has failed since
        self.rests_until = 0.0
        self.failures = 0  # connections in a row that could not be made
        self.why = ""  # the words for which it rests
        self.answered = 0  # messages with an answer since the last measurement
        self.rate: float | None = None  # answers a second; None: not known yet
        self._measured_at = self._used_at = now
        self._accepted = 0
        self._delays = delays

    # -- connections ------------------------------------------------------------------------------------------------

    def rests(self, now: float) -> bool:
        """Whether the site must not be asked now."""
        return now < self.rests_until

    def room(self, now: float) -> int:
        """How many more connections may be opened now. A site that was not reached is tried with one."""
        if now < self.rests_until:
            return 0
        return (self.window if self.reached else 1) - self.open

    def worth(self, waiting: int) -> int:
        """How many more connections `waiting` messages are worth; one where those that are open get no answers."""
        if not self.open:
            return 1 + waiting // PER_CONNECTION
        return (waiting + PER_CONNECTION // 2) // PER_CONNECTION or int(self.rate == 0.0 and waiting > 0)

    def accepted(self) -> None:
        """A message was taken."""
        self._accepted += 1
        if self._accepted >= GROWTH:
            self._accepted = 0
            self.window = min(self.limits.connections, self.window + 1)

    def connected(self) -> None:
        """A connection stands."""
        self.standing += 1
        self.failures = 0
        self.reached = True

    def objected(self, now: float, why: str) -> None:
        """The site said that we are too many or too fast."""
        self.window = max(1, self.window // 2)
        self._accepted = 0
        self._rest(now + BREATH, why)

    def unreachable(self, now: float, why: str) -> None:
        """A connection could not be made; others of the same moment count once."""
        if self.rests(now):
            return
        self.reached = False
        self.failures += 1
        self._rest(now + self._delays[min(self.failures, len(self._delays)) - 1], why)

    def _rest(self, until: float, why: str) -> None:
        self.rests_until = max(self.rests_until, until)
        self.why = why

    # -- what it can take ---------------------------------------------------------------------------------------------

    def measure(self, now: float) -> None:
        """Take the rate of answers, every few seconds."""
        passed = now - self._measured_at
        if passed < MEASURE:
            return
        rate = self.answered / passed
        self.rate = rate if self.rate is None else (self.rate + rate) / 2 if rate else 0.0
        self.answered, self._measured_at, self._used_at = 0, now, now

    def surplus(self, waiting: int, now: float) -> int:
        """How many of its `waiting` envelopes should not be held here: more than it takes in the next `AHEAD` seconds."""
        if self.rests_until - now > AHEAD:
            return waiting
        if self.rate is None or waiting <= KEEP:
            return 0
        keep = self._keep
        return waiting - keep if waiting > 2 * keep else 0

    def due(self, index: int, now: float) -> float:
        """When the `index`-th of the surplus should come back."""
        if self.rests_until - now > AHEAD:
            return self.rests_until
        if not self.rate:
            return now + LONGEST_PARKED / 5
        return now + min(LONGEST_PARKED, (self._keep + index) / self.rate)

    @property
    def _keep(self) -> int:
        return max(KEEP, int(AHEAD * (self.rate or 0.0)))

    def forgettable(self, now: float) -> bool:
        """Whether nothing would be lost by forgetting this site."""
        used = self._used_at + (FORGET_FAILED if self.failures else FORGET)
        return not self.open and now > used and not self.rests(now)


def handful(seconds_per_message: float, *, target: float = 0.3, most: int = 32) -> int:
    """How many messages a connection should ask for at once: about a third of a second's worth, so that a pause acts soon."""
    if seconds_per_message <= 0:
        return 4
    return max(1, min(most, int(target / seconds_per_message)))
