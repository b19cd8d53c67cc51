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

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection, delete, func, select, text

from lettershop.store.column_codec import MISSING, Array, Column, decode, encode, kind_of
from lettershop.store.database import Transaction
from lettershop.store.facets import Facets, deeds_of, facets_of
from lettershop.store.masks import among
from lettershop.store.rows import ids_of, upsert
from lettershop.store.schema_main import contact_changes, contact_copies, contact_pieces, contacts, workspaces
from lettershop.store.segment_tree import MOMENTS

SPAN = 16_384
"""Ids of one piece."""

FOLD_ROWS = 1_500
"""A fold is due when so many contacts are not in the copy, or have changed since: some 10 ms for a count to ask in SQL."""

LOCK = 7_204_513

# -- keeping the copy --------------------------------------------------------------------------------------------------


def mark(tx: Transaction, contact_ids: Iterable[int], *, deeds_only: bool = False) -> None:
    """These contacts were changed or made in this transaction; call it after the change.

    `deeds_only`: only the moments of what they did are new, which is most of all changes and folded with less work.
    """
    # Reason: a change of a contact that is not in the copy needs no mark; an import of new people leaves none.
    where = "p.workspace_id = (SELECT c.workspace_id FROM contacts c WHERE c.id = i.id)"
    _mark(tx, contact_ids, where, {"deeds_only": deeds_only})


def mark_deleted(tx: Transaction, workspace_id: int, contact_ids: Iterable[int]) -> None:
    """These contacts of the workspace are gone."""
    _mark(tx, contact_ids, "p.workspace_id = :workspace", {"workspace": workspace_id, "deeds_only": False})


def _mark(tx: Transaction, contact_ids: Iterable[int], where: str, more: Mapping[str, Any]) -> None:
    ids = sorted(set(contact_ids))
    if not ids:
        return
    if not tx.sqlite:
        tx.conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({LOCK})")
    among_ids, values = ids_of(tx.conn, ids)
    statement = f"""
        INSERT INTO contact_changes (workspace_id, contact_id, deeds_only)
        SELECT p.workspace_id, i.id, :deeds_only FROM {among_ids} AS i JOIN contact_copies p ON i.id <= p.up_to
        WHERE {where}
        ON CONFLICT (workspace_id, contact_id)
        {"DO NOTHING" if more["deeds_only"] else "DO UPDATE SET deeds_only = excluded.deeds_only"}
    """  # noqa: S608 - our own words
    tx.conn.execute(text(statement), {**values, **more})


def fold(tx: Transaction, workspace_id: int, *, all_of_it: bool = False) -> bool:
    """Bring a piece of the copy up to date if there is enough to do, or anything with `all_of_it`; True if there may be more."""
    if not tx.sqlite:
        tx.conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
    marked, new_ones = waiting(tx.conn, workspace_id)
    if marked and (all_of_it or marked >= FOLD_ROWS):
        _fold_changes(tx, workspace_id)
        return True
    if not new_ones or (new_ones < FOLD_ROWS and not all_of_it):
        return False
    new = _new_ids(tx.conn, workspace_id, up_to(tx.conn, workspace_id))
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
    counted: dict[int, dict[int, bool]] = {}
    for contact_id, deeds_only in tx.conn.execute(
        select(c.contact_id, c.deeds_only).where(c.workspace_id == workspace_id)
    ):
        counted.setdefault(contact_id // SPAN, {})[contact_id] = deeds_only
    piece = max(counted, key=lambda number: len(counted[number]))
    marks = counted[piece]
    where = (c.workspace_id == workspace_id, c.contact_id >= piece * SPAN, c.contact_id < (piece + 1) * SPAN)
    tx.conn.execute(delete(contact_changes).where(*where))
    ids = sorted(marks)
    changed = sorted(contact_id for contact_id in ids if not marks[contact_id])
    if changed:
        _patch(tx, workspace_id, piece, changed)
    if len(changed) < len(ids):
        _patch_deeds(tx, workspace_id, piece, [contact_id for contact_id in ids if marks[contact_id]])


def _patch_deeds(tx: Transaction, workspace_id: int, piece: int, ids: list[int]) -> None:
    """Only the columns of what they did."""
    there = _read_piece(tx.conn, workspace_id, piece, ["ids", *[f"e:{what}" for what in MOMENTS]])
    old = there.pop("ids").array.astype(np.int64) + piece * SPAN
    _write_piece(tx, workspace_id, piece, _in_place(there, old, deeds_of(tx.conn, workspace_id, ids)))


def _patch(tx: Transaction, workspace_id: int, piece: int, ids: list[int]) -> None:
    """Write these contacts, as they are now, into their piece; those that are gone leave it."""
    fresh = facets_of(tx.conn, workspace_id, ids)
    there = _read_piece(tx.conn, workspace_id, piece)
    old = there.pop("ids").array.astype(np.int64) + piece * SPAN if "ids" in there else np.array([], np.int64)
    touched = among(old, ids)
    same = len(fresh.ids) == int(touched.sum()) == len(ids)
    changed = _in_place(there, old, fresh) if same else _rebuilt(there, old, ~touched, fresh, piece)
    _write_piece(tx, workspace_id, piece, changed)


def _write_piece(tx: Transaction, workspace_id: int, piece: int, changed: Mapping[str, bytes]) -> None:
    rows = [
        {"workspace_id": workspace_id, "name": name, "piece": piece, "data": data} for name, data in changed.items()
    ]
    upsert(tx.conn, contact_pieces, rows, key=("workspace_id", "name", "piece"))


def _read_piece(
    conn: Connection, workspace_id: int, piece: int, names: Sequence[str] | None = None
) -> dict[str, Column]:
    p = contact_pieces.c
    query = select(p.name, p.data).where(p.workspace_id == workspace_id, p.piece == piece)
    rows = conn.execute(query if names is None else query.where(p.name.in_(names)))
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


def waiting(conn: Connection, workspace_id: int) -> tuple[int, int]:
    """How many contacts have changed since, and how many are not in the copy; counted up to `FOLD_ROWS`."""
    changes, c = contact_changes.c, contacts.c
    marked = select(changes.contact_id).where(changes.workspace_id == workspace_id).limit(FOLD_ROWS)
    new = select(c.id).where(c.workspace_id == workspace_id, c.id > up_to(conn, workspace_id)).limit(FOLD_ROWS)
    counts = [conn.scalar(select(func.count()).select_from(query.subquery())) or 0 for query in (marked, new)]
    return counts[0], counts[1]


def all_waiting(conn: Connection) -> dict[int, int]:
    """For each workspace, how many contacts a count has to ask for in SQL."""
    return {workspace_id: max(waiting(conn, workspace_id)) for workspace_id in conn.scalars(select(workspaces.c.id))}


def up_to(conn: Connection, workspace_id: int) -> int:
    """Contacts up to this id are in the copy."""
    return conn.scalar(select(contact_copies.c.up_to).where(contact_copies.c.workspace_id == workspace_id)) or 0
