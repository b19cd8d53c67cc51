"""People: contacts, found, made and brought up to date.

One contact per address and workspace (`email_key` is the address for comparison). Lists, subscriptions and consent are
in `store.subscriptions`. What is a valid row of a file is decided in `marketing.contacts`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, insert, or_, select, update

from lettershop.base.facts import ContactChanged
from lettershop.store import erasures
from lettershop.store.columnar import mark
from lettershop.store.database import Transaction
from lettershop.store.rows import insert_one
from lettershop.store.schema_main import contacts, imports
from lettershop.store.subscriptions import Consent, join, members

PIECE = 500
"""Keys asked for in one statement."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person of a workspace. `tracking_consent` None: not asked. Times in seconds since the epoch."""

    id: int
    workspace_id: int
    email: str
    email_key: str
    domain: str
    name: str
    attributes: dict[str, Any]
    tracking_consent: bool | None
    created_at: float
    updated_at: float
    last_delivered_at: float | None
    last_opened_at: float | None
    last_clicked_at: float | None
    last_replied_at: float | None
    last_wrote_at: float | None = None
    tags: tuple[str, ...] = ()
    consent: str = "none"
    consent_until: float | None = None


@dataclass(frozen=True, slots=True)
class NewContact:
    """A checked row of an import, or of a form."""

    email: str
    email_key: str
    domain: str
    name: str
    attributes: Mapping[str, Any]
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch of rows."""

    created: int = 0
    updated: int = 0
    joined: int = 0

    def __add__(self, other: "Taken") -> "Taken":
        return Taken(self.created + other.created, self.updated + other.updated, self.joined + other.joined)


_CONTACT = [contacts.c[name] for name in Contact.__slots__]


# -- reading -----------------------------------------------------------------------------------------------------------


def by_id(conn: Connection, contact_id: int) -> Contact | None:
    """The contact, or None."""
    row = conn.execute(select(*_CONTACT).where(contacts.c.id == contact_id)).first()
    return _contact(row) if row is not None else None


def by_ids(conn: Connection, ids: Sequence[int]) -> list[Contact]:
    """These contacts, by id."""
    found = []
    for piece in _pieces(sorted(ids)):
        query = select(*_CONTACT).where(contacts.c.id.in_(piece)).order_by(contacts.c.id)
        found += [_contact(row) for row in conn.execute(query)]
    return found


def _contact(row: Any) -> Contact:
    values = dict(row._mapping)
    return Contact(**{**values, "tags": tuple(values["tags"])})


def by_key(conn: Connection, workspace_id: int, email_key: str) -> Contact | None:
    """The contact with this address (`Address.key`), or None."""
    where = (contacts.c.workspace_id == workspace_id, contacts.c.email_key == email_key)
    row = conn.execute(select(*_CONTACT).where(*where)).first()
    return _contact(row) if row is not None else None


def page(
    conn: Connection,
    workspace_id: int,
    *,
    after: int = 0,
    limit: int = 50,
    search: str = "",
    list_id: int | None = None,
    where: ColumnElement[bool] | None = None,
) -> list[Contact]:
    """Contacts by id; `after` is the last id of the page before. `search` looks in address and name."""
    query = select(*_CONTACT).where(contacts.c.id > after, *_filters(workspace_id, search, list_id, where))
    return [_contact(row) for row in conn.execute(query.order_by(contacts.c.id).limit(limit))]


def count(
    conn: Connection,
    workspace_id: int,
    *,
    search: str = "",
    list_id: int | None = None,
    where: ColumnElement[bool] | None = None,
) -> int:
    """How many `page` would go through."""
    query = select(func.count()).select_from(contacts).where(*_filters(workspace_id, search, list_id, where))
    return conn.scalar(query) or 0


def _filters(
    workspace_id: int, search: str, list_id: int | None, where: ColumnElement[bool] | None
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [contacts.c.workspace_id == workspace_id]
    if search:
        words = search.lower()
        found.append(
            or_(
                contacts.c.email_key.contains(words, autoescape=True),
                func.lower(contacts.c.name).contains(words, autoescape=True),
            )
        )
    if list_id is not None:
        found.append(contacts.c.id.in_(members(list_id)))
    if where is not None:
        found.append(where)
    return found


# -- writing -----------------------------------------------------------------------------------------------------------


def take(
    tx: Transaction, workspace_id: int, list_id: int | None, rows: Sequence[NewContact], consent: Consent, at: float
) -> Taken:
    """Make or bring up to date these contacts and put them on the list. Attributes not named in a row stay, tags are added.

    Whoever must not come back after an erasure, the caller has left out.
    """
    fresh = {row.email_key: row for row in rows}
    known = _known(tx.conn, workspace_id, fresh)
    new = [row for key, row in fresh.items() if key not in known]
    if new:
        erasures.come_back(tx, workspace_id, [row.email_key for row in new])
        tx.conn.execute(insert(contacts), [_values(row, workspace_id, at) for row in new])
    changed = _update(tx, known, fresh, at)
    ids = {key: row.id for key, row in known.items()}
    ids |= {key: row.id for key, row in _known(tx.conn, workspace_id, [row.email_key for row in new]).items()}
    mark(tx, [ids[key] for key in (*[row.email_key for row in new], *changed)])
    joined = join(tx, workspace_id, list_id, list(ids.values()), consent, at)
    for what, keys in (("created", [row.email_key for row in new]), ("updated", changed)):
        for key in keys:
            tx.fact(
                ContactChanged(
                    at=at,
                    workspace_id=workspace_id,
                    contact_id=ids[key],
                    what=what,
                    list_id=list_id,
                    source=consent.source,
                )
            )
    return Taken(len(new), len(changed), joined)


def ensure(tx: Transaction, workspace_id: int, row: NewContact, at: float, *, source: str) -> int:
    """The contact of this address; made if there is none, without any consent. One who is there is not changed."""
    there = _known(tx.conn, workspace_id, [row.email_key]).get(row.email_key)
    if there is not None:
        return there.id
    erasures.resume(tx, workspace_id, row.email_key)
    contact_id = insert_one(tx.conn, contacts, **_values(row, workspace_id, at))
    mark(tx, [contact_id])
    tx.fact(ContactChanged(at=at, workspace_id=workspace_id, contact_id=contact_id, what="created", source=source))
    return contact_id


def _values(row: NewContact, workspace_id: int, at: float) -> dict[str, Any]:
    return {
        "workspace_id": workspace_id, "email": row.email, "email_key": row.email_key, "domain": row.domain,
        "name": row.name, "attributes": dict(row.attributes), "tags": sorted(set(row.tags)), "created_at": at,
        "updated_at": at,
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Known:
    id: int
    name: str
    attributes: dict[str, Any]
    tags: list[str]


def _known(conn: Connection, workspace_id: int, keys: Iterable[str]) -> dict[str, _Known]:
    c = contacts.c
    found: dict[str, _Known] = {}
    for piece in _pieces(list(keys)):
        query = select(c.email_key, c.id, c.name, c.attributes, c.tags).where(
            c.workspace_id == workspace_id, c.email_key.in_(piece)
        )
        found |= {row[0]: _Known(*row[1:]) for row in conn.execute(query)}
    return found


def _update(tx: Transaction, known: Mapping[str, _Known], fresh: Mapping[str, NewContact], at: float) -> list[str]:
    """Write what differs; the keys of those that changed."""
    changed = {}
    for key, there in known.items():
        row = fresh[key]
        merged, tags = {**there.attributes, **row.attributes}, sorted({*there.tags, *row.tags})
        if merged != there.attributes or tags != there.tags or (row.name and row.name != there.name):
            changed[key] = {
                "id": there.id, "name": row.name or there.name, "attributes": merged, "tags": tags, "updated_at": at,
            }  # fmt: skip
    rewrite(tx, list(changed.values()))
    return list(changed)


def rewrite(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write columns of contacts; each row has the same ones, and `id`. The caller calls `mark`."""
    if not rows:
        return
    names = [name for name in rows[0] if name != "id"]
    values = {name: bindparam(name, type_=contacts.c[name].type) for name in names}
    statement = update(contacts).where(contacts.c.id == bindparam("_id")).values(values)
    tx.conn.execute(statement, [{"_id": row["id"], **{name: row[name] for name in names}} for row in rows])


def _pieces(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(keys), PIECE):
        yield keys[start : start + PIECE]


def set_tracking(tx: Transaction, contact_id: int, allowed: bool | None, at: float) -> None:
    """Whether opens may be recorded; asked when the pixel is loaded, so it also holds for mail already sent."""
    tx.conn.execute(update(contacts).where(contacts.c.id == contact_id).values(tracking_consent=allowed, updated_at=at))
    mark(tx, [contact_id])


# -- imports -----------------------------------------------------------------------------------------------------------


def begin_import(tx: Transaction, workspace_id: int, list_id: int | None, file_name: str, basis: str, at: float) -> int:
    """Note that an import began; its id."""
    return insert_one(
        tx.conn, imports,
        workspace_id=workspace_id, list_id=list_id, file_name=file_name, basis=basis, started_at=at,
    )  # fmt: skip


def end_import(tx: Transaction, import_id: int, taken: int, refused: int, at: float) -> None:
    """Note how an import ended."""
    tx.conn.execute(
        update(imports).where(imports.c.id == import_id).values(taken=taken, refused=refused, finished_at=at)
    )
