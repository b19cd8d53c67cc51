"""Mail that goes past the queue: leased with the commit that accepts it, handed to the engine of this process."""

import asyncio

import pytest
from tests.integration.test_outbound import CLOCK, MESSAGE, Bench, Source
from tests.receivers import Network, accept

from lettershop.egress.express import Express, Ticket
from lettershop.egress.message import Recipe
from lettershop.egress.settings import Settings
from lettershop.net.dial import Timeouts
from lettershop.store import envelopes, queue, stored


@pytest.fixture
async def net():
    async with Network() as network:
        yield network


@pytest.fixture
def bench(store, net):
    settings = Settings(
        "out.brand.example", "test/0", retry=(0.2, 0.4), poll=30.0, idle=0.2, connections=3, timeouts=Timeouts.all(5.0)
    )
    return Bench(store, net, Source(), settings)


async def accept_one(bench, express, address="a@inbox.example", *, ticket=None, answers=True):
    """What a service does: ticket, commit, hand over."""
    ticket = ticket or express.ticket(envelopes.URGENT)
    now = CLOCK.now()
    queued = await bench.store.main.write(
        stored.enqueue_stored, workspace_id=None, mail_from="a@brand.example", blob="x", size=1, now=now,
        recipients=[(address, address.partition("@")[2])], expires_at=now + 60, priority=envelopes.URGENT,
        claim=ticket.claim if ticket else None,
    )  # fmt: skip
    said = [(one, Recipe(one.envelope_id, "a@brand.example", one.address, lambda: MESSAGE)) for one in queued.leased]
    express.queued(ticket, queued.lane, queued.leased, said if answers else [])
    return queued


def recipients(inbox):
    return [message.recipient for message in inbox.messages]


async def serving(engine):
    """An engine that has found the database sound, with its express."""
    express = Express(engine.wake)
    express.serve(engine)
    async with asyncio.timeout(10):
        while express.ticket(envelopes.URGENT) is None:  # noqa: ASYNC110 - the first round tells nobody
            await asyncio.sleep(0.01)
    return express


async def test_what_was_said_beforehand_is_sent_without_asking_the_source_or_the_queue(bench, net):
    inbox = await net.receiver("inbox.example")
    async with bench.running() as engine:
        express = await serving(engine)
        bench.source.broken["a@inbox.example"] = ValueError("the source was asked")
        await accept_one(bench, express)
        await bench.idle()  # the next poll would be half a minute away
    assert recipients(inbox) == ["a@inbox.example"]
    assert set((await bench.states()).values()) == {"delivered"}


async def test_without_an_answer_beforehand_the_source_is_asked(bench, net):
    inbox = await net.receiver("inbox.example")
    async with bench.running() as engine:
        await accept_one(bench, await serving(engine), answers=False)
        await bench.idle()
    assert (recipients(inbox), bench.source.made) == (["a@inbox.example"], 1)


async def test_a_stale_answer_is_asked_again(bench, net):
    inbox = await net.receiver("inbox.example")
    inbox.on("slow@inbox.example", accept(wait=1.3))
    async with bench.running(connections=1, messages_per_connection=1) as engine:
        express = await serving(engine)
        await accept_one(bench, express, "slow@inbox.example")
        await asyncio.sleep(0.1)
        await accept_one(bench, express, "late@inbox.example")
        await bench.idle()
    assert "late@inbox.example" in recipients(inbox)
    assert bench.source.made == 1


async def test_without_an_engine_the_bell_rings_and_the_queue_has_it(bench):
    rung = []
    express = Express(lambda: rung.append(1))
    assert express.ticket(envelopes.URGENT) is None
    await accept_one(bench, express)
    assert rung == [1]
    assert await bench.store.main.read(queue.totals) == {"queued": 1, "leased": 0}


async def test_a_ticket_from_before_a_trouble_is_not_trusted_and_nothing_is_sent_twice(bench, net):
    inbox = await net.receiver("inbox.example")
    async with bench.running() as engine:
        express = await serving(engine)
        old = express.ticket(envelopes.URGENT)
        await accept_one(bench, express, ticket=Ticket(old.claim, old.generation - 1))
        await bench.idle()
    assert recipients(inbox) == ["a@inbox.example"]


async def test_a_held_lane_keeps_its_mail(bench, net):
    inbox = await net.receiver("inbox.example")
    async with bench.running() as engine:
        express = await serving(engine)
        first = await accept_one(bench, express)
        await bench.idle()
        await bench.store.main.write(_hold, first.lane.lane_id)
        queued = await accept_one(bench, express, "b@inbox.example")
        assert queued.leased == []
    assert recipients(inbox) == ["a@inbox.example"]
    assert (await bench.states())[queued.ids[0]] == "queued"


def _hold(tx, lane_id):
    tx.conn.exec_driver_sql(f"UPDATE lanes SET state = 1 WHERE id = {lane_id}")


async def test_a_stop_gives_back_what_was_handed_over(bench, net):
    inbox = await net.receiver("inbox.example")
    inbox.on("a@inbox.example", accept(wait=3.0))
    async with bench.running(stop_patience=0.1, connections=1) as engine:
        express = await serving(engine)
        await accept_one(bench, express)
        await asyncio.sleep(0.1)
        await accept_one(bench, express, "b@inbox.example")
    assert express.ticket(envelopes.URGENT) is None
    assert (await bench.store.main.read(queue.totals))["leased"] == 0
