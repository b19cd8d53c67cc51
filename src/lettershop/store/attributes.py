"""What is known of the attributes of a workspace's people: their kinds (`marketing.attributes`)."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new, upsert
from lettershop.store.schema_main import attributes


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute. `declared` by a person; else learned from a file."""

    name: str
    kind: str
    declared: bool
    created_at: float


def of_workspace(conn: Connection, workspace_id: int) -> list[Attribute]:
    """The workspace's attributes, by name."""
    a = attributes.c
    query = select(a.name, a.kind, a.declared, a.created_at).where(a.workspace_id == workspace_id).order_by(a.name)
    return [Attribute(*row) for row in conn.execute(query)]


def kinds(conn: Connection, workspace_id: int) -> dict[str, str]:
    """Kind by name."""
    return {attribute.name: attribute.kind for attribute in of_workspace(conn, workspace_id)}


def learn(tx: Transaction, workspace_id: int, found: Mapping[str, str], at: float) -> None:
    """Keep the kinds of attributes that nobody knew."""
    rows = [
        {"workspace_id": workspace_id, "name": name, "kind": kind, "declared": False, "created_at": at}
        for name, kind in found.items()
    ]
    if rows:
        insert_new(tx.conn, attributes, rows)


def declare(tx: Transaction, workspace_id: int, name: str, kind: str, at: float) -> None:
    """Say what kind an attribute has."""
    row = {"workspace_id": workspace_id, "name": name, "kind": kind, "declared": True, "created_at": at}
    upsert(tx.conn, attributes, [row], key=("workspace_id", "name"))
