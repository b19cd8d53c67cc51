"""When a message that was put off is tried again: by what the answer means, and by what it says. [pure]

    Retries(usual, {"soon": …, "late": …}).at(now, attempt, found, envelope_id)

Which class waits by which schedule stands in `bounce_rules.toml` (`again`), the schedules are settings
(`delivery.retry`, `delivery.retry_by`). A time that the receiver names ("try again in 300 seconds") counts instead.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

SOON, LATE = "soon", "late"
NAMES = (SOON, LATE)

SPREAD = 0.1
"""Retries are spread over a tenth of their delay, so that a crowd deferred at once does not come back at once."""
GOLDEN = 0.618033988749895

SHORTEST, LONGEST = 1.0, 86_400.0
"""Seconds; whatever a receiver says."""
BELIEVED = 3
"""Attempts in a row whose told time is believed; afterwards it may lengthen the schedule's, not shorten it."""
MARGIN = 1.0
"""Seconds after the told time."""

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_TOLD = re.compile(
    r"\b(?:try|retry|retrying|again|back|wait|resend|delayed|greylisted|graylisted|retry-after)\b[^.;\d]{0,40}?"
    r"(?:(?P<h>\d{1,2}):(?P<m>[0-5]\d):(?P<s>[0-5]\d)\b"
    r"|(?P<count>\d{1,6}) ?(?P<unit>s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?)\b)"
)


def told_wait(text: str) -> float:
    """Seconds after which the receiver asks to be tried again; 0 if it names none. `text` in lower case."""
    found = _TOLD.search(text)
    if found is None:
        return 0.0
    if found["unit"]:
        seconds = int(found["count"]) * _SECONDS[found["unit"][0]]
    else:
        seconds = int(found["h"]) * 3600 + int(found["m"]) * 60 + int(found["s"])
    return min(LONGEST, max(SHORTEST, seconds)) if seconds else 0.0


def retry_at(now: float, attempts: int, delays: Sequence[float], envelope_id: int) -> float:
    """When an envelope that has met its `attempts`-th temporary answer (1 is the first) is tried again.

    The spread is derived from the envelope, so the same question has the same answer.
    """
    delay = delays[min(attempts, len(delays)) - 1]
    return now + delay * (1 + SPREAD * (envelope_id * GOLDEN % 1))


@dataclass(frozen=True, slots=True)
class Retries:
    """Seconds to wait after the first, second, … attempt: `usual`, and by name. A name that is not there means `usual`."""

    usual: Sequence[float]
    named: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def at(self, now: float, attempt: int, again: str, wait: float, envelope_id: int) -> float:
        """When the envelope is tried after its `attempt`-th temporary answer. `wait`: what the receiver told, or 0."""
        scheduled = retry_at(now, attempt, self.named.get(again) or self.usual, envelope_id)
        if not wait:
            return scheduled
        told = retry_at(now, 1, (wait + MARGIN,), envelope_id)
        return told if attempt <= BELIEVED else max(told, scheduled)
