"""The rare work on lanes: cancelled ones are emptied, empty ones are forgotten. The hot statements are in `store.envelopes`."""

from sqlalchemy import delete, exists, select, text, update

from lettershop.base.facts import Withheld
from lettershop.store.database import Transaction
from lettershop.store.schema_delivery import LANE_CANCELLED, LANE_HELD, QUEUED, WITHHELD, envelopes, lanes


def sweep_cancelled(tx: Transaction, now: float, limit: int = 2000) -> int:
    """Withhold up to `limit` envelopes of cancelled lanes, with their facts; how many. Call again until 0."""
    gone = select(lanes.c.id).where(lanes.c.state == LANE_CANCELLED)
    piece = select(envelopes.c.id).where(envelopes.c.lane_id.in_(gone), text("envelopes.state = 0")).limit(limit)
    c = envelopes.c
    rows = tx.conn.execute(
        update(envelopes).where(c.id.in_(piece), c.state == QUEUED)
        .values(state=WITHHELD, finished_at=now, answer="cancelled")
        .returning(c.id, c.workspace_id, c.campaign_id, c.contact_id)
    ).all()  # fmt: skip
    for row in rows:
        tx.fact(
            Withheld(
                at=now, workspace_id=row.workspace_id, campaign_id=row.campaign_id, contact_id=row.contact_id,
                envelope_id=row.id, reason="cancelled",
            )
        )  # fmt: skip
    return len(rows)


def close_empty_lanes(tx: Transaction, now: float, grace: float = 3600.0) -> int:
    """Forget lanes without mail that nobody queued into for `grace` seconds, so that polls stay short; how many."""
    waits = exists().where(envelopes.c.lane_id == lanes.c.id, text("envelopes.state = 0"))  # literal: the partial index
    busy = select(envelopes.c.lane_id).where(text("envelopes.state = 1 AND envelopes.leased_until > 0"))
    untouched = lanes.c.touched_at < now - grace  # checked again under PostgreSQL's row lock: an enqueue touches
    statement = delete(lanes).where(untouched, lanes.c.state != LANE_HELD, ~waits, lanes.c.id.not_in(busy))
    return tx.conn.execute(statement).rowcount
