"""Fields with their offsets, addresses, encoded words, parameters, dates."""

import email.utils
from email.header import Header as Encoder

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lettershop.wire.message import addresses, dates, headers, words
from lettershop.wire.message.addresses import Group, Mailbox

MESSAGE = (
    b"Received: one\r\nSubject : folded\r\n  value \r\nX-Empty:\r\nno field\r\nreceived: two\r\n\r\nBody: no\r\n\r\n"
)


def test_fields_come_in_order_with_offsets():
    header = headers.parse(MESSAGE)
    assert [field.name for field in header.fields] == ["Received", "Subject", "X-Empty", "received"]
    assert MESSAGE[header.body :] == b"Body: no\r\n\r\n"
    subject = header.field("subject")
    assert MESSAGE[subject.start : subject.end] == b"Subject : folded\r\n  value \r\n"
    assert subject.raw == b" folded\r\n  value "
    assert header.get("subject") == "folded  value"
    assert header.get("x-empty") == ""
    assert header.get("to") is None
    assert [field.value for field in header.all("Received")] == ["one", "two"]


@pytest.mark.parametrize(
    ("data", "end", "body"),
    [
        (b"", 0, 0),
        (b"\r\nbody", 0, 2),
        (b"\nbody", 0, 1),
        (b"A: b", 4, 4),
        (b"A: b\r\n", 6, 6),
        (b"A: b\r\n\r\nx\n\ny", 6, 8),
        (b"A: b\n\nx\r\n\r\ny", 5, 6),
        (b"A: b\n\r\nx", 5, 7),
    ],
)
def test_where_the_header_ends(data, end, body):
    assert headers.find_body(data) == (end, body)


@given(
    st.lists(st.tuples(st.from_regex(r"[!-9;-~]{1,12}", fullmatch=True), st.text("ab :\t", max_size=20)), max_size=8)
)
def test_fields_written_are_fields_read(fields):
    data = b"".join(f"{name}:{value}\r\n".encode() for name, value in fields) + b"\r\nbody"
    header = headers.parse(data)
    assert [(field.name, field.raw.decode()) for field in header.fields] == fields
    assert b"".join(data[field.start : field.end] for field in header.fields) == data[: header.end]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@b.example", (Mailbox("", "a", "b.example"),)),
        ("Jane Doe <a@b.example>", (Mailbox("Jane Doe", "a", "b.example"),)),
        ('"Doe, J. \\"X\\"" <a@b.example> , c@d.example', (Mailbox('Doe, J. "X"', "a", "b.example"), Mailbox("", "c", "d.example"))),
        ("a@b.example (Jane (the) Doe)", (Mailbox("Jane (the) Doe", "a", "b.example"),)),
        ("John Q. Public <a@b.example>", (Mailbox("John Q. Public", "a", "b.example"),)),
        ("=?utf-8?q?K=C3=A4the?= <k@b.example>", (Mailbox("=?utf-8?q?K=C3=A4the?=", "k", "b.example"),)),
        ("undisclosed-recipients:;", (Group("undisclosed-recipients", ()),)),
        ("All: a@b.example, X <c@d.example>; e@f.example", (Group("All", (Mailbox("", "a", "b.example"), Mailbox("X", "c", "d.example"))),
         Mailbox("", "e", "f.example"))),
        ('"quoted local"@b.example', (Mailbox("", "quoted local", "b.example"),)),
        ("<@x.example,@y.example:a@b.example>", (Mailbox("", "a", "b.example", "@x.example,@y.example"),)),
        ("a@[192.0.2.1]", (Mailbox("", "a", "[192.0.2.1]"),)),
        ("MAILER-DAEMON", (Mailbox("", "MAILER-DAEMON", ""),)),
        ("<>", ()),
        ("", ()),
        (" , ,", ()),
        ("Jane <a@b.example", (Mailbox("Jane", "a", "b.example"),)),
        ("a @ b.example", (Mailbox("", "a", "b.example"),)),
    ],
)  # fmt: skip
def test_address_lists(text, expected):
    assert addresses.parse(text) == expected


def test_groups_open_into_their_members():
    assert [m.address for m in addresses.mailboxes("A: a@b.example;, c@d.example")] == ["a@b.example", "c@d.example"]


def test_names_for_people_are_decoded():
    assert addresses.mailboxes("=?utf-8?q?K=C3=A4the?= <k@b.example>")[0].display == "Käthe"


@given(st.text(max_size=80))
def test_no_text_breaks_the_address_reader(text):
    for mailbox in addresses.mailboxes(text):
        assert isinstance(mailbox.address, str)


LOCAL = st.from_regex(r"[a-z0-9]{1,8}(\.[a-z0-9]{1,8})?", fullmatch=True)
NAME = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=20)


@given(st.lists(st.tuples(NAME, LOCAL), min_size=1, max_size=4))
def test_addresses_written_by_the_standard_library_are_read(entries):
    text = ", ".join(email.utils.formataddr((name, f"{local}@b.example")) for name, local in entries)
    assert [(m.display, m.local) for m in addresses.mailboxes(text)] == entries


def test_message_ids():
    assert addresses.message_ids("<a@b> \r\n <c@d>") == ("a@b", "c@d")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("=?ISO-8859-1?Q?Keld_J=F8rn?= x", "Keld Jørn x"),
        ("=?utf-8?B?w6Q?=", "ä"),
        ("=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        ("=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        ("=?utf-8?q?=C3?= =?utf-8?q?=A4?=", "ä"),
        ("=?nonsense?q?abc?=", "abc"),
        ("=?utf-8*en?q?abc?=", "abc"),
        ("K\udcc3\udca4se", "Käse"),
        ("K\udce4se", "Käse"),
        ("=?utf-8?q?open", "=?utf-8?q?open"),
    ],
)
def test_encoded_words(text, expected):
    assert words.decode(text) == expected


@given(st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=60))
def test_words_of_the_standard_library_are_read(text):
    assert words.decode(Encoder(text, "utf-8").encode().replace("\n", "")) == text


def test_parameters_in_pieces():
    pairs = [
        ("title*1", " or"),
        ("title*0*", "utf-8'en'%e2%82%ac"),
        ("title*2*", "%20x"),
        ("name", "=?utf-8?q?=C3=A4?="),
    ]
    assert words.parameters(pairs) == {"title": "€ or x", "name": "ä"}


@pytest.mark.parametrize(
    "text",
    [
        "Fri, 21 Nov 1997 09:55:06 -0600",
        "21 Nov 97 09:55:06 -0600",
        "Fri, 21 Nov 1997 09:55:06 CST",
        "Fri, 21 Nov 1997 09:55(comment):06 -0600 (CST)",
        "Friday, 21-Nov-97 09:55:06 -0600",
    ],
)
def test_dates(text):
    assert dates.parse(text.replace("(comment)", "")) == 880127706.0


@pytest.mark.parametrize("text", ["", "yesterday", "32 Nov 1997 00:00:00 +0000", "1 Foo 1997", "1 Jan 0 00:00"])
def test_what_is_no_date_is_none(text):
    assert dates.parse(text) is None


@given(st.integers(0, 4_000_000_000))
def test_dates_written_are_dates_read(at):
    text = dates.format_date(at)
    assert dates.parse(text) == at == email.utils.parsedate_to_datetime(text).timestamp()


def test_an_address_field_of_megabytes_is_read_in_part_only():
    found = addresses.mailboxes("a@b.example, " * 200_000)
    assert 0 < len(found) <= addresses.LONGEST // 13 + 1
