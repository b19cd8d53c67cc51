"""The server engine: the same store functions over asyncpg, driven by SQLAlchemy's greenlet bridge.

Flow of a write: `write` puts it into a list > the writer task takes all that waits > one transaction > COMMIT > waiters.
A batch that fails is tried write by write; a write that a deadlock with another process chose as its victim, again.
"""

import asyncio
from collections.abc import Callable
from typing import Concatenate, Literal

import orjson
from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from lettershop.store.database import BATCH, Database, DatabaseClosed, P, T, Transaction, Write, run_batch
from lettershop.store.sqlite import dumps

READERS = 8
COLLISIONS = 5
"""How often a write is tried again that another process's write got in the way of."""


class PostgresqlDatabase(Database):
    """See the module."""

    dialect: Literal["sqlite", "postgresql"] = "postgresql"

    def __init__(self, url: str, log: Table) -> None:
        self._log = log
        self._engine = create_async_engine(
            async_url(url), pool_size=READERS + 1, max_overflow=0, json_serializer=dumps, json_deserializer=orjson.loads
        )
        # Reason: a read of several statements sees one state of the database, as it does on SQLite.
        self._reader = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._waiting: list[Write] = []
        self._wake = asyncio.Event()
        self._closed = False
        self._task = asyncio.get_running_loop().create_task(self._run(), name="writer")

    async def read(self, query: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """See `Database.read`."""
        async with self._reader.connect() as conn:
            return await conn.run_sync(query, *args, **kwargs)

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
            async with self._engine.begin() as conn:
                await conn.run_sync(run_batch, batch, self._log)
        except Exception as error:
            if len(batch) == 1 and not (again and _collided(error)):
                batch[0].error = error
                return
            for write in batch:
                await self._commit([write], again=again if len(batch) > 1 else again - 1)


def _collided(error: Exception) -> bool:
    """Deadlock or serialisation failure: nothing is wrong with the write, it only met another one. It left nothing behind."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", "") in {"40P01", "40001"}


def async_url(url: str) -> str:
    """The operator's URL with the driver's name filled in."""
    return url.replace("postgresql://", "postgresql+asyncpg://", 1)
