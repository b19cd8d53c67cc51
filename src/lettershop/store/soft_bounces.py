"""Soft bounces of one contact in a row: how many, since when. A delivery between two begins the row anew.

Whether a delivery came between is told by the contact's `last_delivered_at`; so deliveries cost nothing here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select

from lettershop.store.database import Transaction
from lettershop.store.rows import upsert
from lettershop.store.schema_delivery import soft_bounces
from lettershop.store.schema_main import contacts


@dataclass(frozen=True, slots=True)
class SoftBounce:
    """One more. `delivered_at`: when the receiver first said 250, if the bounce came afterwards."""

    contact_id: int
    campaign_id: int
    at: float
    detail: str
    delivered_at: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """What is known of a contact after `bounce`. `days`: from the first to the last."""

    bounce: SoftBounce
    count: int
    days: float


def note(tx: Transaction, bounces: Sequence[SoftBounce]) -> list[Row]:
    """Count them, in order of time; how it stands with each contact."""
    known = _known(tx, {bounce.contact_id for bounce in bounces})
    found: dict[int, Row] = {}
    for bounce in bounces:
        if bounce.contact_id not in known:
            continue
        count, first_at, last_at, delivered_at = known[bounce.contact_id]
        between = delivered_at is not None and delivered_at > last_at and delivered_at != bounce.delivered_at
        if between or not count:
            count, first_at = 0, bounce.at
        known[bounce.contact_id] = (count + 1, first_at, max(last_at, bounce.at), delivered_at)
        found[bounce.contact_id] = Row(bounce, count + 1, (max(last_at, bounce.at) - first_at) / 86_400)
    rows = [
        {"contact_id": key, "count": known[key][0], "first_at": known[key][1], "last_at": known[key][2]}
        for key in found
    ]
    upsert(tx.conn, soft_bounces, rows, key=("contact_id",))
    return list(found.values())


def forget(tx: Transaction, contact_ids: Sequence[int]) -> None:
    """They were suppressed: whoever lifts that begins anew."""
    tx.conn.execute(delete(soft_bounces).where(soft_bounces.c.contact_id.in_(contact_ids)))


def _known(tx: Transaction, ids: set[int]) -> dict[int, tuple[int, float, float, float | None]]:
    """(count, first, last, last delivery) of those contacts that there are."""
    s = soft_bounces.c
    query = (
        select(contacts.c.id, s.count, s.first_at, s.last_at, contacts.c.last_delivered_at)
        .join(soft_bounces, s.contact_id == contacts.c.id, isouter=True)
        .where(contacts.c.id.in_(ids))
    )
    return {
        contact: (count or 0, first_at or 0.0, last_at or 0.0, delivered_at)
        for contact, count, first_at, last_at, delivered_at in tx.conn.execute(query)
    }
