"""Group commit: what a waiter may rely on, on both engines."""

import asyncio

import pytest
from sqlalchemy import Connection, func, insert, select

from lettershop.base.errors import Refused
from lettershop.base.facts import CampaignChanged
from lettershop.store.database import DatabaseClosed, Transaction
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
