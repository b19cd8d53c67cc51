"""Authentication-Results: what is composed is parsed; what pretends to be ours goes."""

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lettershop.wire.message import headers
from lettershop.wire.trust.authres import BadField, Property, Result, Results, compose, parse, without_forged

WORD = st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True)
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
PROPERTY = st.builds(Property, WORD, WORD, TEXT.filter(bool))
RESULT = st.builds(Result, WORD, WORD, st.lists(PROPERTY, max_size=4).map(tuple), TEXT)


@given(st.lists(RESULT, max_size=4))
@example([Result("a", "a", (Property("a", "a", ";"), Property("b", "b", "=")), "; none")])
def test_what_is_composed_is_parsed(results):
    field = compose("mx.b.example", results)
    (parsed,) = headers.parse(field.encode()).fields
    assert parse(parsed.value) == Results("mx.b.example", tuple(results))


@given(st.text(max_size=60))
def test_foreign_text_cannot_break_the_line(text):
    field = compose("mx.b.example", [Result("spf", "pass", (Property("smtp", "mailfrom", text),), text)])
    assert len(headers.parse(field.encode()).fields) == 1
    assert all(line.startswith(("\t", "Authentication-Results:")) for line in field.splitlines())


def test_examples_of_the_rfc():  # RFC 8601 appendix B
    assert parse("example.org 1; none") == Results("example.org", ())
    text = """example.com;
        auth=pass (cram-md5) smtp.auth=sender@example.net;
        spf=pass smtp.mailfrom=example.net; dkim = fail reason="bad signature" header.i=@mail-router.example.net"""
    assert parse(text).results == (
        Result("auth", "pass", (Property("smtp", "auth", "sender@example.net"),)),
        Result("spf", "pass", (Property("smtp", "mailfrom", "example.net"),)),
        Result("dkim", "fail", (Property("header", "i", "@mail-router.example.net"),), "bad signature"),
    )


@pytest.mark.parametrize("text", ["", ";", "a; b", 'a; "open', "(only a comment)"])
def test_what_is_no_field(text):
    with pytest.raises(BadField):
        parse(text)


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text):
    with suppress(BadField):
        parse(text)


def test_forged_fields_go_and_others_stay():
    message = (
        b"Authentication-Results: MX.b.example; spf=pass\r\nFrom: a@b.example\r\n"
        b"Authentication-Results: other.example; spf=pass\r\n"
        b'Authentication-Results: (x) "mx.b.example" 1;\r\n dkim=pass\r\nAuthentication-Results:\r\n\r\nBody\r\n'
    )
    expected = b"From: a@b.example\r\nAuthentication-Results: other.example; spf=pass\r\n\r\nBody\r\n"
    assert without_forged(message, "mx.b.example") == expected
    assert without_forged(expected, "mx.b.example") is expected
