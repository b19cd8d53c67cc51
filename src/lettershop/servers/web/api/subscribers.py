"""People: made or brought up to date, on lists and off, found, told all that is held on them, erased."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field, JsonValue

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.addresses import EMAIL
from lettershop.servers.web.api.events import Event, event
from lettershop.servers.web.api.frame import (
    WITHOUT_NUL,
    Cursor,
    Have,
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

router = APIRouter(prefix="/subscribers", tags=["subscribers"])
Reader = Annotated[Caller, may("subscribers")]
Writer = Annotated[Caller, may("subscribers", write=True)]

Value = str | int | float | bool | list[str] | None
Attributes = Annotated[
    dict[Annotated[str, words(100, 1)], Value], Field(max_length=200, json_schema_extra={"additionalProperties": False})
]
Tags = Annotated[list[Annotated[str, words(100, 1)]], Field(max_length=100)]
Lists = Annotated[list[Name], Field(max_length=100)]


class Consent(Input):
    """On what ground this person may be written to. `basis`: the ground in words, such as "signed up in the shop"."""

    kind: Literal["express", "implied"]
    basis: Annotated[str, words(1000, 1)]
    ip: Annotated[str, words(45)] = ""
    text: Annotated[str, words(5000)] = ""
    expires_at: Moment | None = None


class NewSubscriber(Input):
    """A person to make or to bring up to date (by the address). Attributes are merged, tags added."""

    email: Annotated[str, EMAIL]
    name: Annotated[str, words(200)] = ""
    attributes: Attributes = Field(default_factory=dict)
    tags: Tags = Field(default_factory=list)
    lists: Lists = Field(default_factory=list)
    consent: Consent


class ChangedSubscriber(Input):
    """What to change. Attributes are merged, null takes one away; tags are replaced. `tracking_consent`: null if not asked."""

    name: Annotated[str, words(200)] | None = None
    attributes: Attributes | None = None
    tags: Tags | None = None
    tracking_consent: bool | None = None


class OnList(Input):
    """A list to join, with the ground."""

    list: Name
    consent: Consent


class OffList(Input):
    """A list to leave; without a name, everything."""

    list: Annotated[str, words(200)] = ""


class Membership(Output):
    """Somebody's standing on a list."""

    list: str
    status: Literal["pending", "subscribed", "unsubscribed"]
    since: str


class Subscriber(Output):
    """A person. `suppressed`: why nobody may write to them, or empty."""

    id: int
    email: str
    name: str
    attributes: dict[str, JsonValue]
    tags: list[str]
    lists: list[Membership]
    suppressed: str
    tracking_consent: bool | None
    created_at: str
    updated_at: str
    last_delivered_at: str | None
    last_opened_at: str | None
    last_clicked_at: str | None
    last_replied_at: str | None


class Held(Output):
    """Everything that is held on a person, by table."""

    data: dict[str, JsonValue]


MOMENTS = ("last_delivered_at", "last_opened_at", "last_clicked_at", "last_replied_at")


def _subscriber(found: Any) -> Subscriber:
    one = found.contact
    return Subscriber(
        id=one.id, email=one.email, name=one.name, attributes=one.attributes, tags=list(one.tags),
        lists=[Membership(list=name, status=status, since=told_always(at)) for name, status, at in found.lists],
        suppressed=found.suppressed, tracking_consent=one.tracking_consent, created_at=told_always(one.created_at),
        updated_at=told_always(one.updated_at), **{name: told(getattr(one, name)) for name in MOMENTS},
    )  # fmt: skip


def consent_of(given: Consent) -> dict[str, Any]:
    """The consent as the service takes it."""
    expires = given.expires_at.timestamp() if given.expires_at else None
    return {**given.model_dump(exclude={"expires_at"}), "source": "api", "expires_at": expires}


@router.get("")
async def list_(
    caller: Reader,
    have: HaveMarketing,
    cursor: Cursor = None,
    limit: Limit = 50,
    query: Search = "",
    segment: Annotated[str, Query(max_length=2000, pattern=WITHOUT_NUL, description="A segment in words.")] = "",
) -> Page[Subscriber]:
    """By id; those whose address or name has the words, or who are in the segment."""
    found = await have.people.page(caller.workspace_id, segment=segment, query=query, after=place(cursor), limit=limit)
    last = f"c{found[-1].contact.id}" if len(found) == limit else None
    return Page[Subscriber](items=[_subscriber(one) for one in found], next_cursor=last)


@router.post("", status_code=201)
async def put(caller: Writer, have: HaveMarketing, new: NewSubscriber) -> Subscriber:
    """Make a person, or bring them up to date, and put them on lists."""
    given = new.model_dump(exclude={"email", "consent"})
    return _subscriber(
        await have.people.put(caller.workspace_id, new.email, **given, consent=have.consent(**consent_of(new.consent)))
    )


@router.get("/{subscriber_id:int}")
async def get(caller: Reader, have: HaveMarketing, subscriber_id: Id) -> Subscriber:
    """One person."""
    return _subscriber(await have.people.get(caller.workspace_id, subscriber_id))


@router.patch("/{subscriber_id:int}")
async def change(caller: Writer, have: HaveMarketing, subscriber_id: Id, changed: ChangedSubscriber) -> Subscriber:
    """Change a person."""
    given = changed.model_dump(exclude_unset=True)
    kept = {name: value for name, value in given.items() if value is not None or name == "tracking_consent"}
    return _subscriber(await have.people.change(caller.workspace_id, subscriber_id, kept))


@router.delete("/{subscriber_id:int}", status_code=204)
async def erase(caller: Writer, have: HaveMarketing, subscriber_id: Id) -> None:
    """Erase a person; only a keyed hash stays, so that no import brings the address back."""
    await have.people.erase(caller.workspace_id, subscriber_id)


@router.post("/{subscriber_id:int}/subscribe")
async def subscribe(caller: Writer, have: HaveMarketing, subscriber_id: Id, on: OnList) -> Subscriber:
    """Put a person on a list; who has left it comes back only by express consent."""
    consent = have.consent(**consent_of(on.consent))
    return _subscriber(await have.people.subscribe(caller.workspace_id, subscriber_id, on.list, consent))


@router.post("/{subscriber_id:int}/unsubscribe")
async def unsubscribe(caller: Writer, have: HaveMarketing, subscriber_id: Id, off: OffList) -> Subscriber:
    """Take a person off a list, or off everything."""
    return _subscriber(await have.people.unsubscribe(caller.workspace_id, subscriber_id, off.list))


@router.get("/{subscriber_id:int}/events")
async def events(
    caller: Reader, have: Have, about: HaveMarketing, subscriber_id: Id, cursor: Cursor = None, limit: Limit = 50
) -> Page[Event]:
    """What happened between us, oldest first."""
    await about.people.get(caller.workspace_id, subscriber_id)
    found = await have.events.page(caller.workspace_id, after=place(cursor), limit=limit, contact_id=subscriber_id)
    return Page[Event](
        items=[event(one) for one in found], next_cursor=f"c{found[-1].id}" if len(found) == limit else None
    )


class Entry(Output):
    """Something that happened between us. `id` None: told by incoming mail (a reply, a complaint, a bounce that came later)."""

    id: int | None
    at: str
    kind: str
    campaign_id: int | None
    campaign: str
    envelope_id: int | None
    data: dict[str, Any]


@router.get("/{subscriber_id:int}/timeline")
async def timeline(
    caller: Reader, have: HaveMarketing, subscriber_id: Id, cursor: Cursor = None, limit: Limit = 50
) -> Page[Entry]:
    """Everything between us, newest first: mail of every kind, opens, clicks, replies, forms, consent."""
    found = await have.contacts.timeline(
        caller.workspace_id, subscriber_id, before=place(cursor) if cursor else None, limit=limit
    )
    items = [
        Entry(
            id=row.id or None, at=told_always(row.at), kind=row.kind, campaign_id=row.campaign_id, campaign=row.campaign,
            envelope_id=row.envelope_id, data=dict(row.data),
        )
        for row in found
    ]  # fmt: skip
    return Page[Entry](items=items, next_cursor=f"c{found[-1].place}" if len(found) == limit else None)


@router.get("/{subscriber_id:int}/export")
async def export(caller: Reader, have: HaveMarketing, subscriber_id: Id) -> Held:
    """Everything that is held on a person (GDPR 15 and 20)."""
    found = await have.people.get(caller.workspace_id, subscriber_id)
    return Held(data=await have.privacy.export(caller.workspace_id, found.contact.email))
