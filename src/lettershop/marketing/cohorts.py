"""Figures of groups of people: by the month or week in which they joined, and of those in a segment.

    cohorts   joined in March: 1,200; in the first month after 900 got mail, 410 opened, 12 left; in the second …
    segment   of the recipients of a campaign, those who are in a segment now: delivered, opened, clicked, …

They are counted when asked for, from what is kept of each recipient (`store.cohorts`); all counts are people.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import NotFound
from lettershop.marketing.audience import resolve
from lettershop.store import campaigns, people, segments
from lettershop.store import cohorts as rows
from lettershop.store.column_codec import Array
from lettershop.store.database import Database
from lettershop.store.schema_delivery import BOUNCED, DELIVERED, EXPIRED, LEASED, QUEUED, WITHHELD

By = Literal["month", "week"]


@dataclass(frozen=True, slots=True)
class Period:
    """What the people of a cohort did in one period. `number`: 0 is the one in which they joined."""

    number: int
    delivered: int
    opened: int
    clicked: int
    replied: int
    unsubscribed: int


@dataclass(frozen=True, slots=True)
class Cohort:
    """People who joined between `start` and the next cohort's (seconds), as far as we still know them."""

    start: float
    people: int
    periods: tuple[Period, ...]


@dataclass(frozen=True, slots=True)
class SegmentFigures:
    """Those of a campaign's recipients who are in a segment now. `members`: all who are in it."""

    campaign_id: int
    segment_id: int
    segment: str
    members: int
    recipients: int
    queued: int
    delivered: int
    bounced: int
    withheld: int
    opened: int
    opened_by_machine: int
    clicked: int
    clicked_by_machine: int
    replied: int
    unsubscribed: int
    complained: int


class Groups:
    """What the API and the screens ask for; always within one workspace."""

    def __init__(self, main: Database, clock: Clock) -> None:
        self._main = main
        self._clock = clock

    async def cohorts(self, workspace_id: int, by: By, last: int) -> list[Cohort]:
        """The people who joined in the last so many months or weeks (this one counts), the oldest first."""
        return await self._main.read(_cohorts, workspace_id, edges(by, last, self._clock.now()))

    async def of_segment(self, workspace_id: int, campaign_id: int, segment_id: int) -> SegmentFigures:
        """A campaign's figures among a segment; raises NotFound."""
        return await self._main.read(_of_segment, workspace_id, campaign_id, segment_id, self._clock.now())


def edges(by: By, last: int, now: float) -> list[float]:
    """The bounds of the periods, UTC: months begin on the first, weeks on Monday (ISO 8601). [pure]"""
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if by == "week":
        monday = today - timedelta(days=today.weekday())
        return [(monday + timedelta(weeks=number)).timestamp() for number in range(1 - last, 2)]
    months = today.year * 12 + today.month - 1
    return [_first_of(months + number) for number in range(1 - last, 2)]


def _first_of(months: int) -> float:
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC).timestamp()


def _cohorts(conn: Connection, workspace_id: int, bounds: Sequence[float]) -> list[Cohort]:
    size = rows.joined(conn, workspace_id, bounds)
    counts: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    for one in rows.did(conn, workspace_id, bounds):
        counts[one.joined, one.period][one.what] = one.people
    last = len(bounds) - 1
    return [
        Cohort(
            bounds[cohort], size.get(cohort, 0),
            tuple(_period(at - cohort, counts[cohort, at]) for at in range(cohort, last)),
        )
        for cohort in range(last)
    ]  # fmt: skip


def _period(number: int, did: Counter[str]) -> Period:
    return Period(number, did["delivered"], did["opened"], did["clicked"], did["replied"], did["unsubscribed"])


def _of_segment(conn: Connection, workspace_id: int, campaign_id: int, segment_id: int, now: float) -> SegmentFigures:
    campaign = campaigns.by_id(conn, campaign_id)
    if campaign is None or campaign.workspace_id != workspace_id:
        raise NotFound("There is no such campaign.", code="campaign")
    segment = segments.by_id(conn, workspace_id, segment_id)
    if segment is None:
        raise NotFound("There is no such segment.", code="segment")
    tree = resolve(conn, workspace_id, {"op": "segment", "name": segment.name})
    members = people.ids(conn, workspace_id, tree, now)
    total: Counter[str] = Counter()
    for piece in rows.recipients(conn, campaign_id):
        total += _among(members, piece)
    return SegmentFigures(
        campaign_id=campaign_id, segment_id=segment_id, segment=segment.name, members=len(members),
        recipients=total["recipients"], queued=total["queued"], delivered=total["delivered"], bounced=total["bounced"],
        withheld=total["withheld"], opened=total["opened"], opened_by_machine=total["machine_opened"],
        clicked=total["clicked"], clicked_by_machine=total["machine_clicked"], replied=total["replied"],
        unsubscribed=total["unsubscribed"], complained=total["complained"],
    )  # fmt: skip


def _among(members: Array, piece: rows.Recipients) -> Counter[str]:
    """The figures of those recipients who are members."""
    here = np.isin(np.array(piece.contacts, np.int64), members, assume_unique=False)
    states = np.array(piece.states)[here]
    did = {deed: np.array(values, bool)[here] for deed, values in piece.did.items()}
    returned = did.pop("bounced") & (states == DELIVERED)  # it was accepted first
    total = Counter({deed: int(values.sum()) for deed, values in did.items()})
    total["recipients"] = int(here.sum())
    total["queued"] = int(np.isin(states, (QUEUED, LEASED)).sum())
    total["withheld"] = int((states == WITHHELD).sum())
    total["delivered"] = int(((states == DELIVERED) & ~returned).sum())
    total["bounced"] = int(np.isin(states, (BOUNCED, EXPIRED)).sum() + returned.sum())
    return total
