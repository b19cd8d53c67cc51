"""Transactional messages: one by one or in a batch, from parts, from a template, or as raw MIME."""

from base64 import b64decode
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import ConfigDict, Field, JsonValue

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.addresses import EMAIL
from lettershop.servers.web.api.frame import (
    INTEGRAL,
    LARGEST_IN_JSON,
    Cursor,
    Document,
    HaveMarketing,
    Id,
    Input,
    Limit,
    Moment,
    Output,
    Page,
    may,
    place,
    words,
)
from lettershop.servers.web.api.moments import told, told_always

router = APIRouter(prefix="/messages", tags=["messages"])
Reader = Annotated[Caller, may("messages")]
Writer = Annotated[Caller, may("messages", write=True)]

BASE64 = r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
FIELD_NAME = r"^[!-9;-~]{1,70}$"  # RFC 5322 2.2
Tags = Annotated[list[Annotated[str, words(100, 1)]], Field(max_length=20)]


class Address(Input):
    """Somebody's address, with a name or without."""

    address: Annotated[str, EMAIL]
    name: Annotated[str, words(200)] = ""


class Attachment(Input):
    """A file in base64, or one of the media library (`media_id`); `inline`: shown in the HTML as `cid:NAME`."""

    name: Annotated[str, words(200, 1)]
    media_id: Annotated[int, Field(ge=1, le=LARGEST_IN_JSON), INTEGRAL] | None = None
    content_type: Annotated[str, Field(pattern=r"^[a-z0-9.+-]{1,60}/[A-Za-z0-9.+-]{1,80}$")] = (
        "application/octet-stream"
    )
    content: Annotated[str, Field(pattern=BASE64, max_length=35_000_000)] = ""
    inline: bool = False


class NewMessage(Input):
    """A message to send. Parts (`html`, `text`) or a `template` with `data`, in a `language`; or `raw`, a whole message in base64.

    `from` must be of a sending domain of the workspace. `send_at`: not before that; `expires_at`: given up then.
    """

    model_config = ConfigDict(extra="forbid", strict=True, populate_by_name=False)

    sender: Annotated[Address | None, Field(alias="from")] = None
    to: Annotated[list[Address], Field(min_length=1, max_length=50)]
    cc: Annotated[list[Address], Field(max_length=50)] = Field(default_factory=list)
    bcc: Annotated[list[Address], Field(max_length=50)] = Field(default_factory=list)
    reply_to: Annotated[list[Address], Field(max_length=5)] = Field(default_factory=list)
    subject: Annotated[str, words(998)] = ""
    html: Document = ""
    text: Document = ""
    template: Annotated[str, words(200)] = ""
    language: Annotated[str, words(35)] = ""
    data: dict[str, JsonValue] = Field(default_factory=dict)
    headers: Annotated[
        dict[Annotated[str, Field(pattern=FIELD_NAME)], Annotated[str, words(900)]],
        Field(max_length=30, json_schema_extra={"additionalProperties": False}),
    ] = Field(default_factory=dict)
    attachments: Annotated[list[Attachment], Field(max_length=20)] = Field(default_factory=list)
    raw: Annotated[str, Field(pattern=BASE64, max_length=35_000_000)] = ""
    tags: Tags = Field(default_factory=list)
    send_at: Moment | None = None
    expires_at: Moment | None = None


class Batch(Input):
    """Messages to send; each is taken or refused by itself."""

    messages: Annotated[list[NewMessage], Field(min_length=1, max_length=500)]


class Recipient(Output):
    """One recipient. `answer`: what the receiver said last."""

    envelope_id: int
    address: str
    state: str
    attempts: int
    due_at: str
    expires_at: str
    finished_at: str | None
    answer: str | None


class Message(Output):
    """A message that was taken."""

    id: int
    message_id: str
    subject: str
    sender: str
    tags: list[str]
    created_at: str
    send_at: str
    recipients: list[Recipient]


class Taken(Output):
    """What became of one message of a batch: its `message`, or the `error` with its code."""

    message: Message | None = None
    error: str | None = None
    code: str | None = None


class BatchTaken(Output):
    """In the order of the batch."""

    results: list[Taken]


def _message(found: Any) -> Message:
    sent = found.sent
    people = [
        Recipient(envelope_id=one.envelope_id, address=one.address, state=one.state, attempts=one.attempts,
                  due_at=told_always(one.due_at),
                  expires_at=told_always(one.expires_at), finished_at=told(one.finished_at), answer=one.answer)
        for one in found.recipients
    ]  # fmt: skip
    return Message(
        id=sent.id, message_id=sent.message_id, subject=sent.subject, sender=sent.sender, tags=sent.tags,
        created_at=told_always(sent.created_at), send_at=told_always(sent.send_at), recipients=people,
    )  # fmt: skip


def _asked(new: NewMessage) -> dict[str, Any]:
    """The request as plain values, for the service."""
    given = new.model_dump(exclude={"attachments", "raw", "send_at", "expires_at", "sender"})
    given["files"] = [
        {**one.model_dump(exclude={"content"}), "data": b64decode(one.content)} for one in new.attachments
    ]
    given["raw"] = b64decode(new.raw)
    given["sender"] = new.sender.model_dump() if new.sender else None
    for name in ("send_at", "expires_at"):
        moment = getattr(new, name)
        given[name] = moment.timestamp() if moment else None
    return given


@router.post("", status_code=202)
async def send(caller: Writer, have: HaveMarketing, new: NewMessage) -> Message:
    """Take a message; it goes ahead of every campaign. What becomes of it: ask for it again, or listen to events."""
    return _message(await have.messages.take(caller.workspace_id, _asked(new)))


@router.post("/batch", status_code=202)
async def send_batch(caller: Writer, have: HaveMarketing, batch: Batch) -> BatchTaken:
    """Take up to 500 messages; one that is refused does not hold up the others."""
    taken = await have.messages.take_all(caller.workspace_id, [_asked(one) for one in batch.messages])
    return BatchTaken(
        results=[
            Taken(error=one.public, code=one.code) if isinstance(one, Exception) else Taken(message=_message(one))
            for one in taken
        ]
    )


@router.get("")
async def list_(caller: Reader, have: HaveMarketing, cursor: Cursor = None, limit: Limit = 50) -> Page[Message]:
    """The messages, newest first."""
    found = await have.messages.page(caller.workspace_id, before=place(cursor) if cursor else None, limit=limit)
    last = f"c{found[-1].sent.id}" if len(found) == limit else None
    return Page[Message](items=[_message(one) for one in found], next_cursor=last)


@router.get("/{message_id:int}")
async def get(caller: Reader, have: HaveMarketing, message_id: Id) -> Message:
    """One message and what became of it."""
    return _message(await have.messages.get(caller.workspace_id, message_id))
