"""Stored messages that were given up, as their senders must be told: facts of the queue with the message beside them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from lettershop.base.facts import Bounced, Fact, Withheld, restore
from lettershop.store import factlog
from lettershop.store.schema_delivery import envelopes, outgoing
from lettershop.store.schema_main import facts

LOG: factlog.Log = "facts"
KINDS = (Bounced.__name__, Withheld.__name__)


@dataclass(frozen=True, slots=True)
class GivenUp:
    """One recipient's envelope and why. `blob`: the message's key in `store.blobs`; times are seconds since the epoch."""

    fact_id: int
    fact: Fact
    outgoing_id: int
    address: str
    mail_from: str
    blob: str
    created_at: float


def read_since(conn: Connection, position: int, limit: int) -> tuple[Sequence[GivenUp], int]:
    """Those after `position` that have a sender, and how far the log was read. Campaigns are passed over unread."""
    newest = factlog.newest(conn, LOG)
    f, e, o = facts.c, envelopes.c, outgoing.c
    query = (
        select(facts, e.address, o.id.label("outgoing_id"), o.mail_from, o.blob, o.created_at)
        .join(envelopes, e.id == f.envelope_id)
        .join(outgoing, o.id == e.outgoing_id)
        .where(f.id > position, f.id <= newest, f.campaign_id.is_(None), f.kind.in_(KINDS))
        .where(o.mail_from != "")  # RFC 5321 4.5.5: nobody is told of a lost report
        .order_by(f.id)
        .limit(limit)
    )
    found = [_given_up(dict(row)) for row in conn.execute(query).mappings()]
    return found, found[-1].fact_id if len(found) == limit else max(newest, position)


def _given_up(row: dict[str, Any]) -> GivenUp:
    fact = restore(row["kind"], {name: row[name] for name in Fact.HEAD}, row["data"])
    return GivenUp(
        row["id"], fact, row["outgoing_id"], row["address"] or "", row["mail_from"], row["blob"], row["created_at"]
    )
