"""The queue as people look at it: what waits, since when, why; retry now; remove.

For screens and `lettershop queue`. The engine's own statements are in `store.envelopes`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, case, func, select, text, update

from lettershop.base.facts import Withheld
from lettershop.store.database import Transaction
from lettershop.store.envelopes import STATE_NAMES
from lettershop.store.schema_delivery import LEASED, QUEUED, WITHHELD, envelopes, outgoing
from lettershop.store.schema_main import contacts


@dataclass(frozen=True, slots=True)
class Waiting:
    """An envelope for a screen. `address` is the contact's own while a campaign's recipe was not tried yet."""

    envelope_id: int
    workspace_id: int | None
    campaign_id: int | None
    contact_id: int | None
    outgoing_id: int | None
    mail_from: str | None
    address: str | None
    site: str
    state: str
    attempts: int
    created_at: float
    due_at: float
    expires_at: float
    finished_at: float | None
    answer: str | None


@dataclass(frozen=True, slots=True)
class SiteQueue:
    """What waits for one recipient domain. `deferred` were tried before; `oldest` is the earliest hand-over."""

    site: str
    waiting: int
    deferred: int
    leased: int
    oldest: float
    next_due: float


def _select() -> Select[tuple[Any, ...]]:
    c = envelopes.c
    return (
        select(
            c.id, c.workspace_id, c.campaign_id, c.contact_id, c.outgoing_id, outgoing.c.mail_from,
            func.coalesce(c.address, contacts.c.email), c.site, c.state, c.attempts, c.created_at, c.due_at,
            c.expires_at, c.finished_at, c.answer,
        )
        .outerjoin(outgoing, outgoing.c.id == c.outgoing_id)
        .outerjoin(contacts, contacts.c.id == c.contact_id)
    )  # fmt: skip


def _waiting(row: Row[tuple[Any, ...]]) -> Waiting:
    values: list[Any] = list(row)
    values[8] = STATE_NAMES[values[8]]
    return Waiting(*values)


def list_waiting(
    conn: Connection,
    *,
    workspace_id: int | None = None,
    site: str | None = None,
    campaign_id: int | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[Waiting]:
    """What is queued or being tried, by id; `after` is the last id of the page before."""
    c = envelopes.c
    query = _select().where(c.state <= LEASED, c.id > after).order_by(c.id).limit(limit)
    for column, value in ((c.workspace_id, workspace_id), (c.site, site), (c.campaign_id, campaign_id)):
        if value is not None:
            query = query.where(column == value)
    return [_waiting(row) for row in conn.execute(query)]


def show(conn: Connection, envelope_id: int) -> Waiting | None:
    """One envelope in whatever state, with the end of its last dialogue."""
    row = conn.execute(_select().where(envelopes.c.id == envelope_id)).first()
    return None if row is None else _waiting(row)


def by_site(conn: Connection, *, campaign_id: int | None = None, limit: int = 200) -> list[SiteQueue]:
    """What waits by recipient domain, the longest queues first."""
    c = envelopes.c
    query = (
        select(
            c.site, func.count(), func.count().filter(c.attempts > 0), func.count().filter(c.state == LEASED),
            func.min(c.created_at), func.min(c.due_at),
        )
        .where(c.state <= LEASED).group_by(c.site).order_by(func.count().desc(), c.site).limit(limit)
    )  # fmt: skip
    if campaign_id is not None:
        query = query.where(c.campaign_id == campaign_id)
    return [SiteQueue(*row) for row in conn.execute(query)]


def totals(conn: Connection) -> dict[str, int]:
    """How many wait and how many are being tried, in the whole queue."""
    # literal states: then the small partial indexes are counted, not the table
    count = "SELECT count(*) FROM envelopes WHERE state"
    queued, leased = (conn.scalar(text(f"{count} = {state}")) or 0 for state in (QUEUED, LEASED))
    return {"queued": queued, "leased": leased}


def retry_now(
    tx: Transaction, now: float, *, ids: Sequence[int] = (), site: str | None = None, everything: bool = False
) -> int:
    """Make queued envelopes due: those named, or a site's, or all; how many."""
    c = envelopes.c
    handed = case((c.created_at > now, now), else_=c.created_at)  # set aside by warm-up: handed over when due
    query = update(envelopes).where(c.state == QUEUED, c.due_at > now).values(due_at=now, created_at=handed)
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
