"""Reports beyond one campaign's own: by provider, device and hour, beside the median; lists; the workspace; as a file."""

import csv
import io
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.frame import HaveMarketing, Id, Output, may

router = APIRouter(prefix="/reports", tags=["reports"])
Reader = Annotated[Caller, may("reports")]


class Share(Output):
    """People who opened and clicked, by a value."""

    value: str
    opened: int
    clicked: int


class ByProvider(Output):
    """Who receives for these domains, known from their MX; "unknown" where nobody has looked yet."""

    provider: str
    domains: int
    delivered: int
    bounced_hard: int
    bounced_soft: int
    waiting: int
    opened: int
    clicked: int
    complained: int


class Rates(Output):
    """Shares, 0 to 1: delivered of sent, the others of delivered."""

    delivered: float
    opened: float
    clicked: float
    replied: float
    unsubscribed: float
    complained: float


class Breakdown(Output):
    """A campaign in pieces. Hours are of the day, UTC. `usual`: the median of the `compared` campaigns before this one."""

    campaign_id: int
    devices: list[Share]
    hours: list[Share]
    providers: list[ByProvider]
    rates: Rates
    usual: Rates
    compared: int


class Together(Output):
    """Many campaigns together; people are counted once a campaign."""

    campaigns: int
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
    replied: int
    unsubscribed: int
    complained: int
    anonymous_opens: int
    anonymous_clicks: int
    rates: Rates


@router.get("/campaigns/{campaign_id:int}/breakdown")
async def breakdown(caller: Reader, have: HaveMarketing, campaign_id: Id) -> Breakdown:
    """By provider, device and hour, and how it compares with what is usual."""
    return Breakdown.model_validate(await have.breakdowns.of_campaign(caller.workspace_id, campaign_id))


@router.get("/lists/{list_id:int}")
async def of_list(caller: Reader, have: HaveMarketing, list_id: Id) -> Together:
    """All campaigns that went to a list."""
    return Together.model_validate(await have.breakdowns.of_list(caller.workspace_id, list_id))


@router.get("/workspace")
async def of_workspace(caller: Reader, have: HaveMarketing) -> Together:
    """All campaigns."""
    return Together.model_validate(await have.breakdowns.of_workspace(caller.workspace_id))


class Figure(Output):
    """One counter: `what` was counted, by which `dimension` ("": in all) and which `value` of it."""

    what: str
    dimension: str
    value: str
    count: int


@router.get(
    "/campaigns/{campaign_id:int}/export",
    response_model=list[Figure],
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def export(
    caller: Reader, have: HaveMarketing, campaign_id: Id, form: Annotated[Literal["json", "csv"], Query()] = "json"
) -> list[Figure] | Response:
    """Every figure of a campaign as it was counted."""
    rows = await have.breakdowns.rows(caller.workspace_id, campaign_id)
    if form == "json":
        return [
            Figure(what=what, dimension=dimension, value=value, count=count) for what, dimension, value, count in rows
        ]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["what", "dimension", "value", "count"])
    writer.writerows(rows)
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8")
