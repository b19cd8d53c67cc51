"""Retry times and the window of connections."""

from lettershop.egress.pace import BREATH, GROWTH, Limits, Pace, handful, retry_at

DELAYS = [10.0, 60.0, 300.0]


def pace(connections=8):
    one = Pace(Limits(connections, 100), DELAYS, 0.0)
    one.connected()
    return one


def test_retries_follow_the_table_and_the_last_delay_repeats():
    times = [retry_at(1000, attempts, DELAYS, 0) for attempts in (1, 2, 3, 4, 99)]
    assert times == [1010, 1060, 1300, 1300, 1300]


def test_a_crowd_is_spread_over_a_tenth_of_the_delay():
    times = {retry_at(0, 2, DELAYS, envelope) for envelope in range(1, 200)}
    assert len(times) == 199
    assert min(times) >= 60
    assert max(times) < 66
    assert max(times) - min(times) > 5


def test_an_objection_halves_the_window_and_success_opens_it_again():
    one = pace()
    one.open = 3
    assert one.room(0) == 5
    one.objected(0, "421 too many")
    assert (one.window, one.room(0), one.why) == (4, 0, "421 too many")
    assert one.room(BREATH) == 1
    for _ in range(GROWTH * 10):
        one.accepted()
    assert one.window == 8


def test_the_window_never_closes_entirely():
    one = pace()
    for _ in range(10):
        one.objected(0, "no")
    assert one.window == 1


def test_an_unreachable_site_rests_longer_each_time_and_is_tried_with_one_connection():
    one = pace()
    assert one.room(0) == 8
    one.unreachable(0, "refused")
    one.unreachable(0, "refused")  # of the same moment
    assert one.rests(9.9)
    assert one.room(10) == 1
    one.unreachable(10, "refused")
    assert one.room(69) == 0
    assert one.room(70) == 1
    one.connected()
    assert one.room(70) == 8


def test_a_handful_is_a_third_of_a_second():
    assert handful(0) == 4
    assert handful(0.001) == 32
    assert handful(0.06) == 5
    assert handful(3) == 1
