"""Answers kept for requests that a client may repeat: the same key gives the same answer, and the work is done once."""

from dataclasses import dataclass

from sqlalchemy import delete, select, update

from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new
from lettershop.store.schema_api import idempotency

UNDER_WAY = 0
KEPT = 86_400.0
"""Seconds that an answer is kept."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a request. `status` UNDER_WAY: it is not answered yet."""

    fingerprint: str
    status: int
    content_type: str
    body: bytes | None
    at: float

    @property
    def under_way(self) -> bool:
        """Whether the first request is not answered yet."""
        return self.status == UNDER_WAY


def claim(tx: Transaction, owner: str, name: str, fingerprint: str, at: float) -> Kept | None:
    """Begin a request; None if it is new, else what is known of the first one. Old ones are forgotten on the way."""
    c = idempotency.c
    tx.conn.execute(delete(idempotency).where(c.at < at - KEPT))
    row = {"owner": owner, "name": name, "fingerprint": fingerprint, "status": UNDER_WAY, "at": at}
    if insert_new(tx.conn, idempotency, [row]):
        return None
    found = tx.conn.execute(
        select(c.fingerprint, c.status, c.content_type, c.body, c.at).where(c.owner == owner, c.name == name)
    ).one()
    return Kept(*found)


def keep(tx: Transaction, owner: str, name: str, status: int, content_type: str, body: bytes) -> None:
    """Keep the answer."""
    c = idempotency.c
    values = {"status": status, "content_type": content_type, "body": body}
    tx.conn.execute(update(idempotency).where(c.owner == owner, c.name == name).values(**values))


def let_go(tx: Transaction, owner: str, name: str) -> None:
    """Forget a request that failed on our side: it may be tried again."""
    c = idempotency.c
    tx.conn.execute(delete(idempotency).where(c.owner == owner, c.name == name))
