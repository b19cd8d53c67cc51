"""What senders want to be told of their messages' way (RFC 3461), for those who said so."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from lettershop.store.database import Transaction
from lettershop.store.schema_delivery import dsn_wishes as table

USUAL = frozenset({"FAILURE", "DELAY"})
"""What is told to who said nothing (RFC 3461 4.1)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """`notify`: "NEVER", or of SUCCESS, FAILURE, DELAY with commas between; `ret`: "FULL", "HDRS"; empty: nothing was said.

    `orcpt` is "type;address", `envid` the sender's own name of the message, both decoded.
    """

    notify: str = ""
    orcpt: str = ""
    ret: str = ""
    envid: str = ""

    def wants(self, what: str) -> bool:
        """Whether SUCCESS, FAILURE or DELAY is to be told."""
        return what in (self.notify.split(",") if self.notify else USUAL)


NOTHING_SAID = Wish()


def add(tx: Transaction, said: Sequence[tuple[int, Wish]]) -> None:
    """Keep the wishes of envelopes; where nothing was said nothing is kept."""
    rows = [
        {"envelope_id": key, "notify": wish.notify, "orcpt": wish.orcpt, "ret": wish.ret, "envid": wish.envid}
        for key, wish in said
        if wish != NOTHING_SAID
    ]
    if rows:
        tx.conn.execute(insert(table), rows)


def find(conn: Connection, envelope_ids: Iterable[int]) -> Mapping[int, Wish]:
    """The wishes of those envelopes that have any."""
    c = table.c
    rows = conn.execute(
        select(c.envelope_id, c.notify, c.orcpt, c.ret, c.envid).where(c.envelope_id.in_(list(envelope_ids)))
    )
    return {row[0]: Wish(*row[1:]) for row in rows}
