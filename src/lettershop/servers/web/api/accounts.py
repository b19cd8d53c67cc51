"""Mail accounts (IMAP, POP3, submission) of the workspace's domains; the operator's are all."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from lettershop.mail.api_tokens import Caller
from lettershop.servers.web.api.addresses import EMAIL
from lettershop.servers.web.api.frame import (
    INTEGRAL,
    Cursor,
    Have,
    Input,
    Limit,
    Output,
    Page,
    may,
    page_of,
    place,
    words,
)
from lettershop.servers.web.api.moments import told_always
from lettershop.store.accounts import Account as Row

router = APIRouter(prefix="/accounts", tags=["accounts"])
Reader = Annotated[Caller, may("accounts")]
Writer = Annotated[Caller, may("accounts", write=True)]

AddressPath = Annotated[str, EMAIL]


class NewAccount(Input):
    """An account to add. `quota_bytes` null: no limit."""

    address: Annotated[str, EMAIL]
    password: Annotated[str, words(1024, 8), Field(description="At least 8 characters.")]
    name: Annotated[str, words(200)] = ""
    quota_bytes: Annotated[int, Field(ge=0, le=2**50), INTEGRAL] | None = None


class ChangedAccount(Input):
    """What to change."""

    password: Annotated[str, words(1024, 8)]


class Account(Output):
    """A mail account."""

    id: int
    address: str
    name: str
    quota_bytes: int | None
    used_bytes: int
    disabled: bool
    created_at: str


def _account(row: Row) -> Account:
    fields = {name: getattr(row, name) for name in ("id", "address", "name", "quota_bytes", "used_bytes", "disabled")}
    return Account(**fields, created_at=told_always(row.created_at))


@router.get("")
async def list_(caller: Reader, have: Have, cursor: Cursor = None, limit: Limit = 50) -> Page[Account]:
    """The accounts, oldest first."""
    found = await have.directory.accounts(
        caller.workspace_id, everything=caller.operator, after=place(cursor), limit=limit
    )
    return page_of(Account, found, limit, _account)


@router.post("", status_code=201)
async def create(caller: Writer, have: Have, new: NewAccount) -> Account:
    """Add an account with its mailboxes."""
    await have.directory.domain(caller.workspace_id, new.address.rpartition("@")[2], everything=caller.operator)
    return _account(await have.accounts.add(new.address, new.password, name=new.name, quota=new.quota_bytes))


@router.get("/{address}")
async def get(caller: Reader, have: Have, address: AddressPath) -> Account:
    """One account."""
    return _account(await have.directory.account(caller.workspace_id, address, everything=caller.operator))


@router.patch("/{address}")
async def change(caller: Writer, have: Have, address: AddressPath, changed: ChangedAccount) -> Account:
    """Change the password."""
    found = await have.directory.account(caller.workspace_id, address, everything=caller.operator)
    await have.accounts.set_password(found.address, changed.password)
    return _account(found)


@router.delete("/{address}", status_code=204)
async def remove(caller: Writer, have: Have, address: AddressPath) -> None:
    """Remove an account with all its mail."""
    found = await have.directory.account(caller.workspace_id, address, everything=caller.operator)
    await have.accounts.remove(found.address)
