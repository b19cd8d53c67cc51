"""The statements whose spelling differs between the engines: their counts must not."""

from sqlalchemy import Connection, select

from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new, insert_one, upsert
from lettershop.store.schema_main import counters, workspaces


def names(conn: Connection) -> list[str]:
    return list(conn.scalars(select(workspaces.c.name).order_by(workspaces.c.id)))


async def test_insert_new_counts_what_is_new_for_one_row_and_for_many(store):
    def add(tx: Transaction, *new: str) -> int:
        return insert_new(tx.conn, workspaces, [{"name": name, "created_at": 1.0} for name in new])

    assert await store.main.write(add) == 0
    assert await store.main.write(add, "a") == 1
    assert await store.main.write(add, "a") == 0
    assert await store.main.write(add, "a", "b", "c") == 2
    assert await store.main.write(add, *(f"n{i}" for i in range(1200))) == 1200
    assert (await store.main.read(names))[:3] == ["a", "b", "c"]


async def test_upsert_overwrites_or_adds(store):
    def count(tx: Transaction, by: int) -> None:
        row = {"campaign_id": 1, "what": "opened", "dimension": "", "value": "", "count": by}
        upsert(tx.conn, counters, [row], key=["campaign_id", "what", "dimension", "value"], add=["count"])

    for by in (1, 2, 3):
        await store.main.write(count, by)
    assert await store.main.read(lambda conn: conn.scalar(select(counters.c.count))) == 6


async def test_insert_one_tells_the_id(store):
    first = await store.main.write(lambda tx: insert_one(tx.conn, workspaces, name="a", created_at=1.0))
    second = await store.main.write(lambda tx: insert_one(tx.conn, workspaces, name="b", created_at=1.0))
    assert second == first + 1
