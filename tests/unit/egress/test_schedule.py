"""Who is leased and who is taken: priorities, turns between tenants and campaigns."""

from hypothesis import given
from hypothesis import strategies as st

from lettershop.egress.schedule import Schedule, shares
from lettershop.store.envelopes import Lane, Leased


def lane(lane_id, workspace=1, priority=5, campaign=None):
    return Lane(lane_id, workspace, campaign or lane_id, priority)


def leased(envelope_id, lane_id=1, site="a.example"):
    return Leased(envelope_id, 1, 1, 1, None, None, site, 0, 0.0, 0.0, 9e9, lane_id)


def ids(taken):
    return [one.envelope_id for one in taken]


def filled(*lanes, count=4):
    schedule = Schedule()
    for one in lanes:
        schedule.add(one, [leased(one.lane_id * 100 + index, one.lane_id) for index in range(count)])
    return schedule


def test_one_lane_is_a_queue():
    schedule = filled(lane(1))
    assert ids(schedule.take("a.example", 3)) == [100, 101, 102]
    assert ids(schedule.take("a.example", 3)) == [103]
    assert schedule.take("a.example", 3) == []
    assert len(schedule) == 0


def test_lanes_take_turns_also_across_handfuls():
    schedule = filled(lane(1), lane(2))
    assert ids(schedule.take("a.example", 3)) == [100, 200, 101]
    assert ids(schedule.take("a.example", 3)) == [201, 102, 202]


def test_the_urgent_go_first():
    schedule = filled(lane(1), lane(2, priority=1))
    assert ids(schedule.take("a.example", 5)) == [200, 201, 202, 203, 100]


def test_the_site_with_the_urgent_mail_comes_first():
    schedule = Schedule()
    schedule.add(lane(1), [leased(1, site="a.example"), leased(2, site="b.example")])
    schedule.add(lane(2, priority=1), [leased(3, 2, site="b.example")])
    assert list(schedule.sites()) == [("b.example", 2), ("a.example", 1)]
    assert schedule.waiting("b.example") == 2
    assert schedule.waiting("c.example") == 0


def test_held_lanes_are_dropped():
    schedule = filled(lane(1), lane(2))
    assert ids(schedule.drop(lambda lane_id: lane_id == 2)) == [100, 101, 102, 103]
    assert ids(schedule.take("a.example", 9)) == [200, 201, 202, 203]


def test_room_is_divided_by_workspaces_first():
    lanes = [lane(1, workspace=1), lane(2, workspace=1), lane(3, workspace=2)]
    assert [count for _, count in shares(lanes, lambda _: 100)] == [25, 25, 50]


def test_priorities_have_rooms_of_their_own():
    rooms = {1: 10, 5: 0}
    assert shares([lane(1, priority=5), lane(2, priority=1)], rooms.__getitem__) == [(lane(2, priority=1), 10)]


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3)), max_size=40), st.integers(1, 7))
def test_nothing_is_lost_or_doubled_and_priorities_hold(entries, handful):
    schedule = Schedule()
    for index, (lane_id, priority) in enumerate(entries):
        schedule.add(lane(lane_id * 10 + priority, priority=priority), [leased(index, lane_id)])
    taken = []
    while one := schedule.take("a.example", handful):
        taken += ids(one)
    assert sorted(taken) == list(range(len(entries)))
    priorities = [entries[envelope][1] for envelope in taken]
    assert priorities == sorted(priorities)
