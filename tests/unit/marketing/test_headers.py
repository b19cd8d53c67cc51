"""Fields in wire form and, beside it, in DKIM's canonical form; the standard library and our DKIM code read them back."""

import email
import email.policy
import email.utils
from email.header import decode_header, make_header

import pytest

from lettershop.marketing import headers
from lettershop.wire.trust.dkim.canonical import relaxed_field

NAMES = [
    "Ann",
    "O'Neill",
    "Smith, John",
    'Ann "Nan" Lee',
    "Käthe Größmann",
    "李小龍" * 12,
    "=?x?=",
    "a\\b",
    "",
    "Łukasz, K.",
    "x" * 120,
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_comes_back(name):
    field = headers.field("To", headers.mailbox(name, "ann@brand.example"))
    message = email.message_from_bytes(field.wire + b"\r\n", policy=email.policy.default)
    (address,) = message["To"].addresses
    # RFC 2047 6.2: blanks between encoded words are none; the standard library's addresses keep them
    shown = (
        address.display_name
        if name.isascii()
        else str(make_header(decode_header(field.wire.decode()[4:]))).split(" <")[0]
    )
    assert (shown.strip(), address.addr_spec) == (name, "ann@brand.example")
    assert all(len(line) <= 78 or b" " not in line.removeprefix(b"To: ") for line in field.wire.split(b"\r\n"))


@pytest.mark.parametrize(
    "subject",
    ["Hello", "Größe: 50 % für Zoë", "🎉 " * 30, "word " * 60, "=?utf-8?q?no?=", "x" * 1200, "  a   b\r\nBcc: evil"],
)
def test_a_subject_comes_back_on_one_line(subject):
    field = headers.field("Subject", headers.text(subject))
    message = email.message_from_bytes(field.wire + b"\r\nbody", policy=email.policy.default)
    assert str(message["Subject"]) == " ".join(subject.split())
    assert message.keys() == ["Subject"]
    assert max(len(line) for line in field.wire.split(b"\r\n")) <= 998


@pytest.mark.parametrize(
    "value",
    ["short", "<https://mail.brand.example/u/" + "t" * 60 + ">, <mailto:u+" + "t" * 60 + "@brand.example>", "a " * 90],
)
def test_the_canonical_form_is_the_canonical_form(value):
    field = headers.field("List-Unsubscribe", value)
    name, _, raw = field.wire.partition(b":")
    assert field.canonical == relaxed_field(name.decode(), raw)
    assert not field.wire.startswith(b"List-Unsubscribe:\r\n")


def test_date():
    assert headers.date(1_700_000_000.9) == "Tue, 14 Nov 2023 22:13:20 +0000"
    assert email.utils.parsedate_to_datetime(headers.date(951_782_400.0)).timestamp() == 951_782_400.0
