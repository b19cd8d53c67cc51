"""Mailing lists."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field, JsonValue

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.addresses import EMAIL
from lettershop.servers.web.api.frame import (
    Cursor,
    HaveMarketing,
    Id,
    Input,
    Limit,
    Name,
    Output,
    Page,
    may,
    page_of,
    place,
    words,
)
from lettershop.servers.web.api.moments import told_always
from lettershop.store.lists import ListRow
from lettershop.store.opt_ins import Asked

router = APIRouter(prefix="/lists", tags=["lists"])
Reader = Annotated[Caller, may("lists")]
Writer = Annotated[Caller, may("lists", write=True)]


class NewList(Input):
    """A list to make. `public`: people may join it by a form; `double_opt_in`: they confirm by mail; `archive`: if it is public,
    everybody may read at /archive/ID what was sent to all of it."""

    name: Name
    public: bool = False
    double_opt_in: bool = True
    archive: bool = False


class ChangedList(Input):
    """What to change; what is not named stays."""

    name: Name | None = None
    public: bool | None = None
    double_opt_in: bool | None = None
    archive: bool | None = None


class MailingList(Output):
    """A list. `subscribed`: how many are on it."""

    id: int
    name: str
    public: bool
    double_opt_in: bool
    archive: bool
    created_at: str
    subscribed: int


def _list(row: ListRow) -> MailingList:
    same = {name: getattr(row, name) for name in ("id", "name", "public", "double_opt_in", "archive", "subscribed")}
    return MailingList(**same, created_at=told_always(row.created_at))


@router.get("")
async def list_(caller: Reader, have: HaveMarketing, cursor: Cursor = None, limit: Limit = 50) -> Page[MailingList]:
    """The lists, oldest first."""
    found = await have.people.lists(caller.workspace_id, after=place(cursor), limit=limit)
    return page_of(MailingList, found, limit, _list)


@router.post("", status_code=201)
async def create(caller: Writer, have: HaveMarketing, new: NewList) -> MailingList:
    """Make a list."""
    made = await have.people.make_list(
        caller.workspace_id, new.name, public=new.public, double_opt_in=new.double_opt_in, archive=new.archive
    )
    return _list(made)


@router.get("/{list_id:int}")
async def get(caller: Reader, have: HaveMarketing, list_id: Id) -> MailingList:
    """One list."""
    return _list(await have.people.one_list(caller.workspace_id, list_id))


@router.patch("/{list_id:int}")
async def change(caller: Writer, have: HaveMarketing, list_id: Id, changed: ChangedList) -> MailingList:
    """Change a list."""
    values = changed.model_dump(exclude_none=True)
    return _list(await have.people.change_list(caller.workspace_id, list_id, values))


class Joining(Input):
    """Somebody who wants to be on a list. `text`: the words that they agreed to; `form`: where; `ip`: from where.

    `language`: of the mail with which a list of double opt-in asks for the confirmation.
    """

    address: Annotated[str, EMAIL]
    name: Annotated[str, words(200)] = ""
    attributes: dict[str, JsonValue] = Field(default_factory=dict)
    text: Annotated[str, words(2000)] = ""
    form: Annotated[str, words(300)] = ""
    ip: Annotated[str, words(45)] = ""
    language: Literal["en", "de"] = "en"


class Joined(Output):
    """`state`: subscribed; waiting for the confirmation that was asked for by mail; or held, as nobody may write to the address
    or there were several requests today already. Tell the person the same in every case."""

    state: Literal["subscribed", "waiting", "held"]


@router.post("/{list_id:int}/join", status_code=202)
async def join(caller: Writer, have: HaveMarketing, list_id: Id, new: Joining) -> Joined:
    """Put somebody on a list as its kind asks: at once, or by a mail with a link to confirm (double opt-in)."""
    asked = Asked(new.ip, form=new.form or f"API, token {caller.name}", text=new.text)
    request = await have.joining.ask(
        caller.workspace_id,
        list_id,
        new.address,
        name=new.name,
        values=new.attributes,
        asked=asked,
        language=new.language,
    )
    return Joined(state=request.state)


@router.delete("/{list_id:int}", status_code=204)
async def remove(caller: Writer, have: HaveMarketing, list_id: Id) -> None:
    """Delete a list; the people stay."""
    await have.people.remove_list(caller.workspace_id, list_id)
