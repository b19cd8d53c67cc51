"""Messages made seven-bit: bodies, headers, and what must not be touched. The standard library reads what we wrote."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lettershop.wire.message.seven_bit import plain_header, seven_bit, speaks_utf8

UMLAUTS = "Grüße aus Köln\r\n"


def message(body, *fields, encoding="8bit", charset="utf-8"):
    head = ["From: ann@b.example", *fields, f"Content-Type: text/plain; charset={charset}"]
    if encoding:
        head.append(f"Content-Transfer-Encoding: {encoding}")
    return "\r\n".join([*head, "", ""]).encode() + body


def leaves(data):
    parsed = email.message_from_bytes(data, policy=email.policy.SMTP)
    return [part.get_payload(decode=True) for part in parsed.walk() if not part.is_multipart()]


def short(data):
    return max(map(len, data.split(b"\r\n"))) <= 998


def test_what_is_plain_stays_the_same_object():
    plain = message(b"Hello\r\n", encoding="7bit")
    assert seven_bit(plain) is plain
    assert plain_header(plain) is plain


@pytest.mark.parametrize("encoding", ["8bit", "binary", "7bit", ""])
def test_a_text_beyond_ascii_is_encoded_whatever_it_called_itself(encoding):
    text = ("An ordinary line with one ü.\r\n" * 5).encode()
    made = seven_bit(message(text, encoding=encoding))
    assert made.isascii()
    assert b"quoted-printable" in made
    assert made.lower().count(b"content-transfer-encoding") == 1
    assert leaves(made) == [text]


def test_where_most_is_beyond_ascii_base64_is_shorter():
    made = seven_bit(message("Добрый день\r\n".encode()))
    assert b"base64" in made
    assert leaves(made) == ["Добрый день\r\n".encode()]


def test_a_line_that_is_too_long_is_broken_softly():
    text = b"a" * 2000 + b"\r\n"
    made = seven_bit(message(text, encoding="7bit"))
    assert short(made)
    assert leaves(made) == [text]


def test_parts_are_converted_one_by_one_and_containers_say_so():
    data = (
        b"From: ann@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        b"--x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + UMLAUTS.encode() +
        b"\r\n--x\r\nContent-Type: application/pdf\r\n\r\n\xff\xfe\x00\x01\r\n--x\r\n\r\nplain\r\n--x--\r\n"
    )  # fmt: skip
    made = seven_bit(data)
    assert made.isascii()
    assert b"boundary=x\r\nContent-Transfer-Encoding: 7bit\r\n" in made
    assert leaves(made)[0] == UMLAUTS.encode()
    assert leaves(made)[1].rstrip(b"\r\n") == b"\xff\xfe\x00\x01"
    assert leaves(made)[2] == b"plain"


def test_a_message_within_a_message_is_converted_inside():
    inner = message(UMLAUTS.encode())
    data = b"From: a@b.example\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + inner
    made = seven_bit(data)
    assert made.isascii()
    assert made.count(b"7bit") == 1
    assert leaves(made) == [UMLAUTS.encode()]


def test_what_is_signed_is_not_touched():
    data = (
        b"From: a@b.example\r\nContent-Type: multipart/signed; boundary=x\r\n\r\n--x\r\n\r\n\xc3\xbc\r\n--x\r\n"
        b"Content-Type: application/pgp-signature\r\n\r\nabc\r\n--x--\r\n"
    )
    assert seven_bit(data) is None


def test_bytes_beyond_ascii_in_what_calls_itself_encoded_are_not_guessed_at():
    assert seven_bit(message(b"\xc3\xbc", encoding="base64")) is None


def test_a_header_of_utf8_needs_the_extension_and_latin_1_does_not():
    assert speaks_utf8("Subject: Grüße\r\n\r\n".encode())
    assert not speaks_utf8("Subject: Grüße\r\n\r\n".encode("latin-1"))
    assert not speaks_utf8("Subject: x\r\n\r\nGrüße".encode())


@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
def test_header_fields_become_encoded_words_and_domains_a_labels(charset):
    data = "From: Käthe <k@bücher.example>, b@c.example\r\nSubject: Grüße\r\n\r\nHi\r\n".encode(charset)
    made = plain_header(data)
    assert made.isascii()
    parsed = email.message_from_bytes(made, policy=email.policy.SMTP)
    assert parsed["Subject"] == "Grüße"
    assert [(one.display_name, one.addr_spec) for one in parsed["From"].addresses] == [
        ("Käthe", "k@xn--bcher-kva.example"), ("", "b@c.example"),
    ]  # fmt: skip


def test_an_address_beyond_ascii_cannot_be_written_otherwise():
    assert plain_header("From: käthe@b.example\r\n\r\nHi\r\n".encode()) is None


def test_names_of_files_become_parameters_of_rfc_2231():
    data = 'From: a@b.example\r\nContent-Disposition: attachment;\r\n filename="Größe.pdf"\r\n\r\nx\r\n'.encode()
    assert email.message_from_bytes(plain_header(data), policy=email.policy.SMTP).get_filename() == "Größe.pdf"


@given(
    st.lists(
        st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n\0"), max_size=40), max_size=8
    )
)
def test_any_text_comes_back(lines):
    text = "".join(f"{line}\r\n" for line in lines).encode()
    made = seven_bit(message(text))
    assert made.isascii()
    assert short(made)
    assert leaves(made) == [text]


@given(st.binary(max_size=3000))
def test_any_message_ends_as_seven_bits_or_not_at_all(data):
    made = seven_bit(data)
    assert made is None or made.isascii()
