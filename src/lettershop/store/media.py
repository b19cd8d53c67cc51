"""The media library: which picture or file is where. The bytes are in `store.blobs`."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select

from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new
from lettershop.store.schema_content import media


@dataclass(frozen=True, slots=True)
class Medium:
    """A picture or a file. `hash`: SHA-256 of its bytes; width and height 0: it is no picture."""

    id: int
    workspace_id: int
    hash: str
    name: str
    content_type: str
    size: int
    width: int
    height: int
    blob: str
    created_at: float


_MEDIUM = [media.c[name] for name in Medium.__slots__]


def add(tx: Transaction, /, workspace_id: int, digest: str, *, at: float, **about: Any) -> Medium:
    """A new one, or what is there with the same bytes."""
    insert_new(tx.conn, media, [{"workspace_id": workspace_id, "hash": digest, "created_at": at, **about}])
    found = by_hash(tx.conn, workspace_id, digest)
    assert found is not None
    return found


def by_hash(conn: Connection, workspace_id: int, digest: str) -> Medium | None:
    """The workspace's own of these bytes."""
    row = conn.execute(select(*_MEDIUM).where(media.c.workspace_id == workspace_id, media.c.hash == digest)).first()
    return Medium(*row) if row is not None else None


def anywhere(conn: Connection, digest: str) -> Medium | None:
    """Anybody's of these bytes."""
    row = conn.execute(select(*_MEDIUM).where(media.c.hash == digest).order_by(media.c.id).limit(1)).first()
    return Medium(*row) if row is not None else None


def by_id(conn: Connection, workspace_id: int, medium_id: int) -> Medium | None:
    """One of the workspace, or None."""
    row = conn.execute(select(*_MEDIUM).where(media.c.workspace_id == workspace_id, media.c.id == medium_id)).first()
    return Medium(*row) if row is not None else None


def by_ids(conn: Connection, workspace_id: int, ids: list[int]) -> dict[int, Medium]:
    """Those of the workspace among these."""
    rows = conn.execute(select(*_MEDIUM).where(media.c.workspace_id == workspace_id, media.c.id.in_(ids)))
    return {row.id: Medium(*row) for row in rows}


def page(conn: Connection, workspace_id: int, *, before: int | None, limit: int) -> list[Medium]:
    """The newest first, below the id `before`."""
    query = select(*_MEDIUM).where(media.c.workspace_id == workspace_id)
    if before is not None:
        query = query.where(media.c.id < before)
    return [Medium(*row) for row in conn.execute(query.order_by(media.c.id.desc()).limit(limit))]


def remove(tx: Transaction, medium_id: int) -> None:
    """Take it out; its bytes stay where they are, for others may use them."""
    tx.conn.execute(delete(media).where(media.c.id == medium_id))
