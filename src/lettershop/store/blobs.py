"""Message bytes: written once, read by key, never changed.

    key = await blobs.put(data)          returns when the bytes are on the disk (or in the object store)
    data = await blobs.get(key)
    part = await blobs.get_range(key, start, end)
    await blobs.delete(key)              whoever calls it knows that nothing names the key any more

`PackBlobs` (file://) appends to one pack file per process and syncs once for all that wait: thousands of messages a
second, where a file each would be hundreds. Every start of a process begins a new pack, so a torn end of an old one is
never written to. A record is magic, length and CRC-32, then the bytes; the key is "pack:offset:length" of the bytes.
What is deleted becomes a hole in its pack, marked in the record's head; a pack of nothing but holes is removed (`tidy`).
`ObjectBlobs` (s3://) is one object a message, for several machines.
"""

import asyncio
import ctypes
import errno
import os
import struct
import threading
import zlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qsl, urlsplit

import obstore
from obstore.store import S3Store

from lettershop.base.clock import Clock
from lettershop.base.errors import NoRoom, NotFound, Temporary

if TYPE_CHECKING:
    from obstore.store import S3Config

RECORD = struct.Struct("<4sQI")
MAGIC = b"LSB1"
DELETED = b"LSB0"
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
PACK_SIZE = 256 * 2**20
"""Bytes after which a process begins its next pack."""

PACK_TIME = 43_200.0
"""Seconds after which it does so too: a pack that is older than twice that is written by nobody."""

PUNCH = 0x01 | 0x02
"""FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE of fallocate(2), which Python does not have."""

ZEROS = bytes(65_536)


class BlobMissing(NotFound):
    """No bytes under this key, or not the bytes that were written."""

    code = "blob-missing"


class BlobsUnavailable(Temporary):
    """The bytes could not be written or read: the disk fails or the object store does not answer."""

    code = "blobs-unavailable"


class BlobsFull(NoRoom):
    """There is no room for the bytes."""

    code = "blobs-full"


class Blobs(ABC):
    """Where message bytes are kept."""

    @abstractmethod
    async def put(self, data: bytes) -> str:
        """Keep the bytes; their key, once they are durable."""

    @abstractmethod
    async def get(self, key: str) -> bytes:
        """The bytes of a key; raises BlobMissing."""

    @abstractmethod
    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """Bytes `start` to `end` (not included) of a key; shorter where the blob ends earlier."""

    @abstractmethod
    async def delete(self, key: str) -> None:
        """Delete the bytes; one that is gone is no error. Raises BlobsUnavailable."""

    @abstractmethod
    async def tidy(self) -> int:
        """Give back what deleted bytes still hold; how many files that were."""

    @abstractmethod
    async def close(self) -> None:
        """Finish the writes that wait."""


def open_blobs(url: str, clock: Clock) -> Blobs:
    """The blob store of a URL: file:///folder or s3://bucket?endpoint=…&region=…"""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return PackBlobs(Path(parts.netloc + parts.path), f"{int(clock.now()):x}-{clock.token(4).hex()}", clock)
    return ObjectBlobs(S3Store(parts.netloc, config=cast("S3Config", dict(parse_qsl(parts.query)))), clock)


@dataclass(slots=True)
class _Put:
    data: bytes
    future: "asyncio.Future[str]"
    key: str = ""
    error: OSError | None = None


class PackBlobs(Blobs):
    """Pack files in a folder; see the module."""

    def __init__(self, folder: Path, name: str, clock: Clock) -> None:
        self._folder = folder
        self._name = name
        self._clock = clock
        folder.mkdir(parents=True, exist_ok=True)
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Put | None] = SimpleQueue()
        self._readers = ThreadPoolExecutor(4, thread_name_prefix="blobs-read")
        self._open: dict[str, int] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="blobs-write", daemon=True)
        self._thread.start()

    async def put(self, data: bytes) -> str:
        """See `Blobs.put`."""
        put = _Put(data, self._loop.create_future())
        self._queue.put(put)
        return await put.future

    async def get(self, key: str) -> bytes:
        """See `Blobs.get`."""
        return await self._loop.run_in_executor(self._readers, self._read, key, 0, None)

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """See `Blobs.get_range`."""
        return await self._loop.run_in_executor(self._readers, self._read, key, start, end)

    async def delete(self, key: str) -> None:
        """See `Blobs.delete`."""
        await self._loop.run_in_executor(self._readers, self._delete, key)

    async def tidy(self) -> int:
        """See `Blobs.tidy`."""
        return await self._loop.run_in_executor(self._readers, self._tidy)

    async def close(self) -> None:
        """See `Blobs.close`."""
        self._queue.put(None)
        await self._loop.run_in_executor(None, self._thread.join)
        self._readers.shutdown()
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()

    def _read(self, key: str, start: int, end: int | None) -> bytes:
        try:
            pack, offset, length = key.split(":")
            stop = int(length) if end is None else min(end, int(length))
            size = max(0, stop - start)
            descriptor = self._descriptor(pack)
            there = os.pread(descriptor, len(MAGIC), int(offset) - RECORD.size) == MAGIC
            data = os.pread(descriptor, size, int(offset) + start)
        except (OSError, ValueError) as error:
            raise BlobMissing("The bytes of this message are missing.") from error
        if len(data) != size or not there:
            raise BlobMissing("The bytes of this message are missing.")
        return data

    def _descriptor(self, pack: str) -> int:
        with self._lock:
            if pack not in self._open:
                self._open[pack] = os.open(self._folder / f"{Path(pack).name}.pack", os.O_RDONLY)
            return self._open[pack]

    def _delete(self, key: str) -> None:
        try:
            pack, offset, length = key.split(":")
            path, start = self._folder / f"{Path(pack).name}.pack", int(offset)
            with path.open("r+b", buffering=0) as file:
                if os.pread(file.fileno(), len(MAGIC), start - RECORD.size) == MAGIC:
                    os.pwrite(file.fileno(), DELETED, start - RECORD.size)
                    _empty(file.fileno(), start, int(length))
                    os.fdatasync(file.fileno())
        except (FileNotFoundError, ValueError):
            return
        except OSError as error:
            raise _failure(error) from error

    def _tidy(self) -> int:
        """Old packs are walked through; whose records are all deleted is removed."""
        old = self._clock.now() - 2 * PACK_TIME
        gone = [path for path in self._folder.glob("*.pack") if path.stat().st_mtime < old and _all_deleted(path)]
        for path in gone:
            path.unlink(missing_ok=True)
        return len(gone)

    def _run(self) -> None:
        number, stopping, begun = 0, False, self._clock.now()
        while not stopping:
            batch, stopping = self._take()
            if batch and self._clock.now() > begun + PACK_TIME:
                number, begun = number + 1, self._clock.now()
            pack = f"{self._name}-{number:04d}"
            if batch and self._append(pack, batch) > PACK_SIZE:
                number, begun = number + 1, self._clock.now()
            self._loop.call_soon_threadsafe(_release, batch)

    def _take(self) -> tuple[list[_Put], bool]:
        batch: list[_Put] = []
        while not batch or not self._queue.empty():
            put = self._queue.get()
            if put is None:
                return batch, True
            batch.append(put)
        return batch, False

    def _append(self, pack: str, batch: Sequence[_Put]) -> int:
        """Write the batch and sync once; the size of the pack. On an error every put of the batch fails and none is kept."""
        path = self._folder / f"{pack}.pack"
        try:
            fresh = not path.exists()
            with path.open("ab", buffering=0) as file:  # nothing may be left to be written at its close
                start = offset = file.tell()
                try:
                    for put in batch:
                        record = RECORD.pack(MAGIC, len(put.data), zlib.crc32(put.data))
                        _write(file.fileno(), record, put.data)
                        put.key = f"{pack}:{offset + len(record)}:{len(put.data)}"
                        offset += len(record) + len(put.data)
                    os.fdatasync(file.fileno())
                except OSError:
                    os.ftruncate(file.fileno(), start)  # a full disk: leave no half of a record behind
                    raise
            if fresh:
                _sync_folder(self._folder)
            return offset
        except OSError as error:
            for put in batch:
                put.error = error
            return 0


def _write(descriptor: int, record: bytes, data: bytes) -> None:
    """All of both, also where the system takes less at a time."""
    left = len(record) + len(data) - os.writev(descriptor, (record, data))
    while left:
        rest = memoryview(record + data)[-left:]
        left -= os.write(descriptor, rest)


def _empty(descriptor: int, start: int, length: int) -> None:
    """Zeros, and the room given back where the file system can do that."""
    libc = ctypes.CDLL(None, use_errno=True)
    punch = getattr(libc, "fallocate", None)
    if punch is not None and punch(descriptor, PUNCH, ctypes.c_long(start), ctypes.c_long(length)) == 0:
        return
    for at in range(start, start + length, len(ZEROS)):
        os.pwrite(descriptor, ZEROS[: start + length - at], at)


def _all_deleted(path: Path) -> bool:
    with path.open("rb", buffering=0) as file:
        size, at = os.fstat(file.fileno()).st_size, 0
        while at < size:
            head = os.pread(file.fileno(), RECORD.size, at)
            if len(head) < RECORD.size:
                return True  # a torn end was promised to nobody
            magic, length, _ = RECORD.unpack(head)
            if magic != DELETED:
                return False
            at += RECORD.size + length
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _release(batch: Sequence[_Put]) -> None:
    for put in batch:
        if put.future.done():
            continue
        if put.error is None:
            put.future.set_result(put.key)
            continue
        put.future.set_exception(_failure(put.error))


def _failure(error: OSError) -> Temporary:
    ours: Temporary
    if error.errno in FULL:
        ours = BlobsFull("There is no room for the message.", remedy="Make room on the disk of the data folder.")
    else:
        ours = BlobsUnavailable("The message could not be stored.", remedy="Check the disk of the data folder.")
    ours.__cause__ = error
    return ours


class ObjectBlobs(Blobs):
    """One object a message, under a random name, in an S3-compatible store."""

    def __init__(self, store: S3Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def put(self, data: bytes) -> str:
        """See `Blobs.put`."""
        name = self._clock.token(16).hex()
        key = f"messages/{name[:2]}/{name}"
        try:
            await obstore.put_async(self._store, key, data, mode="create")
        except obstore.exceptions.BaseError as error:
            raise BlobsUnavailable("The message could not be stored.") from error
        return key

    async def get(self, key: str) -> bytes:
        """See `Blobs.get`."""
        try:
            return bytes(await (await obstore.get_async(self._store, key)).bytes_async())
        except FileNotFoundError as error:
            raise BlobMissing("The bytes of this message are missing.") from error
        except obstore.exceptions.BaseError as error:
            raise BlobsUnavailable("The store of the messages does not answer.") from error

    async def get_range(self, key: str, start: int, end: int) -> bytes:
        """See `Blobs.get_range`."""
        if end <= start:
            return b""
        try:
            return bytes(await obstore.get_range_async(self._store, key, start=start, end=end))
        except FileNotFoundError as error:
            raise BlobMissing("The bytes of this message are missing.") from error
        except obstore.exceptions.BaseError as error:
            raise BlobsUnavailable("The store of the messages does not answer.") from error

    async def delete(self, key: str) -> None:
        """See `Blobs.delete`."""
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return
        except obstore.exceptions.BaseError as error:
            raise BlobsUnavailable("The store of the messages does not answer.") from error

    async def tidy(self) -> int:
        """See `Blobs.tidy`; what is deleted holds nothing here."""
        return 0

    async def close(self) -> None:
        """See `Blobs.close`; nothing waits here."""
