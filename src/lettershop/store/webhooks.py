"""Webhooks: who is told of which facts, how far each was told, how its address behaves. See `store.schema_webhooks`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, delete, exists, func, select, update

from lettershop.base.facts import WebhookDisabled
from lettershop.store.database import Transaction
from lettershop.store.rows import insert_one
from lettershop.store.schema_main import workspaces
from lettershop.store.schema_webhooks import WAITING, webhook_deliveries, webhooks


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that is told. Times in seconds since the epoch; `kinds` empty: all."""

    id: int
    workspace_id: int
    name: str
    url: str
    kinds: list[str]
    secret: str
    old_secret: str | None
    old_secret_until: float | None
    active: bool
    off_why: str
    created_at: float
    created_by: str
    facts_position: int
    mail_facts_position: int
    failures: int
    failing_since: float | None
    rests_until: float
    delivered_at: float | None

    def secrets(self, now: float) -> list[str]:
        """The secrets in force, the newest first."""
        old = self.old_secret if self.old_secret_until and now < self.old_secret_until else None
        return [self.secret, *([old] if old else [])]


@dataclass(frozen=True, slots=True)
class Ready:
    """A webhook that may be told something now. `due`: deliveries wait for another try; `operator`: of the oldest workspace."""

    webhook: Webhook
    due: bool
    operator: bool


_WEBHOOK = [webhooks.c[name] for name in Webhook.__slots__]


def add(tx: Transaction, /, workspace_id: int, **values: Any) -> int:
    """Keep a webhook; its id."""
    return insert_one(tx.conn, webhooks, workspace_id=workspace_id, **values)


def by_id(conn: Connection, workspace_id: int, webhook_id: int) -> Webhook | None:
    """One webhook of the workspace, or None."""
    c = webhooks.c
    row = conn.execute(select(*_WEBHOOK).where(c.workspace_id == workspace_id, c.id == webhook_id)).first()
    return Webhook(*row) if row is not None else None


def page(conn: Connection, workspace_id: int, *, after: int = 0, limit: int = 50) -> list[Webhook]:
    """The workspace's webhooks, by id."""
    c = webhooks.c
    query = select(*_WEBHOOK).where(c.workspace_id == workspace_id, c.id > after).order_by(c.id).limit(limit)
    return [Webhook(*row) for row in conn.execute(query)]


def count(conn: Connection, workspace_id: int) -> int:
    """How many the workspace has."""
    return conn.scalar(select(func.count()).where(webhooks.c.workspace_id == workspace_id)) or 0


def change(tx: Transaction, workspace_id: int, webhook_id: int, values: Mapping[str, Any]) -> bool:
    """Write these fields; False if there is no such webhook."""
    c = webhooks.c
    where = (c.workspace_id == workspace_id, c.id == webhook_id)
    return bool(tx.conn.execute(update(webhooks).where(*where).values(**values)).rowcount)


def remove(tx: Transaction, workspace_id: int, webhook_id: int) -> bool:
    """Forget a webhook and its deliveries; False if there was none."""
    c = webhooks.c
    return bool(tx.conn.execute(delete(webhooks).where(c.workspace_id == workspace_id, c.id == webhook_id)).rowcount)


def ready(conn: Connection, now: float) -> list[Ready]:
    """Those that are on and do not rest."""
    return _ready(conn, now, webhooks.c.active, webhooks.c.rests_until <= now)


def ready_one(conn: Connection, webhook_id: int) -> Ready | None:
    """This one, if it is there."""
    return next(iter(_ready(conn, 0.0, webhooks.c.id == webhook_id)), None)


def _ready(conn: Connection, now: float, *where: ColumnElement[bool]) -> list[Ready]:
    c, d = webhooks.c, webhook_deliveries.c
    due = exists().where(d.webhook_id == c.id, d.state == WAITING, d.due_at <= now)
    oldest = select(func.min(workspaces.c.id)).scalar_subquery()
    query = select(*_WEBHOOK, due, c.workspace_id == oldest).where(*where).order_by(c.id)
    return [Ready(Webhook(*row[:-2]), bool(row[-2]), bool(row[-1])) for row in conn.execute(query)]


def told(
    tx: Transaction, webhook_id: int, values: Mapping[str, Any], positions: Sequence[tuple[str, int, int]]
) -> bool:
    """Note how a round went, and move the positions (column, from, to); False if somebody else has moved one meanwhile."""
    c = webhooks.c
    guards = [c[column] == start for column, start, _ in positions]
    moved = {column: end for column, _, end in positions}
    done = tx.conn.execute(update(webhooks).where(c.id == webhook_id, *guards).values(**moved, **values)).rowcount
    return bool(done)


def disable(tx: Transaction, webhook: Webhook, host: str, why: str, at: float) -> None:
    """Turn it off and tell."""
    c = webhooks.c
    off = update(webhooks).where(c.id == webhook.id, c.active).values(active=False, off_why=why)
    if tx.conn.execute(off).rowcount:
        tx.fact(
            WebhookDisabled(
                at=at, workspace_id=webhook.workspace_id, webhook_id=webhook.id, name=webhook.name, host=host, why=why
            )
        )
