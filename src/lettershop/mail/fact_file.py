"""Facts as log files: JSON lines, one file a day, each fact once. A step for `workers.singleton`.

    facts-2026-11-23.jsonl     {"log": "facts", "id": 4711, "at": "…", "kind": "Delivered", …, "data": {…}}
    position.json              which facts are written, and how long the newest file is with them

A step appends what is new, syncs, then writes the position. Who is killed between the two finds whole lines behind the
position: they count as written. A line that was cut off is taken away. So nothing is written twice and nothing is left out,
also when files are moved away, compressed or deleted by somebody else: the position stays.

Each machine that has the setting writes its own files, complete; a lock in the folder keeps out a second process.

Who is erased is taken out of the files too, on every machine: when the fact of the erasure comes by, older lines are made
anonymous, found by the contact's number and by the keyed hashes of addresses (`store.erasures`).
"""

import asyncio
import fcntl
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, ParamSpec, TypeVar

import orjson

from lettershop.base.clock import Clock
from lettershop.base.errors import NoRoom
from lettershop.store import erasures, fact_rows, privacy, secrets
from lettershop.store.database import Database
from lettershop.store.fact_rows import FactRow
from lettershop.wire.address import Address, InvalidAddress

P = ParamSpec("P")
T = TypeVar("T")

PIECE = 2000
"""Facts of each log in one step."""
LOGS = ("facts", "mail_facts")
POSITION = "position.json"
PATTERN = "facts-*.jsonl"
ADDRESS = re.compile(r"[^\s<>\"(),;:]+@[^\s<>\"(),;:]+")


class CannotWrite(NoRoom):
    """The folder of the log files cannot be written."""

    code = "fact-file"


@dataclass(frozen=True, slots=True)
class Position:
    """The last fact of each log that is written, and how long the file is to which it was."""

    facts: int = 0
    mail_facts: int = 0
    file: str = ""
    inode: int = 0
    size: int = 0


class FactFile:
    """See the module. `keep_days`: files are deleted after so many days; 0: never."""

    def __init__(self, main: Database, mail: Database, clock: Clock, folder: Path, *, keep_days: int = 0) -> None:
        self._main = main
        self._mail = mail
        self._clock = clock
        self._folder = folder
        self._keep_days = keep_days
        self._seen: Position | None = None

    async def step(self) -> bool:
        """Write what is new; True if there may be more. Raises CannotWrite."""
        if self._seen is not None and not await self._rows(self._seen, 1):
            return False
        lock = await asyncio.to_thread(_guarded, take_lock, self._folder)
        if lock is None:
            return False
        try:
            return await self._write()
        finally:
            lock.close()

    async def _write(self) -> bool:
        position = await asyncio.to_thread(_guarded, recover, self._folder)
        rows = await self._rows(position, PIECE)
        if rows:
            day = datetime.fromtimestamp(self._clock.now(), UTC).date().isoformat()
            name = max(f"facts-{day}.jsonl", position.file)  # a clock that goes back begins no older file
            position = await asyncio.to_thread(_guarded, append, self._folder, name, position, rows)
            await self._erase([row for log, row in rows if log == "facts" and is_erasure(row)])
            if self._keep_days:
                await asyncio.to_thread(_guarded, forget, self._folder, self._clock.now() - self._keep_days * 86_400)
        self._seen = position
        return len(rows) >= PIECE

    async def _erase(self, told: Sequence[FactRow]) -> None:
        if not told:
            return
        key = await self._main.read(secrets.find, erasures.KEY)
        digests = {workspace: await self._main.read(erasures.all_of, workspace) for workspace in _workspaces(told)}
        gone = Erased(frozenset(row.contact_id for row in told if row.contact_id), digests, key or b"")
        await asyncio.to_thread(_guarded, erase, self._folder, gone)

    async def _rows(self, position: Position, limit: int) -> list[tuple[str, FactRow]]:
        main = await self._main.read(fact_rows.since, "facts", position.facts, limit)
        mail = await self._mail.read(fact_rows.since, "mail_facts", position.mail_facts, limit)
        return [*(("facts", row) for row in main), *(("mail_facts", row) for row in mail)]


def _guarded(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The work on files; raises CannotWrite where the system says no."""
    try:
        return work(*args, **kwargs)
    except OSError as error:
        raise CannotWrite(
            f"The log files of facts cannot be written: {error.strerror}.", remedy="Check the disk and [facts] folder."
        ) from error


def take_lock(folder: Path) -> IO[bytes] | None:
    """The lock of the folder, or None while another process has it. It ends with the process at the latest."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (folder / ".lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def recover(folder: Path) -> Position:
    """How far the files are written, whatever a kill has left: whole lines behind the position count, a cut one goes."""
    kept = folder / POSITION
    known = Position(**orjson.loads(kept.read_bytes())) if kept.exists() else Position()
    for file in sorted(folder.glob(PATTERN)):
        if file.name < known.file:
            continue
        found = file.stat()
        begin = known.size if (file.name, found.st_ino) == (known.file, known.inode) else 0
        if found.st_size > begin:
            known = _read_on(file, begin, known)
    return known


def _read_on(file: Path, begin: int, known: Position) -> Position:
    end = begin
    with file.open("r+b") as opened:
        opened.seek(begin)
        for line in opened:
            if not line.endswith(b"\n"):
                opened.truncate(end)
                break
            end += len(line)
            known = _counted(known, line)
        inode = os.fstat(opened.fileno()).st_ino
    return replace(known, file=file.name, inode=inode, size=end)


def _counted(known: Position, line: bytes) -> Position:
    """The position with this line written."""
    try:
        written = orjson.loads(line)
        log, number = written["log"], int(written["id"])
    except (ValueError, KeyError, TypeError):
        return known  # somebody else's
    return replace(known, **{log: max(getattr(known, log), number)}) if log in LOGS else known


def append(folder: Path, name: str, position: Position, rows: Sequence[tuple[str, FactRow]]) -> Position:
    """Write the facts behind what is there; the new position, which is kept after them."""
    fresh = not (folder / name).exists()
    with (folder / name).open("ab") as file:
        file.write(b"".join(line(log, row) for log, row in rows))
        file.flush()
        os.fsync(file.fileno())
        size, inode = file.tell(), os.fstat(file.fileno()).st_ino
    if fresh:
        _sync_folder(folder)
    last = {log: row.id for log, row in rows}
    now = replace(position, file=name, inode=inode, size=size, **last)
    partial = folder / f".{POSITION}"
    with partial.open("wb") as file:
        file.write(orjson.dumps(now))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(folder / POSITION)
    return now


def line(log: str, row: FactRow) -> bytes:
    """A fact as a line."""
    at = datetime.fromtimestamp(row.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    told = {
        "log": log, "id": row.id, "at": at, "kind": row.kind, "workspace_id": row.workspace_id,
        "campaign_id": row.campaign_id, "contact_id": row.contact_id, "envelope_id": row.envelope_id, "data": row.data,
    }  # fmt: skip
    return orjson.dumps(told, option=orjson.OPT_APPEND_NEWLINE)


def forget(folder: Path, before: float) -> None:
    """Delete the files of days that ended before a moment."""
    first = f"facts-{datetime.fromtimestamp(before, UTC).date().isoformat()}.jsonl"
    for file in folder.glob(PATTERN):
        if file.name < first:
            file.unlink(missing_ok=True)


def is_erasure(row: FactRow) -> bool:
    """Whether somebody's data were erased."""
    return row.kind == "ContactChanged" and row.data.get("what") == "erased"


def _workspaces(told: Sequence[FactRow]) -> set[int]:
    return {row.workspace_id for row in told if row.workspace_id is not None}


@dataclass(frozen=True, slots=True)
class Erased:
    """Who was erased: numbers of contacts, and hashes of addresses by workspace."""

    contacts: frozenset[int]
    digests: Mapping[int, frozenset[str]]
    key: bytes

    def named(self, written: Mapping[str, Any]) -> list[str] | None:
        """The addresses in a line that were erased; None if it is about nobody who was.

        What belongs to no workspace is theirs if any workspace erased the address.
        """
        mine = written.get("workspace_id")
        texts = [text for text in written["data"].values() if isinstance(text, str)]
        said = {word.rstrip(".") for text in texts for word in ADDRESS.findall(text)}
        workspaces = [one for one in self.digests if mine in (None, one)]
        gone = [word for word in said if any(self._is(word, one) for one in workspaces)]
        return gone if gone or written.get("contact_id") in self.contacts else None

    def _is(self, address: str, workspace: int) -> bool:
        try:
            key = Address.parse(address).key
        except InvalidAddress:
            return False
        return erasures.digest(self.key, workspace, key) in self.digests[workspace]


def erase(folder: Path, gone: Erased) -> None:
    """Write the files anew in which somebody is who was erased; the position finds its place by itself (`recover`)."""
    for file in sorted(folder.glob(PATTERN)):
        partial = folder / f".{file.name}"
        with file.open("rb") as lines, partial.open("wb") as anew:
            changed = sum([_copied(line, anew, gone) for line in lines])
            anew.flush()
            os.fsync(anew.fileno())
        if changed:
            partial.replace(file)
        else:
            partial.unlink()


def _copied(line: bytes, anew: IO[bytes], gone: Erased) -> bool:
    """Copy a line; whether it had to be made anonymous."""
    try:
        written = orjson.loads(line)
        said = gone.named(written)
    except (ValueError, KeyError, AttributeError, TypeError):
        said = None  # somebody else's
    if said is None:
        anew.write(line)
        return False
    data = privacy.anonymous(written["data"], said)
    anew.write(orjson.dumps({**written, "data": data}, option=orjson.OPT_APPEND_NEWLINE))
    return bool(data != written["data"])


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
