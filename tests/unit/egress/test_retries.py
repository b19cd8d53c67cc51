"""When what was put off is tried again."""

import pytest

from lettershop.base.config import load
from lettershop.base.errors import ConfigError, Invalid
from lettershop.egress.classify import classify, shipped
from lettershop.egress.retries import LONGEST, Retries, retry_at, told_wait
from lettershop.egress.rules import parse

DELAYS = [10.0, 60.0, 300.0]
RETRIES = Retries([300.0, 900.0], {"soon": [60.0, 240.0]})


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4.7.1 greylisted, try again in 300 seconds", 300),
        ("4.2.0 greylisting in action, please come back in 00:04:57", 297),
        ("greylisted for 5 minutes", 300),
        ("please retry in 1 hour", 3600),
        ("rate exceeded. retry after 90s", 90),
        ("try again in 4000 hours", LONGEST),
        ("please wait 2 min", 120),
        ("try again later", 0),
        ("try again in a moment", 0),
        ("too many messages: 300 in the last 60 seconds", 0),
        ("mailbox of 500 m is full", 0),
        ("try again in 0 seconds", 0),
        ("please try again. see 12 hours of support", 0),
    ],
)
def test_a_time_that_the_receiver_names(text, seconds):
    assert told_wait(text) == seconds


def test_the_schedule_by_name_and_its_last_step_repeats():
    waits = [RETRIES.at(0.0, attempt, "soon", 0.0, 0) for attempt in (1, 2, 3, 9)]
    assert waits == [60.0, 240.0, 240.0, 240.0]
    assert RETRIES.at(0.0, 1, "late", 0.0, 0) == RETRIES.at(0.0, 1, "", 0.0, 0) == 300.0  # no such schedule: the usual


def test_envelopes_put_off_together_come_back_one_after_the_other():
    dues = {RETRIES.at(0.0, 1, "soon", 300.0, envelope_id) for envelope_id in range(50)}
    assert len(dues) == 50
    assert 300.0 < min(dues) <= max(dues) < 340.0


def test_who_always_says_one_second_is_not_asked_every_second():
    assert RETRIES.at(0.0, 1, "", 1.0, 0) == 2.0
    assert RETRIES.at(0.0, 9, "", 1.0, 0) == 900.0
    assert RETRIES.at(0.0, 9, "", 7200.0, 0) == 7201.0


def test_the_table_says_which_class_waits_how():
    assert classify(450, "4.2.0", "Greylisted").again == "soon"
    assert classify(452, "4.2.2", "Mailbox full").again == "late"
    assert classify(451, "4.3.0", "Try later").again == ""
    assert classify(421, "4.7.0", "Too many messages, try again in 600 seconds").wait == 600.0
    assert classify(550, "5.1.1", "User unknown, wait 600 seconds").wait == 0.0


def test_an_operators_rule_may_name_a_schedule_that_there_is():
    own = "[[rules]]\nreason = 'busy'\nwords = ['lunch']\nagain = '{}'\n"
    mine = shipped().under(parse(own.format("late"))).checked()
    assert mine.classify(451, "", "We are at lunch").again == "late"
    with pytest.raises(Invalid, match="there is no schedule “sometime”"):
        shipped().under(parse(own.format("sometime"))).checked()


def test_an_operators_own_retry_counts_for_everything_unless_the_others_are_set_too():
    assert set(load("", {}).delivery.schedules) == {"soon", "late"}
    assert load("[delivery]\nretry = [5]", {}).delivery.schedules == {}
    both = load("[delivery]\nretry = [5]\nretry_by = { soon = [1] }", {}).delivery.schedules
    assert both["soon"] == [1]
    assert len(both["late"]) == 3
    with pytest.raises(ConfigError, match="retry_by"):
        load("[delivery]\nretry_by = { now = [1] }", {})


def test_retries_follow_the_table_and_the_last_delay_repeats():
    times = [retry_at(1000, attempts, DELAYS, 0) for attempts in (1, 2, 3, 4, 99)]
    assert times == [1010, 1060, 1300, 1300, 1300]


def test_a_crowd_is_spread_over_a_tenth_of_the_delay():
    times = {retry_at(0, 2, DELAYS, envelope) for envelope in range(1, 200)}
    assert len(times) == 199
    assert min(times) >= 60
    assert max(times) < 66
    assert max(times) - min(times) > 5
