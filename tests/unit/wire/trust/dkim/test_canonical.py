"""Canonical forms, against RFC 6376's own examples and dkimpy."""

import re

import pytest
from dkim.canonicalization import Relaxed, Simple
from hypothesis import assume, example, given
from hypothesis import strategies as st

from lettershop.wire.trust.dkim.canonical import relaxed_body, relaxed_field, simple_body

BODIES = st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"a", b"b.", b"   ", b" " * 70]), max_size=30).map(b"".join)


def test_the_rfc_example():  # RFC 6376 3.4.5
    body = b" C \r\nD \t E\r\n\r\n\r\n"
    assert relaxed_body(body) == b" C\r\nD E\r\n"
    assert simple_body(body) == b" C \r\nD \t E\r\n"
    assert relaxed_field("A", b" X") == b"a:X\r\n"
    assert relaxed_field("B ".strip(), b" Y\t\r\n\tZ  ") == b"b:Y Z\r\n"


@given(BODIES)
@example(b"")
@example(b"\r\n\r\n")
@example(b"a\n\r\n")
@example(b"\n\r\n")
def test_bodies_as_dkimpy_makes_them(body):
    assume(not body.endswith((b" ", b"\t")))  # a last line without its end does not travel; dkimpy keeps its blanks
    assert simple_body(body) == Simple.canonicalize_body(body)
    theirs = Relaxed.canonicalize_body(body)
    assert relaxed_body(body) == (b"" if theirs == b"\r\n" else theirs)  # RFC 6376 3.4.4 and erratum 1384


@given(BODIES)
def test_relaxed_is_its_own_relaxed_form(body):
    once = relaxed_body(body)
    assert relaxed_body(once) == once


@given(st.text("ab \t\v", max_size=20), st.booleans())
def test_fields(value, folded):
    raw = (" " + value).encode() + (b"\r\n\tx" if folded else b"")
    expected = re.sub(rb"[ \t]+", b" ", raw.replace(b"\r\n", b"")).strip(b" ")
    assert relaxed_field("X-Y", raw) == b"x-y:" + expected + b"\r\n"


@pytest.mark.parametrize(
    "body", [b" " * 1_000_000, b"\r\n" * 500_000, (b" " * 100 + b"x") * 10_000, b"\t \t" * 300_000]
)
def test_nobody_can_make_it_slow(body):
    relaxed_body(body)
    simple_body(body)
