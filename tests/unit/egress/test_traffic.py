"""Sites, ways, source addresses and turns on a clock of numbers; a simulation drives the very same code."""

import re

import pytest

from lettershop.base.config import Delivery
from lettershop.base.errors import ConfigError
from lettershop.egress.pace import OwnCell
from lettershop.egress.parking import AHEAD, HOPE, STALLED, TAKEN, surplus
from lettershop.egress.shaping import Row, Rule, Shaping
from lettershop.egress.sources import Pools, Source, pools_of
from lettershop.egress.traffic import Traffic
from lettershop.store.envelopes import Lane, Leased

V4, V6 = frozenset({4}), frozenset({6})
BLOCKED = Rule(re.compile("blocked"), frozenset(), 1, 3600, 0, True, None, None, 600, "Blocked.", "")
BULK_LANE = Lane(1, 1, 1, 5, sender="brand.example")
URGENT_LANE = Lane(9, 2, 0, 1)


def table(**default):
    big = Row("big", mx=("*.big.example",), connections=4, messages_per_connection=50, rules=(BLOCKED,))
    return Shaping(Row("default", rollup=False, **default), (big,))


def traffic(pools=None, quota=None, most=200, **default):
    return Traffic(table(**default), pools or Pools(), [60.0, 300.0], quota=quota, most=most)


def mail(count, domain="b.example", lane=BULK_LANE, first=0):
    base = lane.lane_id * 100_000 + first
    return [
        Leased(base + n, lane.workspace_id, 1, 1, None, None, domain, 0, 0.0, 0.0, 9e9, lane.lane_id)
        for n in range(count)
    ]


def placed(one, *domains, hosts=None, families=V4):
    for domain in domains:
        names = hosts or [f"mx.{domain}"]
        one.place(domain, " ".join(names), names, families)


def open_all(one, now=1.0):
    found = one.openings(now)
    for opening in found:
        one.reached(opening)
    return found


def test_mail_waits_for_its_place_and_domains_with_one_server_share_a_way():
    one = traffic()
    one.add(BULK_LANE, mail(3, "a.example") + mail(3, "b.example", first=10))
    assert set(one.unplaced) == {"a.example", "b.example"}
    assert one.openings(1.0) == []
    placed(one, "a.example", "b.example", hosts=["mx.host.example"])
    (opening,) = one.openings(1.0)
    assert opening.way.site.name == "mx.host.example"
    assert len(one.take(opening.way, opening.pace, 99, 1.0)) == 6
    assert len(one) == 0


def test_domains_of_a_provider_share_its_limit_but_not_their_connections():
    one = traffic()
    for number in range(10):
        placed(one, f"d{number}.example", hosts=[f"d{number}.big.example"])
        one.add(BULK_LANE, mail(20, f"d{number}.example", first=100 * number))
    site = one.sites["big"]
    opened = []
    for _ in range(5):
        opened += open_all(one)
        for opening in opened:
            for _ in range(10):
                opening.pace.accepted(1.0)
    assert site.open == len(opened) == 4
    assert len({opening.way.key for opening in opened}) == 4
    one.closed(opened[0])
    (further,) = one.openings(1.0)
    assert further.way not in [opening.way for opening in opened]


def test_a_dead_site_is_tried_with_one_connection_and_holds_nobody():
    one = traffic(most=10)
    for number in range(8):
        placed(one, f"dead{number}.example")
        one.add(BULK_LANE, mail(50, f"dead{number}.example", first=1000 * number))
    first = one.openings(1.0)
    assert len(first) == 5  # half of all for those that may be dead
    placed(one, "good.example")
    one.add(BULK_LANE, mail(50, "good.example", first=90_000))
    assert one.openings(1.0) == []
    for opening in first:
        opening.pace.unreachable(2.0, "refused")
        one.closed(opening)
    names = [opening.way.site.name for opening in one.openings(2.0)]
    assert "mx.good.example" in names
    assert not set(names) & {opening.way.site.name for opening in first}


def test_what_rests_is_parked_until_it_may_be_tried():
    one = traffic()
    placed(one, "dead.example")
    one.add(BULK_LANE, mail(5, "dead.example"))
    (opening,) = one.openings(1.0)
    opening.pace.unreachable(2.0, "refused")
    one.closed(opening)
    parked = surplus(one, 2.0)
    assert len(parked) == 5
    assert {due for _, due in parked} == {62.0}
    assert len(one) == 0


def test_urgent_mail_goes_before_all_bulk_also_where_every_connection_is_taken():
    one = traffic()
    placed(one, "a.example", "b.example", hosts=["x.big.example"])
    placed(one, "c.example", hosts=["y.big.example"])
    one.add(BULK_LANE, mail(500, "a.example"))
    opened = []
    for _ in range(5):
        opened += open_all(one)
        for opening in opened:
            for _ in range(10):
                opening.pace.accepted(1.0)
    assert len(opened) == 4
    one.add(URGENT_LANE, mail(1, "b.example", URGENT_LANE))
    first, *_ = one.take(opened[0].way, opened[0].pace, 3, 1.0)
    assert first.site == "b.example"
    one.add(URGENT_LANE, mail(1, "c.example", URGENT_LANE, first=5))
    assert one.openings(1.0) == []
    (evicted,) = one.evict
    assert evicted.pace is opened[0].pace
    one.closed(opened[0])
    (opening,) = one.openings(1.0)
    assert opening.way.key == "y.big.example"
    assert opening.way.queue.priority == 1


def test_a_closed_window_does_not_stop_urgent_mail():
    one = traffic()
    placed(one, "a.example", hosts=["x.big.example"])
    placed(one, "c.example", hosts=["y.big.example"])
    one.add(BULK_LANE, mail(100, "a.example"))
    (opening,) = open_all(one)
    opening.pace.objected(10.0, "too many")
    opening.pace.cell.rests_until = 0.0
    assert one.openings(12.0) == []
    one.add(URGENT_LANE, mail(1, "c.example", URGENT_LANE))
    (urgent,) = one.openings(12.0)
    assert urgent.way.key == "y.big.example"


def test_tenants_take_turns_at_a_site():
    one = traffic()
    placed(one, "b.example")
    other = Lane(2, 7, 2, 5)
    one.add(BULK_LANE, mail(100))
    one.add(other, mail(100, lane=other))
    (opening, *_) = open_all(one)
    taken = one.take(opening.way, opening.pace, 10, 1.0)
    assert sum(leased.workspace_id == 7 for leased in taken) == 5


TWO = Pools(
    {"": (Source("192.0.2.1"), Source("192.0.2.2", "two.brand.example")), "six": (Source("2001:db8::1"),)},
    {},
    {"transactional": "six"},
)


def test_a_suspended_member_of_the_pool_is_passed_over():
    one = traffic(TWO)
    placed(one, "a.example", hosts=["x.big.example"])
    one.add(BULK_LANE, mail(100, "a.example"))
    opened = open_all(one)
    assert {opening.source.address for opening in opened} == {"192.0.2.1", "192.0.2.2"}
    blocked = next(opening for opening in opened if opening.source.address == "192.0.2.1")
    change = blocked.pace.refused(10.0, "reputation", "554 blocked", 554)
    assert (change.source, change.site, change.until) == ("192.0.2.1", "big", 610.0)
    for opening in opened:
        one.closed(opening)
    assert {opening.source.address for opening in one.openings(20.0)} == {"192.0.2.2"}
    assert surplus(one, 20.0) == []
    assert one.take(blocked.way, blocked.pace, 5, 20.0) == []


def test_where_all_members_are_suspended_mail_waits_for_the_first():
    one = traffic(TWO)
    placed(one, "a.example", hosts=["x.big.example"])
    one.add(BULK_LANE, mail(9, "a.example"))
    for moment, opening in zip((10.0, 40.0), open_all(one)[:2], strict=False):
        opening.pace.refused(moment, "", "554 blocked", 554)
    site = one.sites["big"]
    for address in ("192.0.2.1", "192.0.2.2"):
        one.pace(site, address, 40.0).block.suspended_until = 610.0 if address == "192.0.2.1" else 640.0
    assert {due for _, due in surplus(one, 41.0)} == {610.0}


def test_the_family_of_the_source_must_fit_the_host():
    one = traffic(TWO)
    placed(one, "v4.example")
    placed(one, "v6.example", families=V6)
    for domain in ("v4.example", "v6.example"):
        one.add(URGENT_LANE, mail(1, domain, URGENT_LANE))
    assert {opening.source.address for opening in one.openings(1.0)} == {"2001:db8::1"}
    parked = surplus(one, 1.0)
    assert [leased.site for leased, _ in parked] == ["v4.example"]


@pytest.mark.parametrize(
    ("lane", "pool"),
    [
        (Lane(1, 1, 1, 5), "b"),
        (Lane(1, 1, 0, 1), "a"),
        (Lane(1, 1, 1, 5, sender="shop.example"), "c"),
        (Lane(1, 1, 1, 5, sender="shop.example", pool="a"), "a"),
        (Lane(1, 1, 1, 5, pool="gone"), "b"),
    ],
)
def test_pools_are_chosen_by_campaign_sender_and_stream(lane, pool):
    delivery = Delivery(
        pools={"a": ["192.0.2.1"], "b": ["192.0.2.2 b.brand.example"], "c": ["[2001:db8::3]"]},
        streams={"transactional": "a", "bulk": "b"}, senders={"Shop.example": "c"},
    )  # fmt: skip
    pools = pools_of(delivery)
    assert pools.choose(lane) == pool
    assert pools.members["b"] == (Source("192.0.2.2", "b.brand.example"),)
    assert pools.members[""] == (Source(),)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"pools": {"a": ["nonsense"]}}, "pools.a: 'nonsense' is no source address"),
        ({"streams": {"bulk": "a"}}, "there is no pool 'a' for bulk"),
        ({"pools": {"a": ["192.0.2.1"]}, "streams": {"weekly": "a"}}, "no stream 'weekly'"),
    ],
)
def test_wrong_pools_are_named(wrong, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        pools_of(Delivery(**wrong))


class Daily:
    """Three messages a day for each sender."""

    def __init__(self):
        self.left = {}
        self.asked = []

    def grant(self, ask, wanted, now):
        self.asked.append(ask)
        granted = min(wanted, self.left.setdefault(ask.sender, 3))
        self.left[ask.sender] -= granted
        return granted

    def refund(self, ask, count, now):
        self.left[ask.sender] += count

    def opens_at(self, ask, now):
        return now if self.left.get(ask.sender, 3) else 86_400.0


def test_an_outer_policy_limits_what_goes_and_the_rest_waits_for_it():
    quota = Daily()
    one = traffic(quota=quota)
    placed(one, "a.example", hosts=["x.big.example"])
    one.add(BULK_LANE, mail(10, "a.example"))
    (opening, *_) = open_all(one)
    taken = one.take(opening.way, opening.pace, 9, 1.0)
    assert len(taken) == 3
    ask = quota.asked[0]
    assert (ask.sender, ask.site, ask.provider, ask.campaign_id, ask.source) == ("brand.example", "big", "big", 1, "")
    one.put_back(opening.way, opening.pace, BULK_LANE, taken[0], 1.0)
    assert len(one.take(opening.way, opening.pace, 9, 1.0)) == 1
    assert {due for _, due in surplus(one, 2.0)} == {86_400.0}
    assert len(one) == 0


def test_a_rate_is_kept_over_all_connections():
    one = traffic(messages_per_minute=60.0)
    placed(one, "b.example")
    one.add(BULK_LANE, mail(1000))
    opened = open_all(one)
    sent, now = 0, 1.0
    while now < 121.0:
        for opening in opened:
            sent += len(one.take(opening.way, opening.pace, 5, now))
        now += 0.5
    assert 115 <= sent <= 131
    while one.take(opened[0].way, opened[0].pace, 5, now):
        pass
    assert one.patience(opened[0].way, opened[0].pace, now, 2.0) == pytest.approx(0.5, abs=0.51)


def test_an_idle_connection_makes_room_for_other_ways_of_its_site():
    one = traffic()
    placed(one, "a.example", hosts=["x.big.example"])
    one.add(BULK_LANE, mail(1, "a.example"))
    (opening,) = open_all(one)
    one.take(opening.way, opening.pace, 5, 1.0)
    assert one.patience(opening.way, opening.pace, 1.0, 2.0) == 2.0
    placed(one, "c.example", hosts=["y.big.example"])
    opening.pace.cell.window = 1.0
    one.add(BULK_LANE, mail(1, "c.example", first=50))
    assert one.openings(1.0) == []
    assert one.patience(opening.way, opening.pace, 1.0, 2.0) == 0.0


def test_a_slow_site_keeps_ten_seconds_of_mail_and_the_urgent():
    one = traffic()
    placed(one, "slow.example")
    one.add(BULK_LANE, mail(500, "slow.example"))
    one.add(URGENT_LANE, mail(5, "slow.example", URGENT_LANE))
    (opening, *_) = open_all(one)
    for _ in range(12):
        opening.pace.accepted(1.0)
    one.measure(4.0)
    parked = surplus(one, 4.0)
    assert len(one) == 40
    assert not [leased for leased, _ in parked if leased.lane_id == URGENT_LANE.lane_id]
    dues = [due for _, due in parked]
    assert dues == sorted(dues)
    assert dues[0] == 4.0 + 40 / (4 * HOPE)  # twelve answers in three seconds; what is kept, sent faster than that
    assert dues[-1] == 4.0 + AHEAD  # watched for three seconds only: nobody is sent away for long


def test_a_site_that_has_not_answered_yet_is_asked_again_soon():
    one = traffic()
    placed(one, "new.example")
    one.add(BULK_LANE, mail(500, "new.example"))
    open_all(one)
    one.measure(1.0)
    one.measure(4.0)
    assert {due for _, due in surplus(one, 4.0)} == {4.0 + AHEAD}
    one.add(BULK_LANE, mail(500, "new.example"))
    assert {due for _, due in surplus(one, 400.0)} == {400.0 + STALLED}


def test_a_site_that_waited_for_us_is_not_called_slow():
    one = traffic()
    placed(one, "quick.example")
    one.add(BULK_LANE, mail(10, "quick.example"))
    (opening, *_) = open_all(one)
    one.measure(1.0)
    for _ in one.take(opening.way, opening.pace, 50, 1.5):
        opening.pace.accepted(2.0)
    assert not one.take(opening.way, opening.pace, 50, 2.0)
    one.measure(4.0)
    one.add(BULK_LANE, mail(500, "quick.example", first=100))
    assert surplus(one, 4.0) == []
    for _ in range(6):
        opening.pace.accepted(6.0)
    one.measure(7.0)
    assert len(surplus(one, 7.0)) == 480, "now it had mail all the time, and took two a second"


def test_what_is_known_of_a_site_is_told_and_forgotten_in_time():
    one = traffic()
    placed(one, "a.example", hosts=["x.big.example"])
    one.add(BULK_LANE, mail(1, "a.example"))
    (opening,) = open_all(one)
    one.take(opening.way, opening.pace, 1, 1.0)
    opening.pace.refused(10.0, "", "554 blocked", 554)
    (told,) = one.states(11.0)
    assert (told.site, told.provider, told.connections, told.suspended_until) == ("big", "big", 1, 610.0)
    assert "Blocked." in told.why
    one.closed(opening)
    opening.pace.changed = False
    one.tidy(500.0)
    assert "big" in one.sites
    one.tidy(9000.0)
    assert one.sites == {}


def test_processes_share_what_a_site_takes():
    cells = {}
    shared = lambda source, site: cells.setdefault((source, site), OwnCell())  # noqa: E731
    one, two = (Traffic(table(), Pools(), [60.0], cells=shared) for _ in range(2))
    for process in (one, two):
        placed(process, "a.example", hosts=["x.big.example"])
        process.add(BULK_LANE, mail(100, "a.example"))
    (opening, *_) = open_all(one)
    opening.pace.refused(10.0, "", "554 blocked", 554)
    assert two.openings(11.0) == []
    assert {due for _, due in surplus(two, 11.0)} == {610.0}


def test_what_waits_in_a_process_that_gets_no_connection_goes_to_the_one_that_has_them():
    cells = {}
    shared = lambda source, site: cells.setdefault((source, site), OwnCell())  # noqa: E731
    one, two = (Traffic(table(), Pools(), [60.0], cells=shared) for _ in range(2))
    for process in (one, two):
        placed(process, "a.example", hosts=["x.big.example"])
        process.add(BULK_LANE, mail(100, "a.example"))
        process.add(URGENT_LANE, mail(2, "a.example", URGENT_LANE))
    open_all(one)
    for _ in range(3):  # the window grows until all that the site allows is open
        for opening in [*one.openings(1.0)]:
            one.reached(opening)
        for pace in one.sites["big"].paces.values():
            for _ in range(50):
                pace.accepted(1.0)
    assert one.sites["big"].open == 4
    assert two.openings(2.0) == []
    given = surplus(two, 2.0)
    assert [leased.lane_id for leased, _ in given] == [BULK_LANE.lane_id] * 100, (
        "the urgent stays: a connection leaves for it"
    )
    assert {due for _, due in given} == {2.0 + TAKEN}
    assert surplus(one, 2.0) == []


def many(one, count, first=0):
    for number in range(first, first + count):
        placed(one, f"n{number}.example")
        one.add(BULK_LANE, mail(1, f"n{number}.example", first=10 * number))


def test_connections_that_only_wait_leave_their_places_to_others():
    one = traffic(most=10)
    many(one, 40)
    first = one.openings(0.0)
    assert len(first) == 5  # half of the places: nobody knows whether these hosts live
    assert one.capped
    assert one.openings(0.2) == []
    second = one.openings(0.31)  # they are slow to answer, and cost nothing meanwhile
    assert len(second) == 5
    for opening in (*first, *second):
        one.reached(opening)
    one.stalled = 8  # those that stand are asked and do not answer
    assert len(one.openings(0.4)) == 5
    assert not one.full
    one.stalled = 0
    assert one.full


def test_a_place_that_becomes_free_is_given_to_the_next_at_once():
    one = traffic(most=10)
    many(one, 40)
    first = one.openings(0.0)
    one.closed(first[0])
    (instead,) = one.further(0.0)
    assert instead.way not in {opening.way for opening in first}
    assert one.further(0.0) == []
    assert one.behind
    one.openings(0.0, instead.way.site)
    assert one.capped  # a look at one site tells nothing of the others


def test_where_very_many_hang_the_oldest_are_given_up():
    one = traffic(most=10)
    many(one, 60)
    opened, now = [], 0.0
    while len(opened) < 40:
        more = one.openings(now)
        assert more or now < 100.0
        opened += more
        now += 0.4
    assert one.given_up(now) == []  # they had no time yet
    assert one.openings(now) == []
    oldest = one.given_up(11.0)
    assert oldest[0] is opened[0]
    assert len(oldest) < 40
    for opening in oldest[:5]:
        one.closed(opening)
    assert len(one.openings(11.0)) == 5
