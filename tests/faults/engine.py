"""A delivery engine on a store, for tests that take something away from it: what it sent, to whom, how often."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

from sqlalchemy import func, select

from lettershop.base.clock import SystemClock
from lettershop.egress.engine import Engine
from lettershop.egress.message import Recipe
from lettershop.egress.settings import Settings
from lettershop.egress.site import Routes
from lettershop.net.dial import Timeouts
from lettershop.net.zones import ZoneResolver
from lettershop.store import envelopes, queue
from lettershop.store.schema_main import facts
from lettershop.workers.outbound import Outbound

CLOCK = SystemClock()
MESSAGE = b"From: a@brand.example\r\nSubject: Hello\r\n\r\nGood day.\r\n"


class Source:
    """Asks the database before each handful, as the real ones do."""

    def __init__(self, db):
        self._db = db

    async def prepare(self, leased):
        await self._db.read(lambda conn: conn.scalar(select(func.count()).select_from(facts)))
        return [
            Recipe(one.envelope_id, "a@brand.example", one.address or f"c{one.contact_id}@{one.site}", lambda: MESSAGE)
            for one in leased
        ]


def settings(**changes):
    usual = {"retry": (0.2, 0.4), "poll": 0.05, "idle": 0.2, "connections": 3, "timeouts": Timeouts.all(2.0)}
    return Settings("out.brand.example", "test/0", **{**usual, **changes})


@asynccontextmanager
async def delivering(db, routes, resolver=None, port=25, guards=None, **changes):
    """An engine that runs meanwhile. `routes`: fixed ones, by domain; else the resolver is asked, and `port` is everybody's."""
    source = Source(db)
    where = Routes(
        resolver or ZoneResolver.of({}), CLOCK, hostname="out.brand.example", fixed=routes, port=port, guards=guards
    )
    engine = Engine(db, source, source, where, CLOCK, settings(**changes))
    stop = asyncio.Event()
    task = asyncio.create_task(Outbound(engine).run(stop))
    try:
        yield engine
    finally:
        stop.set()
        await task


async def campaign(db, rows, expire=3600.0):
    """Queue (contact id, domain) pairs as campaign 7."""
    now = CLOCK.now()
    await db.write(
        envelopes.enqueue_recipes, workspace_id=1, campaign_id=7, rows=rows, now=now, due_at=now,
        expires_at=now + expire,
    )  # fmt: skip


async def until(condition, seconds=60.0):
    """Wait for it; the bound is for machines that are slow."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.02)


async def idle(db, seconds=60.0):
    """Until nothing waits any more."""

    async def empty():
        return await db.read(queue.totals) == {"queued": 0, "leased": 0}

    await until(empty, seconds)


async def told(db):
    """How many facts of each kind, and of how many envelopes."""
    query = select(facts.c.kind, func.count(), func.count(facts.c.envelope_id.distinct())).group_by(facts.c.kind)
    return {row[0]: (row[1], row[2]) for row in await db.read(lambda conn: conn.execute(query).all())}


def copies(receiver):
    """How many messages each recipient got."""
    return Counter(message.recipient for message in receiver.messages)
