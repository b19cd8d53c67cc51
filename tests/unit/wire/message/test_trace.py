"""Messages that go in circles."""

from lettershop.wire.message.trace import MOST_HOPS, goes_in_circles

HOP = b"received: from a by b;\r\n\tMon, 1 Jan 2024 00:00:00 +0000\r\n"


def test_a_hundred_hands_are_not_too_many() -> None:
    assert not goes_in_circles(HOP * MOST_HOPS + b"Subject: x\r\n\r\n" + HOP)
    assert goes_in_circles(b"Subject: x\r\n" + HOP * (MOST_HOPS + 1) + b"\r\nbody")


def test_what_is_no_field_does_not_count() -> None:
    assert not goes_in_circles(b"X: Received:\r\n Received: x\r\n" * 200 + b"\r\n")
    assert goes_in_circles(HOP * (MOST_HOPS + 1))
