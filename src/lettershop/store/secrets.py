"""Keys that the program makes for itself once and keeps: the key of the tokens in links, of sessions, of webhooks."""

from sqlalchemy import Connection, select

from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new
from lettershop.store.schema_main import secrets


def find(conn: Connection, name: str) -> bytes | None:
    """The secret, or None if it was never made."""
    value = conn.scalar(select(secrets.c.value).where(secrets.c.name == name))
    return bytes.fromhex(value) if value is not None else None


def ensure(tx: Transaction, name: str, fresh: bytes, at: float) -> bytes:
    """The secret; `fresh` becomes it if there is none. Two processes that call at once get the same."""
    insert_new(tx.conn, secrets, [{"name": name, "value": fresh.hex(), "created_at": at}])
    found = find(tx.conn, name)
    assert found is not None
    return found
