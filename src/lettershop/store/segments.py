"""Saved segments: a name and a tree (JSON of `marketing.segments`)."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select, update

from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new
from lettershop.store.schema_main import segments


@dataclass(frozen=True, slots=True)
class SavedSegment:
    """A segment of a workspace. `tree` {} is everyone."""

    id: int
    workspace_id: int
    name: str
    tree: dict[str, Any]
    created_at: float


_SEGMENT = [segments.c[name] for name in SavedSegment.__slots__]


def of_workspace(
    conn: Connection, workspace_id: int, *, after: int = 0, limit: int | None = None
) -> list[SavedSegment]:
    """The workspace's segments by id, a page after the id `after`."""
    where = (segments.c.workspace_id == workspace_id, segments.c.id > after)
    rows = conn.execute(select(*_SEGMENT).where(*where).order_by(segments.c.id).limit(limit))
    return [SavedSegment(*row) for row in rows]


def by_id(conn: Connection, workspace_id: int, segment_id: int) -> SavedSegment | None:
    """The segment, or None."""
    where = (segments.c.workspace_id == workspace_id, segments.c.id == segment_id)
    row = conn.execute(select(*_SEGMENT).where(*where)).first()
    return SavedSegment(*row) if row is not None else None


def create(tx: Transaction, workspace_id: int, name: str, tree: dict[str, Any], at: float) -> int | None:
    """Save a segment; its id, or None if the name is taken."""
    row = {"workspace_id": workspace_id, "name": name, "tree": tree, "created_at": at}
    if not insert_new(tx.conn, segments, [row]):
        return None
    where = (segments.c.workspace_id == workspace_id, segments.c.name == name)
    return tx.conn.scalar(select(segments.c.id).where(*where))


def change(tx: Transaction, /, segment_id: int, **values: Any) -> None:
    """Change name or tree."""
    tx.conn.execute(update(segments).where(segments.c.id == segment_id).values(**values))


def remove(tx: Transaction, segment_id: int) -> None:
    """Forget a segment. Whether others need it, the caller has asked."""
    tx.conn.execute(delete(segments).where(segments.c.id == segment_id))
