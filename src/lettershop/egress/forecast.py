"""When a campaign will be done, by site and by what holds it back: an honest range, or why nobody can know. [pure]

    what waits at each site + how fast that site took mail lately + what is closed + the room of warm-up + our own speed
    > a time per site > the latest of them

The range is as wide as what is not known: from "it goes on like the best of late, and the site's window opens" to "half as
fast, and who was deferred needs another turn". Nothing is promised where nothing was measured.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BETTER, WORSE = 1.5, 2.0
"""Measured speed may grow and shrink by so much; wider where little was measured."""
LITTLE = 100
"""Answers below which a speed is a guess: the range is twice as wide."""
NEGLIGIBLE = 0.05
"""Share of the people whose time may be unknown without making the whole unknown."""
DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits at a site: untried, tried before, and when the last of those is due. `ahead`: of other campaigns."""

    site: str
    untried: int
    deferred: int = 0
    last_due: float = 0.0
    ahead: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """What a site answered lately: so many in so many seconds, of them so many for later."""

    answered: int
    deferred: int
    seconds: float

    @property
    def speed(self) -> float:
        """Messages a second that need no second turn."""
        return max(0, self.answered - self.deferred) / max(self.seconds, 1.0)


@dataclass(frozen=True, slots=True)
class Bound:
    """What is known to limit a site: a rate a second, a moment before which nothing goes; `by` names it in `HELD_BY`."""

    by: str
    words: str
    per_second: float | None = None
    not_before: float = 0.0
    endless: bool = False  # until a person decides


@dataclass(frozen=True, slots=True)
class SiteForecast:
    """A site's share. `earliest` and `latest` are None where `held_by` makes it unknown."""

    site: str
    waiting: int
    earliest: float | None
    latest: float | None
    held_by: str
    words: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """The campaign: done between `earliest` and `latest`, or unknown because `words`."""

    at: float
    waiting: int
    earliest: float | None
    latest: float | None
    held_by: str
    words: str
    sites: tuple[SiteForecast, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """Everything the forecast goes by. `rooms`: warm-up's room by site, today and the days after; `own`: messages a second."""

    now: float
    backlogs: Sequence[Backlog]
    taken: Mapping[str, Taken]
    bounds: Mapping[str, Sequence[Bound]]
    rooms: Mapping[str, Sequence[int | None]]
    own: float | None = None
    whole: Sequence[Bound] = ()


def forecast(known: Known) -> Forecast:
    """Put it together."""
    waiting = sum(backlog.untried + backlog.deferred for backlog in known.backlogs)
    if not waiting:
        return Forecast(known.now, 0, known.now, known.now, "nothing", "Nothing waits.")
    sites = tuple(sorted((_site(known, backlog) for backlog in known.backlogs), key=_lateness))
    stop = next((bound for bound in known.whole if bound.endless), None)
    if stop is not None:
        return Forecast(known.now, waiting, None, None, stop.by, stop.words, sites)
    unknown = [site for site in sites if site.latest is None]
    missing = sum(site.waiting for site in unknown)
    if missing > NEGLIGIBLE * waiting:
        words = f"Unknown because of {unknown[0].site} ({missing:,} of {waiting:,} people): {unknown[0].words}"
        return Forecast(known.now, waiting, None, None, unknown[0].held_by, words, sites)
    last = sites[len(unknown)]
    slow = [bound.per_second for bound in known.whole if bound.per_second] + ([known.own] if known.own else [])
    total = waiting + sum(backlog.ahead for backlog in known.backlogs)
    needed = total / min(slow) if slow else 0.0
    planned = max(known.whole, key=lambda bound: bound.not_before, default=None)
    begin = planned.not_before if planned else 0.0
    earliest = max(begin, known.now + needed, *(site.earliest or 0.0 for site in sites))
    latest = max(begin, known.now + needed * 1.2, *(site.latest or 0.0 for site in sites))
    if planned is not None and begin >= latest:
        by, words = planned.by, planned.words
    elif slow and known.now + needed >= (last.earliest or 0.0):
        slowest = next((bound for bound in known.whole if bound.per_second == min(slow)), None)
        words = slowest.words if slowest else f"This machine signs {min(slow):,.0f} messages a second."
        by = slowest.by if slowest else "own capacity"
    else:
        by, words = last.held_by, f"{last.site}: {last.words}"
    if missing:
        words += f" Not in it: {missing:,} people at {unknown[0].site} and the like, where {unknown[0].words}"
    return Forecast(known.now, waiting, earliest, latest, by, words, sites)


def _lateness(site: SiteForecast) -> tuple[int, float, int, str]:
    """Unknown ones first, then the latest."""
    if site.latest is None:
        return (0, 0.0, -site.waiting, site.site)
    return (1, -site.latest, -site.waiting, site.site)


def _site(known: Known, backlog: Backlog) -> SiteForecast:
    waiting = backlog.untried + backlog.deferred
    bounds = known.bounds.get(backlog.site, ())
    endless = next((bound for bound in bounds if bound.endless), None)
    if endless is not None:
        return SiteForecast(backlog.site, waiting, None, None, endless.by, endless.words)
    taken = known.taken.get(backlog.site)
    rates = [bound for bound in bounds if bound.per_second]
    if taken is None and not rates:
        return SiteForecast(backlog.site, waiting, None, None, "unknown", "nothing was sent there lately.")
    begin = max((bound for bound in bounds), key=lambda bound: bound.not_before, default=None)
    start = max(known.now, begin.not_before if begin else 0.0)
    fast, slow, by, words = _speed(taken, rates)
    if slow <= 0:
        return SiteForecast(backlog.site, waiting, None, None, "receiver", "it takes nothing at the moment.")
    most = waiting + backlog.ahead
    earliest, latest = start + most / fast, max(start + most / slow, backlog.last_due if backlog.deferred else 0.0)
    if begin is not None and begin.not_before - known.now > most / slow:
        by, words = begin.by, begin.words
    elif backlog.deferred and latest == backlog.last_due:
        by, words = "retries", f"{backlog.deferred:,} were put off by the receiver and wait for their next try."
    elif backlog.ahead > waiting:
        by, words = "other campaigns", f"{backlog.ahead:,} messages of other campaigns share the way."
    days = _days(known.rooms.get(backlog.site, ()), waiting)
    if days:
        midnight = (known.now // DAY + days) * DAY
        return SiteForecast(
            backlog.site, waiting, max(earliest, midnight), max(latest, midnight + DAY), "warm-up",
            f"warm-up spreads them over {days + 1} days, if every day goes well.",
        )  # fmt: skip
    return SiteForecast(backlog.site, waiting, earliest, latest, by, words)


def _speed(taken: Taken | None, rates: Sequence[Bound]) -> tuple[float, float, str, str]:
    """(fast, slow) messages a second, what limits them, in words."""
    limit = min(rates, key=lambda bound: bound.per_second or 0.0, default=None)
    most = limit.per_second if limit is not None else None
    if taken is None:
        assert limit is not None and most is not None
        return most, most / WORSE, limit.by, limit.words
    width = 2.0 if taken.answered < LITTLE else 1.0
    fast, slow = taken.speed * BETTER * width, taken.speed / (WORSE * width)
    if most is not None and taken.speed >= 0.8 * most:
        return max(most, slow), slow, limit.by if limit else "", limit.words if limit else ""
    words = f"it takes {taken.speed:,.1f} messages a second."
    return (min(fast, most) if most else fast), slow, "receiver", words


def _days(rooms: Sequence[int | None], waiting: int) -> int:
    """How many days after today the last of them has room; 0: today, or no warm-up."""
    for ahead, room in enumerate(rooms):
        if room is None or waiting <= room:
            return ahead
        waiting -= room
    return len(rooms)
