"""Reading received bytes by lines and sizes."""

import time

import pytest

from lettershop.wire.buffer import LineTooLong, ReceiveBuffer


def filled(data: bytes) -> ReceiveBuffer:
    buffer = ReceiveBuffer()
    buffer.feed(data)
    return buffer


def test_lines_and_sizes_in_turn() -> None:
    buffer = filled(b"a1 APPEND {5}\r\nhel")
    assert buffer.line(100) == b"a1 APPEND {5}\r\n"
    assert buffer.exactly(5) is None
    buffer.feed(b"lo\r\n")
    assert buffer.exactly(5) == b"hello"
    assert buffer.line(100) == b"\r\n"
    assert buffer.line(100) is None
    assert len(buffer) == 0


def test_a_line_found_after_it_was_searched_in_vain() -> None:
    buffer = filled(b"no")
    assert buffer.line(100) is None
    buffer.feed(b"op\r")
    assert buffer.line(100) is None
    buffer.feed(b"\nnext")
    assert buffer.line(100) == b"noop\r\n"
    assert buffer.at_most(2) == b"ne"
    assert buffer.at_most(100) == b"xt"


@pytest.mark.parametrize("size", [9, 10, 11])
def test_the_limit_counts_the_line_end(size: int) -> None:
    buffer = filled(b"x" * (size - 2) + b"\r\n")
    if size <= 10:
        assert buffer.line(10) is not None
        return
    with pytest.raises(LineTooLong):
        buffer.line(10)
    assert buffer.skip_line()
    assert len(buffer) == 0


def test_a_line_too_long_is_known_before_it_ends() -> None:
    buffer = filled(b"x" * 10)
    with pytest.raises(LineTooLong):
        buffer.line(10)
    assert not buffer.skip_line()
    buffer.feed(b"yyy")
    assert not buffer.skip_line()
    buffer.feed(b"z\nNOOP\n")
    assert buffer.skip_line()
    assert buffer.line(10) == b"NOOP\n"


def test_until_passes_over_the_mark_wherever_it_is_split() -> None:
    whole = b"body\r\n.\r\nrest"
    for cut in range(len(whole)):
        buffer = filled(whole[:cut])
        found = buffer.until(b"\r\n.\r\n", keep=2)
        buffer.feed(whole[cut:])
        found = found if found is not None else buffer.until(b"\r\n.\r\n", keep=2)
        assert found == b"body\r\n"
        assert buffer.at_most(10) == b"rest"[: len(whole)]


def test_reading_is_linear() -> None:
    """2 MB in pieces of 16 bytes: a second search from the start would take minutes."""
    buffer = ReceiveBuffer()
    start = time.process_time()
    for _ in range(131_072):
        buffer.feed(b"0123456789abcdef")
        assert buffer.until(b"\r\n.\r\n") is None
    buffer.feed(b"\r\n.\r\n")
    assert len(buffer.until(b"\r\n.\r\n") or b"") == 2_097_152
    lines = filled(b"line\n" * 100_000)
    while lines.line(10) is not None:
        pass
    assert time.process_time() - start < 5
