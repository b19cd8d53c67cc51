"""Imports: a file's rows taken in by the thousand, how far a job is, what it did to whom, and its undoing.

What a row is and whether it is valid is decided in `marketing.contacts`. `take_in` is the fast way for many new people:
a handful of statements a batch, no fact a person (the import itself is one). `store.contacts.take` is for single ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, bindparam, delete, insert, select, text, update

from lettershop.store.columnar import mark
from lettershop.store.contacts import rewrite
from lettershop.store.database import Transaction
from lettershop.store.rows import ids_of, insert_one
from lettershop.store.schema_main import import_changes, imports
from lettershop.store.subscriptions import PENDING, sum_up

MADE, CHANGED, JOINED = 1, 2, 4
"""What an import did to a contact, as bits of `import_changes.what`."""


UPLOADED = "uploaded"
"""The state of a file of which nobody has said yet what its columns are."""


@dataclass(frozen=True, slots=True)
class ImportRow:
    """A checked row. `attributes` are those with a value; `cleared` those whose cell is empty."""

    email: str
    email_key: str
    domain: str
    name: str
    attributes: Mapping[str, Any]
    tags: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one import and what holds for all of them. `rule`: add, update or overwrite; `kind`: express or implied."""

    import_id: int
    workspace_id: int
    list_id: int | None
    rule: str
    kind: str
    basis: str
    expires_at: float | None
    rows: Sequence[ImportRow]


@dataclass(slots=True)
class Result:
    """What became of a batch."""

    created: int = 0
    updated: int = 0
    joined: int = 0


@dataclass(frozen=True, slots=True)
class ImportJob:
    """An import: what it was told, and how far it is. `position` of `size` bytes are read."""

    id: int
    workspace_id: int
    list_id: int | None
    file_name: str
    basis: str
    started_at: float
    finished_at: float | None
    taken: int
    refused: int
    state: str
    options: dict[str, Any]
    file: str
    rejected_file: str
    size: int
    position: int
    rows: int
    created: int
    updated: int
    joined: int
    error: str
    by: str


_JOB = [imports.c[name] for name in ImportJob.__slots__]


# -- jobs --------------------------------------------------------------------------------------------------------------


def begin(tx: Transaction, /, workspace_id: int, **values: Any) -> int:
    """Note that an import begins, or waits; its id."""
    return insert_one(tx.conn, imports, workspace_id=workspace_id, **values)


def change(tx: Transaction, /, import_id: int, **values: Any) -> None:
    """Note how far it is."""
    tx.conn.execute(update(imports).where(imports.c.id == import_id).values(**values))


def move(tx: Transaction, import_id: int, to: str, *, only_from: Sequence[str]) -> bool:
    """Another state; False if it was in none of those."""
    where = (imports.c.id == import_id, imports.c.state.in_(only_from))
    return bool(tx.conn.execute(update(imports).where(*where).values(state=to)).rowcount)


def by_id(conn: Connection, import_id: int) -> ImportJob | None:
    """The import, or None."""
    row = conn.execute(select(*_JOB).where(imports.c.id == import_id)).first()
    return ImportJob(*row) if row is not None else None


def page(conn: Connection, workspace_id: int, *, before: int | None = None, limit: int = 50) -> list[ImportJob]:
    """A workspace's imports, newest first, a page below the id `before`."""
    query = select(*_JOB).where(imports.c.workspace_id == workspace_id).order_by(imports.c.id.desc()).limit(limit)
    if before is not None:
        query = query.where(imports.c.id < before)
    return [ImportJob(*row) for row in conn.execute(query)]


def uploaded_before(conn: Connection, workspace_id: int, at: float) -> list[ImportJob]:
    """Files that came before `at` and were never begun."""
    i = imports.c
    where = (i.workspace_id == workspace_id, i.state == UPLOADED, i.started_at < at)
    return [ImportJob(*row) for row in conn.execute(select(*_JOB).where(*where))]


def remove(tx: Transaction, ids: Sequence[int]) -> None:
    """Forget files that were never begun."""
    tx.conn.execute(delete(imports).where(imports.c.id.in_(ids), imports.c.state == UPLOADED))


def to_do(conn: Connection) -> ImportJob | None:
    """The oldest that this machine's scheduler is to work on: it has a file that was handed over, or is being undone."""
    i = imports.c
    runs = (i.state.in_(("waiting", "running")) & (i.file != "")) | (i.state == "undoing")
    row = conn.execute(select(*_JOB).where(runs).order_by(i.id).limit(1)).first()
    return ImportJob(*row) if row is not None else None


# -- taking in ---------------------------------------------------------------------------------------------------------


def files_before(conn: Connection, before: float) -> list[str]:
    """The files of imports that ended before a moment; they may be gone already."""
    c = imports.c
    over = (c.state.in_(("done", "failed", "undone")), c.finished_at < before)
    rows = conn.execute(select(c.file, c.rejected_file).where(*over)).all()
    return [name for row in rows for name in row if name]


def take_in(tx: Transaction, batch: Batch, at: float) -> Result:
    """Make or bring up to date these people and put them on the list; each address comes once in a batch."""
    result = Result()
    known = _known(tx, batch)
    new = [row for row in batch.rows if row.email_key not in known]
    if new:
        ids = _insert(tx, batch, new, at)
        _note_new(tx, batch, ids, at)
        result.created = len(new)
        result.joined = len(new)
    if known:
        _bring_up_to_date(tx, batch, known, result, at)
    return result


def _known(tx: Transaction, batch: Batch) -> dict[str, Any]:
    keys = [row.email_key for row in batch.rows]
    among = "SELECT value FROM json_each(:keys)" if tx.sqlite else "SELECT unnest(CAST(:keys AS TEXT[]))"
    rows = tx.conn.execute(
        text(f"""
            SELECT c.email_key, c.id, c.name, CAST(c.attributes AS TEXT), CAST(c.tags AS TEXT) FROM contacts c
            WHERE c.workspace_id = :workspace AND c.email_key IN ({among})
        """),  # noqa: S608 - our own words
        {"workspace": batch.workspace_id, "keys": orjson.dumps(keys).decode() if tx.sqlite else keys},
    )
    return {row[0]: (row[1], row[2], orjson.loads(row[3]), orjson.loads(row[4])) for row in rows.all()}


_COLUMNS = (
    "id, workspace_id, email, email_key, domain, name, attributes, tags, consent, consent_until, created_at, updated_at"
)


def _insert(tx: Transaction, batch: Batch, new: Sequence[ImportRow], at: float) -> list[int]:
    """Reason: a million rows at once; the driver's own way of many rows takes a third of the time of other ways."""
    told = [
        (row.email, row.email_key, row.domain, row.name, orjson.dumps(row.attributes).decode(),
         orjson.dumps(sorted(set(row.tags))).decode()) for row in new
    ]  # fmt: skip
    if tx.sqlite:
        first = (tx.conn.scalar(text("SELECT max(id) FROM contacts")) or 0) + 1
        ids = list(range(first, first + len(new)))
        rest = (batch.kind, batch.expires_at, at, at)
        rows = [(i, batch.workspace_id, *row, *rest) for i, row in zip(ids, told, strict=True)]
        places = ", ".join("?" * 12)
        tx.conn.exec_driver_sql(f"INSERT INTO contacts ({_COLUMNS}) VALUES ({places})", rows)  # noqa: S608
        return ids
    numbers = text("SELECT nextval(pg_get_serial_sequence('contacts', 'id')) FROM generate_series(1, :n)")
    ids = list(tx.conn.scalars(numbers, {"n": len(new)}))
    columns = dict(zip(("email", "key", "domain", "name", "attributes", "tags"), zip(*told, strict=True), strict=True))
    tx.conn.execute(
        text(f"""
            INSERT INTO contacts ({_COLUMNS})
            SELECT n.id, :workspace, n.email, n.key, n.domain, n.name, CAST(n.attributes AS JSONB), CAST(n.tags AS JSONB),
                :kind, CAST(:until AS DOUBLE PRECISION), :at, :at
            FROM unnest(CAST(:ids AS BIGINT[]), CAST(:email AS TEXT[]), CAST(:key AS TEXT[]), CAST(:domain AS TEXT[]),
                CAST(:name AS TEXT[]), CAST(:attributes AS TEXT[]), CAST(:tags AS TEXT[]))
                AS n (id, email, key, domain, name, attributes, tags)
        """),  # noqa: S608 - our own words
        {
            "ids": ids, "workspace": batch.workspace_id, "kind": batch.kind, "until": batch.expires_at, "at": at,
            **{name: list(values) for name, values in columns.items()},
        },
    )  # fmt: skip
    return ids


def _note_new(tx: Transaction, batch: Batch, ids: Sequence[int], at: float) -> None:
    """Their list, their consent, and that this import made them."""
    among, values = ids_of(tx.conn, ids)
    if batch.list_id is not None:
        tx.conn.execute(
            text(
                "INSERT INTO subscriptions (list_id, contact_id, status, changed_at) "  # noqa: S608 - our own words
                f"SELECT :list, n.id, 'subscribed', :at FROM {among} AS n"
            ),
            {**values, "list": batch.list_id, "at": at},
        )
    _give_consent(tx, batch, ids, at)
    tx.conn.execute(
        text(
            "INSERT INTO import_changes (import_id, contact_id, what) "  # noqa: S608 - our own words
            f"SELECT :import, n.id, {MADE | JOINED} FROM {among} AS n"
        ),
        {**values, "import": batch.import_id},
    )
    mark(tx, ids)


def _give_consent(tx: Transaction, batch: Batch, ids: Sequence[int], at: float) -> None:
    among, values = ids_of(tx.conn, ids)
    tx.conn.execute(
        text(f"""
            INSERT INTO consents (workspace_id, contact_id, list_id, kind, basis, source, at, expires_at, import_id)
            SELECT :workspace, n.id, CAST(:list AS BIGINT), :kind, :basis, 'import', :at, CAST(:until AS DOUBLE PRECISION), :import
            FROM {among} AS n
        """),  # noqa: S608 - our own words
        {
            **values, "workspace": batch.workspace_id, "list": batch.list_id, "kind": batch.kind, "basis": batch.basis,
            "at": at, "until": batch.expires_at, "import": batch.import_id,
        },
    )  # fmt: skip


# -- people who are there already --------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Deed:
    """What is done to one who is there already."""

    what: int = 0
    row: dict[str, Any] = field(default_factory=dict)
    before: dict[str, Any] | None = None
    status: str | None = None


def _bring_up_to_date(tx: Transaction, batch: Batch, known: Mapping[str, Any], result: Result, at: float) -> None:
    status = _statuses(tx.conn, batch.list_id, [entry[0] for entry in known.values()])
    deeds: dict[int, _Deed] = {}
    for row in batch.rows:
        if row.email_key in known:
            there = known[row.email_key]
            deed = _changed(batch.rule, row, there, at)
            if status.get(there[0], PENDING) == PENDING and not (batch.list_id is None and batch.rule == "add"):
                deed.what |= JOINED
                deed.status = status.get(there[0])
            if deed.what:
                deeds[there[0]] = deed
    changed = [deed.row for deed in deeds.values() if deed.what & CHANGED]
    joined = [contact_id for contact_id, deed in deeds.items() if deed.what & JOINED]
    rewrite(tx, changed)
    if joined and batch.list_id is not None:
        _put_on_list(tx, batch.list_id, joined, at)
    if joined:
        _give_consent(tx, batch, joined, at)
        sum_up(tx, joined)
    _note_known(tx, batch.import_id, deeds)
    mark(tx, deeds)
    result.updated, result.joined = len(changed), result.joined + len(joined)


def _changed(rule: str, row: ImportRow, there: tuple[int, str, dict[str, Any], list[str]], at: float) -> _Deed:
    contact_id, name, attributes, tags = there
    if rule == "add":
        return _Deed()
    merged = {**attributes, **row.attributes}
    if rule == "overwrite":
        merged = {key: value for key, value in merged.items() if key not in row.cleared}
    after = {"name": row.name or name, "attributes": merged, "tags": sorted({*tags, *row.tags})}
    before = {"name": name, "attributes": attributes, "tags": tags}
    if after == before:
        return _Deed()
    return _Deed(CHANGED, {"id": contact_id, **after, "updated_at": at}, {"before": before, "after": after})


def _statuses(conn: Connection, list_id: int | None, ids: Sequence[int]) -> dict[int, str]:
    if list_id is None:
        return {}
    among, values = ids_of(conn, ids)
    rows = conn.execute(
        text(
            "SELECT contact_id, status FROM subscriptions "  # noqa: S608 - our own words
            f"WHERE list_id = :list AND contact_id IN (SELECT n.id FROM {among} AS n)"
        ),
        {**values, "list": list_id},
    )
    return {row[0]: row[1] for row in rows}


def _put_on_list(tx: Transaction, list_id: int, ids: Sequence[int], at: float) -> None:
    among, values = ids_of(tx.conn, ids)
    tx.conn.execute(
        text(f"""
            INSERT INTO subscriptions (list_id, contact_id, status, changed_at)
            SELECT :list, n.id, 'subscribed', :at FROM {among} AS n WHERE true
            ON CONFLICT (list_id, contact_id) DO UPDATE SET status = excluded.status, changed_at = excluded.changed_at
        """),  # noqa: S608 - our own words
        {**values, "list": list_id, "at": at},
    )


def _note_known(tx: Transaction, import_id: int, deeds: Mapping[int, _Deed]) -> None:
    """An address twice in one file, in two batches: the first note has what was before."""
    if not deeds:
        return
    c = import_changes.c
    there = {
        row.contact_id: row
        for row in tx.conn.execute(
            select(c.contact_id, c.what, c.before).where(c.import_id == import_id, c.contact_id.in_(list(deeds)))
        )
    }
    fresh = [
        {"import_id": import_id, "contact_id": i, "what": deed.what, "before": deed.before, "status": deed.status}
        for i, deed in deeds.items() if i not in there
    ]  # fmt: skip
    if fresh:
        tx.conn.execute(insert(import_changes), fresh)
    again = [
        {"_id": i, "what": row.what | deeds[i].what, "before": _joined(row.before, deeds[i].before)}
        for i, row in there.items()
    ]
    if again:
        values = {"what": bindparam("what"), "before": bindparam("before", type_=c.before.type)}
        where = (c.import_id == import_id, c.contact_id == bindparam("_id"))
        tx.conn.execute(update(import_changes).where(*where).values(values), again)


def _joined(first: dict[str, Any] | None, second: dict[str, Any] | None) -> dict[str, Any] | None:
    if first is None or second is None:
        return first or second
    return {"before": first["before"], "after": second["after"]}
