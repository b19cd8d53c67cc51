"""Windows, rates and suspensions of a source address at a site, on a clock of numbers."""

import re

import pytest

from lettershop.egress.pace import (
    BREATH,
    FIRST_WINDOW,
    FREE,
    GROWTH,
    MEASURE,
    SLOW_START,
    SLOWER,
    OwnCell,
    Pace,
    handful,
)  # fmt: skip
from lettershop.egress.shaping import Row, Rule

DELAYS = [10.0, 60.0, 300.0]
BLOCKED = Rule(
    re.compile("go away", re.IGNORECASE), frozenset(), 1, 3600, 0, True, None, None, 600, "Ask them.", "550 go away"
)
DISTRUST = Rule(None, frozenset({"reputation"}), 3, 60, 0.5, True, None, None, 600, "Distrust.", "")
NARROW = Rule(re.compile("slowly"), frozenset(), 2, 60, 0, False, 1, 6.0, 100, "Slowly.", "")


def pace(row=None, cell=None, site="b.example", connected=True, **row_values):
    cell = cell or OwnCell()
    one = Pace("", site, row or Row("default", connections=8, **row_values), cell, cell, DELAYS, 0.0)
    if connected:
        one.connected()
    return one


def accept(one, count, now=0.0):
    return [change for _ in range(count) if (change := one.accepted(now))]


def test_a_window_opens_fast_at_first_and_never_beyond_the_limit():
    one = pace()
    assert one.room(0) == FIRST_WINDOW
    accept(one, SLOW_START * 2)
    assert one.room(0) == FIRST_WINDOW + 2
    accept(one, 1000)
    assert one.room(0) == 8


def test_an_objection_halves_the_window_and_from_there_it_opens_slowly():
    one = pace()
    accept(one, 1000)
    for _ in range(3):
        one.opened()
    one.refused(10, "too-many-connections", "421 too many", 421)
    one.refused(10, "too-many-connections", "421 too many", 421)  # of the same breath
    assert (one.cell.window, one.room(10), one.why) == (4, 0, "421 too many")
    assert one.room(10 + BREATH) == 1
    accept(one, GROWTH - 1)
    assert one.cell.window == 4
    accept(one, 1)
    assert one.cell.window == 5


def test_the_window_never_closes_entirely():
    one = pace()
    for moment in range(10):
        one.objected(moment * 10, "no")
    assert one.cell.window == 1


def test_an_unreachable_site_rests_longer_each_time_and_is_tried_with_one_connection():
    one = pace()
    one.unreachable(0, "refused")
    one.unreachable(0, "refused")  # of the same moment
    assert one.closed_until(9.9) == 10
    assert one.room(10) == 1
    one.unreachable(10, "refused")
    assert one.room(69) == 0
    assert one.room(70) == 1
    one.connected()
    assert one.room(70) == FIRST_WINDOW
    assert not one.troubled


def test_too_fast_lowers_the_rate_below_what_was_measured_and_success_frees_it_again():
    one = pace()
    accept(one, 100)
    one.measure(10.0)  # ten a second
    one.refused(10.0, "rate", "450 4.2.1 at a rate that prevents")
    assert one.cell.throttle == pytest.approx(SLOWER * 600)
    assert one.grant(10_000, 11.0) < 100
    first = one.cell.throttle
    accept(one, GROWTH)
    assert one.cell.throttle > first
    for _ in range(200):
        accept(one, GROWTH)
    assert one.cell.throttle == 0
    assert one.grant(10_000, 12.0) == 10_000
    assert first * FREE > first


def test_a_rate_is_a_bucket_of_tokens():
    one = pace(messages_per_minute=60.0)
    assert one.grant(100, 1.0) == 10  # ten seconds' worth
    assert one.grant(100, 1.0) == 0
    assert one.until_next(1.0) == pytest.approx(1.0)
    assert one.grant(100, 4.0) == 3
    total = sum(one.grant(5, moment / 10) for moment in range(50, 3050))
    assert total == pytest.approx(300, abs=12)


def test_what_was_granted_and_not_used_comes_back():
    one = pace(messages_per_minute=60.0)
    one.grant(10, 1.0)
    one.refund(4)
    assert one.grant(100, 1.0) == 4


def test_urgent_mail_does_not_wait_for_tokens_and_the_others_pay_for_it():
    one = pace(messages_per_minute=60.0)
    one.grant(100, 1.0)
    assert one.grant(3, 1.0, urgent=3) == 3
    assert one.grant(100, 4.0) == 0
    assert one.grant(100, 5.0) == 1
    assert one.grant(1000, 5.0, urgent=1000) <= 10  # but not without any bound


def test_a_rule_suspends_tells_why_and_asks_again_with_one_connection():
    one = pace(rules=(BLOCKED,))
    accept(one, 1000)
    change = one.refused(100.0, "policy", "550 5.7.1 Go away", 550)
    assert (change.site, change.until, change.why, change.answer) == (
        "b.example",
        700.0,
        "Ask them.",
        "550 5.7.1 Go away",
    )
    assert (one.room(699), one.closed_until(699)) == (0, 700)
    assert "Ask them." in one.why
    assert one.room(700) == 1
    assert one.accepted(701).until == 0
    assert one.accepted(702) is None


def test_each_suspension_in_a_row_is_twice_as_long_until_it_is_forgiven():
    one = pace(rules=(BLOCKED,))
    lengths = []
    now = 0.0
    for _ in range(3):
        change = one.refused(now, "", "550 go away", 550)
        lengths.append(change.until - now)
        now = change.until + 1
        one.accepted(now)
    assert lengths == [600, 1200, 2400]
    accept(one, 60, now)
    assert one.refused(now + 1, "", "550 go away", 550).until == now + 601


def test_a_class_of_answers_counts_only_as_a_share_of_all():
    one = pace(rules=(DISTRUST,))
    for _ in range(10):
        accept(one, 20, 1.0)
        assert one.refused(1.0, "reputation", "554 listed", 554) is None
    assert one.refused(2.0, "reputation", "554 listed", 554) is None
    assert one.refused(3.0, "reputation", "554 listed", 554).until == 603


def test_answers_that_are_far_apart_do_not_add_up():
    one = pace(rules=(DISTRUST,))
    changes = [one.refused(at, "reputation", "554 listed", 554) for at in (0.0, 50.0, 100.0, 150.0)]
    assert changes == [None] * 4


def test_a_rule_may_only_narrow_for_a_time():
    one = pace(rules=(NARROW,))
    accept(one, 1000)
    one.refused(0.0, "busy", "451 slowly please", 451)
    one.refused(1.0, "busy", "451 slowly please", 451)
    assert (one.limit(50), one.rate(50)) == (1, 6.0)
    assert (one.limit(102), one.rate(102)) == (8, 0.0)


def test_the_block_of_a_row_holds_at_its_other_sites():
    row = Row("office365", rollup=False, rules=(BLOCKED,))
    block = OwnCell()
    one, other = (Pace("", site, row, OwnCell(), block, DELAYS, 0.0) for site in ("a.mx", "b.mx"))
    change = one.refused(0.0, "", "550 go away", 550)
    assert change.site == "office365"
    assert other.closed_until(1.0) == 600


def test_two_processes_share_connections_and_a_suspension_counts_once():
    cell = OwnCell(connections=7)  # seven of another process
    one = pace(cell=cell, rules=(BLOCKED,))
    cell.window = 8.0
    assert one.room(0) == 1
    two = pace(cell=cell, rules=(BLOCKED,))
    assert one.refused(5.0, "", "550 go away", 550) is not None
    assert two.refused(5.0, "", "550 go away", 550) is None
    assert cell.strikes == 1


def test_urgent_mail_need_not_wait_for_the_window_only_for_the_limit():
    one = pace()
    one.cell.window = 1.0
    one.opened()
    assert one.room(0) == 0
    assert one.room(0, urgent=True) == 7


def test_one_connection_in_ten_is_kept_for_urgent_mail():
    one = pace(row=Row("default", connections=20))
    one.cell.window = 20.0
    assert one.room(0) == 18
    for _ in range(18):
        one.opened()
    assert (one.room(0), one.room(0, urgent=True)) == (0, 2)


def test_urgent_mail_of_a_process_that_was_never_there_need_not_wait_for_the_window_either():
    cell = OwnCell()
    one, two = pace(cell=cell), pace(cell=cell, connected=False)
    cell.window = 1.0
    one.opened()
    cell.connections = 1  # as the board counts those of all processes
    assert (two.room(0), two.room(0, urgent=True)) == (0, 7)


def test_one_connection_is_given_to_another_process_and_not_taken_back_at_once():
    cell = OwnCell()
    one, two = pace(cell=cell), pace(cell=cell)
    cell.window = 8.0
    assert not one.give(0.0)
    cell.wanted_until = 1.0
    assert one.give(0.5)
    assert not one.give(0.5)
    assert not two.give(0.5), "one is enough"
    assert (one.room(0.6), two.room(0.6)) == (7, 8)
    assert one.room(2.0) == 8


def test_an_operator_may_lift_a_suspension():
    one = pace(rules=(BLOCKED,))
    one.refused(0.0, "", "550 go away", 550)
    one.lift()
    assert one.room(1.0) == 1


def test_speed_is_measured_every_few_seconds():
    one = pace()
    accept(one, 30)
    assert one.measure(MEASURE - 1) == -1
    assert one.measure(MEASURE) == 30
    assert one.cell.speed == pytest.approx(30 / MEASURE)


def test_what_must_be_remembered_is_not_forgotten():
    one = pace(rules=(BLOCKED,))
    one.changed = False
    assert not one.forgettable(30.0)
    assert one.forgettable(61.0)
    one.refused(61.0, "", "550 go away", 550)
    one.changed = False
    assert not one.forgettable(200.0)


def test_a_handful_is_half_a_second():
    assert handful(0) == 4
    assert handful(0.001) == 64
    assert handful(0.06) == 8
    assert handful(3) == 1
