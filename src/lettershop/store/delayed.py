"""Stored messages that wait for long, as their senders must be told: once a recipient; the fact `DelayTold` remembers it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, exists, select, text

from lettershop.base.facts import Deferred, DelayTold
from lettershop.store import factlog, wishes
from lettershop.store.schema_delivery import dsn_wishes, envelopes, lanes, outgoing
from lettershop.store.schema_main import facts
from lettershop.store.wishes import NOTHING_SAID, Wish


@dataclass(frozen=True, slots=True)
class Late:
    """A recipient who has not got it yet. `blob`: the message's key in `store.blobs`; `deferred`: the last try, if any."""

    envelope_id: int
    workspace_id: int | None
    outgoing_id: int
    address: str
    mail_from: str
    blob: str
    created_at: float
    expires_at: float
    deferred: Deferred | None
    wish: Wish = NOTHING_SAID


def untold(conn: Connection, before: float, now: float, limit: int) -> Sequence[Late]:
    """Those handed over before `before` that wait, have a sender and time left, and were not told of; by message."""
    e, o, f, w = envelopes.c, outgoing.c, facts.c, dsn_wishes.c
    silent = exists().where(w.envelope_id == e.id, w.notify != "", ~w.notify.contains("DELAY"))  # RFC 3461 4.1
    told = exists().where(f.envelope_id == e.id, f.kind == DelayTold.__name__)
    query = (
        select(e.id, e.workspace_id, o.id, e.address, o.mail_from, o.blob, e.created_at, e.expires_at, e.attempts)
        .join(outgoing, o.id == e.outgoing_id)
        # the lanes of stored messages, by the small index of what waits: a campaign's million is not looked at
        .where(e.lane_id.in_(select(lanes.c.id).where(lanes.c.campaign_id == 0)), text("envelopes.state = 0"))
        .where(e.created_at <= before, e.expires_at > now, o.mail_from != "", ~told, ~silent)  # RFC 5321 4.5.5
        .order_by(o.id, e.id)
        .limit(limit)
    )
    rows = conn.execute(query).all()
    said = wishes.find(conn, [row.id for row in rows])
    return [
        Late(*row[:8], _last_try(conn, row.id) if row.attempts else None, said.get(row.id, NOTHING_SAID))
        for row in rows
    ]


def _last_try(conn: Connection, envelope_id: int) -> Deferred | None:
    found = (logged.fact for logged in factlog.of_envelope(conn, envelope_id))
    return next((fact for fact in found if isinstance(fact, Deferred)), None)
