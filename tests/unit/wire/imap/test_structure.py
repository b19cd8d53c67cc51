"""ENVELOPE, BODYSTRUCTURE, sections: what is described at delivery, and that offsets lead to the right bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lettershop.wire.imap import sections
from lettershop.wire.imap.binary import without_binary
from lettershop.wire.imap.envelope import envelope
from lettershop.wire.imap.structure import structure
from lettershop.wire.imap.values import Section
from lettershop.wire.message.headers import parse
from lettershop.wire.message.mime import scan


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


NESTED = crlf("""From: user@domain.org
Mime-Version: 1.0
Content-Type: multipart/mixed; boundary="foo bar"

prologue
--foo bar
Content-Type: text/plain; charset=us-ascii
Content-Disposition: attachment; filename="a b.txt"

hello

--foo bar
Content-Type: message/rfc822

From: sub@domain.org
Subject: submsg
Content-Type: multipart/alternative; boundary=sub

--sub
Content-Type: text/html
Content-Transfer-Encoding: base64

PHA+

--sub
Content-Type: text/plain

another
--sub--
--foo bar--
epilogue
""")
SINGLE = crlf("Subject: x\n\nbody\n")


def cut(message: bytes, part: tuple[int, ...], kind: str = "") -> bytes | None:
    span = sections.locate(sections.unpack(sections.pack(scan(message))), Section(part, kind))  # type: ignore[arg-type]
    return message[slice(*span)] if span else None


@pytest.mark.parametrize(
    ("part", "kind", "expected"),
    [
        ((1,), "", b"hello\r\n"),
        ((1,), "MIME", b'Content-Type: text/plain; charset=us-ascii\r\nContent-Disposition: attachment; filename="a b.txt"\r\n\r\n'),
        ((2, 2), "", b"another"),
        ((2, 1), "", b"PHA+\r\n"),
        ((2,), "MIME", b"Content-Type: message/rfc822\r\n\r\n"),
        ((2, 2), "MIME", b"Content-Type: text/plain\r\n\r\n"),
        ((3,), "", None), ((1, 1), "", None), ((1,), "HEADER", None), ((2, 2, 1), "", None), ((0,), "", None),
    ],
)  # fmt: skip
def test_parts_of_nested_messages(part: tuple[int, ...], kind: str, expected: bytes | None) -> None:
    assert cut(NESTED, part, kind) == expected


def test_header_and_text_of_the_message_and_of_the_one_within() -> None:
    header, text = cut(NESTED, (), "HEADER"), cut(NESTED, (), "TEXT")
    assert header and text and header + text == NESTED == cut(NESTED, ())
    inner_header, inner_text = cut(NESTED, (2,), "HEADER"), cut(NESTED, (2,), "TEXT")
    assert inner_header and inner_text and inner_header + inner_text == cut(NESTED, (2,))
    assert inner_header.startswith(b"From: sub@domain.org")


def test_a_message_that_is_no_multipart_has_one_part() -> None:
    assert cut(SINGLE, (1,)) == b"body\r\n"
    assert cut(SINGLE, (1, 1)) is None
    assert cut(SINGLE, (2,)) is None


def test_body_and_bodystructure() -> None:
    root = scan(NESTED)
    inner = cut(NESTED, (2,)) or b""
    assert structure(NESTED, root, extended=False) == (
        b'(("TEXT" "PLAIN" ("CHARSET" "us-ascii") NIL NIL "7BIT" 7 1)("MESSAGE" "RFC822" NIL NIL NIL "7BIT" %d '
        b'(NIL "submsg" ((NIL NIL "sub" "domain.org")) ((NIL NIL "sub" "domain.org")) ((NIL NIL "sub" "domain.org"))'
        b' NIL NIL NIL NIL NIL) (("TEXT" "HTML" ("CHARSET" "us-ascii") NIL NIL "BASE64" 6 1)("TEXT" "PLAIN" ("CHARSET"'
        b' "us-ascii") NIL NIL "7BIT" 7 0) "ALTERNATIVE") %d) "MIXED")'
    ) % (len(inner), inner.count(b"\n"))
    assert b'("ATTACHMENT" ("FILENAME" "a b.txt"))' in structure(NESTED, root, extended=True)


def test_a_multipart_without_parts_still_has_one_for_the_grammar() -> None:
    empty = crlf('Content-Type: multipart/mixed; boundary="x"\n\nnothing here\n')
    assert structure(empty, scan(empty), extended=False).startswith(b'(("TEXT" "PLAIN"')


def test_an_encoded_message_is_not_looked_into() -> None:
    odd = crlf("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nAAAA\n")
    assert structure(odd, scan(odd), extended=False).startswith(b'("APPLICATION" "OCTET-STREAM"')


@pytest.mark.parametrize(
    ("header", "place", "expected"),
    [
        ("From: a@b.example", 2, b'((NIL NIL "a" "b.example"))'),
        ('From: "Doe, \\"J\\"" <j@b.example>', 2, b'(("Doe, \\"J\\"" NIL "j" "b.example"))'),
        ("To: friends: a@b, c@d;", 5, b'((NIL NIL "friends" NIL)(NIL NIL "a" "b")(NIL NIL "c" "d")(NIL NIL NIL NIL))'),
        ("To: undisclosed-recipients:;", 5, b'((NIL NIL "undisclosed-recipients" NIL)(NIL NIL NIL NIL))'),
        ("Cc: =?utf-8?q?=C3=A4?= <a@b>", 6, b'(("=?utf-8?q?=C3=A4?=" NIL "a" "b"))'),
        ("Subject: one\n two", 1, b'"one two"'),
        ("Subject: ", 1, b'""'),
        ("To: ", 5, b"NIL"),
    ],
)
def test_envelopes(header: str, place: int, expected: bytes) -> None:
    whole = envelope(parse(crlf(header + "\n\n")))
    alone = [b"NIL"] * 10
    alone[place] = expected
    if header.startswith("From"):
        alone[3] = alone[4] = expected
    assert whole == b"(%b)" % b" ".join(alone)


def test_raw_eight_bit_headers_go_out_as_literals() -> None:
    assert envelope(parse("Subject: ä\r\n\r\n".encode())).startswith(b"(NIL {2}\r\n\xc3\xa4 NIL")


def test_header_fields() -> None:
    header = b"From: a\r\nX-Y: 1\r\n 2\r\nfrom: b\r\n\r\n"
    assert sections.fields(header, [b"FROM"], without=False) == b"From: a\r\nfrom: b\r\n\r\n"
    assert sections.fields(header, [b"from"], without=True) == b"X-Y: 1\r\n 2\r\n\r\n"


def test_binary_parts_are_kept_as_base64() -> None:
    part = b"Content-Type: application/x\r\nContent-Transfer-Encoding: binary\r\n\r\na\0b\r\nc"
    message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + part + b"\r\n--b\r\n\r\ntext\r\n--b--\r\n"
    kept = without_binary(message)
    assert b"\0" not in kept
    first = cut(kept, (1,))
    assert first is not None
    assert sections.decoded(first, "base64") == b"a\0b\r\nc"
    assert cut(kept, (2,)) == b"text"
    assert without_binary(kept) == kept
    assert without_binary(part).count(b"base64\r\n\r\nYQBiDQpj\r\n") == 1


def test_transfer_encodings() -> None:
    assert sections.decoded(b"aGVs\r\nbG8=\r\n", "base64") == b"hello"
    assert sections.decoded(b"a=C3=A4= \r\nb\t \r\n", "quoted-printable") == b"a\xc3\xa4b\r\n"
    assert sections.decoded(b"x", "x-unknown") is None


@given(st.lists(st.sampled_from([b"--b\r\n", b"--b--\r\n", b"Content-Type: multipart/mixed; boundary=b\r\n", b"\r\n", b"text\r\n",
                                 b"Content-Type: message/rfc822\r\n", b"--c\n", b"\xff\0"]), max_size=20))  # fmt: skip
def test_any_message_can_be_described_and_its_parts_lie_within_it(pieces: list[bytes]) -> None:
    message = b"".join(pieces)
    root = scan(message)
    structure(message, root, extended=True)
    envelope(parse(message))
    stack = [sections.unpack(sections.pack(root))]
    while stack:
        node = stack.pop()
        assert 0 <= node.header_start <= node.body_start <= node.end <= len(message)
        stack += node.children
