"""Workspaces (a brand or a client of an agency) and their brands: who a campaign is from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select, update

from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new
from lettershop.store.schema_main import brands, workspaces


@dataclass(frozen=True, slots=True)
class Workspace:
    """What owns every marketing row."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Brand:
    """Who mail is from: sender, reply address, and the postal address that the law asks for."""

    id: int
    workspace_id: int
    name: str
    from_name: str
    from_address: str
    reply_to: str
    postal_address: str
    settings: dict[str, str] = field(default_factory=dict)


_BRAND = [brands.c[name] for name in Brand.__slots__]


def ensure_workspace(tx: Transaction, name: str, at: float) -> int:
    """The workspace's id; made if there is none of that name."""
    insert_new(tx.conn, workspaces, [{"name": name, "created_at": at}])
    found = tx.conn.scalar(select(workspaces.c.id).where(workspaces.c.name == name))
    assert found is not None
    return int(found)


def all_workspaces(conn: Connection) -> list[Workspace]:
    """Every workspace, oldest first."""
    rows = conn.execute(select(workspaces.c.id, workspaces.c.name).order_by(workspaces.c.id))
    return [Workspace(*row) for row in rows]


def rename(tx: Transaction, workspace_id: int, name: str) -> bool:
    """Give the workspace another name; False if another one has it."""
    taken = tx.conn.scalar(select(workspaces.c.id).where(workspaces.c.name == name, workspaces.c.id != workspace_id))
    if taken is None:
        tx.conn.execute(update(workspaces).where(workspaces.c.id == workspace_id).values(name=name))
    return taken is None


def ensure_brand(
    tx: Transaction,
    workspace_id: int,
    *,
    name: str,
    from_name: str,
    from_address: str,
    at: float,
    reply_to: str = "",
    postal_address: str = "",
    pool: str | None = None,
    settings: Mapping[str, str] | None = None,
) -> int:
    """The brand's id; made, or brought up to date, by its name. `pool` of source addresses: empty as for all; None: as it is.

    `settings` None: they stay as they are.
    """
    values: dict[str, Any] = {
        "from_name": from_name, "from_address": from_address, "reply_to": reply_to, "postal_address": postal_address,
    }  # fmt: skip
    if pool is not None:
        values["pool"] = pool
    if settings is not None:
        values["settings"] = dict(settings)
    where = (brands.c.workspace_id == workspace_id, brands.c.name == name)
    insert_new(tx.conn, brands, [{"workspace_id": workspace_id, "name": name, "created_at": at, **values}])
    tx.conn.execute(update(brands).where(*where).values(**values))
    found = tx.conn.scalar(select(brands.c.id).where(*where))
    assert found is not None
    return int(found)


def brand(conn: Connection, brand_id: int) -> Brand | None:
    """The brand, or None."""
    row = conn.execute(select(*_BRAND).where(brands.c.id == brand_id)).first()
    return Brand(*row) if row is not None else None


def brands_of(conn: Connection, workspace_id: int) -> list[Brand]:
    """The workspace's brands, by name."""
    rows = conn.execute(select(*_BRAND).where(brands.c.workspace_id == workspace_id).order_by(brands.c.name))
    return [Brand(*row) for row in rows]
