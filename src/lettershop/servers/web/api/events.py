"""Everything that happened, in order, as it is told to webhooks too: the logs of facts of the workspace.

There are two: `facts`, and `mail_facts` of what incoming mail told (replies, complaints, bounces that came later). Each has
its own ids and its own cursor.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BeforeValidator

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.frame import LARGEST, Cursor, Have, Limit, Output, Page, may, place, whole_number
from lettershop.servers.web.api.moments import told_always
from lettershop.store.factlog import Logged

router = APIRouter(prefix="/events", tags=["events"])
Reader = Annotated[Caller, may("events")]

Of = Annotated[int | None, Query(ge=1, le=LARGEST), BeforeValidator(whole_number)]


class Event(Output):
    """A thing that happened. `kind` and the names in `data` stay as they are; more may come."""

    log: str
    id: int
    at: str
    kind: str
    campaign_id: int | None
    contact_id: int | None
    envelope_id: int | None
    data: dict[str, Any]


def event(one: Logged) -> Event:
    """A logged fact as it is told."""
    fact = one.fact
    return Event(
        log="facts", id=one.id, at=told_always(fact.at), kind=fact.kind, campaign_id=fact.campaign_id,
        contact_id=fact.contact_id, envelope_id=fact.envelope_id, data=fact.data(),
    )  # fmt: skip


@router.get("")
async def list_(
    caller: Reader,
    have: Have,
    cursor: Cursor = None,
    limit: Limit = 50,
    campaign_id: Of = None,
    contact_id: Of = None,
    kind: Annotated[str | None, Query(pattern=r"^[A-Za-z]{1,40}$")] = None,
    log: Literal["facts", "mail_facts"] = "facts",
) -> Page[Event]:
    """Oldest first; keep the last cursor of each log and ask again for what is new."""
    if log == "mail_facts":
        return await _mail_page(caller, have, cursor, limit, campaign_id=campaign_id, contact_id=contact_id, kind=kind)
    found = await have.events.page(
        caller.workspace_id, after=place(cursor), limit=limit, campaign_id=campaign_id, contact_id=contact_id, kind=kind
    )
    return Page[Event](items=[event(one) for one in found], next_cursor=f"c{found[-1].id}" if found else cursor)


async def _mail_page(caller: Caller, have: Have, cursor: str | None, limit: int, **wishes: Any) -> Page[Event]:
    rows, end = await have.mail_events.page(
        caller.workspace_id, operator=caller.operator, after=place(cursor), limit=limit, **wishes
    )
    items = [
        Event(
            log="mail_facts", id=row.id, at=told_always(row.at), kind=row.kind, campaign_id=row.campaign_id,
            contact_id=row.contact_id, envelope_id=row.envelope_id, data=row.data,
        )
        for row in rows
    ]  # fmt: skip
    return Page[Event](items=items, next_cursor=f"c{end}" if end else cursor)
