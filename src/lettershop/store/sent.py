"""Transactional messages and what became of each recipient."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from lettershop.store.database import Transaction
from lettershop.store.envelopes import STATE_NAMES
from lettershop.store.rows import insert_new
from lettershop.store.schema_api import sent_messages
from lettershop.store.schema_delivery import envelopes


@dataclass(frozen=True, slots=True)
class Sent:
    """A message. `id` is that of its row in `outgoing`; `send_at` when it was or will be due."""

    id: int
    workspace_id: int
    message_id: str
    subject: str
    sender: str
    tags: list[str]
    created_at: float
    send_at: float


@dataclass(frozen=True, slots=True)
class SentTo:
    """One recipient. `answer`: the end of the last attempt's dialogue."""

    envelope_id: int
    outgoing_id: int
    address: str
    state: str
    attempts: int
    due_at: float
    expires_at: float
    finished_at: float | None
    answer: str | None


_SENT = [sent_messages.c.outgoing_id, *[sent_messages.c[name] for name in Sent.__slots__[1:]]]


def add(tx: Transaction, sent: Sent) -> None:
    """Note a message beside its row in `outgoing`."""
    row = {name: getattr(sent, name) for name in Sent.__slots__[1:]}
    insert_new(tx.conn, sent_messages, [{"outgoing_id": sent.id, **row}])


def by_id(conn: Connection, workspace_id: int, outgoing_id: int) -> Sent | None:
    """One message of the workspace, or None."""
    c = sent_messages.c
    row = conn.execute(select(*_SENT).where(c.outgoing_id == outgoing_id, c.workspace_id == workspace_id)).first()
    return Sent(*row) if row is not None else None


def page(conn: Connection, workspace_id: int, *, before: int | None, limit: int) -> list[Sent]:
    """The workspace's messages, newest first; `before` is the last id of the page before."""
    c = sent_messages.c
    query = select(*_SENT).where(c.workspace_id == workspace_id).order_by(c.outgoing_id.desc()).limit(limit)
    if before is not None:
        query = query.where(c.outgoing_id < before)
    return [Sent(*row) for row in conn.execute(query)]


def recipients(conn: Connection, outgoing_ids: Sequence[int]) -> dict[int, list[SentTo]]:
    """The recipients of each message."""
    c = envelopes.c
    query = select(
        c.id, c.outgoing_id, c.address, c.state, c.attempts, c.due_at, c.expires_at, c.finished_at, c.answer
    ).where(c.outgoing_id.in_(outgoing_ids)).order_by(c.id)  # fmt: skip
    found: dict[int, list[SentTo]] = {}
    for row in conn.execute(query):
        found.setdefault(row.outgoing_id, []).append(_recipient(tuple(row)))
    return found


def _recipient(row: Sequence[Any]) -> SentTo:
    values = list(row)
    values[3] = STATE_NAMES[values[3]]
    return SentTo(*values)
