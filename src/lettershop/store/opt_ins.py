"""Double opt-in: the request, and the confirmation that makes it a subscription with proof. The secret is kept as a hash.

What a contact has asked for waits as status "pending"; the confirmation writes the subscription, the consent with all of
the request in it, and the fact, in one transaction.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update

from lettershop.base.facts import ContactChanged
from lettershop.store import erasures, suppressions
from lettershop.store.columnar import mark
from lettershop.store.database import Transaction
from lettershop.store.rows import insert_one, upsert
from lettershop.store.schema_main import contacts, lists, opt_ins, subscriptions
from lettershop.store.subscriptions import PENDING, SUBSCRIBED, Consent, record


@dataclass(frozen=True, slots=True)
class Asked:
    """From where a request or a confirmation came, and what the person saw."""

    ip: str = ""
    user_agent: str = ""
    form: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class OptIn:
    """A request, with what a page shows of it."""

    id: int
    workspace_id: int
    contact_id: int
    list_id: int
    list_name: str
    email: str
    requested_at: float
    expires_at: float
    confirmed_at: float | None


def request(
    tx: Transaction,
    workspace_id: int,
    contact_id: int,
    list_id: int,
    key_hash: str,
    asked: Asked,
    at: float,
    expires_at: float,
) -> int:
    """Note the request; its id. Who is subscribed stays so; everybody else waits."""
    s = subscriptions.c
    where = (s.list_id == list_id, s.contact_id == contact_id)
    status = tx.conn.scalar(select(s.status).where(*where))
    if status is None:  # who has left the list stays so until the confirmation
        row = {"list_id": list_id, "contact_id": contact_id, "status": PENDING, "changed_at": at}
        upsert(tx.conn, subscriptions, [row], key=("list_id", "contact_id"))
        mark(tx, [contact_id])
    return insert_one(
        tx.conn, opt_ins, workspace_id=workspace_id, contact_id=contact_id, list_id=list_id, key_hash=key_hash,
        requested_at=at, expires_at=expires_at, ip=asked.ip, user_agent=asked.user_agent[:300], form=asked.form,
        text=asked.text,
    )  # fmt: skip


def requested_since(conn: Connection, contact_id: int, list_id: int, since: float) -> int:
    """How many requests there were for this contact and list: nobody is to be flooded with mails."""
    o = opt_ins.c
    where = (o.contact_id == contact_id, o.list_id == list_id, o.requested_at >= since)
    return conn.scalar(select(func.count()).select_from(opt_ins).where(*where)) or 0


def sent(tx: Transaction, opt_in_id: int, message: str, at: float) -> None:
    """The mail with the link was handed over; `message` says where it is kept."""
    tx.conn.execute(update(opt_ins).where(opt_ins.c.id == opt_in_id).values(sent_at=at, message=message))


def by_hash(conn: Connection, key_hash: str) -> OptIn | None:
    """The request of this secret, or None."""
    o = opt_ins.c
    row = conn.execute(
        select(
            o.id, o.workspace_id, o.contact_id, o.list_id, lists.c.name, contacts.c.email, o.requested_at, o.expires_at,
            o.confirmed_at,
        )
        .select_from(opt_ins.join(lists, lists.c.id == o.list_id).join(contacts, contacts.c.id == o.contact_id))
        .where(o.key_hash == key_hash)
    ).first()  # fmt: skip
    return OptIn(*row) if row is not None else None


def confirm(tx: Transaction, key_hash: str, asked: Asked, at: float) -> OptIn | None:
    """Make the request a subscription; the second time nothing changes. None: no such request, or it is too old."""
    found = by_hash(tx.conn, key_hash)
    if found is None or (found.confirmed_at is None and found.expires_at < at):
        return None
    if found.confirmed_at is not None:
        return found
    o = opt_ins.c
    values = {"confirmed_at": at, "confirmed_ip": asked.ip, "confirmed_agent": asked.user_agent[:300]}
    tx.conn.execute(update(opt_ins).where(o.id == found.id).values(**values))
    row = {"list_id": found.list_id, "contact_id": found.contact_id, "status": SUBSCRIBED, "changed_at": at}
    upsert(tx.conn, subscriptions, [row], key=("list_id", "contact_id"))
    _lift(tx, found)
    record(tx, found.workspace_id, found.list_id, [found.contact_id], _consent(tx.conn, found.id, asked), at)
    tx.fact(
        ContactChanged(
            at=at, workspace_id=found.workspace_id, contact_id=found.contact_id, what="subscribed",
            list_id=found.list_id, source="double-opt-in",
        )
    )  # fmt: skip
    return by_hash(tx.conn, key_hash)


def _lift(tx: Transaction, found: OptIn) -> None:
    """An own wish to leave is taken back by the own wish to join; a bounce or a complaint is not."""
    key = tx.conn.scalar(select(contacts.c.email_key).where(contacts.c.id == found.contact_id)) or ""
    erasures.come_back(tx, found.workspace_id, [key])
    entry = suppressions.suppressed(tx.conn, found.workspace_id, [key]).get(key)
    if entry is not None and entry.reason == "unsubscribed":
        suppressions.remove(tx, found.workspace_id, [key])


def _consent(conn: Connection, opt_in_id: int, asked: Asked) -> Consent:
    row = conn.execute(select(opt_ins).where(opt_ins.c.id == opt_in_id)).mappings().one()
    names = (
        "requested_at", "ip", "user_agent", "form", "text", "sent_at", "message", "confirmed_at", "confirmed_ip",
        "confirmed_agent",
    )  # fmt: skip
    return Consent(
        "express", "double opt-in", "double-opt-in", asked.ip,
        form=row["form"], text=row["text"], proof={name: row[name] for name in names},
    )  # fmt: skip
