"""Layouts and blocks of a workspace."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select, update

from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new
from lettershop.store.schema_content import blocks


@dataclass(frozen=True, slots=True)
class BlockRow:
    """A layout or a block. Times in seconds since the epoch."""

    id: int
    workspace_id: int
    name: str
    layout: bool
    html: str
    text: str
    format: str
    created_at: float
    updated_at: float


_BLOCK = [blocks.c[name] for name in BlockRow.__slots__]


def add(tx: Transaction, /, workspace_id: int, name: str, at: float, **content: Any) -> BlockRow | None:
    """A new one; None if the name is taken."""
    row = {"workspace_id": workspace_id, "name": name, "created_at": at, "updated_at": at, **content}
    return by_name(tx.conn, workspace_id, name) if insert_new(tx.conn, blocks, [row]) else None


def by_id(conn: Connection, workspace_id: int, block_id: int) -> BlockRow | None:
    """One of the workspace, or None."""
    row = conn.execute(select(*_BLOCK).where(blocks.c.workspace_id == workspace_id, blocks.c.id == block_id)).first()
    return BlockRow(*row) if row is not None else None


def by_name(conn: Connection, workspace_id: int, name: str) -> BlockRow | None:
    """The one of that name, or None."""
    row = conn.execute(select(*_BLOCK).where(blocks.c.workspace_id == workspace_id, blocks.c.name == name)).first()
    return BlockRow(*row) if row is not None else None


def of_workspace(conn: Connection, workspace_id: int) -> list[BlockRow]:
    """All of them, by name."""
    rows = conn.execute(select(*_BLOCK).where(blocks.c.workspace_id == workspace_id).order_by(blocks.c.name))
    return [BlockRow(*row) for row in rows]


def page(conn: Connection, workspace_id: int, *, after: int, limit: int) -> list[BlockRow]:
    """By id, a page after the id `after`."""
    where = (blocks.c.workspace_id == workspace_id, blocks.c.id > after)
    return [BlockRow(*row) for row in conn.execute(select(*_BLOCK).where(*where).order_by(blocks.c.id).limit(limit))]


def change(tx: Transaction, /, block_id: int, at: float, **content: Any) -> None:
    """Replace some of its content."""
    tx.conn.execute(update(blocks).where(blocks.c.id == block_id).values(updated_at=at, **content))


def remove(tx: Transaction, block_id: int) -> None:
    """Delete it; campaigns that have started keep what they are made of."""
    tx.conn.execute(delete(blocks).where(blocks.c.id == block_id))
