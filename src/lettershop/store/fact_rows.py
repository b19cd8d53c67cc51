"""Facts as they are stored, for those who pass them on: webhooks and the log file. Nothing is interpreted here.

A fact of the mail half seldom says whose it is: its campaign does (`workspaces_of`), or the mailbox (`owners_of_mailboxes`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, or_, select

from lettershop.store.factlog import Log
from lettershop.store.schema_api import sent_messages
from lettershop.store.schema_delivery import envelopes, outgoing
from lettershop.store.schema_mail import accounts, domains, mail_facts, mailboxes
from lettershop.store.schema_main import campaigns, contacts, facts

_TABLES = {"facts": facts, "mail_facts": mail_facts}
SLACK = 3600.0
"""Seconds by which `at` may lag behind the order of ids: anonymous hits are told by the hour."""


@dataclass(frozen=True, slots=True)
class FactRow:
    """A row of a fact log."""

    id: int
    at: float
    kind: str
    workspace_id: int | None
    campaign_id: int | None
    contact_id: int | None
    envelope_id: int | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Person:
    """Whom an envelope or a contact is: the address, and the Message-ID of a single message."""

    address: str | None
    message_id: str | None = None


def since(conn: Connection, log: Log, position: int, limit: int) -> list[FactRow]:
    """The next rows after `position`, oldest first."""
    c = _TABLES[log].c
    return _rows(conn, select(_TABLES[log]).where(c.id > position).order_by(c.id).limit(limit))


def of_workspace_since(
    conn: Connection, position: int, workspace_id: int, *, ownerless: bool, kinds: Sequence[str], limit: int, window: int
) -> tuple[list[FactRow], int]:  # fmt: skip
    """The next rows of the main log for a workspace and of these kinds (none: all), and up to where the log was looked through.

    `ownerless`: also what belongs to no workspace. No more than `window` rows of the log are looked through at once.
    """
    c = facts.c
    end = min(conn.scalar(select(func.max(c.id))) or 0, position + window)
    owner = (
        or_(c.workspace_id == workspace_id, c.workspace_id.is_(None)) if ownerless else c.workspace_id == workspace_id
    )
    query = select(facts).where(c.id > position, c.id <= end, owner).order_by(c.id).limit(limit)
    found = _rows(conn, query.where(c.kind.in_(kinds)) if kinds else query)
    return found, found[-1].id if len(found) == limit else max(end, position)


def by_ids(conn: Connection, log: Log, ids: Sequence[int]) -> list[FactRow]:
    """These rows, as far as they are there."""
    table = _TABLES[log]
    return _rows(conn, select(table).where(table.c.id.in_(ids))) if ids else []


def _rows(conn: Connection, query: Any) -> list[FactRow]:
    return [
        FactRow(
            row.id, row.at, row.kind, row.workspace_id, row.campaign_id, row.contact_id, row.envelope_id, row.data
        )
        for row in conn.execute(query)
    ]  # fmt: skip


def span(conn: Connection, log: Log, begin: float, end: float) -> tuple[int, int]:
    """(position before the first, id of the last) row that may have happened in this time. By halving: `at` has no index."""
    return _before(conn, log, begin - SLACK), _before(conn, log, end + SLACK)


def _before(conn: Connection, log: Log, at: float) -> int:
    """The id of the last row before a moment, more or less."""
    c = _TABLES[log].c
    low, high = 0, conn.scalar(select(func.max(c.id))) or 0
    while low < high:
        middle = (low + high + 1) // 2
        row = conn.execute(select(c.id, c.at).where(c.id >= middle).order_by(c.id).limit(1)).first()
        if row is not None and row.at < at:
            low = row.id
        else:
            high = middle - 1
    return low


def owners_of_mailboxes(conn: Connection, ids: Iterable[int]) -> dict[int, int | None]:
    """The workspace of each mailbox (mail half); None: the operator's own."""
    query = (
        select(mailboxes.c.id, domains.c.workspace_id)
        .join(accounts, accounts.c.id == mailboxes.c.account_id)
        .join(domains, domains.c.id == accounts.c.domain_id)
        .where(mailboxes.c.id.in_(list(ids)))
    )
    return {row.id: row.workspace_id for row in conn.execute(query)}


def workspaces_of(conn: Connection, campaign_ids: Iterable[int]) -> dict[int, int]:
    """The workspace of each campaign."""
    query = select(campaigns.c.id, campaigns.c.workspace_id).where(campaigns.c.id.in_(list(campaign_ids)))
    return {row.id: row.workspace_id for row in conn.execute(query)}


def recipients(conn: Connection, envelope_ids: Iterable[int]) -> dict[int, Person]:
    """Whom each envelope is for."""
    e = envelopes.c
    query = (
        select(e.id, func.coalesce(e.address, contacts.c.email).label("address"), sent_messages.c.message_id)
        .outerjoin(contacts, contacts.c.id == e.contact_id)
        .outerjoin(outgoing, outgoing.c.id == e.outgoing_id)
        .outerjoin(sent_messages, sent_messages.c.outgoing_id == outgoing.c.id)
        .where(e.id.in_(list(envelope_ids)))
    )
    return {row.id: Person(row.address, row.message_id) for row in conn.execute(query)}


def contact_addresses(conn: Connection, contact_ids: Iterable[int]) -> dict[int, Person]:
    """The address of each contact."""
    query = select(contacts.c.id, contacts.c.email).where(contacts.c.id.in_(list(contact_ids)))
    return {row.id: Person(row.email) for row in conn.execute(query)}
