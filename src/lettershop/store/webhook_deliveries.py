"""What became of each event at each webhook: waiting for another try, delivered, given up; told again when asked.

A row is written when an event was tried, not before: up to there the position of the webhook in the log stands for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from lettershop.store.database import Transaction
from lettershop.store.fact_rows import FactRow
from lettershop.store.factlog import Log
from lettershop.store.rows import insert_one, upsert
from lettershop.store.schema_webhooks import (
    DELIVERED,
    GIVEN_UP,
    WAITING,
    webhook_deliveries,
    webhook_replays,
    webhooks,
)

PURGED = 20_000
"""Rows that are looked at in one go for those that are too old."""
STATE_NAMES = {WAITING: "waiting", DELIVERED: "delivered", GIVEN_UP: "given up"}
TEST = "test"
"""The log of events that nothing has caused."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event at a webhook. `answer`: how what came back begins, or what went wrong; `status` None: there was no answer."""

    id: int
    webhook_id: int
    event_id: str
    log: str
    fact_id: int
    kind: str
    happened_at: float
    state: int
    attempts: int
    created_at: float
    due_at: float
    tried_at: float | None
    status: int | None
    answer: str
    seconds: float | None

    @property
    def state_name(self) -> str:
        """The state in words."""
        return STATE_NAMES[self.state]


@dataclass(frozen=True, slots=True)
class Replay:
    """A range that is being told again, from `position` to `last` in a log."""

    id: int
    webhook_id: int
    log: Log
    since: float
    until: float
    position: int
    last: int


_DELIVERY = [webhook_deliveries.c[name] for name in Delivery.__slots__]
_REPLAY = [webhook_replays.c[name] for name in Replay.__slots__]


def event_id(log: str, row: FactRow) -> str:
    """The header webhook-id of a fact: always the same, for whoever is told."""
    return f"evt_{'m' if log == 'mail_facts' else 'f'}{row.id}_{int(row.at)}"


def by_id(conn: Connection, webhook_id: int, delivery_id: int) -> Delivery | None:
    """One delivery, or None."""
    c = webhook_deliveries.c
    row = conn.execute(select(*_DELIVERY).where(c.webhook_id == webhook_id, c.id == delivery_id)).first()
    return Delivery(*row) if row is not None else None


def page(
    conn: Connection, webhook_id: int, *, before: int | None = None, state: int | None = None, limit: int = 50
) -> list[Delivery]:
    """Newest first; `before` is the last id of the page before."""
    c = webhook_deliveries.c
    query = select(*_DELIVERY).where(c.webhook_id == webhook_id).order_by(c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(c.id < before)
    if state is not None:
        query = query.where(c.state == state)
    return [Delivery(*row) for row in conn.execute(query)]


def waiting(conn: Connection, webhook_ids: Sequence[int]) -> dict[int, int]:
    """How many wait for another try, by webhook."""
    c = webhook_deliveries.c
    query = (
        select(c.webhook_id, func.count())
        .where(c.state == WAITING, c.webhook_id.in_(webhook_ids))
        .group_by(c.webhook_id)
    )
    return {row[0]: row[1] for row in conn.execute(query)}


def all_waiting(conn: Connection) -> dict[int, int]:
    """How many events wait for another try, by webhook, of all that are on."""
    return {one.id: 0 for one in conn.execute(select(webhooks.c.id).where(webhooks.c.active))} | waiting(
        conn, list(conn.scalars(select(webhooks.c.id).where(webhooks.c.active)))
    )


def due(conn: Connection, webhook_id: int, now: float, limit: int) -> list[Delivery]:
    """What is to be tried again now: tests, then the seldom tried first."""
    c = webhook_deliveries.c
    where = (c.webhook_id == webhook_id, c.state == WAITING, c.due_at <= now)
    query = select(*_DELIVERY).where(*where).order_by(c.log != TEST, c.attempts, c.id).limit(limit)
    return [Delivery(*row) for row in conn.execute(query)]


def record(tx: Transaction, rows: Sequence[dict[str, Any]]) -> None:
    """Keep how tries went; all rows have all columns but the id."""
    upsert(tx.conn, webhook_deliveries, rows, key=("webhook_id", "event_id"))


def add_test(tx: Transaction, webhook_id: int, event: str, at: float) -> int:
    """An event that nothing has caused, to be sent now; its id."""
    return insert_one(
        tx.conn, webhook_deliveries, webhook_id=webhook_id, event_id=event, log=TEST, fact_id=0, kind="Test",
        happened_at=at, state=WAITING, attempts=0, created_at=at, due_at=at,
    )  # fmt: skip


def again(tx: Transaction, webhook_id: int, delivery_id: int, at: float) -> bool:
    """Send it once more, with all tries; False if there is no such delivery."""
    c = webhook_deliveries.c
    fresh = update(webhook_deliveries).where(c.webhook_id == webhook_id, c.id == delivery_id)
    return bool(tx.conn.execute(fresh.values(state=WAITING, attempts=0, created_at=at, due_at=at)).rowcount)


def all_due(tx: Transaction, webhook_id: int, at: float) -> None:
    """The address takes events again: nothing waits any longer."""
    c = webhook_deliveries.c
    late = (c.webhook_id == webhook_id, c.state == WAITING, c.due_at > at)
    tx.conn.execute(update(webhook_deliveries).where(*late).values(due_at=at))


def purge(tx: Transaction, before: float) -> int:
    """Forget finished deliveries that were made before a moment, a piece at a time; how many. Ids grow with that moment."""
    c = webhook_deliveries.c
    first = select(func.min(c.id)).where(c.state != WAITING).scalar_subquery()
    old = (c.id < first + PURGED, c.created_at < before, c.state != WAITING)
    return tx.conn.execute(delete(webhook_deliveries).where(*old)).rowcount


# -- replays -----------------------------------------------------------------------------------------------------------


def add_replay(
    tx: Transaction, webhook_id: int, log: Log, *, since: float, until: float, position: int, last: int
) -> None:
    """Note a range that is to be told again."""
    insert_one(
        tx.conn, webhook_replays, webhook_id=webhook_id, log=log, since=since, until=until, position=position, last=last
    )


def replays(conn: Connection) -> list[Replay]:
    """Ranges that are not through, of webhooks that are on."""
    c = webhook_replays.c
    query = select(*_REPLAY).join(webhooks, webhooks.c.id == c.webhook_id).where(webhooks.c.active).order_by(c.id)
    return [Replay(*row) for row in conn.execute(query)]


def told_again(tx: Transaction, replay: Replay, found: Sequence[FactRow], to: int, at: float) -> None:
    """Queue a piece of a range and go on behind it; nothing if somebody else has done it."""
    c = webhook_replays.c
    here = (c.id == replay.id, c.position == replay.position)
    done = delete(webhook_replays) if to >= replay.last else update(webhook_replays).values(position=to)
    if not tx.conn.execute(done.where(*here)).rowcount:
        return
    rows = [
        {
            "webhook_id": replay.webhook_id, "event_id": event_id(replay.log, row), "log": replay.log, "fact_id": row.id,
            "kind": row.kind, "happened_at": row.at, "state": WAITING, "attempts": 0, "created_at": at, "due_at": at,
        }
        for row in found
    ]  # fmt: skip
    upsert(tx.conn, webhook_deliveries, rows, key=("webhook_id", "event_id"))
