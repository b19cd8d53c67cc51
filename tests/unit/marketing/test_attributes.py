"""Kinds of attributes: cells read, values checked, and back again."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from lettershop.marketing.attributes import READ, Learner, NotOfItsKind, as_text, checked, kind_of


def learned(cell):
    learner = Learner()
    learner.see([cell])
    return READ[learner.kind](cell)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12", 12), ("-3.5", -3.5), ("0", 0), ("007", "007"), ("+49 30", "+49 30"), ("1e5", "1e5"), ("yes", True), ("FALSE", False),
        ("2026-01-31", "2026-01-31"), ("31.1.2026", "2026-01-31"), ("2026-02-31", "2026-02-31"), ("1234567890123456", "1234567890123456"),
        ("Köln", "Köln"), ("1.", "1."),
    ],
)  # fmt: skip
def test_kinds_of_values(cell, value):
    assert learned(cell) == value and type(learned(cell)) is type(value)


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("text", "x", "x"), ("number", 3, 3), ("number", 3.5, 3.5), ("boolean", True, True), ("date", "31.1.2026", "2026-01-31"),
        ("list", ["a", "b", "a"], ["a", "b"]),
    ],
)  # fmt: skip
def test_values_of_their_kind(kind, value, kept):
    assert checked("x", kind, value) == kept


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", 3),
        ("number", "3"),
        ("number", True),
        ("boolean", 1),
        ("date", "soon"),
        ("list", "a"),
        ("list", [1]),
        ("text", None),
    ],
)
def test_values_of_another_kind(kind, value):
    with pytest.raises(NotOfItsKind, match="x is a"):
        checked("x", kind, value)


WORD = st.text(alphabet="ab ,;|ü", min_size=1, max_size=5).map(str.strip).filter(bool)
PART = st.text(alphabet="ab ,|", min_size=1, max_size=4).map(str.strip).filter(bool)
VALUE = st.one_of(
    st.tuples(st.just("number"), st.integers(-(10**14), 10**14)),
    st.tuples(st.just("boolean"), st.booleans()),
    st.tuples(st.just("date"), st.dates().map(lambda day: day.isoformat())),
    st.tuples(
        st.just("list"),
        st.lists(
            st.text(alphabet="ab ,|", min_size=1, max_size=4).map(str.strip).filter(bool), min_size=1, unique=True
        ),
    ),
    st.tuples(st.just("text"), WORD),
)


@given(VALUE)
def test_what_is_exported_comes_back_as_the_same(entry):
    kind, value = entry
    assert READ[kind](as_text(value)) == value
    assert kind_of(value) == kind or kind == "text"
