"""How much may be recorded of what readers do: the mode of a campaign or its workspace, the word of each person.

What the modes mean is decided in `marketing.tracking`; here is only the SQL.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, select, text

from lettershop.store.database import Transaction
from lettershop.store.rows import direct, ids_of, upsert
from lettershop.store.schema_analytics import workspace_tracking


def modes(conn: Connection, campaign_ids: Collection[int]) -> dict[int, str]:
    """The mode of each campaign: its own, else its workspace's, else empty."""
    ids, values = ids_of(conn, list(campaign_ids))
    statement = (
        "SELECT c.id, coalesce(nullif(c.tracking, ''), w.mode, '')"  # noqa: S608 - no input
        f" FROM {ids} i JOIN campaigns c ON c.id = i.id LEFT JOIN workspace_tracking w ON w.workspace_id = c.workspace_id"
    )
    return dict(_rows(conn, statement, values))


def mode_of(conn: Connection, workspace_id: int) -> str:
    """The workspace's mode; empty if it has chosen none."""
    c = workspace_tracking.c
    return conn.scalar(select(c.mode).where(c.workspace_id == workspace_id)) or ""


def set_mode(tx: Transaction, workspace_id: int, mode: str) -> None:
    """Choose the workspace's mode; it holds at once, for mail already sent too."""
    upsert(tx.conn, workspace_tracking, [{"workspace_id": workspace_id, "mode": mode}], key=("workspace_id",))


def words_of(conn: Connection, contact_ids: Collection[int]) -> dict[int, bool | None]:
    """What each contact said on being tracked: yes, no, None: was not asked. Who is gone is not there."""
    ids, values = ids_of(conn, list(contact_ids))
    statement = f"SELECT c.id, c.tracking_consent FROM {ids} i JOIN contacts c ON c.id = i.id"  # noqa: S608 - no input
    return {contact: None if word is None else bool(word) for contact, word in _rows(conn, statement, values)}


def _rows(conn: Connection, statement: str, values: dict[str, Any]) -> list[tuple[int, Any]]:
    """Asked for with every pixel: the layer between costs more than the look."""
    if conn.dialect.name == "sqlite":
        return direct(conn).execute(statement, values).fetchall()
    return [(row[0], row[1]) for row in conn.execute(text(statement), values)]
