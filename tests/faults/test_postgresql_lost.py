"""PostgreSQL goes away: connections cut at the worst moment, the server down for a while, in the middle of a campaign."""

import asyncio
import random

import pytest
from sqlalchemy import func, insert, select
from tests.faults.cut import Wire
from tests.faults.engine import campaign, copies, delivering, idle, told
from tests.receivers import Network, accept

from lettershop.base.facts import CampaignChanged
from lettershop.store import postgresql
from lettershop.store.database import DatabaseUnavailable
from lettershop.store.migrate import MAIN, open_half
from lettershop.store.schema_main import facts, workspaces

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def add(tx, name):
    tx.fact(CampaignChanged(at=1.0, workspace_id=1, state=name))
    return tx.conn.execute(insert(workspaces).values(name=name, created_at=1.0)).inserted_primary_key[0]


def counts(conn):
    return tuple(conn.scalar(select(func.count()).select_from(table)) for table in (workspaces, facts))


@pytest.fixture
async def wired(store):
    """The database behind a wire that can be cut."""
    async with Wire(store.url) as wire:
        db = open_half(wire.url, MAIN)
        yield wire, db
        wire.down = False
        await db.close()


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_commit_without_an_answer_is_done_once(wired, moment):
    wire, db = wired
    await db.write(add, "first")
    wire.at_commit = moment
    key = await db.write(add, "second")
    assert wire.at_commit is None, "the commit was not caught"
    assert await db.read(counts) == (2, 2)
    found = await db.read(lambda conn: conn.scalar(select(workspaces.c.id).where(workspaces.c.name == "second")))
    assert found == key


async def test_a_batch_whose_commit_had_no_answer_is_done_once(wired):
    wire, db = wired
    wire.at_commit = "after"
    await asyncio.gather(*(db.write(add, f"w{index}") for index in range(50)))
    assert await db.read(counts) == (50, 50)


async def test_who_reads_or_writes_while_the_server_restarts_only_waits(wired):
    wire, db = wired
    await db.write(add, "first")
    wire.down = True
    wire.cut()
    waiting = [asyncio.create_task(db.read(counts)), asyncio.create_task(db.write(add, "second"))]
    await asyncio.sleep(0.5)
    assert not any(task.done() for task in waiting)
    wire.down = False
    assert (await asyncio.gather(*waiting))[1]
    assert await db.read(counts) == (2, 2)


async def test_a_server_that_stays_away_is_an_error_of_ours_and_then_comes_back(wired, monkeypatch):
    monkeypatch.setattr(postgresql, "PAUSES", (0.01, 0.02))
    wire, db = wired
    wire.down = True
    wire.cut()
    for work in (db.read(counts), db.write(add, "lost"), db.write(add, "lost")):
        with pytest.raises(DatabaseUnavailable):
            await work
    wire.down = False
    await db.write(add, "first")
    assert await db.read(counts) == (1, 1)


async def test_a_campaign_goes_on_through_cuts_and_sends_nothing_twice(wired, store, monkeypatch):
    monkeypatch.setattr(postgresql, "PAUSES", (0.01, 0.05, 0.1))
    wire, db = wired
    people = 1500
    await campaign(store.main, [(index, "inbox.example") for index in range(people)])
    dice = random.Random(11)
    async with Network() as net:
        inbox = await net.receiver("inbox.example")
        inbox.default = accept(wait=0.005)
        async with delivering(db, net.routes):
            while len(inbox.messages) < people * 0.8:
                await asyncio.sleep(dice.uniform(0.02, 0.3))
                if dice.random() < 0.3:
                    wire.at_commit = dice.choice(["before", "after"])
                else:
                    wire.cut()
                if dice.random() < 0.1:
                    wire.down = True
                    await asyncio.sleep(0.6)
                    wire.down = False
            wire.at_commit = None
            await idle(store.main)
        assert wire.cuts >= 5, "else the test would show nothing"
        assert len(copies(inbox)) == people
        assert set(copies(inbox).values()) == {1}
    assert (await told(store.main))["Delivered"] == (people, people)
    assert "Deferred" not in await told(store.main), "our own trouble is no attempt"
