"""The steps of a warm-up: on when a day was used and went well, again when not, back when it went badly."""

import pytest

from lettershop.base.config import load
from lettershop.egress.breakers import Rules
from lettershop.egress.warmup import Day, Plan, Stage, advance, ends_on, hand_out, plan_of, review, room

PLAN = Plan(frozenset(), frozenset({"brand.example"}), (100, 200, 400, 1000), {"slow": (10, 20)})


def good(count, **other):
    return Day(**{"delivered": count, "tracked": count, "opened": count // 5, **other})


@pytest.mark.parametrize(
    ("day", "move"),
    [
        (good(200), 1),
        (good(160), 1),
        (good(159), 0),  # not used
        (Day(), 0),
        (good(195, opened=0), 0),  # nobody reads it
        (good(195, opened=0, replied=4), 1),  # "wrote to us" counts as well
        (Day(delivered=195), 1),  # no tracking: nothing is known, nothing is held against it
        (good(190, bounced_hard=10), -1),
        (good(180, bounced_hard=20), -2),
        (good(200, complained=3), -2),
        (good(200, complained=2), 1),  # too few to tell
    ],
)
def test_a_day_decides_the_next(day, move):
    assert review(day, 200, PLAN).move == move


def test_it_goes_on_day_by_day_and_ends():
    stage, days = Stage(day=10), []
    while not stage.ended:
        most = room(stage, PLAN, "p")
        days.append(most)
        stage = advance(stage, good(most), stage.day + 1, PLAN, "p")
    assert days == [100, 200, 400, 1000] and stage.day == 14
    assert room(stage, PLAN, "p") is None and hand_out(stage, 10**6, PLAN, "p")[1] == 10**6


def test_it_never_goes_below_the_first_step_and_not_twice_a_day():
    stage = advance(Stage(step=1, day=5), good(180, bounced_hard=40), 6, PLAN, "p")
    assert (stage.step, stage.day) == (0, 6)
    assert advance(stage, good(100), 6, PLAN, "p") is stage


def test_days_of_silence_let_reputation_fade():
    stage = Stage(step=3, day=5)
    assert advance(stage, good(1000), 8, PLAN, "p").ended
    assert advance(stage, good(100), 5 + 1 + 7, PLAN, "p").step == 2
    fresh = advance(stage, good(1000), 5 + 1 + 30, PLAN, "p")
    assert fresh.step == 0 and "30 days" in fresh.why


def test_room_is_handed_out_once():
    stage, got = hand_out(Stage(day=1), 70, PLAN, "p")
    stage, more = hand_out(stage, 70, PLAN, "p")
    assert (got, more, stage.handed_out) == (70, 30, 100)


def test_the_end_is_told_and_moves_with_what_happens():
    assert ends_on(Stage(day=10), PLAN, "p") == 14
    assert ends_on(Stage(step=2, day=10), PLAN, "p") == 12
    assert ends_on(advance(Stage(step=2, day=10), Day(), 11, PLAN, "p"), PLAN, "p") == 13
    assert ends_on(Stage(ended=True), PLAN, "p") is None
    assert ends_on(Stage(day=10), PLAN, "slow") == 12


def test_who_is_warmed_up():
    assert PLAN.active and PLAN.covers("192.0.2.1", "brand.example") and not PLAN.covers("192.0.2.1", "other.example")
    by_source = Plan(sources=frozenset({"192.0.2.1"}))
    assert by_source.covers("192.0.2.1", "any.example") and not by_source.covers("192.0.2.2", "any.example")
    assert Plan(sources=frozenset({"*"})).covers("", "x") and not Plan().active


def test_the_operator_may_state_an_own_curve():
    told = load('[delivery.warmup]\ndomains = ["Brand.example"]\nsteps = [5, 7]\nproviders = { g = [1] }\n', {})
    plan = plan_of(told.delivery.warmup, Rules())
    assert plan.curve("g") == (1,) and plan.curve("x") == (5, 7) and plan.covers("", "brand.example")
    usual = plan_of(load("", {}).delivery.warmup, Rules())
    assert not usual.active and list(usual.steps) == sorted(usual.steps) and usual.steps[-1] == 1_000_000
