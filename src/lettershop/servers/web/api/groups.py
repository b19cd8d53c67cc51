"""Figures of groups of people: a campaign's recipients in a segment; people by the time at which they joined."""

import csv
import io
from dataclasses import astuple
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.frame import HaveMarketing, Id, Output, may
from lettershop.servers.web.api.moments import told_always

router = APIRouter(prefix="/reports", tags=["reports"])
Reader = Annotated[Caller, may("reports")]


class SegmentFigures(Output):
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


@router.get("/campaigns/{campaign_id:int}/segments/{segment_id:int}")
async def of_segment(caller: Reader, have: HaveMarketing, campaign_id: Id, segment_id: Id) -> SegmentFigures:
    """A campaign among the people of a segment."""
    found = await have.groups.of_segment(caller.workspace_id, campaign_id, segment_id)
    return SegmentFigures.model_validate(found)


class Period(Output):
    """What the people of a cohort did in a period; `number` 0 is the one in which they joined. Each is counted once in it."""

    number: int
    delivered: int
    opened: int
    clicked: int
    replied: int
    unsubscribed: int


class Cohort(Output):
    """People who joined from `start` until the next cohort, as far as they are still known."""

    start: str
    people: int
    periods: list[Period]


class Cohorts(Output):
    """The oldest first. Months begin on the first, weeks on Monday, UTC."""

    by: Literal["month", "week"]
    cohorts: list[Cohort]


@router.get(
    "/cohorts",
    response_model=Cohorts,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def cohorts(
    caller: Reader,
    have: HaveMarketing,
    by: Annotated[Literal["month", "week"], Query()] = "month",
    last: Annotated[int, Query(ge=1, le=24)] = 12,
    form: Annotated[Literal["json", "csv"], Query()] = "json",
) -> Cohorts | Response:
    """Who joined when, and what became of them since."""
    found = await have.groups.cohorts(caller.workspace_id, by, last)
    if form == "json":
        told = [
            Cohort(
                start=told_always(one.start), people=one.people, periods=[Period.model_validate(p) for p in one.periods]
            )
            for one in found
        ]
        return Cohorts(by=by, cohorts=told)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["start", "people", *Period.model_fields])
    for one in found:
        writer.writerows([told_always(one.start), one.people, *astuple(period)] for period in one.periods)
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8")
