"""Campaigns: written, checked, scheduled, paused, resumed, cancelled; their report and recipients. And brands."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.addresses import EMAIL, EMAIL_PATTERN
from lettershop.servers.web.api.frame import (
    Cursor,
    Document,
    Format,
    HaveMarketing,
    Id,
    Input,
    Limit,
    Moment,
    Name,
    Output,
    Page,
    Search,
    may,
    place,
    words,
)
from lettershop.servers.web.api.moments import told, told_always

router = APIRouter(prefix="/campaigns", tags=["campaigns"])
brand_router = APIRouter(prefix="/brands", tags=["brands"])
report_router = APIRouter(prefix="/reports", tags=["reports"])
Reader = Annotated[Caller, may("campaigns")]
Writer = Annotated[Caller, may("campaigns", write=True)]
ReportReader = Annotated[Caller, may("reports")]
BrandReader = Annotated[Caller, may("brands")]
BrandWriter = Annotated[Caller, may("brands", write=True)]

Line = Annotated[str, words(998, 1)]

Tracking = Literal["", "individual", "consented", "aggregate", "none"]


class NewCampaign(Input):
    """A campaign to write. `brand` and `list` by name; `segment` in words, empty for the whole list."""

    name: Name
    subject: Line
    brand: Name
    html: Annotated[str, words(2_000_000, 1)]
    list: Annotated[str, words(200)] = ""
    segment: Annotated[str, words(10_000)] = ""
    preheader: Annotated[str, words(998)] = ""
    text: Document = ""
    format: Format = "html"
    track_opens: bool = True
    track_clicks: bool = True
    tracking: Tracking = ""


class ChangedCampaign(Input):
    """Fields of a draft to change; what is not named stays."""

    name: Name | None = None
    subject: Line | None = None
    brand: Name | None = None
    html: Annotated[str, words(2_000_000, 1)] | None = None
    list: Annotated[str, words(200)] | None = None
    segment: Annotated[str, words(10_000)] | None = None
    preheader: Annotated[str, words(998)] | None = None
    text: Document | None = None
    format: Format | None = None
    track_opens: bool | None = None
    track_clicks: bool | None = None
    tracking: Tracking | None = None


class Figures(Output):
    """The funnel: people each."""

    sent: int
    delivered: int
    bounced: int
    opened: int
    clicked: int
    replied: int
    unsubscribed: int
    complained: int


class CampaignLine(Output):
    """A campaign in a list."""

    id: int
    name: str
    subject: str
    state: str
    created_at: str
    scheduled_at: str | None
    started_at: str | None
    finished_at: str | None
    recipients: int
    figures: Figures


class Campaign(Output):
    """A campaign with its content."""

    id: int
    name: str
    subject: str
    brand: str
    html: str
    list: str
    segment: str
    preheader: str
    text: str
    format: str
    track_opens: bool
    track_clicks: bool
    tracking: str
    state: str
    created_at: str
    scheduled_at: str | None
    started_at: str | None
    finished_at: str | None
    recipients: int


class When(Input):
    """When to send; null or absent: now."""

    at: Moment | None = None


class Finding(Output):
    """A result of the check. An `error` keeps the campaign from being sent."""

    code: str
    severity: Literal["error", "warning"]
    words: str
    remedy: str


class Checked(Output):
    """The check before sending."""

    ready: bool
    findings: list[Finding]


class Recipient(Output):
    """A recipient and what became of the message."""

    envelope_id: int
    contact_id: int | None
    address: str
    name: str
    state: str
    attempts: int
    at: str | None
    due_at: str | None
    answer: str
    opened_at: str | None
    machine_opened_at: str | None
    clicked_at: str | None
    unsubscribed_at: str | None
    complained_at: str | None
    replied_at: str | None


def _campaign(written: Any) -> Campaign:
    campaign, draft = written.campaign, written.draft
    content = asdict(draft)
    content["list"] = content.pop("list_name")
    times = {
        name: told(getattr(campaign, name)) for name in ("created_at", "scheduled_at", "started_at", "finished_at")
    }
    return Campaign(id=campaign.id, state=campaign.state, recipients=campaign.recipients, **content, **times)


def _line(row: Any) -> CampaignLine:
    times = {name: told(getattr(row, name)) for name in ("created_at", "scheduled_at", "started_at", "finished_at")}
    return CampaignLine(
        id=row.id, name=row.name, subject=row.subject, state=row.state, recipients=row.recipients,
        figures=Figures.model_validate(row), **times,
    )  # fmt: skip


def _values(body: Input) -> dict[str, Any]:
    given = body.model_dump(exclude_none=True)
    if "list" in given:
        given["list_name"] = given.pop("list")
    return given


@router.get("")
async def list_(
    caller: Reader, have: HaveMarketing, cursor: Cursor = None, limit: Limit = 50, query: Search = ""
) -> Page[CampaignLine]:
    """Newest first."""
    found = await have.lines.page(
        caller.workspace_id, query=query, before=place(cursor) if cursor else None, limit=limit
    )
    last = f"c{found[-1].id}" if len(found) == limit else None
    return Page[CampaignLine](items=[_line(row) for row in found], next_cursor=last)


@router.post("", status_code=201)
async def create(caller: Writer, have: HaveMarketing, new: NewCampaign) -> Campaign:
    """Write a draft."""
    return _campaign(await have.campaigns.create(caller.workspace_id, _values(new)))


@router.get("/{campaign_id:int}")
async def get(caller: Reader, have: HaveMarketing, campaign_id: Id) -> Campaign:
    """One campaign."""
    return _campaign(await have.campaigns.get(caller.workspace_id, campaign_id))


@router.patch("/{campaign_id:int}")
async def change(caller: Writer, have: HaveMarketing, campaign_id: Id, changed: ChangedCampaign) -> Campaign:
    """Change a draft."""
    return _campaign(await have.campaigns.change(caller.workspace_id, campaign_id, _values(changed)))


@router.delete("/{campaign_id:int}", status_code=204)
async def remove(caller: Writer, have: HaveMarketing, campaign_id: Id) -> None:
    """Delete a draft."""
    await have.campaigns.remove(caller.workspace_id, campaign_id)


@router.get("/{campaign_id:int}/check")
async def check(caller: Reader, have: HaveMarketing, campaign_id: Id) -> Checked:
    """What keeps it from being sent, and what should be looked at."""
    findings = await have.campaigns.check(caller.workspace_id, campaign_id)
    ready = all(finding.severity != "error" for finding in findings)
    return Checked(ready=ready, findings=[Finding.model_validate(finding) for finding in findings])


@router.post("/{campaign_id:int}/schedule")
async def schedule(caller: Writer, have: HaveMarketing, campaign_id: Id, when: When) -> Campaign:
    """Send it at a time, or now. The check comes first; what it finds stands in `findings` of the problem."""
    at = when.at.timestamp() if when.at else None
    return _campaign(await have.campaigns.schedule(caller.workspace_id, campaign_id, at, by=caller.by))


@router.post("/{campaign_id:int}/unschedule")
async def unschedule(caller: Writer, have: HaveMarketing, campaign_id: Id) -> Campaign:
    """Back to a draft."""
    return _campaign(await have.campaigns.act(caller.workspace_id, campaign_id, "unschedule", by=caller.by))


@router.post("/{campaign_id:int}/pause")
async def pause(caller: Writer, have: HaveMarketing, campaign_id: Id) -> Campaign:
    """Send nothing more for now."""
    return _campaign(await have.campaigns.act(caller.workspace_id, campaign_id, "pause", by=caller.by))


@router.post("/{campaign_id:int}/resume")
async def resume(caller: Writer, have: HaveMarketing, campaign_id: Id) -> Campaign:
    """Go on."""
    return _campaign(await have.campaigns.act(caller.workspace_id, campaign_id, "resume", by=caller.by))


@router.post("/{campaign_id:int}/cancel")
async def cancel(caller: Writer, have: HaveMarketing, campaign_id: Id) -> Campaign:
    """Send nothing more, ever."""
    return _campaign(await have.campaigns.act(caller.workspace_id, campaign_id, "cancel", by=caller.by))


@router.get("/{campaign_id:int}/recipients")
async def recipients(
    caller: Reader, have: HaveMarketing, campaign_id: Id, cursor: Cursor = None, limit: Limit = 50, query: Search = ""
) -> Page[Recipient]:
    """Whom it was for, and what became of each."""
    found = await have.reports.recipients(
        caller.workspace_id, campaign_id, query=query, after=place(cursor), limit=limit
    )
    last = f"c{found[-1].envelope_id}" if len(found) == limit else None
    return Page[Recipient](items=[_recipient(row) for row in found], next_cursor=last)


def _recipient(row: Any) -> Recipient:
    values = asdict(row)
    times = {name: told(value) for name, value in values.items() if name == "at" or name.endswith("_at")}
    return Recipient(**{**values, **times})


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
    state: Annotated[Literal["draft", "scheduled", "sending", "paused", "done", "cancelled"] | None, Query()] = None,
) -> Page[CampaignLine]:
    """The funnels of the campaigns, newest first."""
    found = await have.lines.page(caller.workspace_id, before=place(cursor) if cursor else None, limit=limit)
    last = f"c{found[-1].id}" if len(found) == limit else None
    items = [_line(row) for row in found if state is None or row.state == state]
    return Page[CampaignLine](items=items, next_cursor=last)


class BrandFields(Input):
    """A brand's fields."""

    from_name: Annotated[str, words(200, 1)]
    from_address: Annotated[str, EMAIL]
    reply_to: Annotated[str, Field(pattern=rf"^$|{EMAIL_PATTERN}")] = ""
    postal_address: Annotated[str, words(500)] = ""


class NewBrand(BrandFields):
    """A brand to make or to bring up to date, by its name."""

    name: Name


class Brand(Output):
    """Who mail is from."""

    id: int
    name: str
    from_name: str
    from_address: str
    reply_to: str
    postal_address: str


@brand_router.get("")
async def brands(caller: BrandReader, have: HaveMarketing) -> Page[Brand]:
    """The brands, by name."""
    found = await have.brands.all(caller.workspace_id)
    return Page[Brand](items=[Brand.model_validate(one) for one in found], next_cursor=None)


@brand_router.post("", status_code=201)
async def put_brand(caller: BrandWriter, have: HaveMarketing, new: NewBrand) -> Brand:
    """Make a brand, or bring the one of this name up to date."""
    values = new.model_dump(exclude={"name"})
    return Brand.model_validate(await have.brands.put(caller.workspace_id, new.name, values))
