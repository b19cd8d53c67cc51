"""Failed tries by key, so that all workers count together. Keys are hashes: no address is kept."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, delete, select, update

from lettershop.store.database import Transaction
from lettershop.store.rows import upsert
from lettershop.store.schema_signin import failed_tries

LEAST_KEPT = 86_400.0
SWEPT = 100


def seen(conn: Connection, keys: Collection[str]) -> dict[str, tuple[int, float]]:
    """How often each key failed, and when it did last."""
    c = failed_tries.c
    rows = conn.execute(select(c.key_hash, c.count, c.last_at).where(c.key_hash.in_(keys)))
    return {key: (count, last) for key, count, last in rows}


def keep(tx: Transaction, counts: Mapping[str, int], now: float) -> None:
    """These failed so often by now; what is old goes, a few at a time."""
    rows = [{"key_hash": key, "count": counts[key], "last_at": now} for key in sorted(counts)]
    upsert(tx.conn, failed_tries, rows, key=["key_hash"])
    c = failed_tries.c
    old = select(c.key_hash).where(c.last_at < now - LEAST_KEPT).limit(SWEPT)
    tx.conn.execute(delete(failed_tries).where(c.key_hash.in_(old)))


def take_back(tx: Transaction, keys: Sequence[str]) -> None:
    """One failure less for each: the try was good."""
    c = failed_tries.c
    tx.conn.execute(update(failed_tries).where(c.key_hash.in_(sorted(keys)), c.count > 0).values(count=c.count - 1))


def forget(tx: Transaction, key: str) -> None:
    """All failures of a key."""
    tx.conn.execute(delete(failed_tries).where(failed_tries.c.key_hash == key))
