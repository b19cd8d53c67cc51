"""The figures of campaigns: as a part of the campaign, and for tokens that may read reports only."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.campaigns import CampaignLine, line
from lettershop.servers.web.api.frame import Cursor, HaveMarketing, Id, Limit, Output, Page, may, place
from lettershop.servers.web.api.moments import told, told_always

router = APIRouter(prefix="/campaigns", tags=["campaigns"])
report_router = APIRouter(prefix="/reports", tags=["reports"])
Reader = Annotated[Caller, may("campaigns")]
ReportReader = Annotated[Caller, may("reports")]


class Link(Output):
    """A tracked link."""

    number: int
    url: str
    label: str
    people: int
    hits: int
    machine_hits: int


class Provider(Output):
    """One receiving domain or provider."""

    provider: str
    sent: int
    delivered: int
    bounced_hard: int
    bounced_soft: int
    waiting: int
    opened: int
    clicked: int
    complained: int


class Bounces(Output):
    """One reason of bounces."""

    reason: str
    hard: bool
    count: int
    example: str
    advice: str


class Step(Output):
    """A step of the time curve."""

    at: str
    delivered: int
    opened: int
    clicked: int


class Latency(Output):
    """Milliseconds from hand-over to acceptance."""

    p50: float
    p95: float
    p99: float


class Report(Output):
    """All counts are people, but for hits. sent = delivered + bounced_hard + bounced_soft + waiting."""

    campaign_id: int
    name: str
    subject: str
    state: str
    started_at: str | None
    finished_at: str | None
    recipients: int
    queued: int
    sent: int
    delivered: int
    bounced_hard: int
    bounced_soft: int
    waiting: int
    withheld: int
    opened: int
    opened_by_machine: int
    clicked: int
    clicked_by_machine: int
    unsubscribed: int
    complained: int
    replied: int
    anonymous_opens: int
    anonymous_clicks: int
    latency_ms: Latency
    links: list[Link]
    providers: list[Provider]
    bounces: list[Bounces]
    curve: list[Step]


async def _report(have: Any, workspace_id: int, campaign_id: int) -> Report:
    found = await have.reports.report(workspace_id, campaign_id)
    values = {name: value for name, value in asdict(found).items() if name in Report.model_fields}
    for name in ("started_at", "finished_at"):
        values[name] = told(values[name])
    values["curve"] = [{**step, "at": told_always(step["at"])} for step in values["curve"]]
    return Report.model_validate(values)


@router.get("/{campaign_id:int}/report")
async def report(caller: Reader, have: HaveMarketing, campaign_id: Id) -> Report:
    """The figures of the campaign."""
    return await _report(have, caller.workspace_id, campaign_id)


@report_router.get("/campaigns/{campaign_id:int}")
async def campaign_report(caller: ReportReader, have: HaveMarketing, campaign_id: Id) -> Report:
    """The same figures, for tokens that may read reports only."""
    return await _report(have, caller.workspace_id, campaign_id)


@report_router.get("/campaigns")
async def campaign_reports(
    caller: ReportReader,
    have: HaveMarketing,
    cursor: Cursor = None,
    limit: Limit = 50,
    state: Annotated[
        Literal["draft", "scheduled", "recurring", "sending", "paused", "done", "cancelled"] | None, Query()
    ] = None,
) -> Page[CampaignLine]:
    """The funnels of the campaigns, newest first."""
    found = await have.lines.page(caller.workspace_id, before=place(cursor) if cursor else None, limit=limit)
    last = f"c{found[-1].id}" if len(found) == limit else None
    items = [line(row) for row in found if state is None or row.state == state]
    return Page[CampaignLine](items=items, next_cursor=last)
