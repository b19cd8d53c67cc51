"""Which MTA-STS policy counts: fetched, kept, refreshed, outlived; what it makes of hops."""

import pytest

from lettershop.egress.protection import Protection, by_policy
from lettershop.egress.site import Hop, Unroutable
from lettershop.egress.sts import AGAIN, DAY, NEWS, StsPolicies
from lettershop.net.fetch import CannotFetch
from lettershop.net.zones import ZoneResolver
from lettershop.wire.trust.mtasts import Policy, parse

HOST = "mta-sts.b.example"


def text(mode="enforce", mx="mx.b.example", max_age=604_800):
    return f"version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: {max_age}\n".encode()


class World:
    """The DNS and the web servers of others."""

    def __init__(self, store, clock):
        self.store, self.clock = store, clock
        self.files: dict[str, bytes | Exception] = {}
        self.asked = 0
        self.resolver = ZoneResolver.of({})

    def announce(self, *identifiers):
        self.resolver = ZoneResolver.of(
            {("_mta-sts.b.example", "TXT"): [f"v=STSv1; id={one};" for one in identifiers]} if identifiers else {}
        )

    async def query(self, name, rdtype):
        return await self.resolver.query(name, rdtype)

    async def txt(self, name):
        return await self.resolver.txt(name)

    async def get(self, host, path):
        assert path == "/.well-known/mta-sts.txt"
        self.asked += 1
        found = self.files.get(host, CannotFetch("gone"))
        if isinstance(found, Exception):
            raise found
        return found

    def policies(self):
        """As a process has them that has just begun."""
        return StsPolicies(self.store.main, self, self, self.clock)


@pytest.fixture
def world(store, clock):
    return World(store, clock)


async def test_without_a_record_nothing_is_fetched(world):
    world.files[HOST] = text()
    assert await world.policies().find("b.example") is None
    assert world.asked == 0


async def test_a_policy_is_fetched_once_and_kept_for_all_processes(world):
    world.announce("1")
    world.files[HOST] = text()
    one, other = world.policies(), world.policies()
    for policies in (one, one, other):
        assert await policies.find("b.example") == Policy("enforce", ("mx.b.example",), 604_800)
    assert world.asked == 1


async def test_another_process_learns_of_it_without_a_restart(world, clock):
    early = world.policies()
    assert await early.find("c.example") is None
    world.announce("1")
    world.files[HOST] = text()
    await world.policies().find("b.example")
    clock.advance(NEWS)
    world.announce()
    assert (await early.find("b.example")).mode == "enforce"
    assert world.asked == 1


async def test_a_new_id_means_a_new_policy(world, clock):
    policies = world.policies()
    world.announce("1")
    world.files[HOST] = text()
    await policies.find("b.example")
    world.announce("2")
    world.files[HOST] = text("testing")
    assert (await policies.find("b.example")).mode == "testing"
    world.announce("3")
    world.files[HOST] = text("none")
    assert await policies.find("b.example") is None
    assert world.asked == 3


async def test_who_blocks_the_dns_or_the_web_server_does_not_switch_it_off(world, clock):
    world.announce("1")
    world.files[HOST] = text(max_age=3 * 86_400)
    await world.policies().find("b.example")
    clock.advance(2.5 * DAY)
    world.announce()
    assert (await world.policies().find("b.example")).mode == "enforce"
    world.announce("2", "3")  # no valid record
    assert (await world.policies().find("b.example")).mode == "enforce"
    world.announce("2")
    world.files[HOST] = CannotFetch("blocked", "sts-webpki-invalid")
    policies = world.policies()
    assert (await policies.find("b.example")).mode == "enforce"
    assert policies.failure("b.example") == "sts-webpki-invalid"
    clock.advance(DAY)
    assert await policies.find("b.example") is None  # its time is over


async def test_a_fetch_that_failed_is_not_tried_again_at_once(world, clock):
    world.announce("1")
    policies = world.policies()
    for _ in range(3):
        assert await policies.find("b.example") is None
    assert (world.asked, policies.failure("b.example")) == (1, "sts-policy-fetch-error")
    world.files[HOST] = b"no policy"
    clock.advance(AGAIN + 1)
    assert await policies.find("b.example") is None
    assert (world.asked, policies.failure("b.example")) == (2, "sts-policy-invalid")
    world.files[HOST] = text()
    clock.advance(AGAIN + 1)
    assert await policies.find("b.example") is not None
    assert policies.failure("b.example") == ""


async def test_what_is_kept_is_refreshed_before_it_expires(world, clock):
    world.announce("1")
    world.files[HOST] = text(max_age=7 * 86_400)
    policies = world.policies()
    await policies.find("b.example")
    for _ in range(10):
        clock.advance(DAY)
        await policies.refresh()
    assert world.asked == 11
    world.announce()
    assert await world.policies().find("b.example") is not None


async def test_the_hops_of_a_policy_that_is_in_force(world):
    hops = [Hop("mx.b.example", ("192.0.2.1",), 25), Hop("old.b.example", ("192.0.2.2",), 25)]
    world.announce("1")
    world.files[HOST] = text()
    guarded = await Protection((), world.policies()).guarded("b.example", hops)
    assert [(hop.host, hop.guard.demand, hop.guard.trial) for hop in guarded] == [("mx.b.example", "trusted", False)]
    with pytest.raises(Unroutable, match="names none of its mail servers") as caught:
        await Protection((), world.policies()).guarded("b.example", hops[1:])
    assert caught.value.retry
    assert await Protection((), world.policies()).guarded("b.example", hops, fixed=True) == tuple(hops)


def test_the_hops_of_a_policy_that_is_tried_out():
    hops = [Hop("mx.b.example", ("192.0.2.1",), 25), Hop("old.b.example", ("192.0.2.2",), 25)]
    guarded = by_policy(hops, parse(text("testing")))
    assert [(hop.guard.trial, hop.guard.listed) for hop in guarded] == [(True, True), (True, False)]
    assert guarded[0].guard.label != by_policy(hops, parse(text()))[0].guard.label


async def test_the_operators_wish_is_the_least(world):
    hops = [Hop("mx.b.example", ("192.0.2.1",), 25)]
    world.announce("1")
    world.files[HOST] = text("testing")
    guard = (await Protection(["*"], world.policies()).guarded("b.example", hops))[0].guard
    assert (guard.demand, guard.trial, guard.encrypted) == ("trusted", True, True)
