"""Group commit: what a waiter may rely on, on both engines."""

import asyncio

import pytest
from sqlalchemy import Connection, func, insert, select, text, update

from lettershop.base.errors import Refused
from lettershop.base.facts import CampaignChanged
from lettershop.store.database import DatabaseClosed, Transaction
from lettershop.store.migrate import MAIN, open_half
from lettershop.store.schema_main import facts, workspaces


def add(tx: Transaction, name: str) -> int:
    tx.fact(CampaignChanged(at=1.0, workspace_id=1, state=name))
    if name == "bad":
        raise Refused("no")
    return int(tx.conn.execute(insert(workspaces).values(name=name, created_at=1.0)).inserted_primary_key[0])


def names(conn: Connection) -> list[str]:
    return list(conn.scalars(select(workspaces.c.name).order_by(workspaces.c.id)))


async def test_a_write_is_readable_when_it_returns(store):
    key = await store.main.write(add, "one")
    assert key == 1
    assert await store.main.read(names) == ["one"]


async def test_one_bad_write_in_a_batch_takes_nobody_down_and_leaves_no_fact(store):
    tasks = [store.main.write(add, name) for name in ["a", "bad", "b", "c"]]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[1], Refused)
    assert sorted(await store.main.read(names)) == ["a", "b", "c"]
    kinds = await store.main.read(lambda conn: list(conn.scalars(select(facts.c.data).order_by(facts.c.id))))
    assert sorted(entry["state"] for entry in kinds) == ["a", "b", "c"]


async def test_many_writers_share_commits(store):
    await asyncio.gather(*(store.main.write(add, f"w{i}") for i in range(500)))
    assert await store.main.read(lambda conn: conn.scalar(select(func.count()).select_from(workspaces))) == 500


async def test_a_unique_violation_reaches_its_own_waiter_only(store):
    results = await asyncio.gather(
        store.main.write(add, "same"),
        store.main.write(add, "same"),
        store.main.write(add, "other"),
        return_exceptions=True,
    )
    assert [isinstance(result, Exception) for result in results] == [False, True, False]


async def test_a_closed_database_says_so(store):
    await store.main.close()
    with pytest.raises(DatabaseClosed):
        await store.main.write(add, "late")


def touch_both(tx: Transaction, first: int, second: int) -> None:
    for key in (first, second):
        tx.conn.execute(
            update(workspaces).where(workspaces.c.id == key).values(created_at=workspaces.c.created_at + 1.0)
        )
        if tx.conn.dialect.name == "postgresql":
            tx.conn.execute(text("SELECT pg_sleep(0.2)"))


async def test_two_processes_that_lock_the_same_rows_in_opposite_order_both_get_through(store):
    one, two = await store.main.write(add, "one"), await store.main.write(add, "two")
    other = open_half(store.url, MAIN)
    try:
        await asyncio.gather(store.main.write(touch_both, one, two), other.write(touch_both, two, one))
    finally:
        await other.close()
    assert await store.main.read(lambda conn: list(conn.scalars(select(workspaces.c.created_at)))) == [3.0, 3.0]
