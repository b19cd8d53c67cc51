"""Stored messages of which their senders must be told: given up, or delivered where they asked (RFC 3461); with the message."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, exists, or_, select

from lettershop.base.facts import Bounced, Delivered, Fact, Withheld, restore
from lettershop.store import factlog, wishes
from lettershop.store.schema_delivery import dsn_wishes, envelopes, outgoing
from lettershop.store.schema_main import facts
from lettershop.store.wishes import NOTHING_SAID, Wish

LOG: factlog.Log = "facts"
KINDS = (Bounced.__name__, Withheld.__name__)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """One recipient's envelope and what happened. `blob`: the message's key in `store.blobs`; times are seconds since the epoch."""

    fact_id: int
    fact: Fact
    outgoing_id: int
    address: str
    mail_from: str
    blob: str
    created_at: float
    wish: Wish = NOTHING_SAID


def read_since(conn: Connection, position: int, limit: int) -> tuple[Sequence[GivenUp], int]:
    """Those after `position` that have a sender, and how far the log was read. Campaigns are passed over unread."""
    newest = factlog.newest(conn, LOG)
    f, e, o, w = facts.c, envelopes.c, outgoing.c, dsn_wishes.c
    asked = and_(
        f.kind == Delivered.__name__, exists().where(w.envelope_id == f.envelope_id, w.notify.contains("SUCCESS"))
    )
    query = (
        select(facts, e.address, o.id.label("outgoing_id"), o.mail_from, o.blob, o.created_at)
        .join(envelopes, e.id == f.envelope_id)
        .join(outgoing, o.id == e.outgoing_id)
        .where(f.id > position, f.id <= newest, f.campaign_id.is_(None), or_(f.kind.in_(KINDS), asked))
        .where(o.mail_from != "")  # RFC 5321 4.5.5: nobody is told of a lost report
        .order_by(f.id)
        .limit(limit)
    )
    rows = [dict(row) for row in conn.execute(query).mappings()]
    said = wishes.find(conn, [row["envelope_id"] for row in rows])
    found = [_given_up(row, said.get(row["envelope_id"], NOTHING_SAID)) for row in rows]
    return found, found[-1].fact_id if len(found) == limit else max(newest, position)


def _given_up(row: dict[str, Any], wish: Wish) -> GivenUp:
    fact = restore(row["kind"], {name: row[name] for name in Fact.HEAD}, row["data"])
    return GivenUp(
        row["id"],
        fact,
        row["outgoing_id"],
        row["address"] or "",
        row["mail_from"],
        row["blob"],
        row["created_at"],
        wish,
    )
