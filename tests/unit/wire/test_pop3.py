"""POP3 lines and dot-stuffing."""

import itertools
import poplib
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lettershop.wire.pop3 import Broken, Command, Event, Line, ServerMachine, multiline, top


def events(*pieces: bytes) -> list[Event]:
    machine = ServerMachine()
    found: list[Event] = []
    for piece in pieces:
        machine.feed(piece)
        while (event := machine.next_event()) is not None:
            found.append(event)
    return found


def test_commands() -> None:
    sent = b"user ann\r\nPASS a  b \r\nQUIT\n\r\n"
    assert events(sent) == [Command("USER", "ann"), Command("PASS", "a  b "), Command("QUIT"), Command("")]


def test_a_line_of_sasl() -> None:
    machine = ServerMachine()
    machine.expect_line()
    machine.feed(b"AGEAYg==\r\nNOOP\r\n")
    assert [machine.next_event(), machine.next_event()] == [Line(b"AGEAYg=="), Command("NOOP")]


def test_a_line_without_end_breaks() -> None:
    (event,) = events(b"x" * 5000, b"\r\nNOOP\r\n")
    assert isinstance(event, Broken)


@pytest.mark.parametrize(("rest", "numbers"), [("", ()), ("1 20", (1, 20)), ("x", None), ("-1", None), ("²", None)])
def test_numbers(rest: str, numbers: tuple[int, ...] | None) -> None:
    assert Command("TOP", rest).numbers() == numbers


SAMPLE = b"USER ann\r\nPASS secret\r\nTOP 1 2\r\nRETR\r\n"


@given(st.lists(st.integers(0, len(SAMPLE)), max_size=8))
def test_any_split_gives_the_same_events(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(SAMPLE)]
    assert events(*(SAMPLE[start:end] for start, end in itertools.pairwise(edges))) == events(SAMPLE)


class Client(poplib.POP3):
    """The standard library's reader, without a socket."""

    def __init__(self, data: bytes) -> None:
        self.file, self._debugging = BytesIO(b"+OK\r\n" + data), 0


@given(st.lists(st.binary(max_size=8).map(lambda raw: raw.replace(b"\n", b".").replace(b"\r", b".")), max_size=6))
def test_a_client_reads_back_what_was_sent(lines: list[bytes]) -> None:
    message = b"".join(line + b"\r\n" for line in lines)
    assert Client(multiline(message))._getlongresp()[1] == lines


def test_a_message_without_end_gets_one() -> None:
    assert multiline(b"a") == b"a\r\n.\r\n"
    assert multiline(b"") == b".\r\n"


def test_top() -> None:
    message = b"Subject: x\r\n\r\none\r\ntwo\r\n"
    assert top(message, 14, 0) == b"Subject: x\r\n\r\n"
    assert top(message, 14, 1) == b"Subject: x\r\n\r\none\r\n"
    assert top(message, 14, 9) == message
