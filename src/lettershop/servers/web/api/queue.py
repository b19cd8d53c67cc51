"""What waits to be delivered: since when, why; retry now, remove. The operator sees all workspaces."""

from typing import Annotated

from fastapi import APIRouter, Query

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.addresses import DOMAIN_PATTERN
from lettershop.servers.web.api.frame import Cursor, Have, Id, Limit, Output, Page, may, place
from lettershop.servers.web.api.moments import told, told_always
from lettershop.store.queue import Waiting as Row

router = APIRouter(prefix="/queue", tags=["queue"])
Reader = Annotated[Caller, may("queue")]
Writer = Annotated[Caller, may("queue", write=True)]


class Waiting(Output):
    """A message for one recipient. `answer`: the end of the last attempt's dialogue."""

    id: int
    campaign_id: int | None
    contact_id: int | None
    message_id: int | None
    mail_from: str | None
    address: str | None
    site: str
    state: str
    attempts: int
    created_at: str
    due_at: str
    expires_at: str
    finished_at: str | None
    answer: str | None


class Acted(Output):
    """How many messages it changed: 0 if it is being tried this moment."""

    changed: int


def _waiting(row: Row) -> Waiting:
    same = ("campaign_id", "contact_id", "mail_from", "address", "site", "state", "attempts", "answer")
    return Waiting(
        id=row.envelope_id, message_id=row.outgoing_id, created_at=told_always(row.created_at),
        due_at=told_always(row.due_at), expires_at=told_always(row.expires_at), finished_at=told(row.finished_at),
        **{name: getattr(row, name) for name in same},
    )  # fmt: skip


@router.get("")
async def list_(
    caller: Reader,
    have: Have,
    cursor: Cursor = None,
    limit: Limit = 50,
    site: Annotated[str | None, Query(pattern=DOMAIN_PATTERN, max_length=200)] = None,
) -> Page[Waiting]:
    """What is queued or being tried, oldest first."""
    own = None if caller.operator else caller.workspace_id
    found = await have.queue.waiting(workspace_id=own, site=site, after=place(cursor), limit=limit)
    last = f"c{found[-1].envelope_id}" if len(found) == limit else None
    return Page[Waiting](items=[_waiting(row) for row in found], next_cursor=last)


@router.get("/{envelope_id:int}")
async def get(caller: Reader, have: Have, envelope_id: Id) -> Waiting:
    """One message that waits."""
    own = None if caller.operator else caller.workspace_id
    return _waiting(await have.queue.waits(envelope_id, workspace_id=own))


@router.post("/{envelope_id:int}/retry")
async def retry(caller: Writer, have: Have, envelope_id: Id) -> Acted:
    """Try it now."""
    own = None if caller.operator else caller.workspace_id
    return Acted(changed=await have.queue.retry(envelope_id, workspace_id=own))


@router.delete("/{envelope_id:int}")
async def remove(caller: Writer, have: Have, envelope_id: Id) -> Acted:
    """Take it out of the queue for good."""
    own = None if caller.operator else caller.workspace_id
    return Acted(changed=await have.queue.remove(envelope_id, workspace_id=own))
