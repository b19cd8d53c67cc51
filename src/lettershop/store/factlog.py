"""Reading the fact logs in order, and how far each consumer has read. Both halves have a log: `facts` and `mail_facts`.

Consumers that decide get facts (`read_since`); those that pass on what was observed get rows as they stand
(`store.fact_rows`), also of kinds that this version does not know.

Facts become visible in the order of their ids (one writer at a time on SQLite, a lock on PostgreSQL), so "everything
after position N" misses nothing. A consumer moves its cursor in the transaction that does its work, and only from where
it believes it to be: two of them cannot do the same piece.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, func, select, update

from lettershop.base.facts import Fact, restore
from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new
from lettershop.store.schema_mail import mail_facts
from lettershop.store.schema_main import fact_cursors, facts

Log = Literal["facts", "mail_facts"]
_TABLES = {"facts": facts, "mail_facts": mail_facts}


@dataclass(frozen=True, slots=True)
class Logged:
    """A fact and its place in the log."""

    id: int
    fact: Fact


def read_since(conn: Connection, log: Log, position: int, limit: int) -> list[Logged]:
    """The next facts after `position`, oldest first. Of kinds that this version does not know only the head is told."""
    table = _TABLES[log]
    rows = conn.execute(select(table).where(table.c.id > position).order_by(table.c.id).limit(limit)).mappings()
    return [Logged(row["id"], _fact(dict(row))) for row in rows]


def _fact(row: dict[str, Any]) -> Fact:
    head = {name: row[name] for name in Fact.HEAD}
    try:
        return restore(row["kind"], head, row["data"])
    except KeyError:  # of a newer version
        return Fact(**head)


def of_contact(conn: Connection, contact_id: int, *, before: int | None = None, limit: int = 50) -> list[Logged]:
    """What happened to a contact, newest first; `before` is the last id of the page before."""
    return _newest(conn, facts.c.contact_id == contact_id, before, limit)


def of_envelope(conn: Connection, envelope_id: int, *, limit: int = 100) -> list[Logged]:
    """What happened to an envelope, newest first."""
    return _newest(conn, facts.c.envelope_id == envelope_id, None, limit)


def of_workspace(
    conn: Connection, workspace_id: int, *, after: int, limit: int, campaign_id: int | None = None,
    contact_id: int | None = None, kind: str | None = None,
) -> list[Logged]:  # fmt: skip
    """A workspace's facts after the id `after`, oldest first; those of a campaign, a contact or a kind if one is named."""
    c = facts.c
    query = select(facts).where(c.id > after, c.workspace_id == workspace_id).order_by(c.id).limit(limit)
    for column, value in ((c.campaign_id, campaign_id), (c.contact_id, contact_id), (c.kind, kind)):
        if value is not None:
            query = query.where(column == value)
    return [Logged(row["id"], _fact(dict(row))) for row in conn.execute(query).mappings()]


def of_campaign(conn: Connection, campaign_id: int, *kinds: str) -> list[Logged]:
    """A campaign's facts in order; all, or of these kinds. For recounts and exports, not for screens."""
    query = select(facts).where(facts.c.campaign_id == campaign_id).order_by(facts.c.id)
    if kinds:
        query = query.where(facts.c.kind.in_(kinds))
    return [Logged(row["id"], _fact(dict(row))) for row in conn.execute(query).mappings()]


def _newest(conn: Connection, where: Any, before: int | None, limit: int) -> list[Logged]:
    query = select(facts).where(where).order_by(facts.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(facts.c.id < before)
    return [Logged(row["id"], _fact(dict(row))) for row in conn.execute(query).mappings()]


def newest(conn: Connection, log: Log) -> int:
    """The id of the newest fact; 0 if there is none."""
    return conn.scalar(select(func.max(_TABLES[log].c.id))) or 0


# -- cursors (they are all in the main half) ---------------------------------------------------------------------------


def position(conn: Connection, consumer: str, log: Log) -> int:
    """How far the consumer has read."""
    c = fact_cursors.c
    return conn.scalar(select(c.position).where(c.consumer == consumer, c.log == log)) or 0


def advance(tx: Transaction, consumer: str, log: Log, *, since: int, to: int) -> bool:
    """Move the cursor from `since` to `to`; False if somebody else has moved it meanwhile."""
    insert_new(tx.conn, fact_cursors, [{"consumer": consumer, "log": log, "position": 0}])
    c = fact_cursors.c
    where = (c.consumer == consumer, c.log == log, c.position == since)
    return bool(tx.conn.execute(update(fact_cursors).where(*where).values(position=to)).rowcount)


def hold(tx: Transaction, consumer: str) -> None:
    """Nobody moves this consumer's cursors until this transaction ends."""
    c = fact_cursors.c
    tx.conn.execute(update(fact_cursors).where(c.consumer == consumer).values(position=c.position))


def last_id(batch: Sequence[Logged]) -> int:
    """Where a batch ends."""
    return batch[-1].id
