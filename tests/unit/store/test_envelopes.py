"""The queue's transitions on both engines: lanes, leases, outcomes with their facts."""

import pytest
from sqlalchemy import select

from lettershop.base.facts import Delivered
from lettershop.store import envelopes, queue, queue_acts
from lettershop.store import lanes as lane_rows
from lettershop.store import stored as stored_rows
from lettershop.store.envelopes import Outcome
from lettershop.store.schema_delivery import BOUNCED, DELIVERED, QUEUED, lanes
from lettershop.store.schema_delivery import envelopes as table
from lettershop.store.schema_main import facts

NOW = 1000.0


async def recipes(store, campaign=7, count=10, *, workspace=1, due=NOW, priority=5):
    return await store.main.write(
        envelopes.enqueue_recipes, workspace_id=workspace, campaign_id=campaign,
        rows=[(index + 1, f"site{index % 2}.example") for index in range(count)],
        now=NOW, due_at=due, expires_at=NOW + 3600, priority=priority,
    )  # fmt: skip


async def stored(store, *recipients, now=NOW, priority=3):
    return await store.main.write(
        stored_rows.enqueue_stored, workspace_id=1, mail_from="a@brand.example", blob="b1", size=10, now=now,
        recipients=[(address, address.partition("@")[2]) for address in recipients], expires_at=now + 3600,
        priority=priority,
    )  # fmt: skip


async def take(store, limit=100, *, owner="one", now=NOW, lease_for=60.0):
    due, _ = await store.main.read(envelopes.open_lanes, now)
    shares = [(lane.lane_id, limit) for lane in due]
    return [
        leased
        for part in await store.main.write(envelopes.lease, owner, now, now + lease_for, shares)
        for leased in part
    ]


async def states(store):
    return await store.main.read(lambda conn: dict(conn.execute(select(table.c.id, table.c.state)).all()))


async def told(store):
    return await store.main.read(lambda conn: list(conn.execute(select(facts.c.kind, facts.c.envelope_id))))


def delivered(leased, at=NOW + 1):
    fact = Delivered(at=at, envelope_id=leased.envelope_id, site=leased.site, mx="mx", code=250, text="ok")
    return Outcome(leased.envelope_id, DELIVERED, at, answer="250 ok", address="x@y", fact=fact)


async def test_recipes_are_leased_once_in_order_of_due_time(store):
    assert await recipes(store) == 10
    first = await take(store, 4)
    second = await take(store, 100, owner="two")
    assert [one.envelope_id for one in first] == [1, 2, 3, 4]
    assert [one.envelope_id for one in second] == [5, 6, 7, 8, 9, 10]
    assert (first[0].contact_id, first[0].site, first[0].attempts) == (1, "site0.example", 0)
    assert first[0].leased_until == NOW + 60
    assert await take(store) == []


async def test_what_is_not_due_waits(store):
    await recipes(store, due=NOW + 50)
    assert await take(store, now=NOW + 49) == []
    leased = await take(store, now=NOW + 50)
    assert len(leased) == 10
    assert leased[0].created_at == NOW + 50  # latency counts from the moment it was first due


async def test_lanes_come_by_priority(store):
    await recipes(store, campaign=7)
    await stored(store, "b@one.example", "c@two.example", priority=1)
    due, _ = await store.main.read(envelopes.open_lanes, NOW)
    assert [(lane.priority, lane.campaign_id) for lane in due] == [(1, 0), (5, 7)]
    leased = await take(store, 1)
    assert (leased[0].address, leased[0].outgoing_id) == ("b@one.example", 1)


async def test_stored_messages_come_back_with_their_blob(store):
    queued = await stored(store, "b@one.example", "c@two.example")
    message, ids = queued.outgoing_id, queued.ids
    assert ids == [1, 2]
    found = await store.main.read(stored_rows.stored_messages, [message, message])
    assert (found[message].blob, found[message].mail_from) == ("b1", "a@brand.example")


async def test_finish_changes_state_and_tells_in_one_commit(store):
    await recipes(store, count=2)
    one, two = await take(store)
    assert await store.main.write(envelopes.finish, [delivered(one), delivered(two)]) == 2
    assert await states(store) == {1: DELIVERED, 2: DELIVERED}
    assert await told(store) == [("Delivered", 1), ("Delivered", 2)]
    shown = await store.main.read(queue.show, 1)
    assert (shown.state, shown.attempts, shown.answer, shown.address) == ("delivered", 1, "250 ok", "x@y")
    assert shown.finished_at == NOW + 1


async def test_a_second_outcome_of_the_same_envelope_changes_and_tells_nothing(store):
    await recipes(store, count=1)
    [one] = await take(store)
    await store.main.write(envelopes.finish, [delivered(one)])
    late = Outcome(one.envelope_id, BOUNCED, NOW + 9, answer="550 no", fact=delivered(one).fact)
    assert await store.main.write(envelopes.finish, [late]) == 0
    assert await states(store) == {1: DELIVERED}
    assert len(await told(store)) == 1


async def test_a_deferred_envelope_waits_until_its_time_with_its_attempt_counted(store):
    await recipes(store, count=1)
    [one] = await take(store)
    await store.main.write(
        envelopes.finish, [Outcome(one.envelope_id, QUEUED, NOW, answer="451 later", due_at=NOW + 300)]
    )
    assert await take(store, now=NOW + 299) == []
    [again] = await take(store, now=NOW + 300)
    assert (again.attempts, again.created_at) == (1, NOW)


async def test_a_held_lane_is_not_leased_and_goes_on_when_resumed(store):
    await recipes(store, campaign=7)
    await recipes(store, campaign=8, count=1)
    await store.main.write(envelopes.hold, 7)
    _, opened = await store.main.read(envelopes.open_lanes, NOW)
    assert [one.campaign_id for one in await take(store)] == [8]
    assert len(opened) == 1
    await store.main.write(envelopes.resume, 7)
    assert len(await take(store)) == 10


async def test_a_queue_that_grows_while_it_is_held_stays_held(store):
    await recipes(store, campaign=7)
    await store.main.write(envelopes.hold, 7)
    await recipes(store, campaign=7)
    assert await take(store) == []


async def test_cancel_is_immediate_and_swept_in_pieces(store):
    await recipes(store, campaign=7)
    [one] = await take(store, 1)
    await store.main.write(envelopes.cancel, 7)
    await store.main.write(envelopes.resume, 7)  # a cancelled campaign does not come back
    assert await take(store) == []
    assert await store.main.write(lane_rows.sweep_cancelled, NOW, 4) == 4
    assert await store.main.write(lane_rows.sweep_cancelled, NOW, 100) == 5
    assert await store.main.write(lane_rows.sweep_cancelled, NOW, 100) == 0
    assert (await store.main.read(envelopes.counts, 7)) == {"leased": 1, "withheld": 9}
    assert len(await told(store)) == 9
    await store.main.write(envelopes.finish, [delivered(one)])
    assert not await store.main.read(envelopes.unfinished, 7)


@pytest.mark.parametrize("how", ["release", "owner", "prefix", "reclaim"])
async def test_leases_come_back(store, how):
    await recipes(store)
    mine = await take(store, 4, owner="host/1")
    await take(store, 4, owner="other/1")
    if how == "release":
        given = await store.main.write(envelopes.release, "host/1", [one.envelope_id for one in mine])
    elif how == "reclaim":
        assert await store.main.write(envelopes.reclaim, NOW + 60) == 0
        given = await store.main.write(envelopes.reclaim, NOW + 61)
    else:
        given = await store.main.write(envelopes.release_owner, "host/1" if how == "owner" else "host/")
    assert given == (8 if how == "reclaim" else 4)
    assert len(await take(store, owner="new")) == 2 + given


async def test_parked_envelopes_wait_without_an_attempt(store):
    await recipes(store, count=2)
    one, two = await take(store)
    await store.main.write(envelopes.park, "one", [(one.envelope_id, NOW + 5), (two.envelope_id, NOW + 6)])
    assert await take(store) == []
    [again] = await take(store, now=NOW + 5)
    assert (again.envelope_id, again.attempts, again.created_at) == (one.envelope_id, 0, NOW)


async def test_empty_lanes_are_forgotten_but_not_busy_held_or_fresh_ones(store):
    for campaign in (1, 2, 3, 4):
        await recipes(store, campaign=campaign, count=1)
    leased = {one.campaign_id: one for one in await take(store)}
    await store.main.write(envelopes.finish, [delivered(leased[c]) for c in (1, 2)])
    await store.main.write(envelopes.hold, 2)
    await store.main.write(envelopes.release, "one", [leased[4].envelope_id])
    assert await store.main.write(lane_rows.close_empty_lanes, NOW + 3600) == 0
    assert await store.main.write(lane_rows.close_empty_lanes, NOW + 3601) == 1
    left = await store.main.read(lambda conn: list(conn.scalars(select(lanes.c.campaign_id).order_by(lanes.c.id))))
    assert left == [2, 3, 4]


async def test_stored_messages_are_forgotten_when_all_are_finished(store):
    await stored(store, "b@one.example", "c@two.example")
    one, two = await take(store)
    await store.main.write(envelopes.finish, [delivered(one)])
    assert await store.main.read(stored_rows.over, NOW + 10, 5) == {}
    await store.main.write(envelopes.finish, [delivered(two)])
    over = await store.main.read(stored_rows.over, NOW + 10, 5)
    assert list(over.values()) == ["b1"]
    await store.main.write(stored_rows.forget, list(over))
    assert await store.main.read(stored_rows.over, NOW + 10, 5) == {}


async def test_the_queue_is_listed_shown_retried_and_removed(store):
    await recipes(store, count=3, due=NOW + 100)
    await stored(store, "b@one.example")
    listed = await store.main.read(queue.list_waiting)
    assert (listed[0].site, listed[0].state) == ("site0.example", "queued")
    assert [one.envelope_id for one in await store.main.read(queue.list_waiting, after=2, limit=1)] == [3]
    assert [one.mail_from for one in await store.main.read(queue.list_waiting, queue.Filter(site="one.example"))] == [
        "a@brand.example"
    ]
    sites = await store.main.read(queue.by_site)
    assert (sites[0].site, sites[0].waiting, sites[0].deferred) == ("site0.example", 2, 0)
    assert await store.main.write(queue_acts.retry_now, NOW, ids=[1]) == 1
    assert await store.main.write(queue_acts.retry_now, NOW, site="site1.example") == 1
    assert await store.main.write(queue_acts.retry_now, NOW, everything=True) == 1
    assert await store.main.write(queue_acts.remove, NOW, [1, 99]) == 1
    assert (await store.main.read(queue.show, 1)).state == "withheld"
    assert await told(store) == [("Withheld", 1)]
    assert await store.main.read(queue.totals) == {"queued": 3, "leased": 0}
    assert await store.main.read(queue.show, 99) is None
