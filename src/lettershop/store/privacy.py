"""What is held on a person, and its erasure (GDPR 15, 17, 20).

Erasing deletes the contact with lists and consents, takes the address out of envelopes and facts, and leaves the figures
of campaigns as they are: they then count nobody in particular. What stays of the person is a keyed hash in `erased`, so
that an import cannot bring the address back, and nothing that leads from it to the address.
"""

import hmac
from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import Connection, delete, select, update

from lettershop.store.columnar import mark_deleted
from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new
from lettershop.store.schema_analytics import hits
from lettershop.store.schema_api import erased
from lettershop.store.schema_delivery import dialogues, envelopes, suppressions
from lettershop.store.schema_main import (
    consents,
    contacts,
    engagements,
    facts,
    import_changes,
    link_engagements,
    subscriptions,
)

ADDRESSED = ("address", "ip", "user_agent", "headers", "text", "subject", "diagnostic")
"""Fields of facts that tell who somebody is, or how they can be known again."""


def digest(key: bytes, workspace_id: int, email_key: str) -> str:
    """What is kept of an erased address."""
    return hmac.digest(key, f"{workspace_id} {email_key}".encode(), "sha256").hex()


def collect(conn: Connection, workspace_id: int, email_key: str) -> dict[str, Any]:
    """Everything about an address in a workspace, by table; empty lists where there is nothing."""
    contact = contacts.c
    people = _rows(conn, select(contacts).where(contact.workspace_id == workspace_id, contact.email_key == email_key))
    ids = [row["id"] for row in people]
    mine = select(envelopes.c.id).where(envelopes.c.contact_id.in_(ids))
    s = suppressions.c
    return {
        "contacts": people,
        "subscriptions": _rows(conn, select(subscriptions).where(subscriptions.c.contact_id.in_(ids))),
        "consents": _rows(conn, select(consents).where(consents.c.contact_id.in_(ids)).order_by(consents.c.id)),
        "suppressions": _rows(
            conn, select(suppressions).where(s.workspace_id == workspace_id, s.email_key == email_key)
        ),
        "messages": _rows(conn, select(envelopes).where(envelopes.c.contact_id.in_(ids)).order_by(envelopes.c.id)),
        "dialogues": _rows(conn, select(dialogues).where(dialogues.c.envelope_id.in_(mine))),
        "engagement": _rows(conn, select(engagements).where(engagements.c.envelope_id.in_(mine))),
        "verdicts": _rows(conn, select(hits).where(hits.c.envelope_id.in_(mine)).order_by(hits.c.fact_id)),
        "events": _rows(conn, select(facts).where(facts.c.contact_id.in_(ids)).order_by(facts.c.id)),
    }


def _rows(conn: Connection, query: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in conn.execute(query).mappings()]


def erase(tx: Transaction, workspace_id: int, email_key: str, key: bytes, at: float) -> int:
    """Erase a person; how many contacts that were. The hash is kept in any case: an import must not bring them back."""
    contact = contacts.c
    ids = list(
        tx.conn.scalars(select(contact.id).where(contact.workspace_id == workspace_id, contact.email_key == email_key))
    )
    insert_new(
        tx.conn, erased, [{"workspace_id": workspace_id, "digest": digest(key, workspace_id, email_key), "at": at}]
    )
    s = suppressions.c
    tx.conn.execute(delete(suppressions).where(s.workspace_id == workspace_id, s.email_key == email_key))
    _forget_mail(tx, workspace_id, email_key, ids)
    for contact_id in ids:
        _scrub_facts(tx, contact_id)
    mine = select(envelopes.c.id).where(envelopes.c.contact_id.in_(ids))
    tx.conn.execute(delete(link_engagements).where(link_engagements.c.envelope_id.in_(mine)))
    tx.conn.execute(update(engagements).where(engagements.c.envelope_id.in_(mine)).values(contact_id=None))
    tx.conn.execute(delete(import_changes).where(import_changes.c.contact_id.in_(ids)))
    tx.conn.execute(delete(contacts).where(contact.id.in_(ids)))
    mark_deleted(tx, workspace_id, ids)
    return len(ids)


def _forget_mail(tx: Transaction, workspace_id: int, email_key: str, ids: list[int]) -> None:
    """The address in the queue's rows, of campaigns and of stored messages. What waits is given up by the source."""
    e = envelopes.c
    stored = (e.workspace_id == workspace_id, e.outgoing_id.is_not(None), e.address == email_key)
    for mine in ((e.contact_id.in_(ids),), stored):
        tx.conn.execute(delete(dialogues).where(dialogues.c.envelope_id.in_(select(e.id).where(*mine))))
    tx.conn.execute(update(envelopes).where(e.contact_id.in_(ids)).values(address=None, answer=None))
    tx.conn.execute(update(envelopes).where(*stored).values(address="erased@invalid", answer=None))


def _scrub_facts(tx: Transaction, contact_id: int) -> None:
    f = facts.c
    for row in tx.conn.execute(select(f.id, f.data).where(f.contact_id == contact_id)).all():
        kept = {name: ("" if name in ADDRESSED and value else value) for name, value in row.data.items()}
        if kept != row.data:
            tx.conn.execute(update(facts).where(f.id == row.id).values(data=kept))


def known_erased(conn: Connection, workspace_id: int, email_keys: Iterable[str], key: bytes) -> set[str]:
    """Which of these addresses were erased."""
    digests = {digest(key, workspace_id, email_key): email_key for email_key in email_keys}
    found: set[str] = set()
    names = list(digests)
    for start in range(0, len(names), 500):
        where = (erased.c.workspace_id == workspace_id, erased.c.digest.in_(names[start : start + 500]))
        found |= {digests[one] for one in conn.scalars(select(erased.c.digest).where(*where))}
    return found


def forget_erasure(tx: Transaction, workspace_id: int, email_key: str, key: bytes) -> None:
    """The person came back by their own word."""
    where = (erased.c.workspace_id == workspace_id, erased.c.digest == digest(key, workspace_id, email_key))
    tx.conn.execute(delete(erased).where(*where))


def as_json(found: dict[str, Any]) -> bytes:
    """What was collected, as a file for the person."""
    return orjson.dumps(found, option=orjson.OPT_INDENT_2)
