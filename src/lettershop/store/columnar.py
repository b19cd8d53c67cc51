"""The contacts once more, by columns: counting a segment among a million takes milliseconds on both engines.

A piece holds the contacts of a workspace whose ids lie in one span of `SPAN`; each of its columns is a row of
`contact_pieces` (`store.column_codec`). `store.people` reads only the columns that a segment names and judges them with
`store.masks`. Rows would have to be read a million times; a column of a million numbers is a few megabytes.

It is always right, though the copy is behind:

- `contact_copies.up_to`: contacts above this id are not in the copy yet;
- `contact_changes`: contacts in the copy that were changed (or deleted) since. Whoever changes a contact, its lists or
  what it did calls `mark` in the same transaction.

Both are judged by SQL in the same snapshot (`store.predicates`), and left out of the copy's answer. `fold` brings the
copy up to date, a piece at a time, when there is enough to do; nobody waits for it.

On PostgreSQL `mark` holds a lock shared until its commit and `fold` holds it alone: what a fold does not see is marked
after it. On SQLite there is one writer anyway.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from sqlalchemy import Connection, delete, func, select, text

from lettershop.store.column_codec import MISSING, Array, Column, decode, encode, kind_of
from lettershop.store.database import Transaction
from lettershop.store.facets import Facets, facets_of
from lettershop.store.masks import among
from lettershop.store.rows import ids_of, upsert
from lettershop.store.schema_main import contact_changes, contact_copies, contact_pieces, contacts, workspaces

SPAN = 16_384
"""Ids of one piece."""

FOLD_ROWS = 4_000
"""A fold begins when so many contacts are not in the copy, or have changed since: about 20 ms for a count to ask in SQL."""

LOCK = 7_204_513

# -- keeping the copy --------------------------------------------------------------------------------------------------


def mark(tx: Transaction, contact_ids: Iterable[int]) -> None:
    """These contacts were changed, made or deleted in this transaction. Call it after the change."""
    ids = sorted(set(contact_ids))
    if not ids:
        return
    if not tx.sqlite:
        tx.conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({LOCK})")
    among_ids, values = ids_of(tx.conn, ids)
    # Reason: a change of a contact that is not in the copy needs no mark; an import of new people leaves none.
    statement = f"""
        INSERT INTO contact_changes (workspace_id, contact_id)
        SELECT p.workspace_id, i.id FROM {among_ids} AS i
        JOIN contact_copies p ON i.id <= p.up_to
        WHERE p.workspace_id = (SELECT c.workspace_id FROM contacts c WHERE c.id = i.id)
        ON CONFLICT DO NOTHING
    """  # noqa: S608 - our own words
    tx.conn.execute(text(statement), values)


def mark_deleted(tx: Transaction, workspace_id: int, contact_ids: Iterable[int]) -> None:
    """These contacts of the workspace are gone."""
    ids = sorted(set(contact_ids))
    if not ids:
        return
    if not tx.sqlite:
        tx.conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({LOCK})")
    among_ids, values = ids_of(tx.conn, ids)
    statement = f"""
        INSERT INTO contact_changes (workspace_id, contact_id)
        SELECT p.workspace_id, i.id FROM {among_ids} AS i
        JOIN contact_copies p ON i.id <= p.up_to AND p.workspace_id = :workspace
        WHERE true
        ON CONFLICT DO NOTHING
    """  # noqa: S608 - our own words
    tx.conn.execute(text(statement), {**values, "workspace": workspace_id})


def fold(tx: Transaction, workspace_id: int, *, all_of_it: bool = False) -> bool:
    """Bring a piece of the copy up to date if there is enough to do, or anything with `all_of_it`; True if there may be more."""
    if not tx.sqlite:
        tx.conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
    c = contact_changes.c
    changed = tx.conn.scalar(select(func.count()).select_from(contact_changes).where(c.workspace_id == workspace_id))
    if changed and (all_of_it or changed >= FOLD_ROWS):
        _fold_changes(tx, workspace_id)
        return True
    new = _new_ids(tx.conn, workspace_id, up_to(tx.conn, workspace_id))
    if not new or (len(new) < FOLD_ROWS and not all_of_it):
        return False
    here = [contact_id for contact_id in new if contact_id // SPAN == new[0] // SPAN]
    _patch(tx, workspace_id, here[0] // SPAN, here)
    upsert(tx.conn, contact_copies, [{"workspace_id": workspace_id, "up_to": here[-1]}], key=("workspace_id",))
    return True


def _new_ids(conn: Connection, workspace_id: int, after: int) -> list[int]:
    c = contacts.c
    where = (c.workspace_id == workspace_id, c.id > after)
    return list(conn.scalars(select(c.id).where(*where).order_by(c.id).limit(SPAN)))


def _fold_changes(tx: Transaction, workspace_id: int) -> None:
    """The piece with the most changes. The marks go first: what changes meanwhile is marked anew."""
    c = contact_changes.c
    counted: dict[int, list[int]] = {}
    for contact_id in tx.conn.scalars(select(c.contact_id).where(c.workspace_id == workspace_id)):
        counted.setdefault(contact_id // SPAN, []).append(contact_id)
    piece = max(counted, key=lambda number: len(counted[number]))
    ids = sorted(counted[piece])
    where = (c.workspace_id == workspace_id, c.contact_id >= piece * SPAN, c.contact_id < (piece + 1) * SPAN)
    tx.conn.execute(delete(contact_changes).where(*where))
    _patch(tx, workspace_id, piece, ids)


def _patch(tx: Transaction, workspace_id: int, piece: int, ids: list[int]) -> None:
    """Write these contacts, as they are now, into their piece; those that are gone leave it."""
    fresh = facets_of(tx.conn, workspace_id, ids)
    there = _read_piece(tx.conn, workspace_id, piece)
    old = there.pop("ids").array.astype(np.int64) + piece * SPAN if "ids" in there else np.array([], np.int64)
    touched = among(old, ids)
    same = len(fresh.ids) == int(touched.sum()) == len(ids)
    changed = _in_place(there, old, fresh) if same else _rebuilt(there, old, ~touched, fresh, piece)
    rows = [
        {"workspace_id": workspace_id, "name": name, "piece": piece, "data": data} for name, data in changed.items()
    ]
    upsert(tx.conn, contact_pieces, rows, key=("workspace_id", "name", "piece"))


def _read_piece(conn: Connection, workspace_id: int, piece: int) -> dict[str, Column]:
    p = contact_pieces.c
    rows = conn.execute(select(p.name, p.data).where(p.workspace_id == workspace_id, p.piece == piece))
    return {row.name: decode(kind_of(row.name), row.data) for row in rows}


def _in_place(there: Mapping[str, Column], old: Array, fresh: Facets) -> dict[str, bytes]:
    """The columns in which something is different now. The contacts are the same."""
    places = np.searchsorted(old, fresh.ids)
    changed = {}
    for name in {**there, **fresh.columns}:
        kind = kind_of(name)
        missing, column = MISSING[kind], there.get(name)
        values = fresh.columns.get(name) or [missing] * len(places)
        if values == (column.at(places) if column is not None else [missing] * len(places)):
            continue
        every = column.values() if column is not None else [missing] * len(old)
        for place, value in zip(places.tolist(), values, strict=True):
            every[place] = value
        changed[name] = encode(kind, every)
    return changed


def _rebuilt(there: Mapping[str, Column], old: Array, stays: Array, fresh: Facets, piece: int) -> dict[str, bytes]:
    """All columns of the piece: the contacts that stay, and the fresh ones, by id."""
    kept = old[stays].tolist()
    ids = np.array([*kept, *fresh.ids], np.int64)
    order = np.argsort(ids).tolist() if kept and fresh.ids and kept[-1] > fresh.ids[0] else None
    changed = {"ids": encode("ids", (np.sort(ids) - piece * SPAN).tolist())}
    places = np.flatnonzero(stays)
    for name in {**there, **fresh.columns}:
        kind = kind_of(name)
        missing, column = MISSING[kind], there.get(name)
        values = column.at(places) if column is not None else [missing] * len(kept)
        values += fresh.columns.get(name) or [missing] * len(fresh.ids)
        changed[name] = encode(kind, values if order is None else [values[place] for place in order])
    return changed


def behind(conn: Connection) -> list[int]:
    """Workspaces whose copy has enough to do for a fold."""
    return [workspace_id for workspace_id in conn.scalars(select(workspaces.c.id)) if _is_behind(conn, workspace_id)]


def _is_behind(conn: Connection, workspace_id: int) -> bool:
    changes, c = contact_changes.c, contacts.c
    marked = select(changes.contact_id).where(changes.workspace_id == workspace_id)
    new = select(c.id).where(c.workspace_id == workspace_id, c.id > up_to(conn, workspace_id)).order_by(c.id)
    return any(conn.scalar(query.offset(FOLD_ROWS - 1).limit(1)) is not None for query in (marked, new))


def up_to(conn: Connection, workspace_id: int) -> int:
    """Contacts up to this id are in the copy."""
    return conn.scalar(select(contact_copies.c.up_to).where(contact_copies.c.workspace_id == workspace_id)) or 0
