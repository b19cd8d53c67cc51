"""The embedded engine: one SQLite file in WAL mode, reader threads, one writer thread per process.

Flow of a write: `write` puts it into a queue > the writer thread takes all that waits > the turn among the processes >
BEGIN IMMEDIATE > each in turn > COMMIT (synchronous=FULL: on the disk) > one call into the event loop releases all waiters.

The turn is a file lock beside the database (`store.turn`).
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Concatenate, Literal

import orjson
from sqlalchemy import Connection, Engine, Table, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from lettershop.base.errors import LettershopError
from lettershop.store.database import (
    BATCH,
    Database,
    DatabaseBusy,
    DatabaseClosed,
    DatabaseFull,
    DatabaseUnavailable,
    P,
    T,
    Transaction,
    Write,
    run_batch,
)
from lettershop.store.rows import direct
from lettershop.store.turn import Turn

READERS = 4
BUSY_TIMEOUT = 30.0
"""Seconds a process waits for another one's commit."""


def dumps(value: Any) -> str:
    """JSON for a column, by the faster library."""
    return orjson.dumps(value).decode()


def engine_for(path: Path, *, begin: Literal["BEGIN", "BEGIN IMMEDIATE"], size: int) -> Engine:
    """An engine on one file; `begin` is how its transactions start."""
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=QueuePool, pool_size=size, max_overflow=0,
        json_serializer=dumps, json_deserializer=orjson.loads,
        connect_args={"check_same_thread": False, "timeout": BUSY_TIMEOUT},
    )  # fmt: skip

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-32000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        direct(connection).execute(begin)

    return engine


class SqliteDatabase(Database):
    """See the module."""

    dialect: Literal["sqlite", "postgresql"] = "sqlite"

    def __init__(self, path: Path, log: Table) -> None:
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._writer = engine_for(path, begin="BEGIN IMMEDIATE", size=1)
        self._reader = engine_for(path, begin="BEGIN", size=READERS)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix=f"read-{path.stem}")
        self._of_thread = threading.local()
        self._reading: list[Connection] = []
        self._queue: SimpleQueue[Write | None] = SimpleQueue()
        self._turn = Turn(path.with_name(f"{path.name}.turn"))
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=f"write-{path.stem}", daemon=True)
        self._thread.start()

    async def read(self, query: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """See `Database.read`."""

        def run() -> T:
            try:
                conn = self._mine()
                with conn.begin():
                    return query(conn, *args, **kwargs)
            except (DBAPIError, sqlite3.Error) as error:
                if (ours := explained(error)) is None:
                    raise
                raise ours from error

        return await self._loop.run_in_executor(self._readers, run)

    async def write(self, work: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """See `Database.write`."""
        if self._closed:
            raise DatabaseClosed("The server is stopping.")
        future: asyncio.Future[T] = self._loop.create_future()

        def resolve(write: Write) -> None:
            if future.done():
                return
            if write.error is not None:
                future.set_exception(write.error)
            else:
                future.set_result(write.result)

        self._queue.put(Write(lambda tx: work(tx, *args, **kwargs), resolve))
        return await future

    async def close(self) -> None:
        """See `Database.close`."""
        self._closed = True
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._thread.join)
        self._readers.shutdown()
        for conn in self._reading:
            conn.close()
        self._writer.dispose()
        self._reader.dispose()
        self._turn.close()

    def _mine(self) -> Connection:
        """The connection of this reader thread, kept: to take one from a pool for each read costs half of a short read."""
        conn: Connection | None = getattr(self._of_thread, "conn", None)
        if conn is None:
            conn = self._of_thread.conn = self._reader.connect()
            self._reading.append(conn)
        return conn

    def _run(self) -> None:
        stopping = False
        while not stopping:
            batch, stopping = self._take()
            if batch:
                self._commit(batch)
                self._loop.call_soon_threadsafe(_release, batch)

    def _take(self) -> tuple[list[Write], bool]:
        first = self._queue.get()
        if first is None:
            return [], True
        batch = [first]
        while len(batch) < BATCH and not self._queue.empty():
            write = self._queue.get()
            if write is None:
                return batch, True
            batch.append(write)
        return batch, False

    def _commit(self, batch: list[Write]) -> None:
        try:
            with self._turn.mine(BUSY_TIMEOUT), self._writer.begin() as conn:
                run_batch(conn, batch, self._log)
        except Exception as error:
            ours = explained(error) or error
            if len(batch) == 1 or isinstance(ours, DatabaseBusy):  # each alone would wait as long again
                for write in batch:
                    write.error = ours
                return
            for write in batch:
                self._commit([write])


_KINDS: dict[str, tuple[type[LettershopError], str, str]] = {
    "SQLITE_BUSY": (DatabaseBusy, "The database is busy.", "Try again in a moment."),
    "SQLITE_LOCKED": (DatabaseBusy, "The database is busy.", "Try again in a moment."),
    "SQLITE_FULL": (DatabaseFull, "There is no room to store this.", "Make room on the disk of the data folder."),
    "SQLITE_IOERR_WRITE": (
        DatabaseFull,
        "There is no room to store this.",
        "Make room on the disk of the data folder.",
    ),
    "SQLITE_IOERR": (DatabaseUnavailable, "The database's disk fails.", "Check the disk of the data folder."),
    "SQLITE_CANTOPEN": (DatabaseUnavailable, "The database cannot be opened.", "Check the data folder and its rights."),
    "SQLITE_READONLY": (
        DatabaseUnavailable,
        "The database cannot be written.",
        "Check the data folder and its rights.",
    ),
}
"""What is not the fault of a statement, by the name of SQLite's code, else by that of its family."""


def explained(error: Exception) -> LettershopError | None:
    """An error of ours for what a driver reports of locks, room and disks; None for any other."""
    told = error.orig if isinstance(error, DBAPIError) else error
    name = getattr(told, "sqlite_errorname", "")
    found = _KINDS.get(name) or _KINDS.get("_".join(name.split("_")[:2]))
    if found is None:
        return None
    kind, words, remedy = found
    ours = kind(words, remedy=remedy)
    ours.__cause__ = error
    return ours


def _release(batch: list[Write]) -> None:
    for write in batch:
        write.done(write)
