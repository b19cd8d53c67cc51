"""What the delivery engine counts of TLS while it delivers (RFC 8460 4.3)."""

import asyncio

import pytest
from tests.faults.engine import CLOCK, campaign, delivering, idle, until
from tests.secured import Secured, policy

from lettershop.egress.protection import Protection
from lettershop.egress.sts import StsPolicies
from lettershop.egress.tls_results import TlsResults
from lettershop.net.fetch import Fetcher
from lettershop.net.tls import opportunistic_context
from lettershop.store import tls_results


@pytest.fixture
async def world():
    async with Secured() as made:
        for domain in ("b.example", "c.example", "d.example"):
            made.records[(domain, "MX")] = [f"10 mx.{domain}"]
        yield made


def engine(store, world, **changes):
    results = TlsResults(CLOCK)
    fetcher = Fetcher(world, world.trusted, port=world.web_port)
    guards = Protection((), StsPolicies(store.main, world, fetcher, CLOCK), None, results)
    return delivering(
        store.main, {}, world, world.port, guards=guards, tls=opportunistic_context(), trusted=world.trusted,
        tls_results=results, **changes,
    )  # fmt: skip


async def counted(store):
    found = await store.main.read(lambda conn: tls_results.results(conn, since=0))
    return {(one.result.domain, one.result.kind, one.result.failure, one.result.mx) for one in found}


async def test_what_went_well_and_what_did_not(store, world):
    world.records[("shared.example", "MX")] = ["10 mx.b.example"]
    for domain, mode in (("c.example", "testing"), ("b.example", "enforce")):
        world.records[(f"_mta-sts.{domain}", "TXT")] = ["v=STSv1; id=1;"]
        world.files[f"mta-sts.{domain}"] = policy(mode, f"mx.{domain}")
    await world.receiver("mx.b.example")
    await world.receiver("mx.c.example", names="wrong.example")
    await world.receiver("mx.d.example", tls=False)
    domains = ("b.example", "c.example", "d.example", "shared.example")
    await campaign(store.main, [(number + 1, domain) for number, domain in enumerate(domains)])
    async with engine(store, world):
        await idle(store.main)
    assert await counted(store) == {
        ("b.example", "sts", "", ""), ("shared.example", "no-policy-found", "", ""),
        ("c.example", "sts", "certificate-host-mismatch", "mx.c.example"),
        ("d.example", "no-policy-found", "starttls-not-supported", "mx.d.example"),
    }  # fmt: skip


async def test_what_a_policy_keeps_back(store, world):
    for domain in ("b.example", "c.example"):
        world.records[(f"_mta-sts.{domain}", "TXT")] = ["v=STSv1; id=1;"]
    world.files["mta-sts.b.example"] = policy("enforce", "*.b.example")
    world.records[("b.example", "MX")] = ["10 mx.b.example", "20 mx.elsewhere.example"]
    await world.receiver("mx.b.example", tls=False)
    await world.receiver("mx.elsewhere.example")
    inbox = await world.receiver("mx.c.example")
    await campaign(store.main, [(1, "b.example"), (2, "c.example")], expire=86_400.0)
    wanted = {
        ("b.example", "sts", "starttls-not-supported", "mx.b.example"),
        ("b.example", "sts", "validation-failure", "mx.elsewhere.example"),
        ("c.example", "sts", "sts-policy-fetch-error", ""), ("c.example", "no-policy-found", "", ""),
    }  # fmt: skip
    async with engine(store, world, retry=(3600.0,)):

        async def both_tried():
            rows = await store.main.read(lambda conn: conn.exec_driver_sql("SELECT attempts FROM envelopes").all())
            return all(row[0] > 0 for row in rows)

        await until(both_tried)
        await asyncio.sleep(0.1)
    assert await counted(store) == wanted
    assert len(inbox.messages) == 1


async def test_mail_of_several_domains_over_one_connection_counts_for_each(store, world):
    for domain in ("one.example", "two.example"):
        world.records[(domain, "MX")] = ["10 mx.b.example"]
    inbox = await world.receiver("mx.b.example")
    await campaign(store.main, [(1, "one.example"), (2, "two.example")])
    async with engine(store, world, connections=1):
        await idle(store.main)
    assert inbox.connections == 1
    assert await counted(store) == {(f"{name}.example", "no-policy-found", "", "") for name in ("one", "two")}


async def test_what_cannot_be_stored_now_is_kept(store):
    results = TlsResults(CLOCK)

    class Away:
        async def write(self, *args):
            raise OSError("away")

    from lettershop.egress.guard import NO_POLICY

    results.unknown("b.example", NO_POLICY, "validation-failure")
    with pytest.raises(OSError, match="away"):
        await results.write(Away(), CLOCK.now())
    await results.write(store.main, CLOCK.now(), all_of_it=True)
    assert await counted(store) == {("b.example", "no-policy-found", "validation-failure", "")}
