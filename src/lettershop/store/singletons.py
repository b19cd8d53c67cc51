"""Work that only one process does at a time: a lease with an end, taken and renewed in the database."""

from sqlalchemy import Connection, delete, or_, select, update

from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new
from lettershop.store.schema_main import singletons


def take(tx: Transaction, name: str, owner: str, *, now: float, seconds: float) -> bool:
    """Take or renew the lease; False while another owner's has not run out."""
    until = now + seconds
    if insert_new(tx.conn, singletons, [{"name": name, "owner": owner, "until": until}]):
        return True
    c = singletons.c
    mine = (c.name == name, or_(c.owner == owner, c.until <= now))
    return bool(tx.conn.execute(update(singletons).where(*mine).values(owner=owner, until=until)).rowcount)


def give_back(tx: Transaction, name: str, owner: str) -> None:
    """Let somebody else go on at once."""
    tx.conn.execute(delete(singletons).where(singletons.c.name == name, singletons.c.owner == owner))


def holder(conn: Connection, name: str) -> tuple[str, float] | None:
    """Who holds the lease and until when, or None."""
    row = conn.execute(select(singletons.c.owner, singletons.c.until).where(singletons.c.name == name)).first()
    return (row.owner, row.until) if row is not None else None
