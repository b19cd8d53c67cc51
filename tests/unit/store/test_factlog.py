"""Reading the log in order, moving a cursor once, and leases, on both engines."""

import asyncio

from sqlalchemy import insert

from lettershop.base.facts import CampaignChanged, Fact
from lettershop.store import factlog, singletons
from lettershop.store.schema_main import facts


def happen(tx, count, contact=None):
    for number in range(count):
        tx.fact(CampaignChanged(at=float(number), contact_id=contact, state=f"s{number}"))


async def test_facts_come_in_order_in_pieces(store):
    await store.main.write(happen, 5)
    first = await store.main.read(factlog.read_since, "facts", 0, 3)
    rest = await store.main.read(factlog.read_since, "facts", factlog.last_id(first), 3)
    assert [entry.fact.state for entry in [*first, *rest]] == ["s0", "s1", "s2", "s3", "s4"]
    assert await store.main.read(factlog.newest, "facts") == rest[-1].id


async def test_a_fact_of_a_newer_version_does_not_stop_the_log(store):
    def future(tx):
        tx.conn.execute(insert(facts).values(at=1.0, kind="FromTheFuture", data={"x": 1}))

    await store.main.write(future)
    (entry,) = await store.main.read(factlog.read_since, "facts", 0, 10)
    assert type(entry.fact) is Fact


async def test_the_mail_half_has_a_log_of_its_own(store):
    await store.mail.write(happen, 2)
    assert len(await store.mail.read(factlog.read_since, "mail_facts", 0, 10)) == 2
    assert await store.main.read(factlog.read_since, "facts", 0, 10) == []


async def test_a_cursor_moves_only_from_where_it_is(store):
    assert await store.main.read(factlog.position, "c", "facts") == 0
    moves = [store.main.write(factlog.advance, "c", "facts", since=0, to=7) for _ in range(3)]
    assert sorted(await asyncio.gather(*moves)) == [False, False, True]
    assert await store.main.read(factlog.position, "c", "facts") == 7
    assert await store.main.read(factlog.position, "c", "mail_facts") == 0


async def test_a_timeline_goes_backwards(store):
    await store.main.write(happen, 4, contact=9)
    await store.main.write(happen, 1, contact=8)
    newest = await store.main.read(factlog.of_contact, 9, limit=3)
    assert [entry.fact.state for entry in newest] == ["s3", "s2", "s1"]
    rest = await store.main.read(factlog.of_contact, 9, before=newest[-1].id)
    assert [entry.fact.state for entry in rest] == ["s0"]


async def test_a_lease_has_one_owner_until_it_ends(store):
    take = singletons.take
    assert await store.main.write(take, "work", "a", now=0.0, seconds=10.0)
    assert not await store.main.write(take, "work", "b", now=9.0, seconds=10.0)
    assert await store.main.write(take, "work", "a", now=9.0, seconds=10.0)
    assert await store.main.write(take, "work", "b", now=19.0, seconds=10.0)
    await store.main.write(singletons.give_back, "work", "a")
    assert await store.main.read(singletons.holder, "work") == ("b", 29.0)
    await store.main.write(singletons.give_back, "work", "b")
    assert await store.main.write(take, "work", "a", now=19.5, seconds=10.0)
