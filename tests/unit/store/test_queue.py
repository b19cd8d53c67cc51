"""The queue as people look at it and act on it: filters, counts, hold and release, other ways."""

import pytest
from sqlalchemy import select

from lettershop.store import envelopes, queue, queue_acts, stored
from lettershop.store.envelopes import BULK, Outcome
from lettershop.store.lanes import sweep_cancelled
from lettershop.store.queue import Filter
from lettershop.store.schema_delivery import LANE_HELD, QUEUED, lanes

NOW = 1_000_000.0


async def fill(store):
    """1, 2: stored messages of ann; 3: of the postmaster, put off; 4, 5: a campaign."""

    def write(tx):
        def one(sender, address, at):
            return stored.enqueue_stored(
                tx, workspace_id=7, mail_from=sender, recipients=[(address, address.partition("@")[2])], blob="b", size=1,
                now=at, expires_at=NOW + 5000,
            )  # fmt: skip

        one("Ann@a.example", "x@one.example", NOW - 100)
        one("ann@a.example", "y@two.example", NOW - 50)
        one("post@b.example", "z@one.example", NOW - 10)
        rows = [(1, "one.example"), (2, "two.example")]
        envelopes.enqueue_recipes(
            tx, workspace_id=8, campaign_id=9, rows=rows, now=NOW - 5, due_at=NOW - 5, expires_at=NOW + 5000, sender="b.example"
        )  # fmt: skip
        envelopes.finish(tx, [Outcome(3, QUEUED, NOW - 5, answer="451 later", due_at=NOW + 300)])

    await store.main.write(write)


async def ids(store, **which):
    return [one.envelope_id for one in await store.main.read(queue.list_waiting, Filter(**which))]


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"site": "one.example"}, [1, 3, 4]),
        ({"campaign_id": 9}, [4, 5]),
        ({"workspace_id": 7}, [1, 2, 3]),
        ({"state": "queued"}, [1, 2, 4, 5]),
        ({"state": "waiting"}, [3]),
        ({"state": "leased"}, []),
        ({"state": "held"}, []),
        ({"state": "nonsense"}, []),
        ({"sender": "ann@A.example"}, [1, 2]),
        ({"sender": "b.example"}, [3, 4, 5]),
        ({"sender": "@b.example"}, [3, 4, 5]),
        ({"recipient": "@TWO"}, [2]),
        ({"before": NOW - 50}, [1, 2]),
        ({"ids": (2, 5, 99)}, [2, 5]),
        ({"site": "one.example", "sender": "a.example"}, [1]),
        ({"recipient": "100%_"}, []),
    ],
)
async def test_filters(store, which, found):
    await fill(store)
    assert await ids(store, **which) == found
    counted = await store.main.read(queue.fitting, Filter(**which))
    assert (counted.queued, counted.held, counted.leased) == (len(found), 0, 0)


async def lease(store, now=NOW):
    def write(tx):
        due, _ = envelopes.open_lanes(tx.conn, now)
        taken = envelopes.lease(tx, "me", now, now + 60, [(lane.lane_id, 100) for lane in due])
        return {one.envelope_id: (lane, one) for lane, group in zip(due, taken, strict=True) for one in group}

    return await store.main.write(write)


async def test_what_is_held_is_not_leased_and_has_its_time_back_when_released(store):
    await fill(store)
    assert await store.main.write(queue_acts.hold, NOW, [1, 3, 4, 99]) == 3
    assert await store.main.write(queue_acts.hold, NOW + 1, [1]) == 0
    assert await ids(store, state="held") == [1, 3, 4]
    shown = await store.main.read(queue.show, 1)
    assert (shown.state, shown.held_since) == ("held", NOW)
    assert await store.main.write(queue_acts.retry_now, NOW, everything=True) == 0
    assert set(await lease(store)) == {2, 5}
    later = NOW + 10_000  # beyond the time at which it would have been given up
    assert set(await lease(store, later)) == set()
    assert await store.main.write(queue_acts.release, later, [1, 2, 3, 4]) == 3
    found = await lease(store, later)
    assert set(found) == {1, 3, 4}
    assert found[1][1].expires_at == NOW + 5000 + 10_000


async def test_what_is_being_tried_is_left_alone(store):
    await fill(store)
    await lease(store)
    counted = await store.main.read(queue.fitting, Filter())
    assert (counted.queued, counted.leased) == (1, 4)
    for act in (queue_acts.hold, queue_acts.release, queue_acts.remove):
        assert await store.main.write(act, NOW, [1, 2]) == 0
    assert await store.main.write(queue_acts.move_to_pool, NOW, [1, 2], "warm") == 0
    assert await store.main.read(queue.ids_of, Filter(), after=0, limit=9) == [3]


async def test_a_cancelled_campaign_takes_what_is_held_along(store):
    await fill(store)
    await store.main.write(queue_acts.hold, NOW, [4])
    await store.main.write(envelopes.cancel, 9)
    assert await store.main.write(sweep_cancelled, NOW) == 2


async def test_moved_by_the_route_of_another_domain(store):
    await fill(store)
    await store.main.write(queue_acts.hold, NOW, [1])
    assert await store.main.write(queue_acts.reroute, NOW, [1, 3], "relay.example") == 2
    found = await lease(store)
    assert found[3][1].site == "relay.example"  # put off before, tried at once
    assert 1 not in found


async def test_moved_to_a_pool_they_wait_in_a_lane_that_is_as_open_and_as_slow(store):
    await fill(store)

    def slow(tx):
        envelopes.hold(tx, 9)
        tx.conn.execute(lanes.update().where(lanes.c.campaign_id == 9).values(per_second=5.0))

    await store.main.write(slow)
    assert await store.main.write(queue_acts.move_to_pool, NOW, [1, 4], "warm") == 2
    assert await store.main.write(queue_acts.move_to_pool, NOW, [1, 4], "warm") == 0
    rows = await store.main.read(
        lambda conn: conn.execute(
            select(lanes.c.campaign_id, lanes.c.pool, lanes.c.state, lanes.c.per_second).where(lanes.c.moved != "")
            .order_by(lanes.c.campaign_id)
        ).all()
    )  # fmt: skip
    assert [tuple(row) for row in rows] == [(0, "warm", 0, None), (9, "warm", LANE_HELD, 5.0)]
    found = await lease(store)
    assert found[1][0].pool == "warm"
    assert found[2][0].pool == ""
    assert (await store.main.read(queue.show, 4)).pool == "warm"
    await store.main.write(envelopes.resume, 9)
    later = await lease(store)
    assert {4, 5} <= set(later)
    assert later[4][0].priority == BULK


async def test_new_mail_does_not_go_to_the_lane_of_what_was_moved(store):
    await fill(store)
    await store.main.write(queue_acts.move_to_pool, NOW, [1, 2, 3], "warm")
    await fill(store)
    pools = [one.pool for one in await store.main.read(queue.list_waiting, Filter(sender="ann@a.example"))]
    assert sorted(pools) == ["", "", "warm", "warm"]
