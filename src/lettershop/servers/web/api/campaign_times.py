"""When and how fast campaigns go: their pace, again and again, and once more to those who did not open."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.campaigns import Campaign, Hourly, Line, told_campaign
from lettershop.servers.web.api.frame import INTEGRAL, HaveMarketing, Id, Input, Moment, Output, Page, may, words
from lettershop.servers.web.api.moments import told

router = APIRouter(prefix="/campaigns", tags=["campaigns"])
Reader = Annotated[Caller, may("campaigns")]
Writer = Annotated[Caller, may("campaigns", write=True)]


class Throttle(Input):
    """Most messages an hour; 0: no limit."""

    hourly: Hourly


class Repeat(Input):
    """Every so many of `unit` from `first` on (a moment to come, or one that sets the time of day), not after `until`."""

    every: Annotated[int, Field(ge=1, le=366), INTEGRAL] = 1
    unit: Literal["day", "week", "month"]
    first: Moment
    zone: Annotated[str, words(64, 1)] = "UTC"
    until: Moment | None = None


class Again(Input):
    """Once more, with another subject. `name` empty: the name of the first one, with "(again)"."""

    subject: Line
    name: Annotated[str, words(200)] = ""


class Run(Output):
    """A run of a recurring campaign."""

    id: int
    name: str
    state: str
    scheduled_at: str | None
    started_at: str | None
    finished_at: str | None
    recipients: int


@router.post("/{campaign_id:int}/throttle")
async def throttle(caller: Writer, have: HaveMarketing, campaign_id: Id, wanted: Throttle) -> Campaign:
    """Change its pace, also while it is being sent."""
    return told_campaign(await have.campaigns.throttle(caller.workspace_id, campaign_id, wanted.hourly, by=caller.by))


@router.post("/{campaign_id:int}/repeat")
async def repeat(caller: Writer, have: HaveMarketing, campaign_id: Id, rule: Repeat) -> Campaign:
    """Send it again and again: each run is a campaign of its own with its own report. `unschedule` ends it."""
    values = {
        "every": rule.every, "unit": rule.unit, "first": rule.first.timestamp(), "zone": rule.zone,
        "until": rule.until.timestamp() if rule.until else None,
    }  # fmt: skip
    return told_campaign(await have.campaigns.repeat(caller.workspace_id, campaign_id, values, by=caller.by))


@router.get("/{campaign_id:int}/runs")
async def runs(caller: Reader, have: HaveMarketing, campaign_id: Id) -> Page[Run]:
    """What a recurring campaign has sent so far, the newest first."""
    found = await have.campaigns.runs(caller.workspace_id, campaign_id)
    items = [
        Run(
            id=one.id, name=one.name, state=one.state, recipients=one.recipients, scheduled_at=told(one.scheduled_at),
            started_at=told(one.started_at), finished_at=told(one.finished_at),
        )
        for one in found
    ]  # fmt: skip
    return Page[Run](items=items, next_cursor=None)


@router.post("/{campaign_id:int}/resend", status_code=201)
async def resend(caller: Writer, have: HaveMarketing, campaign_id: Id, again: Again) -> Campaign:
    """A draft for the people whom this campaign reached and who did not open, click or answer it."""
    return told_campaign(await have.campaigns.resend(caller.workspace_id, campaign_id, again.subject, again.name))
