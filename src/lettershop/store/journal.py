"""A journal: lines that must not be lost, but may wait for their place in the database. Files, one at a time per process.

    append(lines)          written and on disk (fdatasync) when it returns; whoever comes meanwhile is written together
    piece(name, position)  the next whole lines of a file
    left_behind()          files whose process is gone; the caller holds them until `remove`

A file is locked by the process that writes it, so a journal that can be locked has lost its writer. How far a file has
been taken into the database is a row (`advance`), changed in the transaction that takes it: nothing is taken twice.
"""

import asyncio
import fcntl
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from errno import EDQUOT, ENOSPC
from pathlib import Path

from sqlalchemy import Connection, delete, select, update

from lettershop.base.clock import Clock
from lettershop.base.errors import NoRoom, Temporary
from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new
from lettershop.store.schema_analytics import journals

PIECE = 400_000
"""Bytes that are read at once: about a thousand events."""


class JournalFull(NoRoom):
    """The disk has no room for another event."""

    code = "journal-full"


class JournalUnavailable(Temporary):
    """The disk does not take events."""

    code = "journal-unavailable"


class Journal:
    """See the module. The folder and the file are made when the first line comes."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._descriptor = -1
        self.name = ""
        """The file that is written now; empty before the first line."""
        self.size = 0
        """Its bytes that are on disk."""

    async def append(self, data: bytes) -> None:
        """Whole lines. On disk when this returns; raises JournalFull, JournalUnavailable, and nothing is kept."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._append, data)
        except OSError as error:
            if error.errno in (ENOSPC, EDQUOT):
                raise JournalFull("There is no room for another event.", remedy="Make room on the disk.") from error
            raise JournalUnavailable("Events cannot be kept now.", remedy="Look into the log of the server.") from error

    def _append(self, data: bytes) -> None:
        if self._descriptor < 0:
            self._begin()
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(self._descriptor, view) :]
            os.fdatasync(self._descriptor)
        except OSError:
            os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(data)

    def _begin(self) -> None:
        """A file under a name that nobody looks for until it is locked."""
        self._folder.mkdir(parents=True, exist_ok=True)
        name = self._clock.token(16).hex()
        hidden = self._folder / f".{name}"
        descriptor = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        hidden.rename(self._path(name))
        self._descriptor, self.name, self.size = descriptor, name, 0

    async def turn(self) -> None:
        """Begin another file with the next line; the one until now is left behind."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._turn)

    def _turn(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self.name, self.size = -1, "", 0

    def piece(self, name: str, position: int) -> bytes:
        """Whole lines from `position` on; empty at the end. A last line that was not finished was promised to nobody."""
        limit = min(PIECE, self.size - position) if name == self.name else PIECE
        with self._path(name).open("rb") as file:
            file.seek(position)
            data = file.read(max(0, limit))
        return data[: data.rfind(b"\n") + 1]

    def left_behind(self) -> Iterator[str]:
        """The files that nobody writes; each is held until the next one is asked for."""
        for path in sorted(self._folder.glob("*.journal")):
            name = path.stem
            if name == self.name:
                continue
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(descriptor).st_nlink:  # else another process was quicker and has done with it
                    yield name
            except BlockingIOError:
                continue
            finally:
                os.close(descriptor)

    def remove(self, name: str) -> None:
        """It is wholly taken."""
        self._path(name).unlink()

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.journal"


def position(conn: Connection, name: str) -> int:
    """How far this journal is taken."""
    return conn.scalar(select(journals.c.position).where(journals.c.name == name)) or 0


def advance(tx: Transaction, name: str, *, since: int, to: int) -> bool:
    """Note that it is taken from `since` to `to`; False if somebody else has done that."""
    insert_new(tx.conn, journals, [{"name": name, "position": 0}])
    c = journals.c
    done = tx.conn.execute(update(journals).where(c.name == name, c.position == since).values(position=to))
    return bool(done.rowcount)


def forget(tx: Transaction, names: Sequence[str]) -> None:
    """These are removed."""
    tx.conn.execute(delete(journals).where(journals.c.name.in_(names)))
