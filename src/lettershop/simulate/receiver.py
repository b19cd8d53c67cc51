"""How a modelled receiver behaves: whom it lets in, what it answers. [pure]

Chance is derived from the recipient's number, so a run repeats exactly. Answers are texts as receivers write them; what
they mean is found out by `egress.classify`, as in life.
"""

from collections.abc import Sequence

from lettershop.egress.message import Leased
from lettershop.simulate.scenario import Receiver as Described

DAY = 86_400.0
UNKNOWN = "550 5.1.1 The email account that you tried to reach does not exist"
GREYLISTED = "451 4.7.1 Greylisting in action, please try again later"
REFUSED = "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"
TIME_OUT = 30.0
BURST = 2.0
"""Seconds' worth of its rate that a receiver takes at once."""
EXCESS = 1.2
"""A new sender who sends more than this share of what is trusted is not trusted more the next day."""


def chance(number: int, salt: float) -> float:
    """0 to 1, evenly, the same for the same recipient. The multipliers are irrational, so different ones do not agree."""
    return number * salt % 1.0


DICE_UNKNOWN, DICE_STORM = 0.7548776662466927, 0.5698402909980532


class Receiver:
    """One receiver while a simulation runs; times are seconds after its start."""

    def __init__(self, described: Described, delays: Sequence[float]) -> None:
        self.told = described
        self.open = 0
        self._delays = delays
        self._tokens, self._tokens_at = 1.0, 0.0
        self._trusted = described.new_sender_daily
        self._day, self._came = 0, 0
        self._connections = 0

    def connect(self, now: float) -> tuple[float, str]:
        """(seconds until it is known, the answer that refuses or ""). A dead host says nothing until the time-out."""
        if self.told.dead:
            return TIME_OUT, "451 4.4.1 Connection timed out"
        if self.told.refuses:
            return 2 * self.told.latency, REFUSED
        if self.open >= self.told.connections:
            return 2 * self.told.latency, self.told.too_many
        self.open += 1
        return 3 * self.told.latency, ""

    def left(self) -> None:
        """A connection that stood is gone."""
        self.open -= 1

    def answer(self, leased: Sequence[Leased], now: float) -> list[tuple[Leased, str]]:
        """Those that are not taken, with the answers; all others are."""
        storm = next((one for one in self.told.storms if one.start <= now < one.until), None)
        allowed = self._allowed(len(leased), now)
        trusted = self._trust(len(leased), now)
        refused: list[tuple[Leased, str]] = []
        unknown, grey = self.told.unknown, self.told.greylist
        for position, one in enumerate(leased):
            if storm is not None and chance(one.envelope_id + one.attempts * 31, DICE_STORM) < storm.share:
                refused.append((one, storm.answer))
            elif position >= trusted:
                refused.append((one, self.told.distrust))
            elif position >= allowed:
                refused.append((one, self.told.too_fast))
            elif unknown and one.envelope_id * DICE_UNKNOWN % 1.0 < unknown:
                refused.append((one, UNKNOWN))
            elif grey and sum(self._delays[: one.attempts]) < grey:
                refused.append((one, GREYLISTED))
        return refused

    def _allowed(self, count: int, now: float) -> int:
        """How many of them its rate takes now."""
        if not self.told.per_minute:
            return count
        rate = self.told.per_minute / 60
        self._tokens = min(max(1.0, BURST * rate), self._tokens + (now - self._tokens_at) * rate)
        self._tokens_at = now
        allowed = min(count, int(self._tokens))
        self._tokens -= allowed
        return allowed

    def _trust(self, count: int, now: float) -> int:
        """How many of them it takes from a sender whom it has known for so long."""
        if not self.told.new_sender_daily:
            return count
        day = int(now // DAY)
        if day != self._day:
            if 0.5 * self._trusted < self._came <= EXCESS * self._trusted:
                self._trusted *= 2
            elif self._came > 2 * self._trusted:
                self._trusted = max(self.told.new_sender_daily, self._trusted // 2)
            self._day, self._came = day, 0
        free = max(0, self._trusted - self._came)
        self._came += count
        return min(count, free)
