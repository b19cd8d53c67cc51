"""What waits to be delivered: since when, until when, why; retry now, remove, hold and release, move; one by one or all that fit.

The operator sees all workspaces, and moves mail to other routes and pools.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BeforeValidator, Field

from lettershop.base.errors import Conflict
from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.addresses import DOMAIN_PATTERN
from lettershop.servers.web.api.frame import (
    INTEGRAL,
    LARGEST,
    LARGEST_IN_JSON,
    WITHOUT_NUL,
    Cursor,
    Have,
    Id,
    Input,
    Limit,
    Output,
    Page,
    may,
    operator_only,
    place,
    whole_number,
    words,
)
from lettershop.servers.web.api.moments import told, told_always
from lettershop.servers.web.ports import ApiServices
from lettershop.store.queue import Filter, Fitting
from lettershop.store.queue import Waiting as Row

router = APIRouter(prefix="/queue", tags=["queue"])
Reader = Annotated[Caller, may("queue")]
Writer = Annotated[Caller, may("queue", write=True)]
State = Literal["queued", "waiting", "held", "leased"]
Seconds = Annotated[int, Field(ge=0, le=10_000_000_000)]


class NothingSaid(Conflict):
    """The whole queue would be meant."""

    code = "no-filter"


class Waiting(Output):
    """A message for one recipient. `answer`: the end of the last attempt's dialogue; `why`: why it waits, in a sentence."""

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
    due_at: str | None
    held_since: str | None
    expires_at: str
    finished_at: str | None
    answer: str | None
    pool: str
    why: str


class Shown(Waiting):
    """The same with the whole dialogue of the last attempt, if that failed and is kept."""

    dialogue: str


class Which(Input):
    """All that is said must fit. `sender`: an address or a domain; `recipient`: a part of the address; `older_than`: seconds."""

    site: Annotated[str, Field(pattern=DOMAIN_PATTERN, max_length=200)] | None = None
    campaign_id: Annotated[int, Field(ge=1, le=LARGEST_IN_JSON), INTEGRAL] | None = None
    state: State | None = None
    sender: Annotated[str, words(320)] = ""
    recipient: Annotated[str, words(320)] = ""
    older_than: Annotated[Seconds, INTEGRAL] | None = None


class Many(Input):
    """What to do with all that fit; `dry_run`: only say how many they are. Without any filter, `everything` must be true."""

    action: Literal["retry", "remove", "hold", "release", "move"]
    filter: Which = Field(default_factory=Which)
    everything: bool = False
    dry_run: bool = False
    to_route: Annotated[str, Field(pattern=DOMAIN_PATTERN, max_length=200)] | None = None
    to_pool: Annotated[str, words(200, 1)] | None = None


class Count(Output):
    """How many fit. `leased` are being tried, or will be in a moment: no action touches them."""

    queued: int
    held: int
    leased: int
    oldest: str | None


class Acted(Output):
    """How many messages it changed: 0 if it is being tried this moment, or is so already."""

    changed: int


class ActedOnMany(Acted):
    """How many fitted before, and how many were changed."""

    fitting: Count


Text = Annotated[str, Query(max_length=320, pattern=WITHOUT_NUL)]
Campaign = Annotated[int | None, Query(ge=1, le=LARGEST), BeforeValidator(whole_number)]
Site = Annotated[str | None, Query(pattern=DOMAIN_PATTERN, max_length=200)]
Older = Annotated[int | None, Query(ge=0, le=10_000_000_000, description="Seconds."), BeforeValidator(whole_number)]


def _filter(caller: Caller, which: Which) -> Filter:
    """Of the caller's workspace; the operator's covers all."""
    return Filter(
        workspace_id=own(caller), site=which.site, campaign_id=which.campaign_id, state=which.state or "",
        sender=which.sender, recipient=which.recipient,
        older_than=which.older_than,
    )  # fmt: skip


def own(caller: Caller) -> int | None:
    """The workspace whose queue the caller sees; None: all."""
    return None if caller.operator else caller.workspace_id


async def _told(have: ApiServices, rows: Sequence[Row]) -> list[Waiting]:
    return [Waiting(**values(row, why)) for row, why in zip(rows, await have.queue.whys(rows), strict=True)]


def values(row: Row, why: str) -> dict[str, object]:
    """The fields of `Waiting`."""
    same = ("campaign_id", "contact_id", "mail_from", "address", "site", "state", "attempts", "answer", "pool")
    return {
        "id": row.envelope_id, "message_id": row.outgoing_id, "created_at": told_always(row.created_at),
        "due_at": None if row.held_since is not None else told_always(row.due_at), "held_since": told(row.held_since),
        "expires_at": told_always(row.expires_at), "finished_at": told(row.finished_at), "why": why,
        **{name: getattr(row, name) for name in same},
    }  # fmt: skip


def _count(found: Fitting) -> Count:
    return Count(queued=found.queued, held=found.held, leased=found.leased, oldest=told(found.oldest))


@router.get("")
async def list_(
    caller: Reader, have: Have, cursor: Cursor = None, limit: Limit = 50, site: Site = None, campaign_id: Campaign = None,
    state: State | None = None, sender: Text = "", recipient: Text = "", older_than: Older = None,
) -> Page[Waiting]:  # fmt: skip
    """What is queued or being tried, oldest first; what fits all that is said."""
    which = Filter(own(caller), site, campaign_id, state or "", sender, recipient, older_than=older_than)
    found = await have.queue.waiting(which, after=place(cursor), limit=limit)
    last = f"c{found[-1].envelope_id}" if len(found) == limit else None
    return Page[Waiting](items=await _told(have, found), next_cursor=last)


@router.post("")
async def act_on_many(caller: Writer, have: Have, many: Many) -> ActedOnMany:
    """Do something to all that fit: ask with `dry_run` first. Moving to another route or pool is the operator's."""
    which = _filter(caller, many.filter)
    fitting = await have.queue.count(which)
    if which.whole and not (many.everything or many.dry_run):
        raise NothingSaid("No filter is given.", remedy="Say `everything` if the whole queue is meant.")
    if many.action == "move":
        operator_only(caller)
    if many.dry_run:
        return ActedOnMany(changed=0, fitting=_count(fitting))
    if many.action == "move":
        changed = await have.queue.move(which, route=many.to_route or "", pool=many.to_pool or "")
    else:
        changed = await have.queue.act(many.action, which)
    return ActedOnMany(changed=changed, fitting=_count(fitting))


@router.get("/{envelope_id:int}")
async def get(caller: Reader, have: Have, envelope_id: Id) -> Shown:
    """One message, waiting or finished, with the dialogue of its last attempt if that failed."""
    row = await have.queue.show(envelope_id, workspace_id=own(caller))
    return Shown(**values(row, await have.queue.why(row)), dialogue=await have.queue.dialogue(envelope_id))


@router.post("/{envelope_id:int}/retry")
async def retry(caller: Writer, have: Have, envelope_id: Id) -> Acted:
    """Try it now."""
    return Acted(changed=await have.queue.act_on("retry", envelope_id, workspace_id=own(caller)))


@router.post("/{envelope_id:int}/hold")
async def hold(caller: Writer, have: Have, envelope_id: Id) -> Acted:
    """Keep it from being sent until it is released."""
    return Acted(changed=await have.queue.act_on("hold", envelope_id, workspace_id=own(caller)))


@router.post("/{envelope_id:int}/release")
async def release(caller: Writer, have: Have, envelope_id: Id) -> Acted:
    """End the hold."""
    return Acted(changed=await have.queue.act_on("release", envelope_id, workspace_id=own(caller)))


@router.delete("/{envelope_id:int}")
async def remove(caller: Writer, have: Have, envelope_id: Id) -> Acted:
    """Take it out of the queue for good."""
    return Acted(changed=await have.queue.remove(envelope_id, workspace_id=own(caller)))
