"""Who must not be written to, and why."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.addresses import EMAIL
from lettershop.servers.web.api.frame import HaveMarketing, Input, Limit, Output, Page, Search, may, words
from lettershop.servers.web.api.moments import told_always
from lettershop.store.suppressions import Suppression as Row

router = APIRouter(prefix="/suppressions", tags=["suppressions"])
Reader = Annotated[Caller, may("suppressions")]
Writer = Annotated[Caller, may("suppressions", write=True)]

AddressPath = Annotated[str, EMAIL]
After = Annotated[str, Query(pattern=r"^[^\x00]*$", max_length=320, description="`next_cursor` of the page before.")]


class NewSuppression(Input):
    """An address to write to no more. The first reason and date of an address stay."""

    email: Annotated[str, EMAIL]
    reason: Literal["manual", "hard-bounce", "complaint", "unsubscribed"] = "manual"
    detail: Annotated[str, words(300)] = ""


class Suppression(Output):
    """An entry. `campaign_id`: the campaign that led to it."""

    email: str
    reason: str
    detail: str
    campaign_id: int | None
    at: str


def _entry(row: Row) -> Suppression:
    return Suppression(
        email=row.email_key, reason=row.reason, detail=row.detail, campaign_id=row.campaign_id, at=told_always(row.at)
    )


@router.get("")
async def list_(
    caller: Reader, have: HaveMarketing, cursor: After = "", limit: Limit = 50, query: Search = ""
) -> Page[Suppression]:
    """By address."""
    found = await have.people.suppressions(caller.workspace_id, after=cursor, query=query, limit=limit)
    last = found[-1].email_key if len(found) == limit else None
    return Page[Suppression](items=[_entry(row) for row in found], next_cursor=last)


@router.post("", status_code=201)
async def add(caller: Writer, have: HaveMarketing, new: NewSuppression) -> Suppression:
    """Write to an address no more."""
    return _entry(await have.people.suppress(caller.workspace_id, new.email, new.reason, new.detail))


@router.get("/{email}")
async def get(caller: Reader, have: HaveMarketing, email: AddressPath) -> Suppression:
    """One entry."""
    return _entry(await have.people.suppression(caller.workspace_id, email))


@router.delete("/{email}", status_code=204)
async def lift(caller: Writer, have: HaveMarketing, email: AddressPath) -> None:
    """Take an entry away: the address may be written to again."""
    await have.people.lift(caller.workspace_id, email)
