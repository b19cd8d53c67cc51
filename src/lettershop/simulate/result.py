"""What a simulation found: by receiver and over all, and what happened on the way. Times are seconds after the start. [pure]"""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class ReceiverResult:
    """One receiver. `parked` counts turns in the queue without a try; `suspended` seconds for which it was not asked at all."""

    name: str
    recipients: int = 0
    delivered: int = 0
    bounced: int = 0
    given_up: int = 0
    deferred: int = 0
    parked: int = 0
    connections: int = 0
    most_connections: int = 0
    suspended: float = 0.0
    first: float | None = None
    last: float | None = None
    window: int = 0
    speed: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)
    minutes: Counter[int] = field(default_factory=Counter)  # delivered, by the minute

    @property
    def waiting(self) -> int:
        """Who was not settled when it ended."""
        return self.recipients - self.delivered - self.bounced - self.given_up


@dataclass(frozen=True, slots=True)
class Event:
    """Something that an operator would be told."""

    at: float
    receiver: str
    words: str


@dataclass(frozen=True, slots=True)
class WarmupDay:
    """A day of warm-up at a site: its room, what was sent, what that meant."""

    day: int
    site: str
    room: int
    sent: int
    why: str


@dataclass(slots=True)
class Result:
    """All of it. `seconds`: virtual, until the last was settled; `done` False: it was broken off or a breaker stopped it."""

    name: str
    recipients: int
    seconds: float = 0.0
    done: bool = False
    stopped: str = ""
    receivers: list[ReceiverResult] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    warmup: list[WarmupDay] = field(default_factory=list)
    leases: int = 0

    def total(self, what: str) -> int:
        """A figure of all receivers together."""
        return sum(int(getattr(receiver, what)) for receiver in self.receivers)
