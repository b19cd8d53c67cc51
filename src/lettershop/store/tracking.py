"""How much may be recorded of what readers do: the mode of a campaign or its workspace, the word of each person.

What the modes mean is decided in `marketing.tracking`; here is only the SQL.
"""

from collections.abc import Collection

from sqlalchemy import Connection, select, text

from lettershop.store.database import Transaction
from lettershop.store.rows import direct, ids_of, upsert
from lettershop.store.schema_analytics import workspace_tracking
from lettershop.store.schema_main import campaigns


def modes(conn: Connection, campaign_ids: Collection[int]) -> dict[int, str]:
    """The mode of each campaign: its own, else its workspace's, else empty."""
    own, general = campaigns.c, workspace_tracking.c
    query = (
        select(own.id, own.tracking, general.mode)
        .select_from(campaigns.outerjoin(workspace_tracking, general.workspace_id == own.workspace_id))
        .where(own.id.in_(campaign_ids))
    )
    return {row.id: row.tracking or row.mode or "" for row in conn.execute(query)}


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
    if conn.dialect.name == "sqlite":  # asked for every pixel; the layer between costs more than the look
        found = direct(conn).execute(statement, values).fetchall()
        return {contact: None if word is None else bool(word) for contact, word in found}
    return {row.id: row.tracking_consent for row in conn.execute(text(statement), values)}
