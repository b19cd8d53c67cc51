"""From a hit to its fact: opens and clicks kept in batches before they are answered, and taken into the log of facts.

    EventLog.add > what may be recorded now (`tracking.admit`) > the journal, on disk > the answer
    Folding.step > the next lines of a journal > the log of facts and the journal's position, one commit

Whoever comes while a batch is kept waits for the next one, together. Folding is put off while very many come: answers
go before figures. Files of processes that are gone are folded by whoever finds them. Without a journal the batch is
committed to the log of facts itself.
"""

import asyncio
import itertools
from collections.abc import Sequence

import orjson

from lettershop.base.clock import Clock
from lettershop.base.facts import Clicked, Fact, Opened, restore
from lettershop.base.log import get_logger
from lettershop.marketing.tracking import admit
from lettershop.store import journal as journals
from lettershop.store import tracking
from lettershop.store.database import Database, Transaction
from lettershop.store.journal import Journal

Event = Opened | Clicked

CROWD = 4
GATHER = 0.003
"""Where more than `CROWD` wait, so many seconds are given to others to come along: each batch costs a write and a sync."""

EVENT_SIZE = 400
"""Bytes of an event in a journal, about."""

BUSY = 1000.0 * EVENT_SIZE
"""Bytes a second; while more come in, folding waits."""

LATEST = 600.0
"""Seconds that folding waits at most: then it goes on beside the answers."""

SMALL = 1_000_000
"""A journal with more bytes than these is left for the next one when all of it is folded."""

LOOK_AROUND = 20
"""Every so many quiet steps it looks for journals that others left behind."""


class EventLog:
    """Keeps tracking events in batches."""

    def __init__(self, main: Database, journal: Journal | None = None) -> None:
        self._main = main
        self._journal = journal
        self._waiting: list[Event] = []
        self._next: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None

    def add(self, event: Event) -> asyncio.Future[None]:
        """Done when it is kept. All of a batch have the same future: shield it."""
        self._waiting.append(event)
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="tracking-events")
        return self._next

    async def _run(self) -> None:
        while self._next is not None:
            if len(self._waiting) > CROWD:
                await asyncio.sleep(GATHER)
            batch, done = self._waiting, self._next
            self._waiting, self._next = [], None
            try:
                await self._keep(batch)
            except Exception as error:
                done.set_exception(error)
                done.exception()  # whoever asked may be gone
            else:
                done.set_result(None)

    async def _keep(self, batch: Sequence[Event]) -> None:
        if self._journal is None:
            await self._main.write(append, batch)
            return
        admitted = await self._main.read(admit, batch)
        if admitted:
            await self._journal.append(b"".join([line(event) for event in admitted]))


def append(tx: Transaction, batch: Sequence[Event]) -> None:
    """Write the events, as far as each may be recorded now."""
    for event in admit(tx.conn, batch):
        tx.fact(event)


def line(event: Event) -> bytes:
    """An event as it stands in a journal: kind, head, data."""
    head = [event.at, event.workspace_id, event.campaign_id, event.contact_id, event.envelope_id]
    return orjson.dumps([event.kind, head, event.data()], option=orjson.OPT_APPEND_NEWLINE)


def read_line(text: bytes) -> Fact:
    """The event of a line; raises ValueError."""
    kind, head, data = orjson.loads(text)
    return restore(kind, dict(zip(Fact.HEAD, head, strict=True)), data)


class Folding:
    """Takes this process's journal, and those that others left behind, into the log of facts."""

    def __init__(self, main: Database, journal: Journal, clock: Clock) -> None:
        self._main = main
        self._journal = journal
        self._clock = clock
        self._name = ""
        self._position = 0
        self._seen, self._seen_at = 0, clock.monotonic()
        self._behind_since: float | None = None
        self._quiet = 0
        self._log = get_logger("marketing.folding")

    async def step(self) -> bool:
        """Take the next piece; True if there may be more at once."""
        if self._busy():
            return False
        if await self._own():
            return True
        self._behind_since = None
        self._quiet += 1
        return self._quiet % LOOK_AROUND == 1 and await self._others()

    async def end(self) -> None:
        """Take all that is there: the process ends."""
        while await self._own():
            pass
        await self._journal.turn()
        while await self._others():
            pass

    def _busy(self) -> bool:
        """Whether so much comes in that folding must wait."""
        now, size = self._clock.monotonic(), self._journal.size
        if self._journal.name != self._name:
            self._name, self._position, self._seen = self._journal.name, 0, 0
        if size > self._position and self._behind_since is None:
            self._behind_since = now
        spent = now - self._seen_at
        rate = (size - self._seen) / spent if spent > 0 else 0.0
        self._seen, self._seen_at = size, now
        patient = self._behind_since is None or now - self._behind_since < LATEST
        return rate > BUSY and patient

    async def _own(self) -> bool:
        name = self._name
        if not name or name != self._journal.name or self._position >= self._journal.size:
            return False
        self._position = await self._fold(name, self._position)
        if self._position >= self._journal.size and self._position > SMALL:
            await self._journal.turn()
        return True

    async def _others(self) -> bool:
        """The first journal without a writer; True if there was one."""
        for name in itertools.islice(self._journal.left_behind(), 1):
            done, before = await self._main.read(journals.position, name), -1
            while done != before:
                before, done = done, await self._fold(name, done)
            self._journal.remove(name)
            await self._main.write(journals.forget, [name])
            return True
        return False

    async def _fold(self, name: str, since: int) -> int:
        """Take the next piece of a journal; up to where it is taken then."""
        piece = await asyncio.to_thread(self._journal.piece, name, since)
        if not piece:
            return since
        to = since + len(piece)
        if await self._main.write(take, name, since, to, self._facts(name, piece)):
            return to
        return await self._main.read(journals.position, name)

    def _facts(self, name: str, piece: bytes) -> list[Fact]:
        found = []
        for text in piece.splitlines():
            try:
                found.append(read_line(text))
            except (ValueError, TypeError, KeyError) as error:
                self._log.error("a line of a journal cannot be read", journal=name, error=type(error).__name__)
        return found


def take(tx: Transaction, name: str, since: int, to: int, events: Sequence[Fact]) -> bool:
    """Facts of a piece, but of those who were erased meanwhile; False if the piece is taken already."""
    if not journals.advance(tx, name, since=since, to=to):
        return False
    there = tracking.words_of(tx.conn, {event.contact_id for event in events if event.contact_id is not None})
    for event in events:
        if event.contact_id is None or event.contact_id in there:
            tx.fact(event)
    return True
