"""An import undone, some people at a time: who came with it goes, who was changed is as before, who joined leaves.

What happened since is respected: nobody with whom mail was exchanged, or who has a consent from elsewhere, is deleted;
what somebody has changed since stays changed; who has unsubscribed stays unsubscribed, and suppressions stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, or_, select, update

from lettershop.store.columnar import mark, mark_deleted
from lettershop.store.contacts import rewrite
from lettershop.store.database import Transaction
from lettershop.store.imports import CHANGED, JOINED, MADE
from lettershop.store.schema_delivery import envelopes
from lettershop.store.schema_main import consents, contacts, import_changes, imports, subscriptions
from lettershop.store.segment_tree import MOMENTS
from lettershop.store.subscriptions import SUBSCRIBED, sum_up

PIECE = 500


@dataclass(frozen=True, slots=True)
class Undone:
    """What became of some. `kept`: came with the import and stay, for something happened since."""

    removed: int
    restored: int
    kept: int
    more: bool


def undo(tx: Transaction, import_id: int, at: float) -> Undone:
    """Undo the next of those whom the import touched."""
    row = tx.conn.execute(select(imports.c.workspace_id, imports.c.list_id).where(imports.c.id == import_id)).one()
    c = import_changes.c
    query = select(c.contact_id, c.what, c.before, c.status).where(c.import_id == import_id).order_by(c.contact_id)
    changes = {change.contact_id: change for change in tx.conn.execute(query.limit(PIECE))}
    if not changes:
        return Undone(0, 0, 0, False)
    touched = _touched_since(tx.conn, import_id, list(changes))
    made = [i for i, change in changes.items() if change.what & MADE]
    gone = [i for i in made if i not in touched]
    stay = [i for i in changes if i not in gone]
    _leave_list(tx, row.list_id, {i: changes[i] for i in stay if changes[i].what & JOINED}, at)
    restored = _restore(tx, {i: changes[i].before for i in stay if changes[i].what & CHANGED}, at)
    tx.conn.execute(delete(consents).where(consents.c.import_id == import_id, consents.c.contact_id.in_(list(changes))))
    tx.conn.execute(delete(contacts).where(contacts.c.id.in_(gone)))
    tx.conn.execute(delete(import_changes).where(c.import_id == import_id, c.contact_id.in_(list(changes))))
    if stay:
        sum_up(tx, stay)
    mark(tx, stay)
    mark_deleted(tx, row.workspace_id, gone)
    return Undone(len(gone), restored, len(made) - len(gone), len(changes) == PIECE)


def _touched_since(conn: Connection, import_id: int, ids: Sequence[int]) -> set[int]:
    """Mail was exchanged or is under way, or there is a word from them beside this import."""
    c = contacts.c
    moments = or_(*[c[f"last_{what}_at"].is_not(None) for what in MOMENTS])
    found = set(conn.scalars(select(c.id).where(c.id.in_(ids), moments)))
    other = or_(consents.c.import_id.is_(None), consents.c.import_id != import_id)
    found |= set(conn.scalars(select(consents.c.contact_id).where(consents.c.contact_id.in_(ids), other)))
    return found | set(conn.scalars(select(envelopes.c.contact_id).where(envelopes.c.contact_id.in_(ids))))


def _leave_list(tx: Transaction, list_id: int | None, joined: Mapping[int, Any], at: float) -> None:
    if list_id is None:
        return
    s = subscriptions.c
    where = (s.list_id == list_id, s.status == SUBSCRIBED)
    new = [i for i, change in joined.items() if change.status is None]
    tx.conn.execute(delete(subscriptions).where(*where, s.contact_id.in_(new)))
    waited = [i for i, change in joined.items() if change.status is not None]
    back = update(subscriptions).where(*where, s.contact_id.in_(waited)).values(status="pending", changed_at=at)
    tx.conn.execute(back)


def _restore(tx: Transaction, noted: Mapping[int, dict[str, Any]], at: float) -> int:
    c = contacts.c
    rows = tx.conn.execute(select(c.id, c.name, c.attributes, c.tags).where(c.id.in_(list(noted))))
    changed = [_as_before(row, noted[row.id], at) for row in rows]
    rewrite(tx, changed)
    return len(changed)


def _as_before(now: Any, noted: Mapping[str, Any], at: float) -> dict[str, Any]:
    """Each value as it was before, where it still is as the import left it."""
    before, after = noted["before"], noted["after"]
    attributes = dict(now.attributes)
    for key, value in after["attributes"].items():
        if attributes.get(key) == value and before["attributes"].get(key) != value:
            attributes.pop(key)
    for key, value in before["attributes"].items():
        if key not in attributes and now.attributes.get(key) == after["attributes"].get(key):
            attributes[key] = value
    added = set(after["tags"]) - set(before["tags"])
    return {
        "id": now.id, "name": before["name"] if now.name == after["name"] else now.name, "attributes": attributes,
        "tags": [tag for tag in now.tags if tag not in added], "updated_at": at,
    }  # fmt: skip
