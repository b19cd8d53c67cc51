"""Who is on which list, and on what ground: lists, subscriptions, consent.

Joining and leaving writes the subscription, the consent record and the fact in one transaction. Who has left a list is
never put back by an import: that takes the person's own word (`resubscribe`). Where a mail was for no list, leaving
means the suppression ledger.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, insert, select, update

from lettershop.base.facts import ContactChanged, Unsubscribed
from lettershop.store import suppressions
from lettershop.store.columnar import mark
from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new, upsert
from lettershop.store.schema_main import consents, contacts, lists, subscriptions

PENDING, SUBSCRIBED, UNSUBSCRIBED = "pending", "subscribed", "unsubscribed"
PIECE = 500
"""Keys asked for in one statement."""


@dataclass(frozen=True, slots=True)
class MailingList:
    """A list and how many are subscribed to it."""

    id: int
    name: str
    public: bool
    subscribed: int


@dataclass(frozen=True, slots=True)
class ListTerms:
    """How a list is joined."""

    id: int
    name: str
    public: bool
    double_opt_in: bool


@dataclass(frozen=True, slots=True)
class Consent:
    """On what ground somebody may be written to. `kind`: express or implied; `basis`: the words or the ground."""

    kind: str
    basis: str
    source: str
    ip: str = ""
    expires_at: float | None = None
    form: str = ""
    text: str = ""
    proof: Mapping[str, Any] | None = None


# -- lists -------------------------------------------------------------------------------------------------------------


def ensure_list(tx: Transaction, workspace_id: int, name: str, at: float, *, public: bool = False) -> int:
    """The list's id; made if there is none of that name."""
    insert_new(
        tx.conn, lists,
        [{"workspace_id": workspace_id, "name": name, "public": public, "double_opt_in": public, "created_at": at}],
    )  # fmt: skip
    found = list_named(tx.conn, workspace_id, name)
    assert found is not None
    return found


def list_named(conn: Connection, workspace_id: int, name: str) -> int | None:
    """The id of a list, or None."""
    return conn.scalar(select(lists.c.id).where(lists.c.workspace_id == workspace_id, lists.c.name == name))


def workspace_of(conn: Connection, list_id: int) -> int | None:
    """The workspace that has this list, or None."""
    return conn.scalar(select(lists.c.workspace_id).where(lists.c.id == list_id))


def list_by_id(conn: Connection, workspace_id: int, list_id: int) -> ListTerms | None:
    """How this list of the workspace is joined, or None."""
    where = (lists.c.workspace_id == workspace_id, lists.c.id == list_id)
    row = conn.execute(select(lists.c.id, lists.c.name, lists.c.public, lists.c.double_opt_in).where(*where)).first()
    return ListTerms(*row) if row is not None else None


def list_name(conn: Connection, list_id: int | None) -> str:
    """The list's name; empty if there is none."""
    return (conn.scalar(select(lists.c.name).where(lists.c.id == list_id)) if list_id is not None else None) or ""


def list_names(conn: Connection, workspace_id: int) -> dict[str, int]:
    """The ids of the workspace's lists by name."""
    rows = conn.execute(select(lists.c.name, lists.c.id).where(lists.c.workspace_id == workspace_id))
    return {row.name: row.id for row in rows}


def lists_of(conn: Connection, workspace_id: int) -> list[MailingList]:
    """The workspace's lists with their sizes, by name."""
    size = (
        select(func.count())
        .select_from(subscriptions)
        .where(subscriptions.c.list_id == lists.c.id, subscriptions.c.status == SUBSCRIBED)
        .scalar_subquery()
    )
    query = select(lists.c.id, lists.c.name, lists.c.public, size).where(lists.c.workspace_id == workspace_id)
    return [MailingList(*row) for row in conn.execute(query.order_by(lists.c.name))]


def members(list_id: int) -> Select[tuple[int]]:
    """The ids of those subscribed, as a sub-query."""
    return select(subscriptions.c.contact_id).where(
        subscriptions.c.list_id == list_id, subscriptions.c.status == SUBSCRIBED
    )


def statuses(conn: Connection, contact_id: int) -> dict[str, str]:
    """The contact's status on each list, by the list's name."""
    query = select(lists.c.name, subscriptions.c.status).join(lists, lists.c.id == subscriptions.c.list_id)
    return {row.name: row.status for row in conn.execute(query.where(subscriptions.c.contact_id == contact_id))}


# -- joining -----------------------------------------------------------------------------------------------------------


def join(
    tx: Transaction, workspace_id: int, list_id: int | None, ids: Sequence[int], consent: Consent, at: float
) -> int:
    """Subscribe those who are not on the list or wait to be confirmed; never those who have left.

    A consent that lasts longer than theirs is kept of those who are on it already.
    """
    renewing: list[int] = []
    if list_id is None:
        joining = list(ids)
    else:
        status = _statuses(tx.conn, list_id, ids)
        joining = [contact_id for contact_id in ids if status.get(contact_id, PENDING) == PENDING]
        upsert(
            tx.conn, subscriptions,
            [{"list_id": list_id, "contact_id": i, "status": SUBSCRIBED, "changed_at": at} for i in joining],
            key=("list_id", "contact_id"),
        )  # fmt: skip
        renewing = _shorter(tx.conn, [i for i in ids if status.get(i) == SUBSCRIBED], consent.expires_at)
    record(tx, workspace_id, list_id, [*joining, *renewing], consent, at)
    return len(joining)


def _shorter(conn: Connection, ids: Sequence[int], until: float | None) -> list[int]:
    """Those of these contacts whose consent ends before that."""
    c = contacts.c
    ending = c.consent_until.is_not(None) if until is None else c.consent_until < until
    found: list[int] = []
    for piece in _pieces(list(ids)):
        found += conn.scalars(select(c.id).where(c.id.in_(piece), ending))
    return found


def _statuses(conn: Connection, list_id: int, ids: Sequence[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    c = subscriptions.c
    for piece in _pieces(list(ids)):
        rows = conn.execute(select(c.contact_id, c.status).where(c.list_id == list_id, c.contact_id.in_(piece)))
        found |= {row.contact_id: row.status for row in rows}
    return found


def record(
    tx: Transaction, workspace_id: int, list_id: int | None, ids: Sequence[int], consent: Consent, at: float
) -> None:
    """Keep the proof: who consented or withdrew, when, how and to what."""
    rows = [
        {
            "workspace_id": workspace_id, "contact_id": contact_id, "list_id": list_id, "kind": consent.kind,
            "basis": consent.basis, "source": consent.source, "ip": consent.ip, "at": at,
            "expires_at": consent.expires_at, "form": consent.form, "text": consent.text,
            "proof": dict(consent.proof) if consent.proof is not None else None,
        }
        for contact_id in ids
    ]  # fmt: skip
    if rows:
        tx.conn.execute(insert(consents), rows)
        sum_up(tx, ids)
        mark(tx, ids)


def sum_up(tx: Transaction, ids: Sequence[int]) -> None:
    """Write to the contacts the strongest consent that they have for anything: of each list the newest word counts."""
    newest: dict[int, dict[int | None, tuple[str, float | None]]] = {contact_id: {} for contact_id in ids}
    c = consents.c
    for piece in _pieces(list(ids)):
        query = select(c.contact_id, c.list_id, c.kind, c.expires_at).where(c.contact_id.in_(piece)).order_by(c.id)
        for contact_id, list_id, kind, until in tx.conn.execute(query):
            if list_id is None and kind == "withdrawn":
                newest[contact_id].clear()
            newest[contact_id][list_id] = (kind, until)
    rows = [{"_id": contact_id, **_strongest(given.values())} for contact_id, given in newest.items()]
    values = {name: bindparam(name, type_=contacts.c[name].type) for name in ("consent", "consent_until")}
    tx.conn.execute(update(contacts).where(contacts.c.id == bindparam("_id")).values(values), rows)


def consents_of(conn: Connection, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """All that was said about consent by and for these contacts, oldest first."""
    c = consents.c
    found: dict[int, list[dict[str, Any]]] = {}
    shown = (
        c.kind, c.basis, c.source, c.list_id, c.ip, c.at, c.expires_at, c.form, c.text, c.proof, c.import_id
    )  # fmt: skip
    for piece in _pieces(list(ids)):
        rows = conn.execute(select(c.contact_id, *shown).where(c.contact_id.in_(piece)).order_by(c.id))
        for row in rows.mappings():
            found.setdefault(row["contact_id"], []).append({str(key): row[key] for key in row if key != "contact_id"})
    return found


def _strongest(given: Iterable[tuple[str, float | None]]) -> dict[str, Any]:
    """Express before implied, longer before shorter."""
    held = [(kind == "express", until is None, until or 0.0) for kind, until in given if kind != "withdrawn"]
    if not held:
        return {"consent": "none", "consent_until": None}
    express, forever, until = max(held)
    return {"consent": "express" if express else "implied", "consent_until": None if forever else until}


def _pieces(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(keys), PIECE):
        yield keys[start : start + PIECE]


# -- leaving -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Owner:
    """Of a contact, what leaving needs."""

    contact_id: int
    workspace_id: int
    email_key: str


def _owner(conn: Connection, contact_id: int) -> _Owner | None:
    c = contacts.c
    row = conn.execute(select(c.id, c.workspace_id, c.email_key).where(c.id == contact_id)).first()
    return _Owner(*row) if row is not None else None


def unsubscribe(
    tx: Transaction,
    contact_id: int,
    list_id: int | None,
    *,
    how: str,
    at: float,
    ip: str = "",
    campaign_id: int | None = None,
    envelope_id: int | None = None,
) -> bool:
    """Take a contact off a list, or, where the mail was for no list, off everything. False if that was so already.

    The fact is written in any case: the person asked, whatever had been done before.
    """
    contact = _owner(tx.conn, contact_id)
    if contact is None:
        return False
    changed = _leave(tx, contact, list_id, at, campaign_id)
    if changed:
        withdrawn = Consent("withdrawn", f"unsubscribed: {how}", how, ip)
        record(tx, contact.workspace_id, list_id, [contact_id], withdrawn, at)
    tx.fact(
        Unsubscribed(
            at=at,
            workspace_id=contact.workspace_id,
            campaign_id=campaign_id,
            contact_id=contact_id,
            envelope_id=envelope_id,
            how=how,
            list_id=list_id,
            ip=ip,
        )
    )
    return changed


def _leave(tx: Transaction, contact: _Owner, list_id: int | None, at: float, campaign_id: int | None) -> bool:
    if list_id is None:
        return suppressions.add(
            tx, contact.workspace_id, contact.email_key, "unsubscribed", at=at, campaign_id=campaign_id
        )
    if _statuses(tx.conn, list_id, [contact.contact_id]).get(contact.contact_id) == UNSUBSCRIBED:
        return False
    _set_status(tx, list_id, contact.contact_id, UNSUBSCRIBED, at)
    return True


def leave_all(tx: Transaction, contact_id: int, *, reason: str, at: float) -> None:
    """Take a contact off every list (complaint), consent withdrawn. The address's suppression is written by the caller."""
    c = subscriptions.c
    where = (c.contact_id == contact_id, c.status != UNSUBSCRIBED)
    tx.conn.execute(update(subscriptions).where(*where).values(status=UNSUBSCRIBED, changed_at=at))
    contact = _owner(tx.conn, contact_id)
    if contact is not None:
        record(tx, contact.workspace_id, None, [contact_id], Consent("withdrawn", reason, reason), at)


def resubscribe(tx: Transaction, contact_id: int, list_id: int | None, *, consent: Consent, at: float) -> bool:
    """Undo an unsubscription by the person's own word; False if nothing had been undone. Bounces and complaints stay."""
    contact = _owner(tx.conn, contact_id)
    if contact is None:
        return False
    if list_id is None:
        entry = suppressions.suppressed(tx.conn, contact.workspace_id, [contact.email_key]).get(contact.email_key)
        if entry is None or entry.reason != "unsubscribed":
            return False
        suppressions.remove(tx, contact.workspace_id, [contact.email_key])
    else:
        if _statuses(tx.conn, list_id, [contact_id]).get(contact_id) != UNSUBSCRIBED:
            return False
        _set_status(tx, list_id, contact_id, SUBSCRIBED, at)
    record(tx, contact.workspace_id, list_id, [contact_id], consent, at)
    tx.fact(
        ContactChanged(
            at=at,
            workspace_id=contact.workspace_id,
            contact_id=contact_id,
            what="subscribed",
            list_id=list_id,
            source=consent.source,
        )
    )
    return True


def has_left(conn: Connection, contact_id: int, list_id: int | None) -> bool:
    """Whether the contact is off the list, or off everything."""
    if list_id is not None and _statuses(conn, list_id, [contact_id]).get(contact_id) == UNSUBSCRIBED:
        return True
    contact = _owner(conn, contact_id)
    if contact is None:
        return True
    return contact.email_key in suppressions.suppressed(conn, contact.workspace_id, [contact.email_key])


def _set_status(tx: Transaction, list_id: int, contact_id: int, status: str, at: float) -> None:
    row = {"list_id": list_id, "contact_id": contact_id, "status": status, "changed_at": at}
    upsert(tx.conn, subscriptions, [row], key=("list_id", "contact_id"))
    mark(tx, [contact_id])
