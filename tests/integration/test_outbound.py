"""The delivery engine against receivers on loopback: what each answer makes of an envelope, and who waits for whom."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from sqlalchemy import select
from tests.receivers import Network, accept, drop, garbage, refuse, stall

from lettershop.base.clock import SystemClock
from lettershop.base.errors import Refused
from lettershop.base.facts import restore
from lettershop.egress.engine import Engine
from lettershop.egress.message import Recipe, Withhold
from lettershop.egress.settings import Settings
from lettershop.egress.site import Routes
from lettershop.net.dial import Timeouts
from lettershop.net.zones import ZoneResolver
from lettershop.store import dialogues, envelopes, queue, stored
from lettershop.store.schema_delivery import envelopes as table
from lettershop.store.schema_main import facts
from lettershop.workers.outbound import Outbound

MESSAGE = b"From: a@brand.example\r\nSubject: Hello\r\n\r\nGood day.\r\n"
CLOCK = SystemClock()


class Source:
    """Campaign and stored messages at once; a test may withhold or break single addresses."""

    def __init__(self):
        self.withheld = {}
        self.broken = {}
        self.made = 0
        self.dsn = ("", "")

    async def prepare(self, leased):
        return [self._one(one) for one in leased]

    def _one(self, one):
        address = one.address or f"c{one.contact_id}@{one.site}"
        if address in self.withheld:
            return replace(self.withheld[address], envelope_id=one.envelope_id)

        def make():
            self.made += 1
            if address in self.broken:
                raise self.broken[address]
            return MESSAGE

        return Recipe(one.envelope_id, "a@brand.example", address, make, dsn=self.dsn)


class Bench:
    """An engine on a store, with a network of receivers."""

    def __init__(self, store, net, source, settings):
        self.store, self.net, self.source = store, net, source
        self.settings = settings
        self.resolver = ZoneResolver.of({})
        self.fixed = None  # routes in place of those to the receivers

    @asynccontextmanager
    async def running(self, **changes):
        settings = replace(self.settings, **changes)
        routes = Routes(self.resolver, CLOCK, hostname="out.brand.example", fixed=self.fixed or self.net.routes)
        engine = Engine(self.store.main, self.source, self.source, routes, CLOCK, settings)
        stop = asyncio.Event()
        task = asyncio.create_task(Outbound(engine).run(stop))
        try:
            yield engine
        finally:
            stop.set()
            await task

    async def queue(self, *addresses, expire=3600.0, priority=3):
        now = CLOCK.now()
        recipients = [(address, address.partition("@")[2]) for address in addresses]
        return await self.store.main.write(
            stored.enqueue_stored, workspace_id=None, mail_from="a@brand.example", recipients=recipients, blob="x",
            size=1, now=now, expires_at=now + expire, priority=priority,
        )  # fmt: skip

    async def campaign(self, rows, campaign_id=7, workspace_id=1):
        now = CLOCK.now()
        await self.store.main.write(
            envelopes.enqueue_recipes, workspace_id=workspace_id, campaign_id=campaign_id, rows=rows, now=now,
            due_at=now, expires_at=now + 3600,
        )  # fmt: skip

    async def until(self, condition, seconds=40.0):
        async with asyncio.timeout(seconds):
            while not await condition():  # noqa: ASYNC110 - the database cannot wake us
                await asyncio.sleep(0.02)

    async def idle(self):
        """Until nothing waits any more."""

        async def empty():
            return await self.store.main.read(queue.totals) == {"queued": 0, "leased": 0}

        await self.until(empty)

    async def facts(self):
        def read(conn):
            rows = conn.execute(select(facts).order_by(facts.c.id)).mappings().all()
            return [
                restore(row["kind"], {name: row[name] for name in ("at", "envelope_id")}, row["data"]) for row in rows
            ]

        return await self.store.main.read(read)

    async def states(self):
        rows = await self.store.main.read(
            lambda conn: conn.execute(select(table.c.id, table.c.state).order_by(table.c.id)).all()
        )
        return {row.id: envelopes.STATE_NAMES[row.state] for row in rows}


@pytest.fixture
async def net():
    async with Network() as network:
        yield network


@pytest.fixture
def bench(store, net):
    settings = Settings(
        "out.brand.example", "test/0", retry=(0.2, 0.4), poll=0.05, idle=0.2, connections=3, timeouts=Timeouts.all(0.6)
    )
    return Bench(store, net, Source(), settings)


async def test_every_kind_of_answer_becomes_its_outcome_and_fact(bench, net):
    inbox = await net.receiver("inbox.example")
    inbox.on("dead@inbox.example", refuse(550, "5.1.1", "No such user"))
    inbox.on("busy@inbox.example", refuse(451, "4.7.1", "Greylisted"), accept())
    inbox.on("spam@inbox.example", refuse(554, "5.7.1", "This looks like spam", at="dot"))
    inbox.on("full@inbox.example", refuse(452, "4.2.2", "Mailbox is full"))
    await bench.queue("good@inbox.example", "dead@inbox.example", "busy@inbox.example", "spam@inbox.example")
    await bench.queue("full@inbox.example", expire=0.5)
    async with bench.running():
        await bench.idle()
    assert list((await bench.states()).values()) == ["delivered", "bounced", "delivered", "bounced", "expired"]
    told = {}
    for fact in await bench.facts():
        told.setdefault(fact.envelope_id, []).append(fact)
    assert [fact.kind for fact in told[3]] == ["Deferred", "Delivered"]
    assert (told[1][0].code, told[1][0].mx, told[1][0].attempt) == (250, "127.0.0.1", 1)
    assert 0 < told[1][0].latency < 10
    assert told[3][0].reason == "greylisted"
    assert told[3][1].attempt == 2
    assert told[3][1].latency > 0.2
    assert (told[2][0].reason, told[2][0].hard, told[2][0].address) == ("unknown-user", True, "dead@inbox.example")
    assert (told[4][0].reason, told[4][0].hard) == ("content", False)
    assert [fact.kind for fact in told[5]][-1] == "Bounced"
    assert (told[5][-1].reason, told[5][-1].hard) == ("mailbox-full", False)
    kinds = [fact.kind for facts in told.values() for fact in facts]
    results = [kinds.count("Delivered"), kinds.count("Deferred")]
    [counts] = bench.settings.book.sites.values()
    assert counts[:2] == results
    assert sum(bench.settings.book.latencies["single"].buckets) == 2
    shown = await bench.store.main.read(queue.show, 2)
    assert shown.answer == "127.0.0.1, rcpt: 550 5.1.1 No such user"


async def test_the_whole_dialogue_of_what_failed_or_waits_is_kept_and_of_nothing_else(bench, net):
    inbox = await net.receiver("inbox.example")
    inbox.on("dead@inbox.example", refuse(550, "5.1.1", "No such user"))
    inbox.on("busy@inbox.example", refuse(451, "4.7.1", "Greylisted"), accept())
    inbox.on("cut@inbox.example", drop(at="dot"))
    gone = await net.receiver("gone.example")
    gone.port = 1  # nobody listens there
    await bench.queue("good@inbox.example", "dead@inbox.example", "busy@inbox.example")
    await bench.queue("cut@inbox.example", "x@gone.example", expire=0.3)
    async with bench.running():
        await bench.idle()
    said = [await bench.store.main.read(dialogues.of, number) for number in range(1, 6)]
    assert said[0] is None
    assert said[2] is None  # delivered in the end
    lines = said[1][1].splitlines()
    assert lines[0].startswith(f"-- to 127.0.0.1 [127.0.0.1]:{inbox.port} from ")
    assert lines[1].startswith("S: 220 ")
    assert lines[2] == "C: EHLO out.brand.example"
    assert lines[-2:] == ["C: RCPT TO:<dead@inbox.example>", "S: 550 5.1.1 No such user"]
    assert said[3][1].splitlines()[-2].startswith("-- the message")  # by BDAT or DATA
    assert "-- Cannot connect" in said[4][1]
    assert "Subject" not in "".join(text for _, text in filter(None, said))


async def test_a_campaign_goes_out_over_few_connections(bench, net):
    inbox = await net.receiver("inbox.example")
    await bench.campaign([(index, "inbox.example") for index in range(300)])
    async with bench.running():
        await bench.idle()
    assert sorted(inbox.by_recipient()) == sorted(f"c{index}@inbox.example" for index in range(300))
    assert len(inbox.messages) == 300
    assert inbox.most_open <= 3
    assert inbox.connections <= 6
    assert bench.source.made == 300
    assert bench.settings.book.campaigns == {"7": [300, 0, 0]}
    assert bench.settings.book.sources == {"system": [300, 0, 0]}


async def test_connections_are_closed_after_their_share(bench, net):
    inbox = await net.receiver("inbox.example")
    await bench.campaign([(index, "inbox.example") for index in range(60)])
    async with bench.running(messages_per_connection=10, connections=1):
        await bench.idle()
    assert len(inbox.messages) == 60
    assert inbox.connections == 6


@pytest.mark.parametrize(
    "trouble",
    [
        drop(at="dot"),
        drop(at="rcpt"),
        garbage(at="dot"),
        stall(at="dot"),
        stall(at="rcpt"),
        refuse(421, "4.3.2", "Closing"),
    ],
    ids=["cut-at-dot", "cut-at-rcpt", "garbage", "stall-at-dot", "stall-at-rcpt", "421"],
)
async def test_trouble_is_tried_again_and_harms_no_other(bench, net, trouble):
    inbox = await net.receiver("inbox.example")
    inbox.on("c5@inbox.example", trouble, accept())
    await bench.campaign([(index, "inbox.example") for index in range(30)])
    async with bench.running(connections=2):
        await bench.idle()
    got = {address: len(messages) for address, messages in inbox.by_recipient().items()}
    assert set(got) == {f"c{index}@inbox.example" for index in range(30)}
    assert max(got.values()) == 1
    assert set((await bench.states()).values()) == {"delivered"}


async def test_a_message_taken_without_an_answer_may_come_twice_but_is_not_lost(bench, net):
    inbox = await net.receiver("inbox.example")
    inbox.on("a@inbox.example", drop(at="dot", taken=True), accept())
    await bench.queue("a@inbox.example")
    async with bench.running():
        await bench.idle()
    assert len(inbox.messages) == 2
    assert [fact.kind for fact in await bench.facts()] == ["Deferred", "Delivered"]


async def test_a_server_that_ends_every_connection_early_is_served_all_the_same(bench, net):
    inbox = await net.receiver("inbox.example", per_connection=7)
    await bench.campaign([(index, "inbox.example") for index in range(40)])
    async with bench.running(connections=2, retry=(0.05,)):
        await bench.idle()
    assert len(inbox.messages) == 40


async def test_without_pipelining_it_is_slower_but_the_same(bench, net):
    inbox = await net.receiver("inbox.example", hidden=frozenset({"PIPELINING"}))
    inbox.on("c3@inbox.example", refuse(550, "5.1.1", "No such user"))
    await bench.campaign([(index, "inbox.example") for index in range(20)])
    async with bench.running():
        await bench.idle()
    assert len(inbox.messages) == 19


async def test_a_dead_and_a_stalling_site_hold_up_nobody(bench, net):
    good = [await net.receiver(f"good{index}.example") for index in range(4)]
    slow = await net.receiver("slow.example")
    slow.default = stall(at="rcpt")
    dead = await net.receiver("dead.example")
    dead.port = 1  # nobody listens there
    sites = [receiver.domain for receiver in good] + ["slow.example", "dead.example"]
    await bench.campaign([(index, sites[index % 6]) for index in range(600)])

    async def healthy():
        return sum(len(receiver.messages) for receiver in good) == 400

    async with bench.running(retry=(30.0,), window=60):
        started = CLOCK.monotonic()
        await bench.until(healthy)
        passed = CLOCK.monotonic() - started
    told = await bench.facts()
    assert passed < 25  # the retry of a dead one comes after thirty
    assert {fact.reason for fact in told if fact.kind == "Deferred" and fact.site == "dead.example"} == {"network"}
    assert not [fact for fact in told if fact.kind == "Bounced"]


async def test_no_domain_and_null_mx_bounce_hard_and_a_silent_dns_is_tried_again(bench, net):
    inbox = await net.receiver("mx.real.example")
    bench.resolver = ZoneResolver.of({("null.example", "MX"): ["0 ."]})
    await bench.queue("a@nowhere.example", "b@null.example", "c@mx.real.example")
    async with bench.running():
        await bench.idle()
    told = {fact.site: fact for fact in await bench.facts()}
    assert (told["nowhere.example"].reason, told["nowhere.example"].hard) == ("bad-domain", True)
    assert (told["null.example"].reason, told["null.example"].code) == ("bad-domain", 556)
    assert told["null.example"].address == "b@null.example"
    assert len(inbox.messages) == 1


async def test_the_source_has_the_last_word(bench, net):
    inbox = await net.receiver("inbox.example")
    bench.source.withheld = {"a@inbox.example": Withhold(0, "suppressed")}
    bench.source.broken = {
        "b@inbox.example": Refused("The template needs a name.", code="no-name"),
        "c@inbox.example": ValueError("bug"),
    }
    await bench.queue("a@inbox.example", "b@inbox.example", "c@inbox.example", "d@inbox.example")

    async def settled():
        return len(inbox.messages) == 1 and len(await bench.facts()) >= 4

    async with bench.running(retry=(60.0,)):
        await bench.until(settled)
    told = {fact.envelope_id: fact for fact in await bench.facts()}
    assert [(told[index].kind, told[index].reason) for index in (1, 2)] == [
        ("Withheld", "suppressed"),
        ("Withheld", "no-name"),
    ]
    assert told[3].kind == "Deferred"
    assert "bug" not in told[3].text


async def test_a_held_campaign_stops_at_once_and_goes_on_when_resumed(bench, net):
    inbox = await net.receiver("inbox.example")
    inbox.default = accept(wait=0.02)
    await bench.campaign([(index, "inbox.example") for index in range(200)])

    async def begun():
        return len(inbox.messages) > 20

    async with bench.running(connections=2):
        await bench.until(begun)
        await bench.store.main.write(envelopes.hold, 7)

        async def given_back():
            return (await bench.store.main.read(queue.totals))["leased"] == 0

        await bench.until(given_back)
        at_rest = len(inbox.messages)
        await asyncio.sleep(0.4)
        assert len(inbox.messages) == at_rest < 200
        await bench.store.main.write(envelopes.resume, 7)
        await bench.idle()
    assert len(inbox.messages) == 200


async def test_a_cancelled_campaign_is_withheld_with_facts(bench, net):
    inbox = await net.receiver("inbox.example")
    inbox.default = accept(wait=0.02)
    await bench.campaign([(index, "inbox.example") for index in range(200)])

    async def begun():
        return len(inbox.messages) > 10

    async with bench.running(connections=1, tidy=0.05):
        await bench.until(begun)
        await bench.store.main.write(envelopes.cancel, 7)
        await bench.idle()
    counts = await bench.store.main.read(envelopes.counts, 7)
    assert counts["delivered"] == len(inbox.messages)
    assert counts["delivered"] + counts["withheld"] == 200
    assert sum(fact.kind == "Withheld" for fact in await bench.facts()) == counts["withheld"]


async def test_a_password_reset_does_not_wait_behind_a_newsletter(bench, net):
    inbox = await net.receiver("inbox.example")
    inbox.default = accept(wait=0.02)
    await bench.campaign([(index, "inbox.example") for index in range(2000)])

    async def begun():
        return len(inbox.messages) > 20

    async with bench.running(connections=2, window=500) as engine:
        await bench.until(begun)
        before = len(inbox.messages)
        await bench.queue("reset@inbox.example", priority=1)
        engine.wake()

        async def reset():
            return any(message.recipient == "reset@inbox.example" for message in inbox.messages)

        await bench.until(reset)
        assert len(inbox.messages) - before < 200


async def test_two_tenants_share_what_a_site_takes(bench, net):
    inbox = await net.receiver("inbox.example")
    inbox.default = accept(wait=0.01)
    await bench.campaign([(index, "inbox.example") for index in range(1500)], campaign_id=7, workspace_id=1)
    await bench.campaign([(index, "inbox.example") for index in range(5000, 5050)], campaign_id=8, workspace_id=2)

    async def second_done():
        return (await bench.store.main.read(envelopes.counts, 8)).get("delivered") == 50

    async with bench.running(connections=2, window=200):
        await bench.until(second_done)
    assert len(inbox.messages) < 300


async def test_a_graceful_stop_gives_everything_back(bench, net):
    inbox = await net.receiver("inbox.example")
    inbox.default = accept(wait=0.01)
    await bench.campaign([(index, "inbox.example") for index in range(500)])

    async def begun():
        return len(inbox.messages) > 20

    async with bench.running():
        await bench.until(begun)
    states = list((await bench.states()).values())
    assert states.count("leased") == 0
    assert states.count("delivered") == len(inbox.messages)
    async with bench.running():
        await bench.idle()
    assert len(inbox.messages) == 500


async def test_several_engines_share_a_queue_without_doubles(bench, net):
    inbox = await net.receiver("inbox.example")
    await bench.campaign([(index, "inbox.example") for index in range(200)])
    async with (
        bench.running(window=40),
        bench.running(owner="test/1", window=40),
        bench.running(owner="test/2", window=40),
    ):
        await bench.idle()
    assert len(inbox.messages) == 200
    assert len(inbox.by_recipient()) == 200


@pytest.mark.parametrize("dsn", [True, False], ids=["knows", "does not know"])
async def test_who_knows_dsn_is_told_what_the_sender_wants_and_success_elsewhere_is_ours_to_tell(bench, net, dsn):
    inbox = await net.receiver("inbox.example", dsn=dsn)
    bench.source.dsn = (" RET=FULL ENVID=x+3D1", " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a@inbox.example")
    await bench.queue("a@inbox.example")
    async with bench.running():
        await bench.idle()
    [message] = inbox.messages
    said = (message.ret, message.envid, message.notify, message.orcpt)
    assert said == (
        ("FULL", "x=1", {"SUCCESS", "FAILURE"}, "rfc822;a@inbox.example") if dsn else ("", "", frozenset(), "")
    )
    [fact] = await bench.facts()
    assert fact.relayed is not dsn
