"""Command arguments and message data."""

import pytest

from lettershop.wire.smtp.grammar import (
    Announced,
    BadCommand,
    dot_stuff,
    dot_unstuff,
    mend_line_ends,
    parse_chunk,
    parse_mail,
    parse_rcpt,
    split_command,
)

PLAIN = Announced(max_size=1000, dsn=False, login=False)
DSN = Announced(max_size=1000, dsn=True, login=True)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"noop\r\n", ("NOOP", "")),
        (b"Mail From:<a>  \r\n", ("MAIL", "From:<a>")),
        (b"HELO  x\r\n", ("HELO", "x")),
        (b"\r\n", ("", "")),
    ],
)
def test_split(line: bytes, command: tuple[str, str]) -> None:
    assert split_command(line) == command


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        ("<a@b.example>", 501),
        ("FROM:", 501),
        ("FROM:a@b.example", 501),
        ("FROM:<a@b.example>SIZE=1", 501),
        ("FROM:<postmaster>", 501),
        ("FROM:<a@b.example> SIZE=x", 555),
        ("FROM:<a@b.example> SIZE=\u0663", 555),
        ("FROM:<a@b.example> SIZE=1 SIZE=1", 555),
        ("FROM:<a@b.example> RET=FULL", 555),
        ("FROM:<a@b.example> AUTH=<>", 555),
        ("FROM:<a@b.example> SMTPUTF8=1", 555),
        ("FROM:<a@b.example> =1", 555),
        ("FROM:<a@b.example> SIZE=1001", 552),
    ],
)
def test_bad_mail(argument: str, code: int) -> None:
    with pytest.raises(BadCommand) as caught:
        parse_mail(argument, PLAIN)
    assert caught.value.reply.code == code


def test_mail_with_everything() -> None:
    event = parse_mail("from: <a@b.example> size=9 body=8bitmime smtputf8 auth=a+40b ret=full envid=x+2B", DSN)
    assert (event.size, event.eight_bit, event.smtputf8, event.ret, event.envid) == (9, True, True, "FULL", "x+")


def test_rcpt() -> None:
    event = parse_rcpt("TO:<a@b.example> NOTIFY=never ORCPT=utf-8;ä@b.example", DSN, smtputf8=False, hostname="h")
    assert event.notify == {"NEVER"}
    assert event.orcpt == "utf-8;ä@b.example"
    assert str(parse_rcpt("TO:<postMaster>", PLAIN, smtputf8=False, hostname="MX.test").address) == "postMaster@mx.test"


@pytest.mark.parametrize(
    "tail", ["NOTIFY=SOMETIMES", "ORCPT=nobody", "ORCPT=rfc822;a=b", "ORCPT=rfc822;" + "a" * 500, "X=1"]
)
def test_bad_rcpt(tail: str) -> None:
    with pytest.raises(BadCommand):
        parse_rcpt(f"TO:<a@b.example> {tail}", DSN, smtputf8=False, hostname="h")


@pytest.mark.parametrize(("argument", "chunk"), [("0 LAST", (0, True)), ("12", (12, False)), ("7  last", (7, True))])
def test_chunk(argument: str, chunk: tuple[int, bool]) -> None:
    assert parse_chunk(argument) == chunk


@pytest.mark.parametrize("argument", ["", "x", "-1", "1 FIRST", "1LAST", "1" * 19])
def test_bad_chunk(argument: str) -> None:
    with pytest.raises(BadCommand):
        parse_chunk(argument)


@pytest.mark.parametrize(
    ("data", "wire"),
    [
        (b"", b""),
        (b"a\r\n", b"a\r\n"),
        (b".a\r\n.\r\n..\r\n", b"..a\r\n..\r\n...\r\n"),
        (b"a.\r\nb\r\n.", b"a.\r\nb\r\n..\r\n"),
        (b"no end", b"no end\r\n"),
    ],
)
def test_dots(data: bytes, wire: bytes) -> None:
    assert dot_stuff(data) == wire
    assert dot_unstuff(wire) in (data, data + b"\r\n")


def test_dot_stuffing_copies_nothing_when_there_is_nothing_to_do() -> None:
    data = b"line\r\n" * 100
    assert dot_stuff(data) is data
    assert dot_unstuff(data) is data
    assert mend_line_ends(data) is data


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (b"a\nb\r\n", b"a\r\nb\r\n"),
        (b"a\rb\r\n", b"a\r\nb\r\n"),
        (b"a\r\r\n", b"a\r\n\r\n"),
        (b"\n\r", b"\r\n\r\n"),
    ],
)
def test_line_ends(data: bytes, whole: bytes) -> None:
    assert mend_line_ends(data) == whole
