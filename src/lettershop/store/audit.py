"""Who did what: a row for every act of a person or a program. Rows are only added, and removed when they are old."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, or_, select

from lettershop.store.database import Transaction
from lettershop.store.schema_api import audit


@dataclass(frozen=True, slots=True)
class Act:
    """`door`: api, screen or shell. `action`: the request by its pattern, or the command; `target`: what it was done to."""

    at: float
    workspace_id: int | None
    door: str
    actor: str
    action: str
    target: str = ""
    ip: str = ""


@dataclass(frozen=True, slots=True)
class Noted:
    """An act and its place in the log."""

    id: int
    act: Act


def note(tx: Transaction, act: Act) -> None:
    """Keep it."""
    values = {name: getattr(act, name) for name in Act.__slots__}
    tx.conn.execute(insert(audit).values(**values))


def page(
    conn: Connection,
    workspace_id: int,
    *,
    operator: bool,
    before: int | None,
    limit: int,
    actor: str = "",
    action: str = "",
) -> Sequence[Noted]:
    """The newest acts in a workspace before the id `before`; for the operator's, those of the shell and of none, too.

    `actor` and `action`: only those that contain it.
    """
    c = audit.c
    where = (
        or_(c.workspace_id == workspace_id, c.workspace_id.is_(None)) if operator else c.workspace_id == workspace_id
    )
    query = select(audit).where(where).order_by(c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(c.id < before)
    if actor:
        query = query.where(c.actor.contains(actor, autoescape=True))
    if action:
        query = query.where(c.action.contains(action, autoescape=True))
    rows = conn.execute(query)
    return [
        Noted(row.id, Act(row.at, row.workspace_id, row.door, row.actor, row.action, row.target, row.ip))
        for row in rows
    ]


def forget_before(tx: Transaction, at: float, limit: int = 1000) -> int:
    """Remove acts that are older; how many."""
    old = select(audit.c.id).where(audit.c.at < at).limit(limit)
    return tx.conn.execute(delete(audit).where(audit.c.id.in_(old))).rowcount
