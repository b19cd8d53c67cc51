"""People who log in to the web interface, of the caller's workspace."""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import Field

from lettershop.mail.api_tokens import Caller
from lettershop.mail.people import Actor
from lettershop.servers.web.api.addresses import EMAIL
from lettershop.servers.web.api.frame import Have, Input, Output, Page, may, words

router = APIRouter(prefix="/users", tags=["users"])
Reader = Annotated[Caller, may("users")]
Writer = Annotated[Caller, may("users", write=True)]

Role = Literal["owner", "admin", "marketer", "analyst", "postmaster", "inbox agent"]
EmailPath = Annotated[str, EMAIL]


class NewUser(Input):
    """A person to add."""

    email: Annotated[str, EMAIL]
    role: Role
    password: Annotated[str, words(1024, 8), Field(description="At least 8 characters.")]
    name: Annotated[str, words(200)] = ""


class ChangedUser(Input):
    """What to change; what is not named stays."""

    role: Role | None = None
    password: Annotated[str, words(1024, 8)] | None = None
    disabled: bool | None = None


class User(Output):
    """A person and the role in this workspace."""

    id: int
    email: str
    name: str
    role: str
    disabled: bool


@router.get("")
async def list_(caller: Reader, have: Have) -> Page[User]:
    """The people of the workspace, by address, all at once."""
    return Page[User](
        items=[User.model_validate(one) for one in await have.people.of_workspace(caller.workspace_id)],
        next_cursor=None,
    )


@router.post("", status_code=201)
async def create(caller: Writer, have: Have, new: NewUser) -> User:
    """Add a person to the workspace."""
    made = await have.people.add(_actor(caller), new.email, new.password, role=new.role, name=new.name)
    return User.model_validate(made)


@router.get("/{email}")
async def get(caller: Reader, have: Have, email: EmailPath) -> User:
    """One person."""
    return User.model_validate(await have.people.member(caller.workspace_id, email))


@router.patch("/{email}")
async def change(caller: Writer, have: Have, email: EmailPath, changed: ChangedUser) -> User:
    """Change role or password, lock out or in. All sessions of the person end."""
    await have.people.member(caller.workspace_id, email)
    if changed.role is not None:
        await have.people.give_role(_actor(caller), email, changed.role)
    if changed.password is not None:
        await have.people.set_password(_actor(caller), email, changed.password)
    if changed.disabled is not None:
        await have.people.lock(_actor(caller), email, locked=changed.disabled)
    return User.model_validate(await have.people.member(caller.workspace_id, email))


@router.delete("/{email}", status_code=204)
async def remove(caller: Writer, have: Have, email: EmailPath) -> None:
    """Take the person out of this workspace; with no workspace left, the person is gone."""
    await have.people.take_out(_actor(caller), email)


def _actor(caller: Caller) -> Actor:
    return Actor(caller.workspace_id, operator=caller.operator)
