"""The few statements whose spelling differs between the engines: insert-or-ignore, insert-or-update, inserted ids; and the
short way to SQLite's driver, for the hot ones."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, cast

import orjson
from sqlalchemy import Connection, Table, insert
from sqlalchemy.dialects import postgresql, sqlite

PIECE = 500
"""Rows of one statement; SQLite bounds the parameters."""


def direct(conn: Connection) -> sqlite3.Connection:
    """SQLite's own connection, in the transaction of `conn`. The layer between costs more than a hot statement does."""
    return cast(sqlite3.Connection, conn.connection.driver_connection)


def told(conn: Connection, statement: str, values: Mapping[str, Any]) -> Any:
    """The only value of the only row, directly from SQLite; most often one text of JSON."""
    return direct(conn).execute(statement, values).fetchone()[0]


def _insert(conn: Connection, table: Table) -> Any:
    return (sqlite if conn.dialect.name == "sqlite" else postgresql).insert(table)


def insert_new(conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert those rows that break no unique rule; how many that were. All rows have the same columns."""
    statement = _insert(conn, table).on_conflict_do_nothing()
    pieces = [list(rows[start : start + PIECE]) for start in range(0, len(rows), PIECE)]
    # as values of one statement: a driver's executemany tells no count
    return sum(max(0, conn.execute(statement.values(piece)).rowcount) for piece in pieces)


def upsert(
    conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, key: Sequence[str], add: Sequence[str] = ()
) -> None:
    """Insert rows; where `key` exists, overwrite the other columns, or add to those named in `add` (counters)."""
    if not rows:
        return
    statement = _insert(conn, table)
    columns = [name for name in rows[0] if name not in key]
    new = {
        name: (table.c[name] + statement.excluded[name]) if name in add else statement.excluded[name]
        for name in columns
    }
    conn.execute(statement.on_conflict_do_update(index_elements=list(key), set_=new), list(rows))


def insert_one(conn: Connection, table: Table, **values: Any) -> int:
    """Insert a row; its id."""
    row = conn.execute(insert(table).values(**values)).inserted_primary_key
    assert row is not None
    return int(row[0])


def ids_of(conn: Connection, ids: Sequence[int]) -> tuple[str, dict[str, Any]]:
    """For a statement written by hand: ids as a sub-query with the column `id`, and its parameter. One array, one plan."""
    if conn.dialect.name == "sqlite":
        return "(SELECT value AS id FROM json_each(:ids))", {"ids": orjson.dumps(list(ids)).decode()}
    return "(SELECT unnest(CAST(:ids AS BIGINT[])) AS id)", {"ids": list(ids)}
