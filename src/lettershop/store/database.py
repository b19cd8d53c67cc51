"""One half of the database: where reads run, and the one writer of this process with group commit.

Store functions are synchronous functions of a connection. Reads run beside each other, each in a snapshot of its own.
Writes queue up; the writer takes all that wait, runs them in one transaction, appends their facts, commits once and
only then releases each waiter (DESIGN.md, "group commit"). If one of a batch fails, the batch is rolled back and each
of its writes is run again alone, so a write must have no effect but on its transaction and its result.

    await db.read(query, *args)   -> query(connection, *args)
    await db.write(work, *args)   -> work(transaction, *args), after the commit

`store.sqlite` and `store.postgresql` are the two engines; they differ in where the functions run, not in what they are.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar

import orjson
from sqlalchemy import Connection, Table, insert

from lettershop.base.errors import NoRoom, Temporary
from lettershop.base.facts import Fact
from lettershop.store.rows import direct

P = ParamSpec("P")
T = TypeVar("T")

BATCH = 256
"""Most writes in one transaction. A batch of a few milliseconds keeps other processes from waiting."""


class DatabaseBusy(Temporary):
    """Another process held the database for too long."""

    code = "database-busy"


class DatabaseFull(NoRoom):
    """There is no room for what was to be written; it was not done."""

    code = "database-full"


class DatabaseUnavailable(Temporary):
    """The database cannot be reached, or its disk fails."""

    code = "database-unavailable"


class DatabaseClosed(Temporary):
    """The program is stopping; the write was not done."""

    code = "database-closed"


@dataclass(slots=True)
class Transaction:
    """What a write gets: the connection, and the facts that are to be committed with it."""

    conn: Connection
    facts: list[Fact] = field(default_factory=list)

    def fact(self, fact: Fact) -> None:
        """Append to the fact log, in this very transaction."""
        self.facts.append(fact)

    @property
    def sqlite(self) -> bool:
        """Whether hand-written statements must be in SQLite's dialect."""
        return self.conn.dialect.name == "sqlite"


@dataclass(slots=True)
class Write:
    """A write that waits: the work, then its result or its error."""

    work: Callable[[Transaction], Any]
    done: Callable[["Write"], None]
    result: Any = None
    error: BaseException | None = None


class Database(ABC):
    """One half of the database."""

    dialect: Literal["sqlite", "postgresql"]

    @abstractmethod
    async def read(self, query: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a query in a snapshot of its own."""

    @abstractmethod
    async def write(self, work: Callable[Concatenate[Transaction, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in the next batch; returns after its commit, raises what it raised."""

    @abstractmethod
    async def close(self) -> None:
        """Finish the writes that wait, then close all connections."""


def run_batch(conn: Connection, batch: Sequence[Write], log: Table) -> None:
    """Run every write of the batch and append its facts; the caller commits. Raises what the first failing write raises."""
    facts: list[Fact] = []
    for write in batch:
        transaction = Transaction(conn)
        write.result = write.work(transaction)
        facts += transaction.facts
    append_facts(conn, log, facts)


FACT_LOCK = 7_204_511
"""PostgreSQL: whoever appends facts holds this lock until the commit, so that ids become visible in their order."""


def append_facts(conn: Connection, log: Table, facts: Sequence[Fact]) -> None:
    """Write facts to the log, in order. On SQLite one process writes at a time anyway."""
    if not facts:
        return
    if conn.dialect.name == "sqlite":
        rows = [[*[getattr(fact, name) for name in Fact.HEAD], fact.kind, fact.data()] for fact in facts]
        direct(conn).execute(_append_sqlite(log.name), {"rows": orjson.dumps(rows).decode()})
        return
    conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({FACT_LOCK})")
    conn.execute(insert(log), [_row(fact) for fact in facts])


@cache
def _append_sqlite(log: str) -> str:
    """Reason: a fact for every message sent; as one JSON text they cost half of what they do as rows."""
    columns = (*Fact.HEAD, "kind", "data")
    values = ", ".join(f"value {'->' if name == 'data' else '->>'} {index}" for index, name in enumerate(columns))
    return f"INSERT INTO {log} ({', '.join(columns)}) SELECT {values} FROM json_each(:rows)"  # noqa: S608 - our own names


def _row(fact: Fact) -> dict[str, Any]:
    return {**{name: getattr(fact, name) for name in Fact.HEAD}, "kind": fact.kind, "data": fact.data()}
