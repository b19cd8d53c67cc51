"""What the hits of one recipient on one message count for. [pure]

All hits of an envelope > `verdict.judge` > `measure`: counters, first moments, links followed. A figure is always a function
of all that was observed, so a verdict that changes (by a later hit, by a later 250, by better rules) changes the figures
by the difference and nothing is counted twice. `marketing.tally` runs it for new facts, `marketing.recompute` for old ones.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lettershop.marketing.verdict import PIXEL, Hit, Receiver, Verdict, device, judge
from lettershop.store.hits import KeptHit

MOST = 200
"""Hits of one recipient on one message that are judged and counted; more than that nobody does by hand."""

_CURVE = ((300.0, 2), (3600.0, 30), (86_400.0, 600), (float("inf"), 3600))
"""Until so many seconds after the start, the time curve has steps of so many seconds."""

Figure = tuple[str, str, str]
"""(what, dimension, value)"""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where a message went. `site`: the recipient's domain."""

    site: str
    started_at: float | None


@dataclass(slots=True)
class Measured:
    """What the hits count for. `moments`: the first of each kind; `followed`: first moment by link."""

    counters: Counter[Figure] = field(default_factory=Counter)
    moments: dict[str, float] = field(default_factory=dict)
    followed: dict[int, float] = field(default_factory=dict)


def rejudge(hits: Sequence[KeptHit], receiver: Receiver) -> list[KeptHit]:
    """The hits with their verdicts of now. Of an erased person the raw request is gone: those keep theirs."""
    seen = [Hit(hit.at, hit.link, hit.user_agent, hit.headers, hit.method) for hit in hits]
    verdicts = judge(seen, receiver)
    return [hit if hit.settled else judged(hit, verdict) for hit, verdict in zip(hits, verdicts, strict=True)]


def judged(hit: KeptHit, verdict: Verdict) -> KeptHit:
    """The hit with a verdict."""
    return hit.with_verdict(verdict.machine, verdict.score, verdict.words, device(hit.user_agent))


def measure(hits: Iterable[KeptHit], envelope: Envelope) -> Measured:
    """Count them; each has its verdict."""
    found = Measured()
    for hit in sorted(hits, key=lambda hit: (hit.at, hit.fact_id)):
        (_click if hit.link != PIXEL else _open)(found, hit, envelope)
    return found


def _open(found: Measured, hit: KeptHit, envelope: Envelope) -> None:
    found.counters["machine_open_hits" if hit.machine else "open_hits", "", ""] += 1
    if hit.machine:
        if "machine_opened_at" not in found.moments:
            found.moments["machine_opened_at"] = hit.at
            found.counters["opened_by_machine", "", ""] += 1
    elif "opened_at" not in found.moments:
        found.moments["opened_at"] = hit.at
        _person(found, "opened", hit, envelope)


def _click(found: Measured, hit: KeptHit, envelope: Envelope) -> None:
    found.counters["link_machine_hits" if hit.machine else "link_hits", "link", str(hit.link)] += 1
    if hit.machine:
        if "machine_clicked_at" not in found.moments:
            found.moments["machine_clicked_at"] = hit.at
            found.counters["clicked_by_machine", "", ""] += 1
        return
    if "clicked_at" not in found.moments:
        found.moments["clicked_at"] = hit.at
        _person(found, "clicked", hit, envelope)
    if hit.link not in found.followed:
        found.followed[hit.link] = hit.at
        found.counters["link_people", "link", str(hit.link)] += 1


def _person(found: Measured, what: str, hit: KeptHit, envelope: Envelope) -> None:
    """The first time that a person did it: in all, and by every dimension."""
    count = found.counters
    count[what, "", ""] += 1
    count[what, "provider", envelope.site] += 1
    count[what, "device", hit.device] += 1
    count[what, "hour", hour_of(hit.at)] += 1
    count[what, "moment", str(curve_step(hit.at, envelope.started_at))] += 1


def hour_of(at: float) -> str:
    """The hour of the day, UTC."""
    return str(datetime.fromtimestamp(at, UTC).hour)


def curve_step(at: float, started_at: float | None) -> int:
    """The beginning of the step of the time curve in which `at` lies, seconds since the epoch."""
    elapsed = at - (started_at or 0.0)
    step = next(width for until, width in _CURVE if elapsed < until)
    return int(at // step) * step
