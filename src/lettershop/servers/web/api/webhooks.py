"""Webhooks: addresses that are told what happens, their secrets, what became of each event, events told again."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from lettershop.base.facts import KINDS
from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.frame import (
    Cursor,
    Have,
    Id,
    Input,
    Limit,
    Moment,
    Name,
    Output,
    Page,
    may,
    page_of,
    place,
    words,
)
from lettershop.servers.web.api.moments import told, told_always
from lettershop.store.webhook_deliveries import Delivery as Row
from lettershop.store.webhooks import Webhook as Hook

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
Reader = Annotated[Caller, may("webhooks")]
Writer = Annotated[Caller, may("webhooks", write=True)]

Url = Annotated[str, words(2000, 1), Field(description="https://…; it must lead to a public address.")]
Events = Annotated[
    list[Annotated[str, Field(pattern=r"^[A-Za-z]{1,40}$")]],
    Field(max_length=100, description="Kinds of events; empty: all. `GET /webhooks/events` lists them."),
]
Secret = Annotated[
    str, Field(pattern=r"^whsec_[A-Za-z0-9+/]{32,86}={0,2}$", description="One of your own; without it we make one.")
]
State = Annotated[Literal["waiting", "delivered", "given up"] | None, Query()]


class NewWebhook(Input):
    """An address to tell. It hears what happens from now on."""

    name: Name
    url: Url
    events: Events = Field(default_factory=list)
    secret: Secret | None = None


class ChangedWebhook(Input):
    """What is to be changed. Turned on again, it hears what happens from then on; a replay tells what it missed."""

    name: Name | None = None
    url: Url | None = None
    events: Events | None = None
    active: bool | None = None


class Webhook(Output):
    """A webhook. `failing_since`: it has taken nothing since then; `off_why`: why we turned it off."""

    id: int
    name: str
    url: str
    events: list[str]
    active: bool
    off_why: str
    waiting: int
    delivered_at: str | None
    failing_since: str | None
    created_at: str
    created_by: str


class WebhookWithSecret(Webhook):
    """A webhook with its secret, which is shown this once."""

    secret: str


class NewSecret(Input):
    """A new secret. The old one signs beside it for some hours."""

    secret: Secret | None = None
    overlap_hours: Annotated[float, Field(ge=0, le=168)] = 24.0


class Range(Input):
    """A range of time: what happened in it is told again. Without `until`, up to now."""

    since: Moment
    until: Moment | None = None


class EventKind(Output):
    """A kind of event: its name, as `type` in what is sent, and what it means."""

    name: str
    about: str


class EventKinds(Output):
    """All kinds of events."""

    items: list[EventKind]


class Delivery(Output):
    """An event at a webhook. `status` null: there was no answer; `answer` then says what went wrong."""

    id: int
    event_id: str
    kind: str
    happened_at: str
    state: str
    attempts: int
    tried_at: str | None
    next_try_at: str | None
    status: int | None
    answer: str
    milliseconds: int | None


def _webhook(row: Hook, waiting: int = 0) -> Webhook:
    return Webhook(**_fields(row, waiting))


def _fields(row: Hook, waiting: int = 0) -> dict[str, object]:
    names = ("id", "name", "url", "active", "off_why", "created_by")
    times = {name: told(getattr(row, name)) for name in ("delivered_at", "failing_since", "created_at")}
    return {**{name: getattr(row, name) for name in names}, "events": row.kinds, "waiting": waiting, **times}


def _delivery(row: Row) -> Delivery:
    waits = row.state_name == "waiting"
    return Delivery(
        id=row.id, event_id=row.event_id, kind=row.kind, happened_at=told_always(row.happened_at), state=row.state_name,
        attempts=row.attempts, tried_at=told(row.tried_at), next_try_at=told(row.due_at) if waits else None,
        status=row.status, answer=row.answer, milliseconds=None if row.seconds is None else round(row.seconds * 1000),
    )  # fmt: skip


@router.get("")
async def list_(caller: Reader, have: Have, cursor: Cursor = None, limit: Limit = 50) -> Page[Webhook]:
    """The workspace's webhooks."""
    found = await have.webhooks.page(caller.workspace_id, after=place(cursor), limit=limit)
    waiting = await have.webhooks.waiting([row.id for row in found])
    return page_of(Webhook, found, limit, lambda row: _webhook(row, waiting.get(row.id, 0)))


@router.post("", status_code=201)
async def create(caller: Writer, have: Have, new: NewWebhook) -> WebhookWithSecret:
    """Tell an address what happens; the secret is in the answer, this once."""
    made = await have.webhooks.create(
        caller.workspace_id, new.name, new.url, new.events, secret=new.secret or "", by=caller.by
    )
    return WebhookWithSecret(**_fields(made), secret=made.secret)


@router.get("/events")
async def events(caller: Reader) -> EventKinds:
    """What may be told of."""
    docs = {name: " ".join((kind.__doc__ or "").split("\n\n")[0].split()) for name, kind in KINDS.items()}
    return EventKinds(items=[EventKind(name=name, about=about) for name, about in sorted(docs.items())])


@router.get("/{webhook_id:int}")
async def get(caller: Reader, have: Have, webhook_id: Id) -> Webhook:
    """One webhook."""
    found = await have.webhooks.get(caller.workspace_id, webhook_id)
    return _webhook(found, (await have.webhooks.waiting([found.id])).get(found.id, 0))


@router.patch("/{webhook_id:int}")
async def change(caller: Writer, have: Have, webhook_id: Id, changed: ChangedWebhook) -> Webhook:
    """Change a webhook, or turn it off or on."""
    values = {"name": changed.name, "url": changed.url, "kinds": changed.events, "active": changed.active}
    told_of = {name: value for name, value in values.items() if value is not None}
    return _webhook(await have.webhooks.change(caller.workspace_id, webhook_id, told_of))


@router.delete("/{webhook_id:int}", status_code=204)
async def remove(caller: Writer, have: Have, webhook_id: Id) -> None:
    """Tell this address nothing more, and forget what it was told."""
    await have.webhooks.remove(caller.workspace_id, webhook_id)


@router.post("/{webhook_id:int}/secret")
async def rotate(caller: Writer, have: Have, webhook_id: Id, new: NewSecret) -> WebhookWithSecret:
    """Give it another secret; it is in the answer, this once."""
    made = await have.webhooks.rotate(
        caller.workspace_id, webhook_id, secret=new.secret or "", overlap=new.overlap_hours * 3600
    )
    return WebhookWithSecret(**_fields(made), secret=made.secret)


@router.post("/{webhook_id:int}/test", status_code=202)
async def test(caller: Writer, have: Have, webhook_id: Id) -> Delivery:
    """Send an event of the kind `Test`; look at the delivery a moment later."""
    return _delivery(await have.webhooks.test(caller.workspace_id, webhook_id))


@router.post("/{webhook_id:int}/replay", status_code=202)
async def replay(caller: Writer, have: Have, webhook_id: Id, wanted: Range) -> Webhook:
    """Tell again what happened in a range of time, with the ids that the events had."""
    until = _seconds(wanted.until) if wanted.until else None
    await have.webhooks.replay(caller.workspace_id, webhook_id, since=_seconds(wanted.since), until=until)
    return _webhook(await have.webhooks.get(caller.workspace_id, webhook_id))


def _seconds(moment: datetime) -> float:
    return moment.timestamp()


@router.get("/{webhook_id:int}/deliveries")
async def deliveries(
    caller: Reader, have: Have, webhook_id: Id, cursor: Cursor = None, limit: Limit = 50, state: State = None
) -> Page[Delivery]:
    """What became of the events, newest first."""
    found = await have.webhooks.deliveries(
        caller.workspace_id, webhook_id, before=place(cursor) if cursor else None, state=state or "", limit=limit
    )
    return page_of(Delivery, found, limit, _delivery)


@router.get("/{webhook_id:int}/deliveries/{delivery_id:int}")
async def delivery(caller: Reader, have: Have, webhook_id: Id, delivery_id: Id) -> Delivery:
    """One event at a webhook."""
    return _delivery(await have.webhooks.delivery(caller.workspace_id, webhook_id, delivery_id))


@router.post("/{webhook_id:int}/deliveries/{delivery_id:int}/replay", status_code=202)
async def again(caller: Writer, have: Have, webhook_id: Id, delivery_id: Id) -> Delivery:
    """Send one event again, with the id that it had."""
    return _delivery(await have.webhooks.again(caller.workspace_id, webhook_id, delivery_id))
