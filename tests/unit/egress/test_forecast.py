"""Forecasts: a range that narrows with what is known, and "unknown" where nothing is."""

import pytest

from lettershop.egress.forecast import DAY, Backlog, Bound, Known, Taken, forecast

NOW = 1_700_006_400.0  # a midnight


def known(*backlogs, taken=None, bounds=None, rooms=None, **other):
    return Known(NOW, backlogs, taken or {}, bounds or {}, rooms or {}, **other)


def test_nothing_waits():
    assert forecast(known()).latest == NOW


def test_a_measured_site_gives_a_range_around_its_speed():
    found = forecast(known(Backlog("a", 6000), taken={"a": Taken(1000, 0, 100.0)}))
    assert found.earliest < NOW + 600 < found.latest
    assert found.earliest == pytest.approx(NOW + 400) and found.latest == pytest.approx(NOW + 1200)
    assert found.held_by == "receiver" and "10.0 messages a second" in found.words


def test_little_measured_is_told_wider():
    much = forecast(known(Backlog("a", 6000), taken={"a": Taken(1000, 0, 100.0)}))
    little = forecast(known(Backlog("a", 6000), taken={"a": Taken(10, 0, 1.0)}))
    assert little.latest - little.earliest > much.latest - much.earliest


def test_what_was_put_off_makes_it_slower():
    smooth = forecast(known(Backlog("a", 6000), taken={"a": Taken(1000, 0, 100.0)}))
    bumpy = forecast(known(Backlog("a", 6000), taken={"a": Taken(1000, 500, 100.0)}))
    assert bumpy.earliest > smooth.earliest and bumpy.latest > smooth.latest
    stuck = forecast(known(Backlog("a", 6000), taken={"a": Taken(1000, 1000, 100.0)}))
    assert stuck.latest is None and "takes nothing" in stuck.words


def test_nothing_known_is_unknown_and_a_few_people_do_not_spoil_it():
    assert forecast(known(Backlog("a", 10))).latest is None
    taken = {"a": Taken(1000, 0, 100.0)}
    half = forecast(known(Backlog("a", 100), Backlog("b", 100), taken=taken))
    assert half.latest is None and "b (100 of 200 people)" in half.words
    few = forecast(known(Backlog("a", 1000), Backlog("b", 3), taken=taken))
    assert few.latest is not None and "Not in it: 3 people at b" in few.words


def test_the_slowest_site_decides():
    taken = {"fast": Taken(10_000, 0, 10.0), "slow": Taken(1000, 0, 1000.0)}
    found = forecast(known(Backlog("fast", 1000), Backlog("slow", 1000), taken=taken))
    assert found.words.startswith("slow") and found.sites[0].site == "slow"
    assert found.latest == found.sites[0].latest


def test_bounds_are_told_by_name():
    taken = {"a": Taken(1000, 0, 100.0)}
    rate = Bound("rate", "The table allows 600 a minute.", per_second=10.0)
    found = forecast(known(Backlog("a", 6000), taken=taken, bounds={"a": [rate]}))
    assert found.held_by == "rate" and found.earliest == NOW + 600
    closed = Bound("suspended", "Suspended.", not_before=NOW + 7200)
    found = forecast(known(Backlog("a", 100), taken=taken, bounds={"a": [closed]}))
    assert found.held_by == "suspended" and found.earliest > NOW + 7200
    tripped = Bound("breaker", "Too many bounced.", endless=True)
    found = forecast(known(Backlog("a", 100), taken=taken, bounds={"a": [tripped]}))
    assert found.latest is None and found.held_by == "breaker"
    paused = forecast(known(Backlog("a", 100), taken=taken, whole=[Bound("paused", "It is paused.", endless=True)]))
    assert paused.latest is None and paused.held_by == "paused"


def test_own_capacity_and_other_campaigns_count():
    taken = {"a": Taken(100_000, 0, 10.0)}
    found = forecast(known(Backlog("a", 1_000_000), taken=taken, own=1000.0))
    assert found.held_by == "own capacity" and found.earliest == NOW + 1000
    shared = forecast(known(Backlog("a", 1_000_000, ahead=2_000_000), taken=taken, own=1000.0))
    assert shared.earliest == NOW + 3000


def test_retries_lengthen_the_tail():
    found = forecast(known(Backlog("a", 100, deferred=50, last_due=NOW + 3600), taken={"a": Taken(1000, 50, 100.0)}))
    assert found.held_by == "retries" and found.latest == NOW + 3600 and found.earliest < NOW + 60


def test_warm_up_counts_days():
    taken = {"a": Taken(1000, 0, 100.0)}
    found = forecast(known(Backlog("a", 300), taken=taken, rooms={"a": [50, 100, 200, None]}))
    assert found.held_by == "warm-up" and found.earliest == NOW + 2 * DAY and found.latest == NOW + 3 * DAY
    today = forecast(known(Backlog("a", 50), taken=taken, rooms={"a": [50, 100]}))
    assert today.held_by == "receiver"
