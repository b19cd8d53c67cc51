"""Mailing lists."""

from typing import Annotated

from fastapi import APIRouter

from lettershop.mail.api_tokens import Caller
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
)
from lettershop.servers.web.api.moments import told_always
from lettershop.store.lists import ListRow

router = APIRouter(prefix="/lists", tags=["lists"])
Reader = Annotated[Caller, may("lists")]
Writer = Annotated[Caller, may("lists", write=True)]


class NewList(Input):
    """A list to make. `public`: people may join it by a form; `double_opt_in`: they confirm by mail."""

    name: Name
    public: bool = False
    double_opt_in: bool = True


class ChangedList(Input):
    """What to change; what is not named stays."""

    name: Name | None = None
    public: bool | None = None
    double_opt_in: bool | None = None


class MailingList(Output):
    """A list. `subscribed`: how many are on it."""

    id: int
    name: str
    public: bool
    double_opt_in: bool
    created_at: str
    subscribed: int


def _list(row: ListRow) -> MailingList:
    same = {name: getattr(row, name) for name in ("id", "name", "public", "double_opt_in", "subscribed")}
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
        caller.workspace_id, new.name, public=new.public, double_opt_in=new.double_opt_in
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


@router.delete("/{list_id:int}", status_code=204)
async def remove(caller: Writer, have: HaveMarketing, list_id: Id) -> None:
    """Delete a list; the people stay."""
    await have.people.remove_list(caller.workspace_id, list_id)
