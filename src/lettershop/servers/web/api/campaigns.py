"""Campaigns: written, checked, scheduled, paused, resumed, cancelled; their recipients."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import Field

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.frame import (
    INTEGRAL,
    LARGEST_IN_JSON,
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
    Variants,
    may,
    place,
    variants_of,
    words,
)
from lettershop.servers.web.api.moments import told, told_always

router = APIRouter(prefix="/campaigns", tags=["campaigns"])
Reader = Annotated[Caller, may("campaigns")]
Writer = Annotated[Caller, may("campaigns", write=True)]

Line = Annotated[str, words(998, 1)]

Utm = dict[Literal["source", "medium", "campaign", "term", "content", "id"], Annotated[str, words(200)]]
Untracked = Annotated[list[Annotated[str, words(500, 1)]], Field(max_length=200)]
Texts = list[str]
Hourly = Annotated[int, Field(ge=0, le=1_000_000_000), INTEGRAL]
Tracking = Literal["", "individual", "consented", "aggregate", "none"]


Archived = Literal["", "yes", "no"]


class Enclosure(Input):
    """A medium that goes with the message: a picture that the HTML shows as cid:NAME, or an attachment."""

    media_id: Annotated[int, Field(ge=1, le=LARGEST_IN_JSON), INTEGRAL]
    inline: bool = False


EnclosureList = list[Enclosure]
Files = Annotated[EnclosureList, Field(max_length=20)]


class NewCampaign(Input):
    """A campaign to write. `brand` and `list` by name; `segment` in words, empty for the whole list.

    `hourly`: most messages an hour, 0: no limit. `local_zone`, such as Europe/Berlin: it goes out at everybody's own time, by
    the subscriber's attribute `zone_attribute`; who has none counts as being there. `utm` is added to links; those of
    `untracked` (hosts, or beginnings of addresses) lead straight to their target. `layout` stands
    round the body; `variants` are what differs in other languages, for subscribers whose `language_attribute` names one.
    `archive`: in that of its list; empty: if it went to all of it.
    """

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
    hourly: Hourly = 0
    local_zone: Annotated[str, words(64)] = ""
    zone_attribute: Annotated[str, words(200, 1)] = "timezone"
    utm: Utm = Field(default_factory=dict)
    untracked: Untracked = Field(default_factory=Texts)
    layout: Annotated[str, words(200)] = ""
    variants: Variants = Field(default_factory=dict)
    language_attribute: Annotated[str, words(200, 1)] = "language"
    files: Files = Field(default_factory=EnclosureList)
    archive: Archived = ""


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
    hourly: Hourly | None = None
    local_zone: Annotated[str, words(64)] | None = None
    zone_attribute: Annotated[str, words(200, 1)] | None = None
    utm: Utm | None = None
    untracked: Untracked | None = None
    layout: Annotated[str, words(200)] | None = None
    variants: Variants | None = None
    language_attribute: Annotated[str, words(200, 1)] | None = None
    files: Files | None = None
    archive: Archived | None = None


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


class Repeats(Output):
    """How a campaign comes again: every so many of `unit` from `first` on, by the clock of `zone`, not after `until`."""

    every: int
    unit: str
    first: str
    zone: str
    until: str | None


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
    hourly: int
    local_zone: str
    zone_attribute: str
    utm: dict[str, str]
    untracked: Texts
    layout: str
    variants: dict[str, dict[str, str]]
    language_attribute: str
    files: EnclosureList
    archive: str
    repeat: Repeats | None
    series_id: int | None
    resend_of: int | None
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


def told_campaign(written: Any) -> Campaign:
    """A campaign as it is told."""
    campaign, draft = written.campaign, written.draft
    content = asdict(draft)
    content["list"] = content.pop("list_name")
    times = {
        name: told(getattr(campaign, name)) for name in ("created_at", "scheduled_at", "started_at", "finished_at")
    }
    rule = campaign.repeat
    repeats = {**rule, "first": told_always(rule["first"]), "until": told(rule["until"])} if rule else None
    return Campaign(
        id=campaign.id, state=campaign.state, recipients=campaign.recipients, series_id=campaign.series_id,
        resend_of=campaign.resend_of, repeat=Repeats.model_validate(repeats) if repeats else None, **content, **times,
    )  # fmt: skip


def line(row: Any) -> CampaignLine:
    """A row of the list as it is told."""
    times = {name: told(getattr(row, name)) for name in ("created_at", "scheduled_at", "started_at", "finished_at")}
    return CampaignLine(
        id=row.id, name=row.name, subject=row.subject, state=row.state, recipients=row.recipients,
        figures=Figures.model_validate(row), **times,
    )  # fmt: skip


def _values(body: Input) -> dict[str, Any]:
    given = body.model_dump(exclude_none=True)
    given |= variants_of(body)
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
    return Page[CampaignLine](items=[line(row) for row in found], next_cursor=last)


@router.post("", status_code=201)
async def create(caller: Writer, have: HaveMarketing, new: NewCampaign) -> Campaign:
    """Write a draft."""
    return told_campaign(await have.campaigns.create(caller.workspace_id, _values(new)))


@router.get("/{campaign_id:int}")
async def get(caller: Reader, have: HaveMarketing, campaign_id: Id) -> Campaign:
    """One campaign."""
    return told_campaign(await have.campaigns.get(caller.workspace_id, campaign_id))


@router.patch("/{campaign_id:int}")
async def change(caller: Writer, have: HaveMarketing, campaign_id: Id, changed: ChangedCampaign) -> Campaign:
    """Change a draft."""
    return told_campaign(await have.campaigns.change(caller.workspace_id, campaign_id, _values(changed)))


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
    return told_campaign(await have.campaigns.schedule(caller.workspace_id, campaign_id, at, by=caller.by))


@router.post("/{campaign_id:int}/unschedule")
async def unschedule(caller: Writer, have: HaveMarketing, campaign_id: Id) -> Campaign:
    """Back to a draft."""
    return told_campaign(await have.campaigns.act(caller.workspace_id, campaign_id, "unschedule", by=caller.by))


@router.post("/{campaign_id:int}/pause")
async def pause(caller: Writer, have: HaveMarketing, campaign_id: Id) -> Campaign:
    """Send nothing more for now."""
    return told_campaign(await have.campaigns.act(caller.workspace_id, campaign_id, "pause", by=caller.by))


@router.post("/{campaign_id:int}/resume")
async def resume(caller: Writer, have: HaveMarketing, campaign_id: Id) -> Campaign:
    """Go on."""
    return told_campaign(await have.campaigns.act(caller.workspace_id, campaign_id, "resume", by=caller.by))


@router.post("/{campaign_id:int}/cancel")
async def cancel(caller: Writer, have: HaveMarketing, campaign_id: Id) -> Campaign:
    """Send nothing more, ever."""
    return told_campaign(await have.campaigns.act(caller.workspace_id, campaign_id, "cancel", by=caller.by))


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
