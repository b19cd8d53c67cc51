"""Conditions by clicks: forms read, buttons pressed, trees made and read back; the real grammar judges them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lettershop.base.errors import Invalid
from lettershop.marketing.segment_desk import tree_from, words_from
from lettershop.servers.web.builder import (
    DEEDS,
    NO_VALUE,
    OPERATORS,
    OWN,
    PEOPLE,
    Group,
    Row,
    Unfinished,
    act,
    group_of,
    kind_of,
    read,
    tree_of,
    written,
)

KINDS = {"city": "text", "orders": "number", "birthday": "date", "vip": "boolean", "likes": "list"}


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (Row(f"{OWN}city", "=", "Köln"), 'city = "Köln"'),
        (Row(f"{OWN}city", "not contains", "x"), 'not city contains "x"'),
        (Row(f"{OWN}city", "not in", "Ulm, Gent ,"), 'city not in ("Ulm", "Gent")'),
        (Row(f"{OWN}city", "not set"), "city is not set"),
        (Row(f"{OWN}orders", ">=", "3"), "orders >= 3"),
        (Row(f"{OWN}orders", "<", "-2.5"), "orders < -2.5"),
        (Row(f"{OWN}birthday", "next", days="7"), "birthday in next 7 days"),
        (Row(f"{OWN}birthday", "not last", days="7"), "not birthday in last 7 days"),
        (Row(f"{OWN}birthday", "<", "2000-01-01"), 'birthday < "2000-01-01"'),
        (Row(f"{OWN}vip", "no"), "vip = false"),
        (Row(f"{OWN}likes", "has", "ink"), 'likes has "ink"'),
        (Row(f"{OWN}email", "starts", "a"), 'email starts "a"'),
        (Row("list", "subscribed", "News"), 'in list "News"'),
        (Row("list", "pending", "News"), 'pending in list "News"'),
        (Row("segment", "not is", "Buyers"), 'not in segment "Buyers"'),
        (Row("tag", "is", "vip"), 'tagged "vip"'),
        (Row("consent", "is", "express"), "consent express"),
        (Row("tracking", "not is", "refused"), "not tracking refused"),
        (Row("created", "last", days="30"), "created in last 30 days"),
        (Row("opened", "did"), "opened"),
        (Row("opened", "not did", "May", "30"), 'not opened campaign "May" in last 30 days'),
        (Row("clicked", "did", "", "9", "https://x.example/"), 'clicked link "https://x.example/" in last 9 days'),
    ],
)  # fmt: skip
def test_every_kind_of_row_is_a_condition(row, words):
    tree = tree_of(Group("all", (row,)), KINDS)
    assert words_from(tree) == words
    assert tree_of(group_of(tree_from(words)), KINDS) == tree_from(tree)


def test_groups_join_and_nest():
    a, b, c = Row("tag", "is", "a"), Row("tag", "is", "b"), Row("tag", "is", "c")
    group = Group("all", (a, Group("any", (b, c)), Group("none", (b, Group("all", (a, c)))), Group("any")))
    words = 'tagged "a" and (tagged "b" or tagged "c") and not (tagged "b" or (tagged "a" and tagged "c"))'
    assert tree_from(tree_of(group, KINDS)) == tree_from(words)
    assert tree_of(Group("none", ()), KINDS) == {}
    assert words_from(tree_of(Group("none", (a,)), KINDS)) == 'not tagged "a"'


def test_a_form_is_read_in_order_and_what_does_not_belong_becomes_the_usual():
    form = {
        "join:0": "any",
        **{f"field:0.{n}": "tag" for n in range(12)},
        **{f"value:0.{n}": str(n) for n in range(12)},
    }
    assert [row.value for row in read(form, KINDS).parts] == [str(n) for n in range(12)]
    changed = {"join:0": "?", "field:0.0": f"{OWN}orders", "op:0.0": "contains", "value:0.0": " 3 "}
    assert read(changed, KINDS) == Group("all", (Row(f"{OWN}orders", "=", "3"),))
    assert read({}, KINDS) == Group("all")
    for wrong in ({f"field:0.{n}": "tag" for n in range(201)}, {"field:0" + ".1" * 13: "tag"}, {"join:x": "all"}):
        with pytest.raises(Invalid):
            read(wrong, KINDS)


def test_buttons_add_and_remove():
    one, two = Row("tag", "is", "1"), Row("tag", "is", "2")
    group = Group("all", (one, Group("any", (two,))))
    assert len(act(group, "add:0").parts) == 3
    assert act(group, "add:0.1").parts[1].parts[0] == two
    assert isinstance(act(group, "group:0.1").parts[1].parts[1], Group)
    assert act(group, "remove:0.1.0") == Group("all", (one, Group("any")))
    assert act(group, "remove:0.0") == Group("all", (Group("any", (two,)),))
    assert act(group, "remove:0") == Group("all")
    for nothing in ("", "add:", "add:9", "add:0.7", "add:0.0", "remove:0.5", "burn:0", "add:0.x"):
        assert act(group, nothing) == group


@pytest.mark.parametrize(
    "row",
    [
        Row(f"{OWN}city", "="),
        Row("list", "subscribed"),
        Row("created", "last"),
        Row(f"{OWN}birthday", "next"),
        Row("tag", "is"),
    ],
)
def test_what_is_not_finished_is_told(row):
    with pytest.raises(Unfinished):
        tree_of(Group("all", (row,)), KINDS)


@pytest.mark.parametrize(
    "row",
    [
        Row(f"{OWN}orders", "=", "many"),
        Row(f"{OWN}orders", "=", "nan"),
        Row("opened", "did", days="-1"),
        Row("opened", "did", days="²"),
    ],
)
def test_what_is_no_number_is_told(row):
    with pytest.raises(Invalid):
        tree_of(Group("all", (row,)), KINDS)


fields = st.sampled_from([*PEOPLE, *(f"{OWN}{name}" for name in (*KINDS, "email", "unknown"))])
plain = st.text("abcÄ \"\\'`%_", min_size=1, max_size=6).map(str.strip).filter(bool)


@st.composite
def rows(draw):
    name = draw(fields)
    kind = kind_of(name, KINDS)
    op = draw(st.sampled_from(OPERATORS[kind]))
    days = str(draw(st.integers(1, 400))) if kind in DEEDS or op in ("last", "not last", "next") else ""
    fixed = {"number": "12", "date": "2026-01-31", "consent": "implied", "tracking": "allowed"}
    value = "" if op in NO_VALUE or (days and kind not in DEEDS) else fixed.get(kind) or draw(plain)
    return Row(name, op, value, days)


groups = st.recursive(
    st.builds(Group, st.sampled_from(["all", "any", "none"]), st.lists(rows(), max_size=3).map(tuple)),
    lambda inner: st.builds(
        Group, st.sampled_from(["all", "any", "none"]), st.lists(st.one_of(rows(), inner), max_size=3).map(tuple)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(groups)
def test_whatever_is_clicked_is_a_segment_and_comes_back_as_the_same_form(group):
    assert read(written(group), KINDS) == group
    words = words_from(tree_of(group, KINDS))
    assert words_from(words) == words
    assert words_from(tree_of(group_of(tree_from(words)), KINDS)) == words
