"""What was tried and with which result, counted as it happens, for metrics: by site, source, campaign; latencies.

Each worker counts in its own `Book`, a few dictionaries, and publishes it once a second into memory that the supervisor has
mapped before it forked. Whichever worker is asked adds all of them up, so figures never depend on who answers. A worker
that takes the place of one that was killed goes on where that one had published; what it counted since is lost, not the
facts. Labels are bounded: sites come to be named until there are many, then they are "other"; campaigns are the latest ones.
"""

import mmap
import struct
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import orjson

from lettershop.base.facts import Bounced, Deferred, Delivered, Fact

BOUNDS = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0,
)  # fmt: skip
"""Seconds; upper ends of the buckets of latencies, the last one open."""
RESULTS = ("delivered", "deferred", "bounced")
SITES, SOURCES, CAMPAIGNS = 200, 100, 50
"""Most labels of each kind."""
OTHER, UNREACHED, SYSTEM = "other", "unreached", "system"
SLOT = 256 * 1024
"""Bytes of a worker's figures: three times what all labels need."""
_HEAD = struct.Struct("II")  # length and checksum: a reader that comes in the middle of a change sees that
TRIES = 5

Counts = dict[str, list[int]]


@dataclass(slots=True)
class Latencies:
    """A histogram: how many in each bucket, and the sum of seconds."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0

    def quantile(self, share: float) -> float:
        """Within which time this share was; between two bounds as if evenly spread. 0 if there is nothing."""
        rank, seen = share * sum(self.buckets), 0
        for number, count in enumerate(self.buckets):
            if count and seen + count >= rank:
                low = BOUNDS[number - 1] if number else 0.0
                high = BOUNDS[number] if number < len(BOUNDS) else low
                return low + (high - low) * (rank - seen) / count
            seen += count
        return 0.0


@dataclass(slots=True)
class Book:
    """The figures of one worker, or of all. Each count is a list in the order of RESULTS."""

    sites: Counts = field(default_factory=dict)
    sources: Counts = field(default_factory=dict)
    campaigns: Counts = field(default_factory=dict)
    latencies: dict[str, Latencies] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)  # links in messages, by kind

    def count(self, fact: Fact | None, way: tuple[str, str] | None = None) -> None:
        """Count what became of an attempt; `way`: the site and the source ("": the system's choice) of its connection."""
        if isinstance(fact, Delivered):
            result = 0
            self._latency("campaign" if fact.campaign_id is not None else "single", fact.latency)
        elif isinstance(fact, Deferred):
            result = 1
        elif isinstance(fact, Bounced):
            result = 2
        else:
            return
        site, source = way if way is not None else (UNREACHED, "")
        source = source or SYSTEM
        (self.sites.get(site) or _named(self.sites, site, SITES))[result] += 1
        (self.sources.get(source) or _named(self.sources, source, SOURCES))[result] += 1
        if fact.campaign_id is not None:
            name = str(fact.campaign_id)
            (self.campaigns.get(name) or self._campaign(name))[result] += 1

    def _latency(self, stream: str, seconds: float) -> None:
        found = self.latencies.get(stream)
        if found is None:
            found = self.latencies[stream] = Latencies()
        found.buckets[bisect_left(BOUNDS, seconds)] += 1
        found.seconds += seconds

    def _campaign(self, name: str) -> list[int]:
        if len(self.campaigns) >= CAMPAIGNS:
            del self.campaigns[min(self.campaigns, key=int)]
        return self.campaigns.setdefault(name, [0, 0, 0])

    def add(self, other: "Book") -> None:
        """Add the figures of another worker."""
        for mine, theirs in (
            (self.sites, other.sites), (self.sources, other.sources), (self.campaigns, other.campaigns)
        ):  # fmt: skip
            for name, counts in theirs.items():
                mine[name] = [a + b for a, b in zip(mine.get(name, (0, 0, 0)), counts, strict=True)]
        for stream, found in other.latencies.items():
            known = self.latencies.setdefault(stream, Latencies())
            known.buckets = [a + b for a, b in zip(known.buckets, found.buckets, strict=True)]
            known.seconds += found.seconds
        for kind, asked in other.asked.items():
            self.asked[kind] = self.asked.get(kind, 0) + asked

    @classmethod
    def restored(cls, data: dict[str, Any]) -> "Book":
        """From what was published."""
        latencies = {stream: Latencies(**found) for stream, found in data["latencies"].items()}
        return cls(data["sites"], data["sources"], data["campaigns"], latencies, data["asked"])


def _named(counts: Counts, name: str, most: int) -> list[int]:
    return counts.setdefault(name if len(counts) < most else OTHER, [0, 0, 0])


@dataclass(frozen=True, slots=True)
class WorkerUse:
    """What a worker process has used: seconds of processor time, bytes of memory."""

    number: int
    seconds: float
    memory: int


class Meters:
    """Memory for the books of so many workers. Made before they fork; `take_seat` afterwards, in each of them."""

    def __init__(self, workers: int = 1) -> None:
        self._workers = workers
        self._memory = mmap.mmap(-1, SLOT * workers)
        self._published: list[bytes] = [b""] * workers
        self.seat = 0
        self.book = Book()

    def take_seat(self, number: int) -> None:
        """This process is worker `number` and goes on with its predecessor's figures."""
        self.seat = number
        known = self._read(number)
        self.book = known[0] if known is not None else Book()

    def publish(self, seconds: float, memory: int) -> None:
        """Let the others see the figures of this process, and what it has used."""
        data = orjson.dumps({"book": self.book, "seconds": seconds, "memory": memory})
        if len(data) > SLOT - _HEAD.size:
            return  # cannot be with bounded labels of usual length; the last figures stay
        at = self.seat * SLOT
        _HEAD.pack_into(self._memory, at, 0, 0)
        self._memory[at + _HEAD.size : at + _HEAD.size + len(data)] = data
        _HEAD.pack_into(self._memory, at, len(data), crc32(data))

    def total(self) -> tuple[Book, Sequence[WorkerUse]]:
        """The figures of all workers together, and what each has used."""
        total, uses = Book(), []
        for number in range(self._workers):
            known = self._read(number)
            if known is not None:
                total.add(self.book if number == self.seat else known[0])
                uses.append(known[1])
            elif number == self.seat:
                total.add(self.book)
        return total, uses

    def _read(self, number: int) -> tuple[Book, WorkerUse] | None:
        """What a worker published last; None if it never did."""
        at = number * SLOT
        for _ in range(TRIES):
            size, checksum = _HEAD.unpack_from(self._memory, at)
            data = self._memory[at + _HEAD.size : at + _HEAD.size + size]
            if data and crc32(data) == checksum:
                self._published[number] = data
                break
        data = self._published[number]
        if not data:
            return None
        told = orjson.loads(data)
        return Book.restored(told["book"]), WorkerUse(number, told["seconds"], told["memory"])
