"""How fast: retry times, and how much one site takes from one of our addresses now. [pure]

    answer -> Pace.answered(...) -> the window opens or closes, the rate is lowered or raised, a rule suspends the site
    Pace.room(now): connections that may be opened; Pace.grant(n, now): messages that may go

As in TCP, a window opens fast (slow start) up to where it was closed before, then by one for a whole round of accepted
messages; a 421 or "too many connections" halves it. "Too fast" lowers the rate to a part of what was measured; accepted
messages raise it again until it no longer binds. A rule of the table may suspend the site for this address, each time in
a row for twice as long; afterwards one connection asks whether it is over. A site that cannot be reached rests for the
time after which its mail is retried. The figures live in a `Cell`: one process alone holds them in memory, the workers of
a machine share them (`egress.board`). Times are arguments, in seconds since the epoch.
"""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol

from lettershop.egress.shaping import DEFAULT, Row, Rule

FIRST_WINDOW = 3
SLOW_START = 5
"""Accepted messages that open the window by one connection at first …"""
GROWTH = 20
"""… and from where it was closed before."""
KEPT_FREE = 10
"""One connection in so many is kept for urgent mail."""
GIVEN = 1.0
BREATH = 1.0
"""Seconds a site rests after it objected to our pace; objections of the same breath count once."""
BUCKET = 10.0
"""Seconds' worth of messages that a limited rate lets through at once."""
SLOWER, FASTER, FREE = 0.7, 1.02, 4.0
"""A rate: after "too fast"; for each `GROWTH` accepted; times the first one from which it is forgotten."""
PER_CONNECTION = 8
"""Waiting messages that are worth a further connection."""
MEASURE = 3.0
LONGEST_SUSPENSION = 86_400.0
MOST_STRIKES = 6
FORGIVEN = 50
"""Messages accepted after a suspension that make it forgotten."""
FORGET, FORGET_FAILED = 60.0, 7200.0
"""Seconds after which the state of an unused site is dropped."""
TOO_FAST, TOO_MANY = frozenset({"rate"}), frozenset({"too-many-connections", "reputation"})
"""Classes of answers that lower the rate, and that close the window."""


class Cell(Protocol):
    """The figures of a source address at a site. Rates in messages a minute; 0: none, never, not known."""

    window: float
    ceiling: float  # the window at which it was closed last
    objected_at: float
    throttle: float  # the rate that feedback allows
    throttled_from: float
    tokens: float
    tokens_at: float
    rests_until: float
    failures: float  # connections in a row that could not be made
    suspended_until: float
    strikes: float  # suspensions in a row
    told: float  # 1: the operator knows that it is suspended, and not yet that it is over
    narrow_until: float
    narrow_connections: float
    narrow_rate: float
    wanted_until: float  # urgent mail waits for a connection: others give theirs back
    why: str

    @property
    def connections(self) -> int:
        """Open ones, of all processes."""

    @property
    def speed(self) -> float:
        """Answers a second, of all processes."""

    def count(self, connections: int) -> None:
        """This process has so many open."""

    def measured(self, speed: float) -> None:
        """This process gets so many answers a second."""

    def lock(self) -> AbstractContextManager[object]:
        """For what is read and then written."""


@dataclass(slots=True)
class OwnCell:
    """Held by one process alone."""

    window: float = 0.0
    ceiling: float = 0.0
    objected_at: float = 0.0
    throttle: float = 0.0
    throttled_from: float = 0.0
    tokens: float = 0.0
    tokens_at: float = 0.0
    rests_until: float = 0.0
    failures: float = 0.0
    suspended_until: float = 0.0
    strikes: float = 0.0
    told: float = 0.0
    narrow_until: float = 0.0
    narrow_connections: float = 0.0
    narrow_rate: float = 0.0
    wanted_until: float = 0.0
    why: str = ""
    connections: int = 0
    speed: float = 0.0
    _lock: Lock = field(default_factory=Lock)

    def count(self, connections: int) -> None:
        """See `Cell.count`."""
        self.connections = connections

    def measured(self, speed: float) -> None:
        """See `Cell.measured`."""
        self.speed = speed

    def lock(self) -> AbstractContextManager[object]:
        """See `Cell.lock`."""
        return self._lock


Cells = Callable[[str, str], Cell]
"""(source, site) -> its cell."""


@dataclass(frozen=True, slots=True)
class Change:
    """News for the operator: the site was suspended for this source (until > 0), or takes mail again."""

    source: str
    site: str
    at: float
    until: float = 0.0
    why: str = ""
    answer: str = ""


class Pace:
    """One source address at one site, in this process. `block` holds what counts for the whole row: suspensions."""

    __slots__ = (
        "_accepted", "_answered", "_counted", "_delays", "_gave_until", "_hits", "_measured_at", "_used_at", "block", "cell",
        "changed", "open", "reached", "row", "site", "source", "standing",
    )  # fmt: skip

    def __init__(
        self, source: str, site: str, row: Row, cell: Cell, block: Cell, delays: Sequence[float], now: float
    ) -> None:
        self.source = source
        self.site = site
        self.row = row
        self.cell = cell
        self.block = block
        self.open = 0  # connections of this process, those being made included
        self.standing = 0  # of these, those that stand
        self.reached = False  # a connection was made, and none has failed since
        self.changed = False  # what should survive a restart did
        self._accepted = 0
        self._answered = 0  # since this process knows the site
        self._counted = 0  # of these, those that were measured
        self._delays = delays
        self._hits: dict[int, deque[tuple[float, int]]] = {}
        self._measured_at = self._used_at = now
        self._gave_until = 0.0  # a connection was given up for another process, which should get its place
        if not cell.window:
            cell.window = float(min(row.connections, FIRST_WINDOW))

    # -- connections --------------------------------------------------------------------------------------------------

    @property
    def scope(self) -> str:
        """What is suspended together: all sites of a row of the table, or the site."""
        return self.site if self.row.name == DEFAULT else self.row.name

    @property
    def why(self) -> str:
        """The words for which it rests or is suspended; empty if it never was."""
        return self.block.why or self.cell.why

    @property
    def troubled(self) -> bool:
        """Whether connections could not be made lately."""
        return self.cell.failures > 0

    def closed_until(self, now: float) -> float:
        """Until when nothing may go; 0 if it may."""
        until = max(self.cell.rests_until, self.block.suspended_until)
        return until if until > now else 0.0

    def limit(self, now: float) -> int:
        """Most connections by the table and its rules."""
        if now < self.block.narrow_until and self.block.narrow_connections:
            return min(self.row.connections, int(self.block.narrow_connections))
        return self.row.connections

    def room(self, now: float, *, urgent: bool = False) -> int:
        """How many more connections may be opened now. Urgent mail need not wait for the window, only for the limit.

        A tenth of the connections is kept for it: no process of several should wait until another gives one back.
        """
        if self.closed_until(now):
            return 0
        limit = self.limit(now)
        alone = self.cell.connections == self.open
        if alone and not self.reached:
            wide = 1  # nobody has been there
        elif urgent:
            wide = limit
        else:
            wide = min(limit - limit // KEPT_FREE, int(self.cell.window))
            if now < max(self.cell.wanted_until, self._gave_until):
                wide = min(wide, limit - 1)
        return max(0, min(wide - self.cell.connections, limit - self.cell.connections))

    def give(self, now: float) -> bool:
        """Whether a connection that carries bulk should leave for urgent mail of another process; told to one of them."""
        if now >= self.cell.wanted_until:
            return False
        with self.cell.lock():
            if now >= self.cell.wanted_until:
                return False
            self.cell.wanted_until = 0.0
        self._gave_until = now + GIVEN
        return True

    def opened(self) -> None:
        """A connection is being made."""
        self.open += 1
        self.cell.count(self.open)

    def closed(self) -> None:
        """It is gone."""
        self.open -= 1
        self.cell.count(self.open)

    def connected(self) -> None:
        """A connection stands."""
        self.standing += 1
        self.reached = True
        if self.cell.failures:
            self.cell.failures = 0.0
            self.cell.rests_until = 0.0
            self.changed = True

    def unreachable(self, now: float, why: str) -> None:
        """A connection could not be made; others of the same moment count once."""
        if now < self.cell.rests_until:
            return
        self.reached = False
        self.cell.failures += 1
        delay = self._delays[min(int(self.cell.failures), len(self._delays)) - 1]
        self._rest(now + delay, why)

    def _rest(self, until: float, why: str) -> None:
        self.cell.rests_until = max(self.cell.rests_until, until)
        self.cell.why = why
        self.changed = True

    # -- answers --------------------------------------------------------------------------------------------------------

    def accepted(self, now: float) -> Change | None:
        """A message was taken; news if the site was suspended before."""
        self._answered += 1
        self._accepted += 1
        cell = self.cell
        opening = cell.window < self.row.connections
        if self._accepted % (SLOW_START if cell.window < cell.ceiling or not cell.ceiling else GROWTH) == 0 and opening:
            cell.window = min(float(self.row.connections), cell.window + 1)
        if self._accepted % GROWTH == 0 and cell.throttle:
            self._faster()
        return self._resumed(now) if self.block.told else None

    def _faster(self) -> None:
        cell = self.cell
        cell.throttle *= FASTER
        if cell.throttle > FREE * cell.throttled_from:
            cell.throttle = 0.0
        self.changed = True

    def _resumed(self, now: float) -> Change | None:
        block = self.block
        with block.lock():
            if not block.told or now < block.suspended_until:
                return None
            block.told = 0.0
        self._accepted = 0
        self.changed = True
        return Change(self.source, self.scope, now, why=block.why)

    def refused(self, now: float, reason: str, line: str, code: int = 0) -> Change | None:
        """Any other answer, of a class of `egress.classify` (empty: none was asked); news if it suspends the site."""
        self._answered += 1
        if code == 421 or reason in TOO_MANY:
            self.objected(now, line)
        elif reason in TOO_FAST:
            self.too_fast(now, line)
        for number, rule in enumerate(self.row.rules):
            if rule.fits(reason, line) and self._often_enough(number, rule, now):
                return self._act(rule, now, line)
        return None

    def objected(self, now: float, why: str) -> None:
        """The site said that we are too many."""
        cell = self.cell
        with cell.lock():
            if now < cell.objected_at + BREATH:
                return
            cell.objected_at = now
            cell.ceiling = max(1.0, cell.window / 2)
            cell.window = cell.ceiling
        self._accepted = 0
        self._rest(now + BREATH, why)

    def too_fast(self, now: float, why: str) -> None:
        """The site said that we are too fast: to a part of the speed measured, as a rate."""
        cell = self.cell
        with cell.lock():
            if now < cell.objected_at + MEASURE:
                return
            cell.objected_at = now
            speed = max(cell.speed, self._lately(now)) * 60
            usual = cell.throttle or self.row.messages_per_minute or speed
            cell.throttle = max(1.0, SLOWER * min(usual, speed))
            cell.throttled_from = max(cell.throttled_from, cell.throttle)
        self._accepted = 0
        self._rest(now + BREATH, why)

    def _lately(self, now: float) -> float:
        """Answers a second since the last measurement: "too fast" often comes before the first one."""
        return max(1, self._answered - self._counted) / max(now - self._measured_at, BREATH)

    def _often_enough(self, number: int, rule: Rule, now: float) -> bool:
        hits = self._hits.setdefault(number, deque(maxlen=rule.times))
        hits.append((now, self._answered))
        if len(hits) < rule.times or now - hits[0][0] > rule.within:
            return False
        answers = self._answered - hits[0][1] + 1
        return rule.times / answers >= rule.share

    def _act(self, rule: Rule, now: float, line: str) -> Change | None:
        self._hits.clear()
        block = self.block
        self.changed = True
        if not rule.suspend:
            block.narrow_until = now + rule.seconds
            block.narrow_connections = float(rule.connections or 0)
            block.narrow_rate = rule.messages_per_minute or 0.0
            block.why = f"{rule.why} ({line})"
            return None
        with block.lock():
            if now < block.suspended_until:
                return None  # another process was faster
            if block.strikes and self._accepted >= FORGIVEN:
                block.strikes = 0.0
            seconds = min(LONGEST_SUSPENSION, rule.seconds * 2**block.strikes)
            block.strikes = min(MOST_STRIKES, block.strikes + 1)
            block.suspended_until = now + seconds
            block.told = 1.0
            block.why = f"{rule.why} ({line})"
        self.cell.window, self.cell.ceiling = 1.0, max(1.0, self.cell.window / 2)
        self._accepted = 0
        return Change(self.source, self.scope, now, now + seconds, rule.why, line)

    def lift(self) -> None:
        """An operator knows better: neither suspended nor narrowed, and no rest."""
        for cell in (self.cell, self.block):
            cell.suspended_until = cell.narrow_until = cell.rests_until = cell.strikes = cell.told = 0.0

    # -- messages ---------------------------------------------------------------------------------------------------

    def rate(self, now: float) -> float:
        """Messages a minute that may go; 0: no limit."""
        narrow = self.block.narrow_rate if now < self.block.narrow_until else 0.0
        rates = [rate for rate in (self.row.messages_per_minute, self.cell.throttle, narrow) if rate]
        return min(rates, default=0.0)

    def grant(self, wanted: int, now: float, *, urgent: int = 0) -> int:
        """How many of `wanted` messages may go now; the `urgent` among them at once, at the expense of the others."""
        rate = self.rate(now)
        if not rate:
            return wanted
        most = max(1.0, rate / 60 * BUCKET)
        cell = self.cell
        with cell.lock():
            passed = max(0.0, now - cell.tokens_at)
            tokens = min(most, cell.tokens + passed * rate / 60) if cell.tokens_at else most
            overdraft = min(urgent, max(0, int(tokens + most)))
            granted = min(wanted, max(overdraft, int(tokens)))
            cell.tokens, cell.tokens_at = tokens - granted, now
        return max(0, granted)

    def refund(self, count: int) -> None:
        """So many were granted and did not go."""
        if count and self.cell.tokens_at:
            with self.cell.lock():
                self.cell.tokens += count

    def until_next(self, now: float) -> float:
        """Seconds until a message may go; 0 if one may."""
        rate = self.rate(now)
        if not rate or not self.cell.tokens_at:
            return 0.0
        missing = 1 - self.cell.tokens - (now - self.cell.tokens_at) * rate / 60
        return max(0.0, missing * 60 / rate)

    def measure(self, now: float) -> int:
        """Take the rate of answers every few seconds; how many there were, -1 if it is too early."""
        passed = now - self._measured_at
        if passed < MEASURE:
            return -1
        answers, self._counted = self._answered - self._counted, self._answered
        self._measured_at = now
        self.cell.measured(answers / passed)
        if answers or self.open:
            self._used_at = now
        return answers

    def forgettable(self, now: float) -> bool:
        """Whether nothing would be lost by forgetting this site here."""
        used = self._used_at + (FORGET_FAILED if self.cell.failures or self.block.strikes else FORGET)
        return not self.open and not self.changed and now > used and not self.closed_until(now)


def handful(seconds_per_message: float, *, target: float = 0.5, most: int = 64) -> int:
    """How many messages a connection should ask for at once: about half a second's worth, so that a pause acts soon."""
    if seconds_per_message <= 0:
        return 4
    return max(1, min(most, int(target / seconds_per_message)))
