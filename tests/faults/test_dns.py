"""A DNS that is dead, slow, lying, cut short, running in circles or endless: mail waits, nobody bounces, the others go on."""

import asyncio

import pytest
from tests.faults.engine import CLOCK, campaign, copies, delivering, idle, told, until
from tests.faults.name_server import NameServer
from tests.receivers import Network

from lettershop.base.clock import SystemClock
from lettershop.egress import site
from lettershop.egress.site import Routes, Unroutable
from lettershop.net.resolver import DnsError, DnsResolver
from lettershop.supervisor import raise_file_limit

GOOD = {
    ("good.example", "MX"): ["10 mx.good.example."],
    ("mx.good.example", "A"): ["192.0.2.25"],
    ("alias.example", "CNAME"): ["good.example."],
    ("circle.example", "CNAME"): ["circle2.example."],
    ("circle2.example", "CNAME"): ["circle.example."],
    ("chain.example", "CNAME"): ["c0.chain.example."],
    **{(f"c{index}.chain.example", "CNAME"): [f"c{index + 1}.chain.example."] for index in range(40)},
    ("dangling.example", "MX"): ["10 nowhere.example."],
    ("toself.example", "MX"): ["10 out.brand.example."],
    ("numbers.example", "MX"): ["10 192.0.2.7."],
    ("big.example", "MX"): [
        f"{index} mx{index:04d}.a-rather-long-name-for-a-mail-server.big.example." for index in range(900)
    ],
    ("mx0000.a-rather-long-name-for-a-mail-server.big.example", "A"): ["192.0.2.26"],
    ("many.example", "MX"): ["10 mx.many.example."],
    ("mx.many.example", "A"): [f"192.0.2.{index}" for index in range(1, 255)],
    **{
        (f"{kind}.example", record): texts
        for kind in (
            "silent",
            "servfail",
            "refused",
            "garbage",
            "half",
            "other",
            "wrong-id",
            "truncated",
            "cut",
            "slow",
        )
        for record, texts in (("MX", ["10 mx.good.example."]),)
    },
}
RULES = {
    **{
        f"{kind}.example": kind
        for kind in ("silent", "servfail", "refused", "garbage", "half", "other", "wrong-id", "truncated", "cut")
    },
    "slow.example": 0.7,
    "dead.example": "silent",
}


@pytest.fixture
async def names():
    async with NameServer(GOOD, RULES) as server:
        yield server


def routes(names, patience=1.0):
    return Routes(
        DnsResolver(SystemClock(), [names.address], patience=patience), CLOCK, hostname="out.brand.example"
    )  # fmt: skip


@pytest.mark.parametrize("domain", ["good", "alias", "truncated", "slow"])
async def test_what_is_odd_but_right_is_found(names, domain):
    route = await routes(names, patience=10.0).find(f"{domain}.example")
    assert [(hop.host, hop.addresses) for hop in route.hops] == [("mx.good.example", ("192.0.2.25",))]


async def test_an_answer_of_any_size_is_read_and_little_of_it_used(names):
    found = routes(names, patience=10.0)
    route = await found.find("big.example")
    assert route.hops[0].addresses == ("192.0.2.26",)
    assert len(route.hops) <= 5
    assert len(names.asked) < 30, "it asked for every host of an endless list"
    assert (await found.find("many.example")).hops[0].host == "mx.many.example"


@pytest.mark.parametrize(
    "domain", ["silent", "servfail", "refused", "garbage", "half", "other", "wrong-id", "cut", "circle", "chain"]
)
async def test_no_answer_is_no_verdict(names, domain):
    """Temporary, always: the domain may be as good as any."""
    async with asyncio.timeout(30):
        with pytest.raises(Unroutable) as caught:
            await routes(names).find(f"{domain}.example")
        with pytest.raises(DnsError):
            await DnsResolver(SystemClock(), [names.address], patience=1.0).txt(f"{domain}.example")
    assert caught.value.retry
    assert (caught.value.smtp, caught.value.enhanced) == (451, "4.4.3")


@pytest.mark.parametrize(
    ("domain", "retry", "enhanced"),
    [
        ("missing", False, "5.1.2"),  # NXDOMAIN is an answer
        ("toself", False, "5.4.6"),  # it says we are its mail server: a loop
        ("dangling", True, "4.4.4"),  # its mail server does not exist: somebody will mend it
    ],
)
async def test_lies_have_their_own_words(names, domain, retry, enhanced):
    with pytest.raises(Unroutable) as caught:
        await routes(names).find(f"{domain}.example")
    assert (caught.value.retry, caught.value.enhanced) == (retry, enhanced)


async def test_an_address_in_place_of_a_name_is_taken_as_one(names):
    """RFC 5321 5.1 forbids it, people do it."""
    assert (await routes(names).find("numbers.example")).hops[0].addresses == ("192.0.2.7",)


DEAD, HEALTHY = 1200, 200


@pytest.mark.timeout(240)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_thousand_dead_domains_hold_up_no_healthy_one(store):
    """The dead come first and each look-up waits its full time; the healthy are through long before."""
    zone = {(f"d{index}.fine.example", "MX"): [f"10 mx{index}.fine.example."] for index in range(HEALTHY)}
    zone |= {(f"mx{index}.fine.example", "A"): ["127.0.0.1"] for index in range(HEALTHY)}
    patience = 150.0  # a quiet machine needs 13 seconds, one that runs other tests has needed a minute
    raise_file_limit()  # as `lettershop serve` does
    async with NameServer(zone, RULES) as names, Network() as net:
        inbox = await net.receiver("fine.example")
        resolver = DnsResolver(SystemClock(), [names.address], patience=patience)
        await campaign(store.main, [(index, f"x{index}.dead.example") for index in range(DEAD)])
        await campaign(store.main, [(DEAD + index, f"d{index}.fine.example") for index in range(HEALTHY)])
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with delivering(store.main, {}, resolver, window=4000, retry=(600.0,), port=inbox.port):

            async def healthy_are_through():
                return len(inbox.messages) >= HEALTHY

            await until(healthy_are_through, seconds=patience - 5.0)  # none waited until a dead one was given up
        print(f"{HEALTHY} healthy ones through after {loop.time() - began:.1f} s")
        assert loop.time() - began < patience
        assert set(copies(inbox).values()) == {1}
        assert "Bounced" not in await told(store.main)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_dns_that_comes_back_finds_everything_waiting(store, monkeypatch):
    monkeypatch.setattr(site, "REMEMBER_FAILURE", 0.1)
    zone = {("good.example", "MX"): ["10 mx.good.example."], ("mx.good.example", "A"): ["127.0.0.1"]}
    async with NameServer(zone, {"example": "silent"}) as names, Network() as net:
        inbox = await net.receiver("good.example")
        resolver = DnsResolver(SystemClock(), [names.address], patience=0.3)
        await campaign(store.main, [(index, "good.example") for index in range(40)])
        async with delivering(store.main, {}, resolver, retry=(1.0,), port=inbox.port):

            async def asked():
                return len(names.asked) >= 3 and bool((await told(store.main)).get("Deferred"))

            await until(asked)
            assert inbox.messages == []
            names.rules.clear()
            await idle(store.main)
        assert len(copies(inbox)) == 40
        assert set(copies(inbox).values()) == {1}
        assert "Bounced" not in await told(store.main)
