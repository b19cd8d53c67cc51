"""Geometry and words: what is there is seen, what is not is not claimed."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lettershop.servers.web.drawing import bar, funnel, gauge, stacked
from lettershop.servers.web.words import duration, initials, milliseconds, moment, number, plain, share, size, slots

COUNTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=8)


@given(COUNTS)
def test_a_funnel_stays_in_its_box_and_its_bands_join(counts):
    drawn = funnel([(str(n), str(n), count) for n, count in enumerate(counts)])
    for stage in drawn:
        assert all(-0.01 <= float(value) <= 100.01 for value in re.findall(r"[\d.]+", stage.path))
    for left, right in pairwise(drawn):
        assert left.right == right.left


@given(COUNTS)
def test_parts_of_a_bar_are_beside_each_other_and_fill_it(counts):
    drawn = stacked([(str(n), str(n), count) for n, count in enumerate(counts)])
    assert [part.count for part in drawn] == [count for count in counts if count]
    edge = 0.0
    for part in drawn:
        assert abs(float(part.start[:-1]) - edge) < 0.01
        edge = float(part.start[:-1]) + float(part.width[:-1])
    assert not drawn or abs(edge - 100) < 0.01


def test_something_is_never_drawn_as_nothing():
    assert bar(1, 10**6) == "0.80%"
    assert bar(0, 10) == "0"
    assert bar(5, 0) == "0"
    assert bar(20, 10) == "100.00%"
    assert funnel([("a", "a", 10**6), ("b", "b", 1)])[1].left > 0.5
    assert funnel([]) == []


def test_a_gauge_changes_its_level_at_the_thresholds():
    levels = [gauge(rate, 0.001, 0.003).level for rate in (0, 0.0009, 0.001, 0.0029, 0.003, 1)]
    assert levels == ["good", "good", "watch", "watch", "bad", "bad"]
    assert gauge(5, 0.001, 0.003).mark == "100.00%"


def test_shares_say_no_nought_where_there_is_something():
    assert share(0, 100) == "0.0 %"
    assert share(1, 3) == "33.3 %"
    assert share(1, 1000) == "0.10 %"
    assert share(1, 10**6) == "<0.01 %"
    assert share(1, 0) == "–"
    assert share(5, 5, 0) == "100 %"


def test_numbers_sizes_and_durations():
    assert number(1_234_567) == "1,234,567"
    assert number(None) == "–"
    assert [size(n) for n in (0, 999, 1000, 15_300, 2_000_000_000)] == ["0 B", "999 B", "1.0 kB", "15 kB", "2.0 GB"]
    assert [duration(n) for n in (4.2, 65, 7200, 200_000)] == ["4.2 s", "1 min 05 s", "2 h 00 min", "2 d 7 h"]
    assert [milliseconds(n) for n in (0.4, 999, 1500, None)] == ["0 ms", "999 ms", "1.5 s", "–"]


def test_moments_are_machine_readable_and_in_utc():
    html = moment(1_700_000_000.0)
    assert html == '<time datetime="2023-11-14T22:13:20+00:00" data-style="full">14 Nov 2023, 22:13 UTC</time>'
    assert moment(None) == "–"


def test_initials():
    assert [initials(name) for name in ("Ada Lindqvist", "ada.l@x.example", "", "!", "Élodie")] == [
        "AL",
        "AL",
        "?",
        "?",
        "É",
    ]


def test_merge_fields_are_shown_by_their_names_and_nothing_else_is_markup():
    shown = slots("{{ first_name|default('Good evening') }}, <b>frost</b> {{x}}")
    assert shown == '<span class="slot">first name</span>, &lt;b&gt;frost&lt;/b&gt; <span class="slot">x</span>'
    assert slots("no fields") == "no fields"
    assert slots("{{ broken") == "{{ broken"


def test_truth_is_told_in_words():
    assert [plain(value) for value in (True, False, 0, "x", None)] == ["yes", "no", 0, "x", None]
