"""Replies, written and read."""

import pytest

from lettershop.base.errors import Conflict, Invalid, NotFound, Refused, Temporary
from lettershop.wire.smtp import replies
from lettershop.wire.smtp.replies import BadReply, Reply, ReplyReader, reply_for


@pytest.mark.parametrize(
    ("wire", "reply"),
    [
        (b"250 OK\r\n", Reply(250, "", ("OK",))),
        (b"250 2.1.5 OK\r\n", Reply(250, "2.1.5", ("OK",))),
        (b"250\r\n", Reply(250, "", ("",))),
        (b"250 \n", Reply(250, "", ("",))),
        (b"250 2.0.0\r\n", Reply(250, "2.0.0", ("",))),
        (b"250-mx\r\n250-SIZE 10\r\n250 DSN\r\n", Reply(250, "", ("mx", "SIZE 10", "DSN"))),
        (b"550-5.7.1 Blocked,\r\n550 5.7.1 see example.com\r\n", Reply(550, "5.7.1", ("Blocked,", "see example.com"))),
        (b"550 4.7.1 of another class\r\n", Reply(550, "", ("4.7.1 of another class",))),
        (b"550 5.7.1234 too long\r\n", Reply(550, "", ("5.7.1234 too long",))),
        (b"250-\r\n250 \xff\r\n", Reply(250, "", ("", "\ufffd"))),
    ],
)
def test_read(wire: bytes, reply: Reply) -> None:
    assert ReplyReader().feed(wire) == [reply]


@pytest.mark.parametrize(
    "wire", [b"hello\r\n", b"25\r\n", b"250x\r\n", b"250-a\r\n251 b\r\n", b"999 x\r\n", b"\r\n", b"199 x\r\n"]
)
def test_no_reply(wire: bytes) -> None:
    with pytest.raises(BadReply):
        ReplyReader().feed(wire)


def test_a_reply_without_end_is_bounded() -> None:
    reader = ReplyReader()
    with pytest.raises(BadReply):
        for _ in range(100):
            reader.feed(b"x" * 1000)
    reader = ReplyReader()
    with pytest.raises(BadReply):
        for _ in range(100):
            reader.feed(b"250-" + b"x" * 1000 + b"\r\n")


def test_written() -> None:
    assert Reply.of(550, "5.1.1", "No\nsuch user").to_wire() == b"550-5.1.1 No\r\n550 5.1.1 such user\r\n"
    assert Reply.of(220, "", "").to_wire() == b"220 \r\n"
    assert Reply.of(550, "", "für").to_wire() == b"550 f?r\r\n"
    assert Reply.of(550, "", "für").to_wire(utf8=True) == "550 für\r\n".encode()
    assert Reply(550, "", ("a\r\x00b", "c\x0bd")).to_wire().count(b"\r\n") == 2
    assert max(map(len, Reply.of(550, "5.1.1", "x" * 2000).to_wire().splitlines(keepends=True))) <= 512


def test_a_text_cannot_forge_a_second_reply() -> None:
    forged = Reply(550, "5.1.1", ("no\r\n250 yes",)).to_wire()
    assert ReplyReader().feed(forged)[0].code == 550
    assert len(ReplyReader().feed(forged)) == 1


def test_kinds() -> None:
    assert Reply(250).positive and Reply(354).positive
    assert Reply(451).temporary and not Reply(451).permanent
    assert Reply(550).permanent and not Reply(550).positive
    assert str(Reply(550, "5.1.1", ("No", "user"))) == "550 5.1.1 No user"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotFound("No such mailbox."), 550),
        (Refused("No."), 550),
        (Invalid("Not well formed."), 554),
        (Temporary("Later."), 451),
        (Conflict("Busy."), 451),
    ],
)
def test_errors_of_ours(error: Exception, code: int) -> None:
    reply = reply_for(error)  # type: ignore[arg-type]
    assert (reply.code, reply.text) == (code, error.public)  # type: ignore[attr-defined]


def test_the_catalogue_is_consistent() -> None:
    """Each enhanced code is of its reply's class (RFC 2034 4), and each reads back as it was written."""
    for name, reply in vars(replies).items():
        if isinstance(reply, Reply):
            assert not reply.enhanced or reply.enhanced[0] == str(reply.code)[0], name
            assert ReplyReader().feed(reply.to_wire()) == [reply], name
