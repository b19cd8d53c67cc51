"""API tokens as they are stored: by the hash of their secret."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select, update

from lettershop.store.database import Transaction
from lettershop.store.rows import insert_one
from lettershop.store.schema_api import api_tokens
from lettershop.store.schema_main import workspaces

USE_NOTED_EVERY = 3600.0
"""Seconds: a token that is used all the time costs one write an hour."""


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token without its secret. Times in seconds since the epoch."""

    id: int
    workspace_id: int
    name: str
    scopes: list[str]
    created_at: float
    created_by: str
    used_at: float | None
    expires_at: float | None
    revoked_at: float | None


_TOKEN = [api_tokens.c[name] for name in ApiToken.__slots__]


def add(
    tx: Transaction, /, workspace_id: int, name: str, key_hash: str, scopes: list[str], at: float, **values: Any
) -> int:
    """Keep a token; its id. `values`: created_by, expires_at."""
    return insert_one(
        tx.conn, api_tokens, workspace_id=workspace_id, name=name, key_hash=key_hash, scopes=scopes, created_at=at,
        **values,
    )  # fmt: skip


def by_hash(conn: Connection, key_hash: str, now: float) -> tuple[ApiToken, int] | None:
    """The valid token with this secret, and the oldest workspace (the operator's own); or None."""
    c = api_tokens.c
    alive = (c.revoked_at.is_(None), or_(c.expires_at.is_(None), c.expires_at > now))
    row = conn.execute(select(*_TOKEN).where(c.key_hash == key_hash, *alive)).first()
    if row is None:
        return None
    return ApiToken(*row), int(conn.scalar(select(func.min(workspaces.c.id))) or 0)


def page(conn: Connection, workspace_id: int, *, after: int = 0, limit: int = 100) -> list[ApiToken]:
    """The workspace's tokens that are not revoked, by id."""
    c = api_tokens.c
    where = (c.workspace_id == workspace_id, c.id > after, c.revoked_at.is_(None))
    query = select(*_TOKEN).where(*where).order_by(c.id).limit(limit)
    return [ApiToken(*row) for row in conn.execute(query)]


def by_id(conn: Connection, workspace_id: int, token_id: int) -> ApiToken | None:
    """One token of the workspace that is not revoked, or None."""
    c = api_tokens.c
    where = (c.workspace_id == workspace_id, c.id == token_id, c.revoked_at.is_(None))
    row = conn.execute(select(*_TOKEN).where(*where)).first()
    return ApiToken(*row) if row is not None else None


def by_name(conn: Connection, workspace_id: int, name: str) -> ApiToken | None:
    """The token in force of that name, or None."""
    c = api_tokens.c
    where = (c.workspace_id == workspace_id, c.name == name, c.revoked_at.is_(None))
    row = conn.execute(select(*_TOKEN).where(*where).order_by(c.id.desc()).limit(1)).first()
    return ApiToken(*row) if row is not None else None


def revoke(tx: Transaction, workspace_id: int, token_id: int, at: float) -> bool:
    """End a token; False if it had ended before."""
    c = api_tokens.c
    where = (c.workspace_id == workspace_id, c.id == token_id, c.revoked_at.is_(None))
    return bool(tx.conn.execute(update(api_tokens).where(*where).values(revoked_at=at)).rowcount)


def note_use(tx: Transaction, token_id: int, at: float) -> None:
    """When it was used last."""
    tx.conn.execute(update(api_tokens).where(api_tokens.c.id == token_id).values(used_at=at))
