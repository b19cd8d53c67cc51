"""The server's machine: literals, limits, and that the splitting of input never matters."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lettershop.wire.imap.server import LITERALS, Bad, Broken, Continue, Event, Line, ServerMachine, TooBig
from lettershop.wire.imap.values import Append, Command, Login, Mailbox, Nothing


def events(*pieces: bytes, append_limit: int = 0, line: bool = False) -> list[Event]:
    machine = ServerMachine()
    machine.append_limit = append_limit
    if line:
        machine.expect_line()
    found: list[Event] = []
    for piece in pieces:
        machine.feed(piece)
        while (event := machine.next_event()) is not None:
            found.append(event)
    return found


def test_a_command() -> None:
    assert events(b"a1 NOOP\r\n") == [Command("a1", "NOOP", Nothing())]
    assert events(b"a1 noop\n") == [Command("a1", "NOOP", Nothing())]


def test_a_synchronizing_literal_waits_for_leave() -> None:
    assert events(b"a LOGIN {3}\r\n") == [Continue()]
    assert events(b"a LOGIN {3}\r\n", b'ann "x y"\r\n') == [Continue(), Command("a", "LOGIN", Login("ann", "x y"))]


def test_other_literals_do_not_wait() -> None:
    got = events(b"a LOGIN {3+}\r\nann {6+}\r\nsecret\r\nb NOOP\r\n")
    assert got == [Command("a", "LOGIN", Login("ann", "secret")), Command("b", "NOOP", Nothing())]


def test_a_literal_may_look_like_a_command() -> None:
    (command,) = events(b"a SELECT {9+}\r\nb LOGOUT\r\r\n")
    assert command == Command("a", "SELECT", Mailbox(b"b LOGOUT\r"))


def test_before_the_log_in_large_literals_are_refused() -> None:
    assert events(b"a LOGIN {%d}\r\nb NOOP\r\n" % (LITERALS + 1)) == [
        TooBig("a", False),
        Command("b", "NOOP", Nothing()),
    ]
    assert events(b"a APPEND x {%d}\r\n" % (LITERALS + 1)) == [TooBig("a", False)]
    (broken,) = events(b"a LOGIN {99999999+}\r\nxxxx\r\nb NOOP\r\n")
    assert isinstance(broken, Broken)


def test_append_has_a_limit_of_its_own_and_the_conversation_goes_on() -> None:
    big = b"x" * 100_001
    sent = b"a APPEND INBOX {%d+}\r\n%b\r\nb NOOP\r\n" % (len(big), big)
    assert events(sent, append_limit=100_000) == [TooBig("a", True), Command("b", "NOOP", Nothing())]
    (first, _) = events(sent, append_limit=200_000)
    assert isinstance(first, Command)
    assert isinstance(first.arguments, Append)
    assert first.arguments.messages[0].data == big
    assert events(b"a APPEND INBOX {100001}\r\n", append_limit=100_000) == [TooBig("a", True)]


def test_the_literals_of_a_command_count_together() -> None:
    piece = b"{%d+}\r\n%b" % (40_000, b"x" * 40_000)
    (broken,) = events(b"a LOGIN " + piece + b" " + piece + b"\r\n")
    assert isinstance(broken, Broken)


def test_a_line_without_end_breaks() -> None:
    got = events(b"a NOOP " + b"x" * 70_000)
    assert isinstance(got[-1], Broken)
    assert events(b"a NOOP " + b"x" * 70_000, b"\r\nb NOOP\r\n") == got


def test_what_is_no_command_is_answered_with_its_tag() -> None:
    bad = events(b"\r\n", b"a\r\n", b"b1 DANCE\r\n", b"+ NOOP\r\n", b"c NOOP now\r\n", b"d UID NOOP\r\n")
    assert [event.tag for event in bad if isinstance(event, Bad)] == ["*", "a", "b1", "*", "c", "d"]


def test_expected_lines_are_no_commands() -> None:
    assert events(b"DONE\r\na NOOP\r\n", line=True) == [Line(b"DONE"), Command("a", "NOOP", Nothing())]


def test_forget_drops_what_was_sent_before_tls() -> None:
    machine = ServerMachine()
    machine.feed(b"a STARTTLS\r\nb LOGIN x y\r\n")
    assert isinstance(machine.next_event(), Command)
    machine.forget()
    assert machine.next_event() is None


SAMPLE = (
    b'a LOGIN {3+}\r\nann {6}\r\nsecret\r\nb SELECT "IN\\"BOX"\r\nc APPEND x (\\Seen) {12+}\r\nFrom: a\r\n\r\nb\r\n'
    b"d UID FETCH 1:*,7 (FLAGS BODY.PEEK[HEADER.FIELDS (from {2+}\r\nto)]<0.10>)\r\ne BROKEN {2+}\r\nxx\r\n\r\nf NOOP\r\n"
    b"g APPEND x {5000+}\r\n" + b"y" * 5000 + b"\r\nh SEARCH TEXT {4+}\r\n\xc3\xa4\xc3\xb6\r\n"
)


@given(st.lists(st.integers(0, len(SAMPLE)), max_size=12))
def test_any_split_gives_the_same_events(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(SAMPLE)]
    pieces = [SAMPLE[start:end] for start, end in itertools.pairwise(edges)]
    whole = events(SAMPLE, append_limit=4_000)
    assert len(whole) > 8

    def plain(found: list[Event]) -> list[object]:
        return [(event.tag, str(event.error)) if isinstance(event, Bad) else event for event in found]

    assert plain(events(*pieces, append_limit=4_000)) == plain(whole)


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_any_input_ends_in_events(pieces: list[bytes]) -> None:
    events(*pieces, append_limit=100)
    events(*(b"a " + piece + b"\r\n" for piece in pieces), append_limit=100)


@pytest.mark.parametrize("size", ["99999999999999999999999", "-1", "x", ""])
def test_sizes_that_are_none(size: str) -> None:
    got = events(f"a LOGIN {{{size}}}\r\n".encode())
    assert [type(event) for event in got] == [Bad]
