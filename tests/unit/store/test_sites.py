"""How sources stand at sites: kept, shown, lifted by an operator; which site takes a domain."""

from lettershop.base.clock import ManualClock
from lettershop.base.facts import SiteSuspended
from lettershop.egress.memory import Memory
from lettershop.egress.pace import Change
from lettershop.egress.shaping import Row, Shaping
from lettershop.egress.sources import Pools
from lettershop.egress.tls_results import TlsResults
from lettershop.egress.traffic import Traffic
from lettershop.store import factlog, sites, stored
from lettershop.store.envelopes import Lane, Leased
from lettershop.store.sites import Home, SiteRow

NOW = 1_700_000_000.0
BIG = Shaping(Row("default", rollup=False), (Row("big", mx=("*.big.example",), connections=4),))


async def test_states_are_kept_and_the_last_word_counts(store):
    first = SiteRow(
        source="", site="google", provider="google", window=3.0, suspended_until=NOW + 60, why="Too much.", at=NOW
    )
    await store.main.write(sites.save, [first, SiteRow(source="", site="b", provider="default", at=NOW)], [])
    await store.main.write(sites.save, [SiteRow(source="", site="b", provider="default", window=5.0, at=NOW)], [])
    found = await store.main.read(sites.all_states)
    assert [row.site for row in found] == ["google", "b"]
    assert found[0] == first
    assert found[1].window == 5.0


async def test_an_operator_lifts_a_suspension(store):
    rows = [
        SiteRow(source=source, site="google", provider="google", suspended_until=NOW + 60, strikes=3.0, at=NOW)
        for source in ("192.0.2.1", "192.0.2.2")
    ]
    await store.main.write(sites.save, rows, [])
    assert await store.main.write(sites.lift, "google", NOW + 1, "192.0.2.1") == 1
    assert await store.main.write(sites.lift, "google", NOW + 2) == 1
    assert await store.main.write(sites.lift, "google", NOW + 3) == 0
    assert sorted(await store.main.read(sites.lifted, NOW + 1)) == [("192.0.2.2", "google", NOW + 2)]


async def test_old_states_are_forgotten_but_for_those_that_hold(store):
    rows = [
        SiteRow(source="", site=site, provider="x", suspended_until=until, at=NOW)
        for site, until in (("over", 0.0), ("holds", NOW + sites.OLD * 2))
    ]
    await store.main.write(sites.save, rows, [])
    assert await store.main.write(sites.forget_old, NOW + sites.OLD - 1) == 0
    assert await store.main.write(sites.forget_old, NOW + sites.OLD + 1) == 1
    assert [row.site for row in await store.main.read(sites.all_states)] == ["holds"]


async def test_what_waits_is_told_by_site(store):
    await store.main.write(
        sites.save, [], [Home("a.example", "google", "google"), Home("b.example", "google", "google")]
    )
    for domain in ("a.example", "b.example", "c.example"):
        await store.main.write(
            stored.enqueue_stored, workspace_id=None, mail_from="a@brand.example", recipients=[(f"x@{domain}", domain)],
            blob="x", size=1, now=NOW, expires_at=NOW + 60,
        )  # fmt: skip
    assert await store.main.read(sites.waiting) == {"google": 2, "c.example": 1}
    assert await store.main.read(sites.home, "b.example") == Home("b.example", "google", "google")
    assert await store.main.read(sites.home, "z.example") is None


def traffic_with(memory):
    traffic = Traffic(BIG, Pools(), [60.0], cells=memory.cell)
    traffic.place("a.example", "x.big.example", ["x.big.example"], frozenset({4}))
    traffic.add(Lane(1, 1, 1, 5), [Leased(1, 1, 1, 1, None, None, "a.example", 0, 0.0, 0.0, 9e9, 1)])
    return traffic


async def test_a_suspension_survives_a_restart_and_tells_its_fact(store):
    memory = Memory(store.main, None, TlsResults(ManualClock()))
    await memory.load(NOW)
    traffic = traffic_with(memory)
    (opening,) = traffic.openings(NOW)
    opening.pace.block.suspended_until = NOW + 600
    opening.pace.block.why = "Go away."
    opening.pace.changed = True
    memory.tell(Change("", "big", NOW, NOW + 600, "Go away.", "554 no"))
    await memory.save(traffic, NOW)
    again = Memory(store.main, None, TlsResults(ManualClock()))
    await again.load(NOW + 1)
    late = traffic_with(again)
    assert late.openings(NOW + 2) == []
    assert late.states(NOW + 2)[0].why == "Go away."
    assert await store.main.read(sites.homes) == {"a.example": Home("a.example", "big", "big")}
    (logged,) = await store.main.read(factlog.read_since, "facts", 0, 10)
    assert isinstance(logged.fact, SiteSuspended)
    assert (logged.fact.site, logged.fact.until, logged.fact.why) == ("big", NOW + 600, "Go away.")


async def test_a_lifted_suspension_is_noticed(store):
    memory = Memory(store.main, None, TlsResults(ManualClock()))
    await memory.load(NOW)
    traffic = traffic_with(memory)
    (opening,) = traffic.openings(NOW)
    opening.pace.block.suspended_until = NOW + 600
    opening.pace.changed = True
    await memory.save(traffic, NOW)
    await store.main.write(sites.lift, "big", NOW + 5)
    await memory.save(traffic, NOW + 30)
    assert opening.pace.closed_until(NOW + 31) == 0


async def test_nothing_is_written_while_nothing_changes(store):
    memory = Memory(store.main, None, TlsResults(ManualClock()))
    await memory.load(NOW)
    traffic = traffic_with(memory)
    await memory.save(traffic, NOW + 1)
    before = await store.main.read(sites.all_states)
    await memory.save(traffic, NOW + 3)
    assert await store.main.read(sites.all_states) == before
