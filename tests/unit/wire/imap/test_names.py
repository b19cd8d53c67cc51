"""Mailbox names, patterns, and LIST answers."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lettershop.wire.imap.listing import listed, lsub, matches
from lettershop.wire.imap.names import BadName, checked_name, decode_name, encode_name, from_utf7, to_utf7


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("plain", "plain"),
        ("a&b", "a&-b"),
        ("pää", "p&AOQA5A-"),
        ("台北", "&U,BTFw-"),
        ("😀", "&2D3eAA-"),
        ("a/ä", "a/&AOQ-"),
    ],
)
def test_modified_utf7(text: str, wire: str) -> None:
    assert to_utf7(text) == wire
    assert from_utf7(wire) == text


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=30))
def test_names_round_trip(text: str) -> None:
    assert from_utf7(to_utf7(text)) == text
    once = decode_name(encode_name(text, utf8=True), utf8=True)
    assert decode_name(encode_name(once, utf8=False), utf8=False) == once


@pytest.mark.parametrize("raw", [b"&AOQ", b"&AAB-", b"&AGE-", b"&!!!-", b"\xc3\xa4", b"&AOQ-&AOQ-", b"&2D0-", b"&AA-"])
def test_bad_utf7_is_refused(raw: bytes) -> None:
    with pytest.raises(BadName):
        decode_name(raw, utf8=False)


@pytest.mark.parametrize("name", ["", "/", "/a", "a//b", "a\tb", "a*", "a%", "x" * 401, "a\u2028b"])
def test_names_that_no_mailbox_may_have(name: str) -> None:
    with pytest.raises(BadName):
        checked_name(name)


def test_a_separator_at_the_end_means_nothing() -> None:
    assert checked_name("a/b/") == "a/b"


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("*", "a/b", True), ("%", "a", True), ("%", "a/b", False), ("a/%", "a/b", True), ("a/%", "a/b/c", False),
        ("*b", "a/b", True), ("%b", "ab", True), ("%b", "a/b", False), ("a*", "a", True), ("", "", True), ("", "a", False),
        ("%/%", "a/b", True), ("*/c", "a/b/c", True), ("a", "A", False),
    ],
)  # fmt: skip
def test_patterns(pattern: str, name: str, fits: bool) -> None:
    assert matches(pattern, name) is fits


@given(st.text("ab/*%", max_size=8), st.text("ab/", max_size=10))
def test_patterns_agree_with_a_regular_expression(pattern: str, name: str) -> None:
    rule = "".join({"*": ".*", "%": "[^/]*"}.get(char, re.escape(char)) for char in pattern)
    assert matches(pattern, name) is bool(re.fullmatch(rule, name))


def test_a_hostile_pattern_takes_no_time() -> None:
    assert not matches("*a" * 150 + "b", "a" * 400)


BOXES = {"INBOX": "", "Sent": "\\Sent", "a/b": "", "a/c": ""}


def test_list_shows_parents_that_are_no_mailboxes() -> None:
    assert [(line.name, line.attributes) for line in listed(BOXES, set(), ("%",))] == [
        ("INBOX", ("\\HasNoChildren",)),
        ("Sent", ("\\HasNoChildren", "\\Sent")),
        ("a", ("\\Noselect", "\\HasChildren")),
    ]
    (parent,) = listed(BOXES, set(), ("a",), extended=True)
    assert parent.attributes == ("\\NonExistent", "\\HasChildren")


def test_list_selects_and_returns_subscriptions() -> None:
    wanted = frozenset(("SUBSCRIBED",))
    found = listed(BOXES, {"a/b", "gone"}, ("*",), select=wanted, extended=True)
    assert [(line.name, line.attributes) for line in found] == [
        ("a/b", ("\\HasNoChildren", "\\Subscribed")),
        ("gone", ("\\NonExistent", "\\HasNoChildren", "\\Subscribed")),
    ]
    assert len(listed(BOXES, {"a/b"}, ("*",), returns=wanted)) == 5


def test_recursive_match_tells_of_children_that_are_not_in_the_answer() -> None:
    both = frozenset(("SUBSCRIBED", "RECURSIVEMATCH"))
    (line,) = listed(BOXES, {"a/b"}, ("%",), select=both, extended=True)
    assert (line.name, line.child_info) == ("a", "SUBSCRIBED")
    assert [line.child_info for line in listed(BOXES, {"a/b"}, ("*",), select=both)] == [""]


def test_special_use_selects() -> None:
    assert [line.name for line in listed(BOXES, set(), ("*",), select=frozenset(("SPECIAL-USE",)))] == ["Sent"]


def test_lsub() -> None:
    assert [(line.name, line.attributes) for line in lsub(BOXES, {"a/b", "gone"}, "%")] == [
        ("a", ("\\Noselect",)),
        ("gone", ()),
    ]
    assert [line.name for line in lsub(BOXES, {"a/b"}, "*")] == ["a/b"]
