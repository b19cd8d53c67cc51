"""When recipients are due: so many an hour, everybody's own time, again and again."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from lettershop.marketing.pacing import SLOT, ZoneUnknown, batches, begins_at, own_moment, zone_of
from lettershop.marketing.recurrence import Repeat, RepeatInvalid
from lettershop.store.campaigns import Campaign

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC).timestamp()
CAMPAIGN = Campaign(
    1, 1, 1, "C", "sending", "S", "", "H", "", {}, None, 0.0, None, NOON, None, 0, False, 0, 1, True, True
)  # fmt: skip


def moment(year, month, day, hour, zone="UTC"):
    return datetime(year, month, day, hour, tzinfo=ZoneInfo(zone)).timestamp()


@pytest.mark.parametrize(
    ("name", "hours"), [("Europe/Berlin", 2), ("+05:30", 5.5), ("UTC-5", -5), ("GMT+14", 14), ("UTC", 0)]
)
def test_zones_have_names_or_offsets(name, hours):
    assert datetime.fromtimestamp(NOON, zone_of(name)).utcoffset().total_seconds() == hours * 3600


@pytest.mark.parametrize(
    "name", ["", "Nowhere/At All", "+15:00", "../etc/passwd", "/etc/passwd", None, 7, "x" * 65, "a\0b"]
)
def test_what_is_no_zone_is_none(name):
    assert zone_of(name) is None


def test_clocks_show_the_same_at_ones_own_time():
    berlin, tokyo = zone_of("Europe/Berlin"), zone_of("Asia/Tokyo")
    at = moment(2026, 7, 1, 9, "Europe/Berlin")
    assert own_moment(at, berlin, tokyo) == moment(2026, 7, 1, 9, "Asia/Tokyo")
    assert begins_at(at, "Europe/Berlin") == moment(2026, 7, 1, 9, "Pacific/Kiritimati")
    assert begins_at(at, "") == at


def test_everybody_is_due_at_their_own_nine_o_clock_and_who_missed_it_now():
    planned = moment(2026, 7, 1, 9, "Europe/Berlin")
    campaign = replace(CAMPAIGN, local_zone="Europe/Berlin", scheduled_at=planned)
    rows = [(1, "a"), (2, "a"), (3, "a"), (4, "a"), (5, "a")]
    zones = {1: "America/New_York", 2: "Asia/Tokyo", 3: "no zone", 4: ["x"], 5: "-04:00"}
    now = moment(2026, 7, 1, 8, "Europe/Berlin")
    due = {row[0]: batch.due_at for batch in batches(campaign, rows, zones, now, 60.0) for row in batch.rows}
    new_york = moment(2026, 7, 1, 9, "America/New_York")
    assert due == {1: new_york, 2: now, 3: planned, 4: planned, 5: new_york}


def test_a_paced_campaign_is_due_in_turns_and_lives_as_long_as_any():
    campaign = replace(CAMPAIGN, hourly=120, recipients=240)
    found = list(batches(campaign, [(n, "a") for n in range(25)], {}, NOON, 60.0))
    assert [len(batch.rows) for batch in found] == [10, 10, 5]
    assert [batch.due_at - NOON for batch in found] == [7200, 7200 + SLOT, 7200 + 2 * SLOT]
    assert all(batch.expires_at - batch.due_at == 60 for batch in found)
    (ranked,) = batches(campaign, [(1, "a", 5.0)], {}, NOON, 60.0, ranked=True)
    assert ranked.due_at == NOON and ranked.expires_at == NOON + 60 + 7200 + 30


def test_without_wishes_everybody_is_due_now():
    (one,) = batches(CAMPAIGN, [(1, "a"), (2, "b")], {}, NOON, 60.0)
    assert (one.due_at, one.expires_at, len(one.rows)) == (NOON, NOON + 60, 2)


def test_nine_o_clock_stays_nine_o_clock_over_summer_time():
    rule = Repeat(1, "week", moment(2026, 3, 23, 9, "Europe/Berlin"), "Europe/Berlin")
    assert rule.after(rule.first) == moment(2026, 3, 30, 9, "Europe/Berlin") == rule.first + 7 * 86_400 - 3600


def test_the_31st_is_the_last_day_of_shorter_months():
    rule = Repeat(1, "month", moment(2026, 1, 31, 9))
    at, found = rule.first, []
    for _ in range(4):
        at = rule.after(at)
        found.append(at)
    assert found == [moment(2026, 2, 28, 9), moment(2026, 3, 31, 9), moment(2026, 4, 30, 9), moment(2026, 5, 31, 9)]


@pytest.mark.parametrize("unit", ["day", "week", "month"])
@pytest.mark.parametrize("every", [1, 3, 12])
def test_after_is_the_next_of_all_moments(unit, every):
    rule = Repeat(every, unit, moment(2024, 12, 31, 23, "Europe/Berlin"), "Europe/Berlin")
    all_of_them = [rule.moment(number) for number in range(60)]
    assert all_of_them == sorted(set(all_of_them))
    for before, after in pairwise(all_of_them):
        assert rule.after(before) == rule.after(after - 1) == after
        assert rule.latest(before) == rule.latest(after - 1) == before


def test_it_ends_and_what_is_no_rule_is_refused():
    assert Repeat(1, "day", NOON, until=NOON + 86_400 * 1.5).after(NOON + 86_400) is None
    assert Repeat(1, "day", NOON).after(NOON - 5) == NOON
    for bad in (Repeat(0, "day", NOON), Repeat(1, "year", NOON), Repeat(1, "day", NOON, until=NOON - 1)):
        with pytest.raises(RepeatInvalid):
            bad.check()
    with pytest.raises(ZoneUnknown):
        Repeat(1, "day", NOON, "Nowhere").check()
