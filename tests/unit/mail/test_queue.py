"""Why mail waits, in a sentence; acts on many, in pieces."""

from dataclasses import replace

import pytest

from lettershop.mail import queue as module
from lettershop.mail.queue import NoSuchWay, Queue
from lettershop.mail.queue_why import why
from lettershop.store import sites, stored
from lettershop.store.queue import Filter, Waiting
from lettershop.store.schema_delivery import HELD, LANE_CANCELLED, LANE_HELD
from lettershop.store.sites import Home, SiteRow

NOW = 1_000_000.0
ONE = Waiting(
    1, 1, None, None, 1, "a@a.example", "b@b.example", "b.example", "queued", 0, NOW, NOW, NOW + 9, None, None
)
CLOSED = SiteRow(source="", site="mx.b", provider="", suspended_until=NOW + 60, why="Blocked.")


@pytest.mark.parametrize(
    ("changed", "sources", "words"),
    [
        ({}, (), "It is due and waits for its turn."),
        ({}, (CLOSED,), "closed to us until 1970-01-12 13:47:40 UTC. Blocked."),
        ({}, (CLOSED, SiteRow(source="2", site="mx.b", provider="")), "waits for its turn"),
        ({}, (SiteRow(source="", site="mx.b", provider="", per_minute=42.0),), "mx.b takes 42 a minute"),
        ({"due_at": HELD + NOW - 60}, (CLOSED,), "An operator holds it since 1970-01-12 13:45:40 UTC."),
        ({"lane_state": LANE_HELD}, (), "campaign is paused"),
        ({"lane_state": LANE_CANCELLED}, (), "campaign is cancelled"),
        ({"state": "leased"}, (), "being tried"),
        ({"attempts": 2, "due_at": NOW + 5, "answer": "mx.b, rcpt: 451 later"}, (), ": mx.b, rcpt: 451 later"),
        ({"due_at": NOW + 5}, (), "Not before 1970-01-12 13:46:45 UTC."),
        ({"due_at": NOW + 5, "answer": "warm-up: tomorrow"}, (), "warm-up: tomorrow"),
        ({"expires_at": NOW}, (), "time ran out"),
    ],
)
def test_why_it_waits(changed, sources, words):
    assert words in why(replace(ONE, **changed), sources, NOW)


def test_what_is_finished_waits_for_nothing():
    assert why(replace(ONE, finished_at=NOW, state="bounced"), (CLOSED,), NOW) == ""


async def fill(store, clock, count=7):
    def write(tx):
        stored.enqueue_stored(
            tx, workspace_id=1, mail_from="a@a.example", blob="b", size=1, now=clock.now(), expires_at=clock.now() + 99,
            recipients=[(f"x{n}@b.example", "b.example") for n in range(count)],
        )  # fmt: skip

    await store.main.write(write)


async def test_many_are_acted_on_in_pieces_and_each_once(store, clock, monkeypatch):
    monkeypatch.setattr(module, "PIECE", 3)
    await fill(store, clock)
    queue = Queue(store.main, clock, pools=["warm"])
    which = Filter(site="b.example")
    assert await queue.act("hold", which) == 7
    assert (await queue.count(which)).held == 7
    assert await queue.act("hold", which) == 0
    assert await queue.move(which, pool="warm") == 7
    assert await queue.act("release", replace(which, recipient="x3")) == 1
    assert await queue.act("remove", Filter(state="held")) == 6
    assert (await queue.count(Filter())).queued == 1
    assert await queue.move(Filter(), route="Other.example") == 1
    assert (await queue.waiting())[0].site == "other.example"


async def test_older_than_is_counted_from_now(store, clock):
    await fill(store, clock, 1)
    clock.advance(100)
    await fill(store, clock, 2)
    queue = Queue(store.main, clock)
    assert (await queue.count(Filter(older_than=50))).queued == 1
    assert await queue.act("remove", Filter(older_than=50)) == 1


async def test_the_site_of_a_domain_is_looked_up_for_the_reason(store, clock):
    await fill(store, clock, 1)
    closed = replace(CLOSED, suspended_until=clock.now() + 60)
    await store.main.write(sites.save, [closed], [Home("b.example", "mx.b", "")])
    queue = Queue(store.main, clock)
    [reason] = await queue.whys(await queue.waiting())
    assert "mx.b is closed to us until" in reason


@pytest.mark.parametrize(
    "where", [{}, {"pool": "cold"}, {"route": "not a domain"}, {"pool": "warm", "route": "b.example"}]
)
async def test_where_nothing_can_be_moved_to(store, clock, where):
    with pytest.raises(NoSuchWay):
        await Queue(store.main, clock, pools=["warm"]).move(Filter(), **where)
