"""How long a message may be tried, as its sender says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lettershop.mail.expiry import LONGEST, WrongExpiry, checked, read, taken_out

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("600", 600), ("10m", 600), ("10 min", 600), ("10 minutes", 600), ("4h", 14_400), ("2 hours", 7200), ("2d", 172_800),
        ("1 day", 86_400), ("30 s", 30), ("Tue, 14 Nov 2023 22:23:20 +0000", 600),
    ],
)  # fmt: skip
def test_spans_and_moments(value, seconds):
    assert read(value, NOW) == NOW + seconds


@pytest.mark.parametrize("value", ["soon", "10x", "-5", "", "1e9", "10m 5"])
def test_what_is_neither(value):
    with pytest.raises(WrongExpiry):
        read(value, NOW)


def test_bounds():
    assert checked(NOW + 1, NOW) == NOW + 1
    for at in (NOW, NOW - 5, NOW + LONGEST + 1):
        with pytest.raises(WrongExpiry):
            checked(at, NOW)


def test_the_field_is_taken_out_wherever_it_stands_and_nothing_else():
    message = b"From: a@b.example\r\nLETTERSHOP-expires:\r\n 10m\r\nSubject: x\r\n\r\nLettershop-Expires: 5\r\n"
    assert taken_out(message) == (b"From: a@b.example\r\nSubject: x\r\n\r\nLettershop-Expires: 5\r\n", "10m")
    twice = b"Lettershop-Expires: 1\r\nA: b\r\nLettershop-Expires: 2\r\n\r\n"
    assert taken_out(twice) == (b"A: b\r\n\r\n", "1")


@given(st.binary(max_size=300))
def test_a_message_without_the_field_stays_as_it_is(data):
    assert taken_out(data) == (data, "")
