"""What people do with envelopes that wait: retry now, remove, hold and release, move to another way.

Held envelopes stay QUEUED, due in a far future (`schema_delivery.HELD` plus the time at which they were held): so nothing leases
them, a cancelled campaign takes them along, and the hot statements need not know of it. Their time to expire stands still.
"""

from collections.abc import Sequence

from sqlalchemy import and_, case, select, update

from lettershop.base.facts import Withheld
from lettershop.store.database import Transaction
from lettershop.store.envelopes import ensure_lane
from lettershop.store.schema_delivery import HELD, QUEUED, WITHHELD, envelopes, lanes


def retry_now(
    tx: Transaction, now: float, *, ids: Sequence[int] = (), site: str | None = None, everything: bool = False
) -> int:
    """Make queued envelopes due: those named, or a site's, or all; how many. What is held stays so."""
    c = envelopes.c
    handed = case((c.created_at > now, now), else_=c.created_at)  # set aside by warm-up: handed over when due
    query = update(envelopes).where(c.state == QUEUED, c.due_at > now, c.due_at < HELD)
    query = query.values(due_at=now, created_at=handed)
    if not everything:
        query = query.where(c.site == site if site is not None else c.id.in_(ids))
    return tx.conn.execute(query).rowcount


def remove(tx: Transaction, now: float, ids: Sequence[int]) -> int:
    """Withhold queued envelopes for good, with their facts; how many. What is being tried this moment is not touched."""
    c = envelopes.c
    rows = tx.conn.execute(
        update(envelopes).where(c.state == QUEUED, c.id.in_(ids))
        .values(state=WITHHELD, finished_at=now, answer="removed by an operator")
        .returning(c.id, c.workspace_id, c.campaign_id, c.contact_id)
    ).all()  # fmt: skip
    for row in rows:
        tx.fact(
            Withheld(
                at=now, workspace_id=row.workspace_id, campaign_id=row.campaign_id, contact_id=row.contact_id,
                envelope_id=row.id, reason="removed",
            )
        )  # fmt: skip
    return len(rows)


def hold(tx: Transaction, now: float, ids: Sequence[int]) -> int:
    """Keep queued envelopes from being sent until they are released; how many."""
    c = envelopes.c
    query = update(envelopes).where(c.state == QUEUED, c.id.in_(ids), c.due_at < HELD).values(due_at=HELD + now)
    return tx.conn.execute(query).rowcount


def release(tx: Transaction, now: float, ids: Sequence[int]) -> int:
    """End the hold: they are due now, and have as much time left as they had; how many."""
    c = envelopes.c
    values = {"due_at": now, "expires_at": c.expires_at + (now - (c.due_at - HELD))}
    query = update(envelopes).where(c.state == QUEUED, c.id.in_(ids), c.due_at >= HELD).values(values)
    return tx.conn.execute(query).rowcount


def reroute(tx: Transaction, now: float, ids: Sequence[int], domain: str) -> int:
    """Send queued envelopes by the way of another domain, now unless they are held; how many."""
    c = envelopes.c
    due = case((and_(c.due_at > now, c.due_at < HELD), now), else_=c.due_at)
    query = update(envelopes).where(c.state == QUEUED, c.id.in_(ids)).values(site=domain, due_at=due)
    return tx.conn.execute(query).rowcount


def move_to_pool(tx: Transaction, now: float, ids: Sequence[int], pool: str) -> int:
    """Send queued envelopes from another pool of source addresses; how many. They wait in a lane of their own then.

    The lane is as open or held, and as slow, as the one they come from.
    """
    c, lane = envelopes.c, lanes.c
    which = (c.state == QUEUED, c.id.in_(ids))
    moved = 0
    for lane_id in list(tx.conn.scalars(select(c.lane_id).where(*which).distinct())):
        old = tx.conn.execute(select(lanes).where(lane.id == lane_id)).one()
        new = ensure_lane(
            tx, old.workspace_id, old.campaign_id, old.priority, now, sender=old.sender, pool=pool, moved=pool
        )
        if new == lane_id:
            continue
        tx.conn.execute(update(lanes).where(lane.id == new).values(state=old.state, per_second=old.per_second))
        moved += tx.conn.execute(update(envelopes).where(*which, c.lane_id == lane_id).values(lane_id=new)).rowcount
    return moved
