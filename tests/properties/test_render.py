"""The two ways of making a message, over random people and templates: the same bytes, canonical, and read back whole."""

import email
import email.policy
import html as html_module
import re

import hypothesis.strategies as st
from hypothesis import given, settings

from lettershop.marketing.content import Design, arrange
from lettershop.marketing.quoted import encode
from lettershop.marketing.render import Compiled, Person, is_canonical, merge_fields
from lettershop.marketing.template import to_text
from lettershop.wire.trust.dkim.canonical import relaxed_body

WORDS = st.text(
    st.one_of(st.sampled_from(" .=<>&\"'\t\r\n{}%é漢🎉\x00\ue000\u00a0"), st.characters(codec="utf-8")), max_size=120
)
NAMES = ["first_name", "city", "plan", "x"]
FIELDS = st.sampled_from(
    [
        "first_name",
        'city|default("Berlin")',
        "plan|upper",
        'x or city or "nobody"',
        "email",
        "x|title|trim",
        '"quoted words"',
        "name",
    ]
)
STATIC = st.text(st.sampled_from("abc . \n\t<b>é=-"), max_size=60).filter(
    lambda text: "<" not in text and ">" not in text
)
TEMPLATES = st.lists(st.one_of(STATIC, FIELDS.map(lambda name: "{{ " + name + " }}")), max_size=12).map("".join)
VALUES = st.dictionaries(
    st.sampled_from(NAMES), st.one_of(WORDS, st.integers(), st.floats(allow_nan=False), st.booleans(), st.none())
)


def compiled(source, fast):
    design = Design(
        campaign_id=1, version=1, workspace_id=1, subject=source, html=f"<p>{source}</p>", text=source + "x",
        from_name="Shop", from_address="a@brand.example", public_url="https://m.example", postal_address="Road 1",
    )  # fmt: skip
    return Compiled(design, arrange(design), fast=fast)


@settings(max_examples=150, deadline=None)
@given(TEMPLATES, VALUES, WORDS)
def test_both_ways_make_the_same_canonical_bytes(source, values, name):
    fast, slow = compiled(source, True), compiled(source, False)
    assert fast.fast and not slow.fast
    person = Person("ann@x.example", name, "t0ken", 1.7e9, merge_fields("ann@x.example", name, values))
    built = fast.make(person)
    assert built == slow.make(person)
    assert is_canonical(built.body) and relaxed_body(built.body) == built.body


@settings(max_examples=150, deadline=None)
@given(VALUES, WORDS)
def test_a_mail_program_reads_what_was_meant(values, name):
    source = 'Dear {{ first_name|default("friend") }}, {{ x }}.{{ city }}'
    fields = merge_fields("ann@x.example", name, values)
    message = email.message_from_bytes(
        compiled(source, True).make(Person("ann@x.example", name, "t0ken", 1.7e9, fields)).unsigned(),
        policy=email.policy.default,
    )
    text = message.get_body(("plain",)).get_payload(decode=True).decode().replace("\r\n", "\n")
    page = message.get_body(("html",)).get_payload(decode=True).decode().replace("\r\n", "\n")
    assert text == filled(source + "x", fields)
    assert filled(source, fields, html_module.escape) in page
    assert message["To"].addresses[0].addr_spec == "ann@x.example"
    assert len(message["To"].addresses) == 1 and message["Bcc"] is None


def filled(source, fields, escape=lambda text: text):
    """The template filled in by plain replacing, in one pass."""
    first = fields.get("first_name")
    values = {
        'first_name|default("friend")': "friend" if first in (None, "") else to_text(first),
        "x": to_text(fields.get("x")),
        "city": to_text(fields.get("city")),
    }
    return re.sub(r"\{\{ (.*?) \}\}", lambda match: escape(values[match[1]]), source)


@given(WORDS)
def test_encoded_text_is_its_own_canonical_form(text):
    text = text.replace("\r", "").replace("\x00", "")
    wire = encode(text)
    assert all(len(line) <= 76 for line in wire.split(b"\r\n"))
    assert not any(line.startswith(b".") or line.endswith((b" ", b"\t")) for line in wire.split(b"\r\n"))
    assert b"  " not in wire and b"\t" not in wire
