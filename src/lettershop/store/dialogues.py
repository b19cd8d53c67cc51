"""What was said at the last attempt of a message that waits or failed: one row an envelope, overwritten, forgotten in time."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, select

from lettershop.store.database import Transaction
from lettershop.store.rows import upsert
from lettershop.store.schema_delivery import dialogues


def keep(tx: Transaction, talks: Sequence[tuple[int, float, str]]) -> None:
    """(envelope, time, dialogue), in place of what was kept before; where the dialogue is empty, nothing is kept any more."""
    gone = [envelope_id for envelope_id, _, text in talks if not text]
    if gone:
        tx.conn.execute(delete(dialogues).where(dialogues.c.envelope_id.in_(gone)))
    rows = {key: {"envelope_id": key, "at": at, "text": text} for key, at, text in talks if text}
    upsert(tx.conn, dialogues, list(rows.values()), key=("envelope_id",))


def of(conn: Connection, envelope_id: int) -> tuple[float, str] | None:
    """When it was, and what was said; None if nothing is kept."""
    c = dialogues.c
    row = conn.execute(select(c.at, c.text).where(c.envelope_id == envelope_id)).first()
    return None if row is None else (row.at, row.text)


def forget(tx: Transaction, before: float, limit: int = 1000) -> int:
    """Forget those older than that, a piece at a time; how many."""
    c = dialogues.c
    old = select(c.envelope_id).where(c.at < before).limit(limit)
    return tx.conn.execute(delete(dialogues).where(c.envelope_id.in_(old))).rowcount
