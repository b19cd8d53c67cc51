"""Written messages: folding, encoded words, bodies, parts; read back by our own reader and the standard library."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lettershop.wire.message import compose, headers, mime, words
from lettershop.wire.message.addresses import mailboxes
from lettershop.wire.message.compose import Header

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.just(" "), max_size=120)


@given(TEXT)
def test_a_subject_written_is_a_subject_read(value):
    header = Header()
    header.text("Subject", value)
    data = header.encode()
    (field,) = headers.parse(data).fields
    assert words.decode(field.value) == " ".join(value.split()) or words.decode(field.value) == value.strip()
    assert all(len(line) <= 78 or " " not in line.strip() for line in data.decode().splitlines())


@given(TEXT, st.from_regex(r"[a-z0-9]{1,12}", fullmatch=True))
def test_a_mailbox_written_is_a_mailbox_read(name, local):
    (found,) = mailboxes(compose.mailbox(name, f"{local}@b.example"))
    assert (found.display, found.address) == (name.strip(), f"{local}@b.example")


@given(st.text(max_size=60))
def test_nobody_smuggles_in_a_field(value):
    header = Header()
    header.text("Subject", value)
    header.text("X-Other", "y")
    assert [field.name for field in headers.parse(header.encode() + b"\r\n").fields] == ["Subject", "X-Other"]


def test_long_fields_are_folded_before_blanks():
    header = Header()
    header.add("References", " ".join(f"<{number:030}@b.example>" for number in range(5)))
    lines = header.encode().split(b"\r\n")
    assert max(map(len, lines)) <= 78 and lines[1].startswith(b" <")
    assert header.encode().replace(b"\r\n ", b" ").count(b"@") == 5


def test_a_long_word_is_not_cut():
    header = Header()
    header.add("X-Token", "x" * 200)
    assert header.encode() == b"X-Token: " + b"x" * 200 + b"\r\n"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=400))
def test_text_parts_come_back(text):
    data = compose.text_part(text)
    part = mime.scan(data)
    assert mime.text_of(data, part).replace("\r\n", "\n") == text
    assert all(len(line) <= 998 for line in data.split(b"\r\n"))
    assert part.encoding == ("quoted-printable" if not text.isascii() or part.encoding != "7bit" else "7bit")


@given(
    st.binary(max_size=400),
    st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20),
)
def test_attachments_come_back(data, name):
    written = compose.attachment(name, "application/octet-stream", data)
    part = mime.scan(written)
    assert (mime.content(written, part), part.filename, part.disposition) == (data, name, "attachment")


def test_parts_are_put_together():
    header = Header()
    header.add("From", "a@b.example")
    parts = [compose.text_part("Grüße\n"), compose.text_part("<p>Hi</p>", "html")]
    message = compose.multipart(header, "alternative", parts, "=_mark", params="x=y")
    read = email.message_from_bytes(message, policy=email.policy.default)
    assert [part.get_content_type() for part in read.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert read.get_body(("plain",)).get_content().replace("\r\n", "\n") == "Grüße\n"
    assert read["Content-Type"].params["x"] == "y"
    assert b"\n" not in message.replace(b"\r\n", b"")


@pytest.mark.parametrize("data", [b"a\nb", b"a\r\nb", b"a\rb"])
def test_line_ends_become_crlf(data):
    assert compose.crlf(data) == b"a\r\nb"
