"""Routes: fixed ones, MX, implicit and null MX, loops, memory."""

from dataclasses import replace

import pytest

from lettershop.base.errors import NotFound, Temporary
from lettershop.egress.guard import ENCRYPTED, OPEN, Guard
from lettershop.egress.own import Ourselves
from lettershop.egress.protection import Protection
from lettershop.egress.site import REMEMBER, REMEMBER_FAILURE, Routes, Unroutable


class Dns:
    """Answers from two dicts and counts the questions."""

    def __init__(self, mx=None, addresses=None):
        self.records, self.hosts = mx or {}, addresses or {}
        self.asked = 0

    async def mx(self, domain):
        self.asked += 1
        return self._answer(self.records, domain)

    async def addresses(self, host):
        return self._answer(self.hosts, host)

    def _answer(self, table, name):
        answer = table.get(name, NotFound("no such name"))
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def find(clock):
    def of(dns, **settings):
        return Routes(dns, clock, hostname="out.brand.example", **settings)

    return of


async def test_hosts_come_by_preference(find):
    dns = Dns({"b.example": [(20, "mx2.b.example"), (10, "MX1.b.example.")]}, {
        "mx1.b.example": ["2001:db8::1", "192.0.2.1"], "mx2.b.example": ["192.0.2.2"],
    })  # fmt: skip
    route = await find(dns).find("b.example")
    assert [(hop.host, hop.addresses, hop.port) for hop in route.hops] == [
        ("mx1.b.example", ("2001:db8::1", "192.0.2.1"), 25),
        ("mx2.b.example", ("192.0.2.2",), 25),
    ]


async def test_equal_hosts_are_shuffled(clock):
    hosts = [f"mx{index}.b.example" for index in range(4)]
    dns = Dns({"b.example": [(10, host) for host in hosts]}, {host: ["192.0.2.1"] for host in hosts})
    dice = iter([b"\x01\x02\x03\x04", b"\x04\x03\x02\x01"])
    clock.token = lambda size: next(dice)
    first = await Routes(dns, clock, hostname="x.example").find("b.example")
    second = await Routes(dns, clock, hostname="x.example").find("b.example")
    assert [hop.host for hop in first.hops] == hosts
    assert [hop.host for hop in second.hops] == hosts[::-1]


async def test_without_mx_the_domain_is_its_own_host(find):
    route = await find(Dns({"b.example": []}, {"b.example": ["192.0.2.1"]})).find("b.example")
    assert [hop.host for hop in route.hops] == ["b.example"]


@pytest.mark.parametrize(("mx", "hosts", "code", "enhanced"), [
    ({}, {}, 550, "5.1.2"),
    ({"b.example": [(0, "")]}, {}, 556, "5.1.10"),
    ({"b.example": Temporary("no answer")}, {}, 451, "4.4.3"),
    ({"b.example": []}, {}, 550, "5.1.2"),
    ({"b.example": []}, {"b.example": []}, 550, "5.1.2"),
    ({"b.example": []}, {"b.example": Temporary("no answer")}, 451, "4.4.3"),
    ({"b.example": [(10, "mx.b.example")]}, {}, 451, "4.4.4"),
    ({"b.example": [(10, "out.brand.example"), (20, "mx.b.example")]}, {"mx.b.example": ["192.0.2.1"]}, 550, "5.4.6"),
])  # fmt: skip
async def test_there_is_no_way(find, mx, hosts, code, enhanced):
    with pytest.raises(Unroutable) as caught:
        await find(Dns(mx, hosts)).find("b.example")
    assert (caught.value.smtp, caught.value.enhanced, caught.value.retry) == (code, enhanced, code < 500)


async def test_of_a_list_that_names_us_only_better_hosts_are_left(find):
    dns = Dns({"b.example": [(10, "mx.b.example"), (20, "out.brand.example"), (30, "mx3.b.example")]}, {
        "mx.b.example": ["192.0.2.1"], "mx3.b.example": ["192.0.2.3"],
    })  # fmt: skip
    route = await find(dns).find("b.example")
    assert [hop.host for hop in route.hops] == ["mx.b.example"]


async def test_a_host_that_does_not_resolve_is_left_out(find):
    dns = Dns({"b.example": [(10, "gone.b.example"), (20, "mx.b.example")]}, {"mx.b.example": ["192.0.2.1"]})
    assert [hop.host for hop in (await find(dns).find("b.example")).hops] == ["mx.b.example"]


async def test_fixed_routes_come_first_and_the_star_is_for_the_rest(find):
    dns = Dns(addresses={"relay.example": ["192.0.2.9"]})
    routes = find(dns, fixed={"B.example": "smtp://127.0.0.1:2525", "*": "smtp://relay.example"})
    one, other = await routes.find("b.example"), await routes.find("c.example")
    assert (one.hops[0].addresses, one.hops[0].port, one.fixed) == (("127.0.0.1",), 2525, True)
    assert (other.hops[0].addresses, other.hops[0].port) == (("192.0.2.9",), 25)
    assert dns.asked == 0


@pytest.mark.parametrize(("literal", "address"), [("[192.0.2.1]", "192.0.2.1"), ("[IPv6:2001:db8::1]", "2001:db8::1")])
async def test_address_literals(find, literal, address):
    assert (await find(Dns()).find(literal)).hops[0].addresses == (address,)


async def test_a_literal_that_is_none(find):
    with pytest.raises(Unroutable):
        await find(Dns()).find("[nonsense]")


async def test_answers_are_remembered_for_a_while(find, clock):
    dns = Dns({"b.example": []}, {"b.example": ["192.0.2.1"]})
    routes = find(dns)
    for _ in range(3):
        await routes.find("b.example")
    assert dns.asked == 1
    clock.advance(REMEMBER + 1)
    await routes.find("b.example")
    assert dns.asked == 2


async def test_failures_are_remembered_for_a_shorter_while(find, clock):
    dns = Dns()
    routes = find(dns)
    for passed in (0, 1, REMEMBER_FAILURE):
        clock.advance(passed)
        with pytest.raises(Unroutable):
            await routes.find("b.example")
    assert dns.asked == 2


async def test_families_come_in_the_preferred_order_and_take_turns(find):
    found = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1"]
    dns = Dns({"b.example": []}, {"b.example": found})
    usual = await find(dns).find("b.example")
    assert usual.hops[0].addresses == ("2001:db8::1", "192.0.2.1", "2001:db8::2", "2001:db8::3")
    other = await find(dns, families=(4, 6)).find("b.example")
    assert other.hops[0].addresses == ("192.0.2.1", *found[:3])
    alone = await find(dns, families=(4,)).find("b.example")
    assert alone.hops[0].addresses == ("192.0.2.1",)


async def test_a_host_with_an_address_of_ours_counts_as_ourselves(find):
    own = Ourselves("out.brand.example", ports=frozenset({25}))
    hosts = {
        "mx1.b.example": ["192.0.2.1"], "mx2.b.example": ["192.0.2.2", "192.0.2.99"], "mx3.b.example": ["192.0.2.3"],
        "out.brand.example": ["192.0.2.99"],
    }  # fmt: skip
    records = [(10, "mx1.b.example"), (20, "mx2.b.example"), (20, "mx3.b.example")]
    route = await find(Dns({"b.example": records}, hosts), own=own).find("b.example")
    assert [hop.host for hop in route.hops] == ["mx1.b.example"]  # RFC 5321 5.1: equal ones go, too
    with pytest.raises(Unroutable) as caught:
        await find(Dns({"b.example": records[1:]}, hosts), own=own).find("b.example")
    assert (caught.value.smtp, caught.value.enhanced) == (550, "5.4.6")
    elsewhere = await find(Dns({"b.example": records}, hosts), own=own, port=2525).find("b.example")
    assert len(elsewhere.hops) == 3


class Demanding:
    async def guarded(self, domain, hops, *, fixed=False):
        return tuple(replace(hop, guard=Guard("trusted", "some policy")) for hop in hops)


async def test_domains_with_other_demands_share_no_connection(find):
    dns = Dns({"b.example": [(1, "mx.b.example")]}, {"mx.b.example": ["192.0.2.1"]})
    free, guarded = await find(dns).find("b.example"), await find(dns, guards=Demanding()).find("b.example")
    assert free.names == guarded.names
    assert free.key != guarded.key


async def test_the_operator_may_demand_tls_of_domains_or_of_all(find):
    dns = Dns({"b.example": [], "c.example": []}, {"b.example": ["192.0.2.1"], "c.example": ["192.0.2.1"]})
    some = find(dns, guards=Protection(["B.example"]))
    assert [(await some.find(name)).hops[0].guard for name in ("b.example", "c.example")] == [ENCRYPTED, OPEN]
    everybody = find(dns, guards=Protection(["*"]), fixed={"d.example": "smtp://127.0.0.1:2525"})
    assert [(await everybody.find(name)).hops[0].guard for name in ("c.example", "d.example")] == [ENCRYPTED] * 2


async def test_mail_for_a_domain_whose_mailboxes_are_here_is_no_loop(find):
    """A campaign goes to the people of one's own domain as to everybody."""
    own = Ourselves("out.brand.example", ports=frozenset({25}))
    hosts = {"out.brand.example": ["192.0.2.99"], "mx.c.example": ["192.0.2.99"]}
    dns = Dns({"b.example": [(10, "out.brand.example")], "c.example": [(10, "mx.c.example")]}, hosts)

    async def here(domain):
        return domain == "b.example"

    async def both(domain):
        return True

    async def silent(domain):
        raise Temporary("the database is away")

    assert [hop.host for hop in (await find(dns, own=own, hosted=here).find("b.example")).hops] == ["out.brand.example"]
    assert (await find(dns, own=own, hosted=both).find("c.example")).hops[0].addresses == ("192.0.2.99",)
    for routes, code in ((find(dns, own=own, hosted=here), 550), (find(dns, own=own, hosted=silent), 451)):
        with pytest.raises(Unroutable) as caught:
            await routes.find("c.example")
        assert caught.value.smtp == code
