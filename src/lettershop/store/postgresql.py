"""The server engine: the same store functions over asyncpg, driven by SQLAlchemy's greenlet bridge.

Flow of a write: `write` puts it into a list > the writer task takes all that waits > one transaction > COMMIT > waiters.
A batch that fails is tried write by write; a write that a deadlock with another process chose as its victim, again.

When the server goes away (a restart, a cut connection), reads and writes wait a few seconds for it, then fail as
`DatabaseUnavailable`. A batch whose COMMIT had no answer is not simply repeated: the server is asked by the number of its
transaction whether it was committed, so that nothing is written twice.
"""

import asyncio
from collections.abc import Callable
from typing import Concatenate, Literal

import orjson
from asyncpg import PostgresError
from sqlalchemy import Connection, Table, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import create_async_engine

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
from lettershop.store.sqlite import dumps

READERS = 8
COLLISIONS = 5
"""How often a write is tried again that another process's write got in the way of."""
PAUSES = (0.05, 0.2, 0.5, 1.0, 1.5, 2.0, 3.0)
"""Seconds between tries to reach a server that went away: it may only restart."""
CONNECT_PATIENCE = 10.0
GONE = ("08", "57P0")
"""SQLSTATEs of connections that broke, and of servers that stop or start."""
FULL = "53100"
NEVER_WRITTEN = "22023"
"""The server has not come to this number: it crashed before a word of the transaction was on its disk."""
CLEAN = {"40P01", "40001"}
"""Deadlock and serialisation failure: nothing is wrong with the write, it only met another one. It left nothing behind."""

_NUMBER = text("SELECT CAST(pg_current_xact_id() AS TEXT)")
_BECAME = text("SELECT pg_xact_status(CAST(CAST(:number AS TEXT) AS xid8))")


class PostgresqlDatabase(Database):
    """See the module."""

    dialect: Literal["sqlite", "postgresql"] = "postgresql"

    def __init__(self, url: str, log: Table) -> None:
        self._log = log
        self._engine = create_async_engine(
            async_url(url), pool_size=READERS + 1, max_overflow=0, json_serializer=dumps,
            json_deserializer=orjson.loads, connect_args={"timeout": CONNECT_PATIENCE},
        )  # fmt: skip
        # Reason: a read of several statements sees one state of the database, as it does on SQLite.
        self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._waiting: list[Write] = []
        self._wake = asyncio.Event()
        self._closed = False
        self._down = False  # known not to answer: who comes now does not wait for it
        self._task = asyncio.get_running_loop().create_task(self._run(), name="writer")

    async def read(self, query: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """See `Database.read`."""
        pauses = [] if self._down else list(PAUSES)
        while True:
            try:
                async with self._reader.connect() as conn:
                    return await conn.run_sync(query, *args, **kwargs)
            except (SQLAlchemyError, OSError, TimeoutError, PostgresError) as error:
                if not _gone(error):
                    if (ours := explained(error)) is None:
                        raise
                    raise ours from error
                if not pauses:
                    raise unavailable(error) from error
            await asyncio.sleep(pauses.pop(0))

    async def write(self, work: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """See `Database.write`."""
        if self._closed:
            raise DatabaseClosed("The server is stopping.")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        def resolve(write: Write) -> None:
            if future.done():
                return
            if write.error is not None:
                future.set_exception(write.error)
            else:
                future.set_result(write.result)

        self._waiting.append(Write(lambda tx: work(tx, *args, **kwargs), resolve))
        self._wake.set()
        return await future

    async def close(self) -> None:
        """See `Database.close`."""
        self._closed = True
        self._wake.set()
        await self._task
        await self._engine.dispose()

    async def _run(self) -> None:
        while not (self._closed and not self._waiting):
            if not self._waiting:
                self._wake.clear()
                await self._wake.wait()
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            if batch:
                await self._commit(batch)
                for write in batch:
                    write.done(write)

    async def _commit(self, batch: list[Write], again: int = COLLISIONS) -> None:
        try:
            await self._surely(batch)
        except Exception as error:
            if isinstance(error, DatabaseUnavailable):  # each alone would wait as long again
                for write in batch:
                    write.error = unavailable(error)
                return
            if len(batch) == 1 and not (again and _state(error) in CLEAN):
                batch[0].error = explained(error) or error
                return
            for write in batch:
                await self._commit([write], again=again if len(batch) > 1 else again - 1)

    async def _surely(self, batch: list[Write]) -> None:
        """One transaction, once, whatever becomes of the connection. Raises DatabaseUnavailable when waiting did not help."""
        pauses = [] if self._down else list(PAUSES)
        number = ""  # of a transaction that may have been committed
        while True:
            try:
                if not number or not await self._became(number):
                    number = ""
                    async with self._engine.begin() as conn:
                        started = await conn.scalar(_NUMBER)
                        await conn.run_sync(run_batch, batch, self._log)
                        number = started or ""  # from here on its end is not known until it is told
                self._down = False
                return
            except Exception as error:
                if not _gone(error):
                    raise
                if not pauses:
                    self._down = True
                    raise unavailable(error) from error
            await asyncio.sleep(pauses.pop(0))

    async def _became(self, number: str) -> bool:
        """Whether the transaction was committed. Raises DatabaseUnavailable while it is still under way."""
        try:
            async with self._engine.connect() as conn:
                became: str = await conn.scalar(_BECAME, {"number": number})
        except DBAPIError as error:
            if _state(error) == NEVER_WRITTEN:
                return False
            raise
        if became == "in progress":
            raise unavailable(None)
        return became == "committed"


def _state(error: BaseException | None) -> str:
    """The SQLSTATE that the server told."""
    told = error.orig if isinstance(error, DBAPIError) else error
    return getattr(told, "sqlstate", None) or ""


def _gone(error: BaseException) -> bool:
    """Whether the connection is lost or none can be had."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, OSError | TimeoutError | DatabaseUnavailable) or _state(error).startswith(GONE)


def unavailable(error: BaseException | None) -> DatabaseUnavailable:
    """The error of ours for a server that does not answer."""
    ours = DatabaseUnavailable("The database does not answer.", remedy="Check that PostgreSQL runs and can be reached.")
    ours.__cause__ = error
    return ours


def explained(error: Exception) -> LettershopError | None:
    """An error of ours for what is no fault of a statement; None for any other."""
    ours: LettershopError | None = None
    if _state(error) == FULL:
        ours = DatabaseFull("There is no room to store this.", remedy="Make room on the disk of the database.")
    elif isinstance(error, NoConnectionFree):
        ours = DatabaseBusy("The database is busy.", remedy="Try again in a moment.")
    if ours is not None:
        ours.__cause__ = error
    return ours


def async_url(url: str) -> str:
    """The operator's URL with the driver's name filled in."""
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)
