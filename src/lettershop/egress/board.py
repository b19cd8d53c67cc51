"""Figures that the workers of one machine share: one record of memory for each (source address, site).

A source address belongs to one machine, so what is meant for all its workers is shared here: windows, rates, suspensions,
and how many connections each worker has open. The supervisor makes the board before it forks; memory that is mapped
together needs no file and no message. A worker that was killed leaves its count of connections behind; the one that takes
its place starts at zero. What must survive a restart is in the database (`egress.memory`).

A record is found by a hash of its key; a full neighbourhood means a cell of one's own, which is merely less strict.
"""

import fcntl
import mmap
import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from hashlib import blake2b

from lettershop.egress.pace import Cell, OwnCell

RECORDS = 16_384
PROBES = 16
"""Records that are looked at for one key."""
WORDS = 240
"""Bytes of the reason that is shown."""
_FIGURES = (
    "window", "ceiling", "objected_at", "throttle", "throttled_from", "tokens", "tokens_at", "rests_until", "failures",
    "suspended_until", "strikes", "told", "narrow_until", "narrow_connections", "narrow_rate", "wanted_until",
)  # fmt: skip
_KEY = 16
_HEAD = _KEY + 8 * len(_FIGURES) + WORDS
_DOUBLE, _COUNT, _SPEED = struct.Struct("d"), struct.Struct("H"), struct.Struct("f")


class Board:
    """Shared memory for so many workers. Made before they fork; `take_seat` afterwards, in each of them."""

    def __init__(self, workers: int, records: int = RECORDS) -> None:
        self.workers = workers
        self.records = records
        self.size = (_HEAD + (_COUNT.size + _SPEED.size) * workers + 7) // 8 * 8
        self.memory = mmap.mmap(-1, self.size * records)
        self.file = tempfile.TemporaryFile()  # noqa: SIM115 - its locks belong to processes, it lives as long as they do
        self.seat = 0
        self._cells: dict[tuple[str, str], Cell] = {}

    def take_seat(self, number: int) -> None:
        """This process is worker `number`: what its predecessor left open is gone."""
        self.seat = number
        self._cells = {}
        for record in range(self.records):
            at = record * self.size
            if self.memory[at : at + _KEY] != bytes(_KEY):
                counted = at + _HEAD + _COUNT.size * number
                _COUNT.pack_into(self.memory, counted, 0)
                _SPEED.pack_into(self.memory, self.speed_at(at, number), 0.0)

    def speed_at(self, at: int, number: int) -> int:
        """Where the speed of a worker stands in the record at `at`."""
        return at + _HEAD + _COUNT.size * self.workers + _SPEED.size * number

    def cell(self, source: str, site: str) -> Cell:
        """The shared cell of a source at a site."""
        cell = self._cells.get((source, site))
        if cell is None:
            if len(self._cells) > self.records:
                self._cells = {}
            at = self._record(blake2b(f"{source} {site}".encode(), digest_size=_KEY).digest())
            cell = self._cells[source, site] = OwnCell() if at is None else SharedCell(self, at)
        return cell

    def _record(self, key: bytes) -> int | None:
        first = int.from_bytes(key[:8], "little")
        with self.lock(0):
            for probe in range(PROBES):
                at = (first + probe) % self.records * self.size
                found = self.memory[at : at + _KEY]
                if found == key:
                    return at
                if found == bytes(_KEY):
                    self.memory[at : at + _KEY] = key
                    return at
        return None

    @contextmanager
    def lock(self, at: int) -> Iterator[None]:
        """Alone among the processes with this record; a process that dies lets go of it."""
        fcntl.lockf(self.file, fcntl.LOCK_EX, 1, at, os.SEEK_SET)
        try:
            yield
        finally:
            fcntl.lockf(self.file, fcntl.LOCK_UN, 1, at, os.SEEK_SET)


class _Figure:
    """A double of the record."""

    __slots__ = ("_offset",)

    def __init__(self, offset: int) -> None:
        self._offset = offset

    def __get__(self, cell: "SharedCell", _: object = None) -> float:
        return float(_DOUBLE.unpack_from(cell.memory, cell.at + self._offset)[0])

    def __set__(self, cell: "SharedCell", value: float) -> None:
        _DOUBLE.pack_into(cell.memory, cell.at + self._offset, value)


def _figure(name: str) -> _Figure:
    return _Figure(_KEY + 8 * _FIGURES.index(name))


class SharedCell:
    """A record as `egress.pace.Cell`."""

    __slots__ = ("_board", "_counts", "_speeds", "at", "memory")

    window = _figure("window")
    ceiling = _figure("ceiling")
    objected_at = _figure("objected_at")
    throttle = _figure("throttle")
    throttled_from = _figure("throttled_from")
    tokens = _figure("tokens")
    tokens_at = _figure("tokens_at")
    rests_until = _figure("rests_until")
    failures = _figure("failures")
    suspended_until = _figure("suspended_until")
    strikes = _figure("strikes")
    told = _figure("told")
    narrow_until = _figure("narrow_until")
    narrow_connections = _figure("narrow_connections")
    narrow_rate = _figure("narrow_rate")
    wanted_until = _figure("wanted_until")

    def __init__(self, board: Board, at: int) -> None:
        self._board = board
        self.memory = board.memory
        self.at = at
        self._counts = struct.Struct(f"{board.workers}H")
        self._speeds = struct.Struct(f"{board.workers}f")

    @property
    def why(self) -> str:
        """See `pace.Cell.why`."""
        start = self.at + _HEAD - WORDS
        return self.memory[start : start + WORDS].rstrip(b"\0").decode("utf-8", "ignore")

    @why.setter
    def why(self, words: str) -> None:
        start = self.at + _HEAD - WORDS
        self.memory[start : start + WORDS] = words.encode()[:WORDS].ljust(WORDS, b"\0")

    @property
    def connections(self) -> int:
        """See `pace.Cell.connections`."""
        return sum(self._counts.unpack_from(self.memory, self.at + _HEAD))

    @property
    def speed(self) -> float:
        """See `pace.Cell.speed`."""
        return float(sum(self._speeds.unpack_from(self.memory, self._board.speed_at(self.at, 0))))

    def count(self, connections: int) -> None:
        """See `pace.Cell.count`."""
        _COUNT.pack_into(self.memory, self.at + _HEAD + _COUNT.size * self._board.seat, connections)

    def measured(self, speed: float) -> None:
        """See `pace.Cell.measured`."""
        _SPEED.pack_into(self.memory, self._board.speed_at(self.at, self._board.seat), speed)

    def lock(self) -> AbstractContextManager[None]:
        """See `pace.Cell.lock`."""
        return self._board.lock(self.at + 1)
