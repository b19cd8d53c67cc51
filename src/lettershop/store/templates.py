"""Templates of a workspace: subject, HTML and text under a name."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, delete, select, update

from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new
from lettershop.store.schema_api import templates


@dataclass(frozen=True, slots=True)
class Template:
    """A template. Times in seconds since the epoch."""

    id: int
    workspace_id: int
    name: str
    subject: str
    html: str
    text: str
    created_at: float
    updated_at: float
    format: str = "html"
    layout: str = ""
    variants: dict[str, dict[str, str]] = field(default_factory=dict)


_TEMPLATE = [templates.c[name] for name in Template.__slots__]


def add(tx: Transaction, /, workspace_id: int, name: str, at: float, **content: Any) -> Template | None:
    """A new template; None if the name is taken."""
    row = {"workspace_id": workspace_id, "name": name, "created_at": at, "updated_at": at, **content}
    return by_name(tx.conn, workspace_id, name) if insert_new(tx.conn, templates, [row]) else None


def by_id(conn: Connection, workspace_id: int, template_id: int) -> Template | None:
    """One template of the workspace, or None."""
    c = templates.c
    row = conn.execute(select(*_TEMPLATE).where(c.workspace_id == workspace_id, c.id == template_id)).first()
    return Template(*row) if row is not None else None


def by_name(conn: Connection, workspace_id: int, name: str) -> Template | None:
    """The template of that name, or None."""
    c = templates.c
    row = conn.execute(select(*_TEMPLATE).where(c.workspace_id == workspace_id, c.name == name)).first()
    return Template(*row) if row is not None else None


def page(conn: Connection, workspace_id: int, *, after: int, limit: int) -> list[Template]:
    """The workspace's templates by id, a page after the id `after`."""
    c = templates.c
    query = select(*_TEMPLATE).where(c.workspace_id == workspace_id, c.id > after).order_by(c.id).limit(limit)
    return [Template(*row) for row in conn.execute(query)]


def change(tx: Transaction, /, template_id: int, at: float, **content: Any) -> None:
    """Replace some of its content."""
    tx.conn.execute(update(templates).where(templates.c.id == template_id).values(updated_at=at, **content))


def remove(tx: Transaction, template_id: int) -> None:
    """Delete a template; what was sent with it stays as it was."""
    tx.conn.execute(delete(templates).where(templates.c.id == template_id))
