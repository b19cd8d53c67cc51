"""Another program holds SQLite's write lock for long, or the file has no room: reads go on, writes fail in our own words."""

import asyncio
import signal
import sys
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import func, insert, select
from tests.faults.engine import campaign, copies, delivering, idle, told
from tests.receivers import Network, accept

from lettershop.base.facts import CampaignChanged
from lettershop.store import sqlite
from lettershop.store.database import DatabaseBusy, DatabaseFull
from lettershop.store.migrate import MAIN, open_half, sqlite_path
from lettershop.store.schema_main import facts, workspaces

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
HOLD = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
db.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@asynccontextmanager
async def locked(store):
    """Another program is in the middle of a write meanwhile."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, str(sqlite_path(store.url, MAIN)),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert await process.stdout.readline() == b"locked\n"
    try:
        yield
    finally:
        process.stdin.close()
        await process.wait()


@pytest.fixture
async def impatient(store, monkeypatch):
    """The same database, opened by a process that waits only briefly."""
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.4)
    db = open_half(store.url, MAIN)
    yield db
    await db.close()


def add(tx, name):
    tx.fact(CampaignChanged(at=1.0, workspace_id=1, state=name))
    return tx.conn.execute(insert(workspaces).values(name=name, created_at=1.0)).inserted_primary_key[0]


def counts(conn):
    return tuple(conn.scalar(select(func.count()).select_from(table)) for table in (workspaces, facts))


async def test_all_who_wait_are_told_together_and_reads_go_on(impatient, store):
    async with locked(store):
        loop = asyncio.get_running_loop()
        began = loop.time()
        writes = asyncio.gather(*(impatient.write(add, f"w{index}") for index in range(60)), return_exceptions=True)
        assert await impatient.read(counts) == (0, 0)
        results = await writes
        assert all(isinstance(result, DatabaseBusy) for result in results)
        assert loop.time() - began < 12.0, "each of them waited alone"  # sixty times 0.4 s
    await impatient.write(add, "after")
    assert await impatient.read(counts) == (1, 1)


async def test_a_campaign_waits_for_the_lock_and_goes_on_and_sends_nothing_twice(impatient, store, monkeypatch):
    monkeypatch.setattr("lettershop.egress.outcomes.LATE", 0.3)
    people = 1500
    await campaign(store.main, [(index, "inbox.example") for index in range(people)])
    async with Network() as net:
        inbox = await net.receiver("inbox.example")
        inbox.default = accept(wait=0.005)
        async with delivering(impatient, net.routes, window=400):
            while len(inbox.messages) < people * 0.2:
                await asyncio.sleep(0.01)
            async with locked(store):
                await asyncio.sleep(1.5)
                meanwhile = len(inbox.messages)
                await asyncio.sleep(1.5)
                assert len(inbox.messages) == meanwhile, "it goes on sending what it cannot record"
            await idle(store.main)
        assert set(copies(inbox).values()) == {1}
        assert len(copies(inbox)) == people
    assert (await told(store.main))["Delivered"] == (people, people)
    assert "Deferred" not in await told(store.main)


def limit(tx, pages):
    """No more room than this in the file; 0: as much as the disk has."""
    tx.conn.exec_driver_sql(f"PRAGMA max_page_count={pages or 2**30}")


async def test_a_full_database_is_an_error_of_ours_and_what_was_there_stays(store):
    await store.main.write(add, "first")
    await store.main.write(limit, 1)  # SQLite makes it the present size
    with pytest.raises(DatabaseFull):
        for index in range(20_000):
            await store.main.write(add, f"{index:0500d}")
    kept = await store.main.read(counts)
    assert kept[0] == kept[1] > 0
    await store.main.write(limit, 0)
    await store.main.write(add, "last")
    assert await store.main.read(counts) == (kept[0] + 1, kept[1] + 1)


async def test_a_campaign_stops_when_the_database_is_full_and_goes_on_after(store, monkeypatch):
    monkeypatch.setattr("lettershop.egress.outcomes.LATE", 0.3)
    people = 1500
    await campaign(store.main, [(index, "inbox.example") for index in range(people)])
    async with Network() as net:
        inbox = await net.receiver("inbox.example")
        inbox.default = accept(wait=0.002)
        async with delivering(store.main, net.routes, window=400):
            while len(inbox.messages) < people * 0.1:
                await asyncio.sleep(0.01)
            await store.main.write(limit, 1)
            stood = 0
            async with asyncio.timeout(60):
                while stood < 15:  # facts of deliveries fill what is left
                    before = len(inbox.messages)
                    await asyncio.sleep(0.1)
                    stood = stood + 1 if len(inbox.messages) == before else 0
            assert len(inbox.messages) < people, "else the test would show nothing"
            await store.main.write(limit, 0)
            await idle(store.main)
        assert set(copies(inbox).values()) == {1}
        assert len(copies(inbox)) == people
    assert (await told(store.main))["Delivered"] == (people, people)


TURN = """
import fcntl, sys
file = open(sys.argv[1], "ab")
fcntl.flock(file, fcntl.LOCK_EX)
print("mine", flush=True)
sys.stdin.read()
"""


async def test_a_process_that_was_stopped_in_its_turn_keeps_nobody_waiting_for_ever(store, impatient, monkeypatch):
    """SIGSTOP (a frozen container): it lives, holds its turn, and does nothing."""
    path = sqlite_path(store.url, MAIN)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", TURN, f"{path}.turn", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert await process.stdout.readline() == b"mine\n"
    process.send_signal(signal.SIGSTOP)
    before = await impatient.read(counts)
    tries = [asyncio.create_task(impatient.write(add, f"early {n}")) for n in range(3)]
    for ended in await asyncio.wait_for(asyncio.gather(*tries, return_exceptions=True), 20):
        assert isinstance(ended, DatabaseBusy)
    with pytest.raises(DatabaseBusy):  # and again: the first wait is still in line
        await asyncio.wait_for(impatient.write(add, "again"), 20)
    assert await impatient.read(counts) == before
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 20.0)
    late = asyncio.create_task(impatient.write(add, "late"))
    await asyncio.sleep(0.2)
    process.send_signal(signal.SIGCONT)
    process.stdin.close()
    await asyncio.wait_for(late, 20)
    assert await asyncio.wait_for(store.main.write(add, "other"), 20), "the turn was given back"
    assert await impatient.read(counts) == (before[0] + 2, before[1] + 2)
    await process.wait()
