"""API tokens: made (the secret is told this once), listed, revoked."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from lettershop.mail.api_tokens import RESOURCES, Caller
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
)
from lettershop.servers.web.api.moments import told
from lettershop.store.api_tokens import ApiToken

router = APIRouter(prefix="/tokens", tags=["tokens"])
Reader = Annotated[Caller, may("tokens")]
Writer = Annotated[Caller, may("tokens", write=True)]

SCOPE = rf"^(all|read|write|({'|'.join(RESOURCES)})(:(read|write))?)$"


class NewToken(Input):
    """A token to make. A scope is `all`, `read`, `write`, a resource, or a resource with `:read` or `:write`."""

    name: Annotated[Name, Field(pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
    scopes: Annotated[list[Annotated[str, Field(pattern=SCOPE)]], Field(min_length=1, max_length=50)]
    expires_at: Moment | None = None


class Token(Output):
    """A token without its secret."""

    id: int
    name: str
    scopes: list[str]
    created_at: str
    created_by: str
    used_at: str | None
    expires_at: str | None


class TokenWithSecret(Token):
    """A fresh token; `secret` is shown this once."""

    secret: str


def _token(row: ApiToken) -> Token:
    return Token(**_fields(row))


def _fields(row: ApiToken) -> dict[str, object]:
    times = {name: told(getattr(row, name)) for name in ("created_at", "used_at", "expires_at")}
    return {"id": row.id, "name": row.name, "scopes": row.scopes, "created_by": row.created_by, **times}


@router.get("")
async def list_(caller: Reader, have: Have, cursor: Cursor = None, limit: Limit = 50) -> Page[Token]:
    """The workspace's tokens."""
    return page_of(Token, await have.tokens.page(caller.workspace_id, after=place(cursor), limit=limit), limit, _token)


@router.post("", status_code=201)
async def create(caller: Writer, have: Have, new: NewToken) -> TokenWithSecret:
    """Make a token; it may do no more than the one that makes it."""
    caller.check_may_grant(new.scopes)
    expires = new.expires_at.timestamp() if new.expires_at else None
    made = await have.tokens.create(caller.workspace_id, new.name, new.scopes, by=caller.by, expires_at=expires)
    return TokenWithSecret(**_fields(made.token), secret=made.secret)


@router.get("/{token_id:int}")
async def get(caller: Reader, have: Have, token_id: Id) -> Token:
    """One token."""
    return _token(await have.tokens.get(caller.workspace_id, token_id))


@router.delete("/{token_id:int}", status_code=204)
async def revoke(caller: Writer, have: Have, token_id: Id) -> None:
    """End a token at once."""
    await have.tokens.revoke(caller.workspace_id, token_id, asked_with=caller.token_id)
