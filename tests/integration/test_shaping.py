"""Limits, suspensions, source addresses and urgent mail, against receivers on loopback."""

import asyncio
import re
from dataclasses import replace

import pytest
from tests.integration.test_outbound import CLOCK, Bench, Source
from tests.receivers import Network, accept, refuse

from lettershop.app.bell import Bell
from lettershop.egress.settings import Settings
from lettershop.egress.shaping import Row, Rule, Shaping
from lettershop.egress.sources import Pools
from lettershop.egress.sources import Source as Address
from lettershop.net.dial import Timeouts
from lettershop.store import factlog, queue_acts, sites

BLOCKED = Rule(re.compile("blocked"), frozenset(), 1, 3600, 0, True, None, None, 600, "Blocked by the list.", "")


def big(**values):
    return Row("big", domains=("*.big.example",), messages_per_connection=100, **values)


def table(**values):
    return Shaping(Row("default", rollup=False), (big(**values),))


@pytest.fixture
async def net():
    async with Network() as network:
        yield network


@pytest.fixture
def bench(store, net):
    settings = Settings(
        "out.brand.example", "test/0", retry=(0.2, 0.4), poll=0.05, idle=0.2, timeouts=Timeouts.all(5.0),
        shaping=table(connections=2),
    )  # fmt: skip
    return Bench(store, net, Source(), settings)


async def test_domains_of_one_provider_share_its_connections(bench, net):
    receivers = [await net.receiver(f"d{number}.big.example") for number in range(5)]
    for receiver in receivers:
        receiver.default = accept(wait=0.01)
    together = []

    def count(address, number):
        together.append(sum(receiver.open_now for receiver in receivers))

    for receiver in receivers:
        receiver.decide = count
    await bench.campaign([(index, f"d{index % 5}.big.example") for index in range(150)])
    async with bench.running():
        await bench.idle()
    assert sum(len(receiver.messages) for receiver in receivers) == 150
    assert max(together) <= 3  # two, and one that is saying QUIT


async def test_a_block_suspends_the_address_tells_why_and_the_other_takes_over(bench, net):
    inbox = await net.receiver("d1.big.example")
    blocked = "127.0.0.2"
    bench.settings = replace(
        bench.settings, shaping=table(connections=2, rules=(BLOCKED,)),
        pools=Pools({"": (Address(blocked), Address("127.0.0.3"))}),
    )  # fmt: skip
    inbox.on("c3@d1.big.example", refuse(451, "4.7.1", "Your address is blocked"), accept())
    await bench.campaign([(index, "d1.big.example") for index in range(60)])
    async with bench.running(retry=(0.5,)):
        await bench.idle()
    told = [logged.fact for logged in await bench.store.main.read(factlog.read_since, "facts", 0, 1000)]
    (fact,) = [fact for fact in told if fact.kind == "SiteSuspended"]
    assert (fact.site, fact.why) == ("big", "Blocked by the list.")
    assert "is blocked" in fact.answer
    assert fact.source in (blocked, "127.0.0.3")
    assert len(inbox.messages) == 60
    late = [message for message in inbox.messages if message.recipient == "c3@d1.big.example"]
    assert late[0].client.ip == ({blocked, "127.0.0.3"} - {fact.source}).pop()
    kept = {row.source: row for row in await bench.store.main.read(sites.all_states) if row.site == "big"}
    assert kept[fact.source].suspended_until == fact.until
    assert "Blocked by the list." in kept[fact.source].why


async def test_what_is_suspended_stays_so_after_a_restart_until_it_is_lifted(bench, net):
    inbox = await net.receiver("d1.big.example")
    bench.settings = replace(bench.settings, shaping=table(connections=2, rules=(BLOCKED,)), retry=(0.2,))
    inbox.on("a@d1.big.example", refuse(451, "4.7.1", "You are blocked"), accept())
    await bench.queue("a@d1.big.example")

    async def suspended():
        return any(row.suspended_until for row in await bench.store.main.read(sites.all_states))

    async with bench.running():
        await bench.until(suspended)
    async with bench.running():
        await asyncio.sleep(0.6)
        assert inbox.messages == []
        await bench.store.main.write(sites.lift, "big", CLOCK.now())
        await bench.store.main.write(queue_acts.retry_now, CLOCK.now(), everything=True)
    async with bench.running():
        await bench.idle()
    assert len(inbox.messages) == 1


async def test_a_rate_is_kept(bench, net):
    inbox = await net.receiver("d1.big.example")
    bench.settings = replace(bench.settings, shaping=table(connections=2, messages_per_minute=600.0))
    await bench.campaign([(index, "d1.big.example") for index in range(1000)])

    async def more_than_the_bucket():
        return len(inbox.messages) >= 112

    began = CLOCK.monotonic()
    async with bench.running():
        await bench.until(more_than_the_bucket)
        passed = CLOCK.monotonic() - began
        assert len(inbox.messages) <= 100 + 10 * passed + 5  # a bucket of 100, then ten a second
    assert passed > 0.5


async def test_a_reset_to_another_domain_of_the_provider_does_not_wait_for_its_connections(bench, net):
    busy, other = await net.receiver("d1.big.example"), await net.receiver("d2.big.example")
    busy.default = accept(wait=0.05)
    await bench.campaign([(index, "d1.big.example") for index in range(2000)])

    async def begun():
        return len(busy.messages) > 20

    async def there():
        return bool(other.messages)

    async with bench.running(poll=5.0) as engine:
        await bench.until(begun)
        await bench.queue("reset@d2.big.example", priority=1)
        engine.wake()
        await bench.until(there)
    assert len(busy.messages) < 1000


async def test_new_mail_is_heard_of_in_the_process_and_beside_it(tmp_path):
    mine, other, stop, heard = Bell(tmp_path / "b"), Bell(tmp_path / "b"), asyncio.Event(), []
    other.ring()  # nobody there
    hearing = asyncio.create_task(mine.hear("delivery-0", lambda: heard.append(1), stop))
    await asyncio.sleep(0)
    mine.ring()
    assert heard == [1]
    other.ring()
    async with asyncio.timeout(5):
        while len(heard) < 2:  # noqa: ASYNC110 - a datagram comes when it comes
            await asyncio.sleep(0.01)
    stop.set()
    await hearing
    assert not list((tmp_path / "b").glob("*"))
