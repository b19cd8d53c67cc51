"""MTA-STS from the record to the receiver, over a real HTTPS server, real TLS and the delivery engine (RFC 8461)."""

import asyncio

import pytest
import trustme
from tests.faults.engine import CLOCK, campaign, delivering, idle, until
from tests.secured import Secured, policy

from lettershop.egress.protection import Protection
from lettershop.egress.sts import StsPolicies
from lettershop.net.fetch import CannotFetch, Fetcher
from lettershop.net.tls import opportunistic_context
from lettershop.store import queue


@pytest.fixture
async def world():
    async with Secured() as made:
        made.records[("b.example", "MX")] = ["10 mx.b.example"]
        made.records[("_mta-sts.b.example", "TXT")] = ["v=STSv1; id=1;"]
        yield made


def engine(store, world, **changes):
    fetcher = Fetcher(world, world.trusted, port=world.web_port)
    guards = Protection((), StsPolicies(store.main, world, fetcher, CLOCK))
    return delivering(
        store.main, {}, world, world.port, guards=guards, tls=opportunistic_context(), trusted=world.trusted, **changes
    )


async def tried(store):
    async def once():
        rows = await store.main.read(lambda conn: conn.exec_driver_sql("SELECT attempts FROM envelopes").all())
        return all(row[0] > 0 for row in rows)

    await until(once)


async def test_a_host_that_keeps_to_the_policy_gets_the_mail(store, world):
    world.files["mta-sts.b.example"] = policy("enforce", "mx.b.example")
    inbox = await world.receiver("mx.b.example")
    await campaign(store.main, [(1, "b.example"), (2, "b.example")])
    async with engine(store, world):
        await idle(store.main)
    assert [message.client.tls for message in inbox.messages] == ["TLSv1.3"] * 2
    assert world.fetched == ["mta-sts.b.example"]


@pytest.mark.parametrize("flaw", ["name", "authority", "no-tls", "not-named"])
async def test_what_is_not_as_the_policy_says_waits_and_never_goes_in_clear(store, world, flaw):
    world.files["mta-sts.b.example"] = policy("enforce", "*.b.example" if flaw != "not-named" else "other.b.example")
    inbox = await world.receiver(
        "mx.b.example", names="wrong.example" if flaw == "name" else "", tls=flaw != "no-tls",
        authority=trustme.CA() if flaw == "authority" else None,
    )  # fmt: skip
    await campaign(store.main, [(1, "b.example")], expire=86_400.0)
    async with engine(store, world, retry=(3600.0,)):
        await tried(store)
        await asyncio.sleep(0.2)
    assert inbox.messages == []
    assert await store.main.read(queue.totals) == {"queued": 1, "leased": 0}


async def test_a_policy_on_trial_stops_nothing(store, world):
    world.files["mta-sts.b.example"] = policy("testing", "mx.b.example")
    world.records[("b.example", "MX")] = ["10 old.b.example", "20 mx.b.example"]
    old = await world.receiver("old.b.example", tls=False)
    inbox = await world.receiver("mx.b.example", names="wrong.example")
    await campaign(store.main, [(1, "b.example")])
    async with engine(store, world):
        await idle(store.main)
        world.records[("b.example", "MX")] = ["10 mx.b.example"]
    async with engine(store, world):
        await campaign(store.main, [(2, "b.example")])
        await idle(store.main)
    assert [message.client.tls for message in old.messages] == [""]
    assert [message.client.tls for message in inbox.messages] == ["TLSv1.3"]


async def test_among_hosts_the_one_that_keeps_to_the_policy_is_taken(store, world):
    world.files["mta-sts.b.example"] = policy("enforce", "*.b.example")
    world.records[("b.example", "MX")] = ["10 bad.b.example", "20 mx.b.example", "5 x.elsewhere.example"]
    bad = await world.receiver("bad.b.example", names="wrong.example")
    elsewhere = await world.receiver("x.elsewhere.example")
    inbox = await world.receiver("mx.b.example")
    await campaign(store.main, [(1, "b.example")])
    async with engine(store, world):
        await idle(store.main)
    assert (len(inbox.messages), bad.messages, elsewhere.messages) == (1, [], [])
    assert elsewhere.connections == 0


async def test_domains_on_one_host_with_and_without_a_policy(store, world):
    """The mail of the one must not go over a connection that was good enough for the other."""
    world.files["mta-sts.b.example"] = policy("enforce", "mx.b.example")
    world.records[("free.example", "MX")] = ["10 mx.b.example"]
    inbox = await world.receiver("mx.b.example", names="wrong.example")
    await campaign(
        store.main, [(1, "b.example"), (2, "free.example"), (3, "b.example"), (4, "free.example")], expire=86_400.0
    )
    async with engine(store, world, retry=(3600.0,)):
        await until(lambda: _got(inbox, 2))
        await asyncio.sleep(0.3)
    assert {message.recipient.partition("@")[2] for message in inbox.messages} == {"free.example"}


async def _got(inbox, count):
    return len(inbox.messages) >= count


async def get(world, host="mta-sts.b.example", **changes):
    return await Fetcher(world, world.trusted, port=world.web_port, **changes).get(host, "/.well-known/mta-sts.txt")


async def test_a_policy_is_fetched(world):
    world.files["mta-sts.b.example"] = policy("none")
    assert await get(world) == policy("none")


@pytest.mark.parametrize(("status", "kind"), [
    ("404 Not Found", "text/plain"), ("301 Moved\r\nlocation: https://mta-sts.c.example/", "text/plain"),
    ("200 OK", "text/html"), ("500 Oops", "text/plain"),
])  # fmt: skip
async def test_what_is_no_answer(world, status, kind):
    world.files["mta-sts.b.example"] = policy("none")
    world.status, world.kind = status, kind
    with pytest.raises(CannotFetch) as caught:
        await get(world)
    assert caught.value.kind == "sts-policy-fetch-error"
    assert world.fetched == ["mta-sts.b.example"]


async def test_what_is_too_large_and_who_is_not_there(world):
    world.files["mta-sts.b.example"] = b"x" * 70_000
    for host in ("mta-sts.b.example", "mta-sts.nowhere.example"):
        with pytest.raises(CannotFetch) as caught:
            await get(world, host)
        assert caught.value.kind == "sts-policy-fetch-error"


async def test_a_certificate_that_is_for_somebody_else(world):
    world.files["mta-sts.d.example"] = policy("none")
    with pytest.raises(CannotFetch, match="certificate") as caught:
        await get(world, "mta-sts.d.example")
    assert caught.value.kind == "sts-webpki-invalid"


async def test_a_server_that_says_nothing(world):
    async def silent(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    world.files["mta-sts.b.example"] = b""
    fetcher = Fetcher(world, world.trusted, port=server.sockets[0].getsockname()[1], patience=0.2)
    with pytest.raises(CannotFetch, match="did not answer"):
        await fetcher.get("mta-sts.b.example", "/")
    server.close()
