"""Who is leased and who is taken: priorities, turns between tenants and campaigns."""

from hypothesis import given
from hypothesis import strategies as st

from lettershop.egress.schedule import Turns, shares
from lettershop.store.envelopes import Lane, Leased


def lane(lane_id, workspace=1, priority=5, campaign=None):
    return Lane(lane_id, workspace, campaign or lane_id, priority)


def leased(envelope_id, lane_id=1, site="a.example"):
    return Leased(envelope_id, 1, 1, 1, None, None, site, 0, 0.0, 0.0, 9e9, lane_id)


def ids(taken):
    return [one.envelope_id for one in taken]


def filled(*lanes, count=4):
    turns = Turns()
    for one in lanes:
        for index in range(count):
            turns.add(one, leased(one.lane_id * 100 + index, one.lane_id))
    return turns


def test_one_lane_is_a_queue():
    turns = filled(lane(1))
    assert ids(turns.take(3)) == [100, 101, 102]
    assert ids(turns.take(3)) == [103]
    assert turns.take(3) == []
    assert turns.size == 0


def test_lanes_take_turns_also_across_handfuls():
    turns = filled(lane(1), lane(2))
    assert ids(turns.take(3)) == [100, 200, 101]
    assert ids(turns.take(3)) == [201, 102, 202]


def test_tenants_take_turns_however_many_campaigns_they_have():
    turns = filled(*(lane(number, workspace=1) for number in range(1, 6)), lane(9, workspace=2))
    taken = ids(turns.take(8))
    assert sum(envelope // 100 == 9 for envelope in taken) == 4
    assert len({envelope // 100 for envelope in taken}) == 5


def test_the_urgent_go_first():
    turns = filled(lane(1), lane(2, priority=1))
    assert turns.priority == 1
    assert turns.before() == 4
    assert ids(turns.take(5)) == [200, 201, 202, 203, 100]


def test_what_is_not_allowed_is_passed_over_and_stays():
    turns = filled(lane(1), lane(2), lane(3, priority=1))
    left = {1: 1, 2: 9, 3: 0}
    taken = ids(turns.take(9, lambda one, wanted: min(wanted, left[one.lane_id])))
    assert sorted(taken) == [100, 200, 201, 202, 203]
    assert turns.size == 7
    assert ids(turns.take(9)) == [300, 301, 302, 303, 101, 102, 103]


def test_held_lanes_are_dropped():
    turns = filled(lane(1), lane(2))
    assert ids(turns.drop_lanes(lambda lane_id: lane_id == 2)) == [100, 101, 102, 103]
    assert turns.size == 4
    assert ids(turns.take(9)) == [200, 201, 202, 203]


def test_single_envelopes_are_dropped():
    turns = filled(lane(1), lane(2))
    assert ids(turns.drop(lambda _, one: one.envelope_id % 2 == 0)) == [101, 103, 201, 203]
    assert ids(turns.take(9)) == [100, 200, 102, 202]


def test_the_last_of_the_longest_are_shed_and_the_urgent_at_the_end():
    turns = filled(lane(1), lane(2, priority=1))
    for index in range(10):
        turns.add(lane(3, workspace=2), leased(300 + index, 3))
    assert ids(turns.shed(6)) == [304, 305, 306, 307, 308, 309]
    assert len(turns.shed(9)) == 9
    assert ids(turns.take(9)) == [200, 201, 202]


def test_room_is_divided_by_workspaces_first():
    lanes = [lane(1, workspace=1), lane(2, workspace=1), lane(3, workspace=2)]
    assert [count for _, count in shares(lanes, lambda _: 100)] == [25, 25, 50]


def test_priorities_have_rooms_of_their_own():
    rooms = {1: 10, 5: 0}
    assert shares([lane(1, priority=5), lane(2, priority=1)], rooms.__getitem__) == [(lane(2, priority=1), 10)]


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3)), max_size=40), st.integers(1, 7))
def test_nothing_is_lost_or_doubled_and_priorities_hold(entries, handful):
    turns = Turns()
    priorities = {}
    for index, (lane_id, priority, workspace) in enumerate(entries):
        key = lane_id * 100 + priority * 10 + workspace
        turns.add(lane(key, workspace=workspace, priority=priority), leased(index, key))
        priorities[index] = priority
    taken = []
    while one := turns.take(handful):
        taken += ids(one)
    assert sorted(taken) == list(range(len(entries)))
    assert [priorities[index] for index in taken] == sorted(priorities.values())
    assert turns.size == 0


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 3)), max_size=40),
    st.lists(st.tuples(st.sampled_from(["take", "shed", "allow"]), st.integers(0, 9)), max_size=20),
)
def test_the_count_is_always_true(entries, steps):
    turns = Turns()
    for index, (lane_id, priority) in enumerate(entries):
        turns.add(lane(lane_id * 10 + priority, workspace=lane_id % 2, priority=priority), leased(index, lane_id))
    gone = 0
    for step, count in steps:
        limits = {"take": None, "allow": lambda one, wanted: min(wanted, one.lane_id % 3)}
        gone += len(turns.shed(count) if step == "shed" else turns.take(count, limits[step]))
        assert turns.size == len(entries) - gone
    assert len(turns.take(1000)) == len(entries) - gone
