"""Layouts, blocks, brand settings and languages: put together before anything is compiled."""

import email
import email.policy
from dataclasses import asdict

import pytest

from lettershop.marketing.assembly import Block, Body, assemble, check_block
from lettershop.marketing.compliance import Case, examine
from lettershop.marketing.content import Design
from lettershop.marketing.languages import LanguageInvalid, check_variants, spoken
from lettershop.marketing.render import Person, compile_design, merge_fields
from lettershop.marketing.template import TemplateInvalid


def blocks(*found):
    return {block.name: block for block in found}


def put(html, *found, layout="", text="", written_in="html"):
    return assemble(Body(html, text, written_in), blocks(*found), layout)


def design(html="<p>x</p>", **more):
    values = {
        "campaign_id": 7, "version": 1, "workspace_id": 1, "subject": "Hi", "from_name": "Shop",
        "from_address": "a@brand.example", "public_url": "https://m.example/", "postal_address": "Road 1 & 2",
    }  # fmt: skip
    return Design(html=html, **{**values, **more})


def message(compiled, **attributes):
    values = merge_fields("ann@x.example", "Ann", attributes)
    raw = compiled.speaking(values).make(Person("ann@x.example", "Ann", "tok", 0.0, values)).unsigned()
    made = email.message_from_bytes(raw, policy=email.policy.SMTP)
    return made["Subject"], made.get_body(("html",)).get_content(), made.get_body(("plain",)).get_content()


def test_blocks_stand_in_blocks_and_layouts_stand_round():
    found = (
        Block("Page", "<main>{{ content }}</main>{% include 'foot' %}", "-- {{content}} --", layout=True),
        Block("foot", "<hr>{% include \"legal\" %}", "foot"), Block("legal", "<small>{{ postal_address }}</small>", "legal"),
    )  # fmt: skip
    whole = put("<p>{{ name }}</p>{%- include 'legal' -%}", *found, layout="Page", text="T {% include 'legal' %}")
    small = "<small>{{ postal_address }}</small>"
    assert whole == Body(f"<main><p>{{{{ name }}}}</p>{small}</main><hr>{small}", "-- T legal --", "html")


def test_replacements_are_taken_as_they_are():
    whole = put(r"<p>\\1 \\g<0></p>", Block("L", "[{{ content }}]", layout=True), layout="L")
    assert whole.html == r"[<p>\\1 \\g<0></p>]"


def test_markdown_becomes_html_where_html_stands():
    whole = put(
        "**Hi** {{ name }}", Block("L", "<td>{{ content }}</td>", layout=True), layout="L", written_in="markdown"
    )
    assert whole.format == "html" and whole.html.replace("\n", "") == "<td><p><strong>Hi</strong> {{ name }}</p></td>"
    mjml = Block("M", "<mjml><mj-body><mj-text>{{ content }}</mj-text></mj-body></mjml>", format="mjml", layout=True)
    assert "<strong>Hi</strong>" in put("**Hi**", mjml, layout="M", written_in="markdown").html
    assert "<p>a</p>" in put("{% include 'b' %}", Block("b", "a", format="markdown")).html


@pytest.mark.parametrize(
    ("html", "more", "words"),
    [
        ("{% include 'nix' %}", {}, "There is no block 'nix'"),
        ("{% include 'L' %}", {}, "There is no block 'L'"),
        ("{% include 'self' %}", {}, "within itself"),
        ("{% include 'a' %}", {}, "within itself"),
        ("{% include 'm' %}", {}, "no place in html"),
        ("{% include 'plain' %}", {"written_in": "mjml"}, "no place in mjml"),
        ("x", {"layout": "plain"}, "There is no layout 'plain'"),
        ("x", {"text": "{% include 'plain' %}"}, "has no text"),
        ("{% include 'plain' %}" * 501, {}, "too many"),
    ],
)
def test_what_cannot_be_put_together_is_refused(html, more, words):
    found = (
        Block("L", "{{ content }}", layout=True), Block("self", "{% include 'self' %}"), Block("plain", "<p>x</p>"),
        Block("a", "{% include 'b' %}"), Block("b", "{% include 'a' %}"), Block("m", "<mj-text>x</mj-text>", format="mjml"),
    )  # fmt: skip
    with pytest.raises(TemplateInvalid) as refused:
        put(html, *found, **more)
    assert words in refused.value.public


def test_doubling_blocks_are_bounded():
    found = [Block(f"b{n}", f"{{% include 'b{n + 1}' %}}" * 10) for n in range(9)] + [Block("b9", "x" * 1000)]
    with pytest.raises(TemplateInvalid):
        put("{% include 'b0' %}", *found)


@pytest.mark.parametrize("block", [Block("a", "{{ x"), Block("a", "", format="rtf"), Block("a", "none", layout=True)])
def test_blocks_are_checked_when_they_are_kept(block):
    with pytest.raises(TemplateInvalid):
        check_block(block)


@pytest.mark.parametrize("slow", ["", "{% if 1 %}{% endif %}"])
def test_settings_of_the_brand_are_fields(slow):
    html = '<img src="{{ brand_logo }}" alt="">'
    html += '<p>{{ brand_primary | default("red") }}/{{ brand_none | default("blue") }}/{{ brand|upper }}</p>'
    html += slow and "{% if brand_logo %}<b>logo</b>{% endif %}"
    compiled = compile_design(
        design(
            html,
            subject="{{ brand }}: {{ name }}",
            brand="B & Co",
            settings={"logo": "https://s.example/?a&b", "primary": "green"},
        )
    )
    subject, page, _ = message(compiled, brand_primary="from the contact")
    assert compiled.fast == (not slow)
    assert 'src="https://s.example/?a&amp;b"' in page and "green/blue/B &amp; CO" in page and subject == "B & Co: Ann"
    assert ("<b>logo</b>" in page) == bool(slow)


VARIANTS = {
    "pt-BR": {"subject": "Olá"},
    "de": {
        "subject": "Hallo {{ name }}",
        "html": '<p>Grüße <a href="https://s.example/de">x</a></p>',
        "preheader": "Vor",
    },
}


def test_everybody_gets_their_language_or_the_main_one():
    compiled = compile_design(
        design('<p>Hello <a href="https://s.example/en">x</a></p>', text="plain", variants=VARIANTS)
    )
    subjects = {
        language: message(compiled, language=language)[0]
        for language in ("de", "de-AT", "DE_at", "pt-BR", "pt-br-x", "pt", "fr", "", 7, None)
    }
    assert subjects == {
        "de": "Hallo Ann", "de-AT": "Hallo Ann", "DE_at": "Hallo Ann", "pt-BR": "Olá", "pt-br-x": "Olá", "pt": "Hi", "fr": "Hi",
        "": "Hi", 7: "Hi", None: "Hi",
    }  # fmt: skip
    _, page, text = message(compiled, language="de")
    assert "Grüße" in page and "Vor" in page and "Grüße" in text and "plain" not in text
    assert "Hello" in message(compiled, language="pt-BR")[1]
    assert [(link.number, link.url) for link in compiled.links] == [
        (1, "https://s.example/en"), (2, "https://s.example/de"), (3, "https://s.example/en")
    ]  # fmt: skip
    assert "/c/tok/2" in page and "/c/tok/1" not in page


def test_links_have_the_same_numbers_whatever_order_the_database_keeps():
    turned = dict(reversed(VARIANTS.items()))
    assert compile_design(design(variants=turned)).links == compile_design(design(variants=VARIANTS)).links
    assert asdict(design(variants=turned)) == asdict(design(variants=VARIANTS))


def test_the_check_looks_at_every_language():
    footer = '<p>{{ postal_address }} <a href="{{ unsubscribe_url }}">x</a></p>'
    one = design(footer, variants={"de": {"html": "<p>ohne</p>"}})
    case = Case(one, compile_design(one), "", 1, 0, True, ("rsa",))
    assert {(found.code, found.words[:6]) for found in examine(case)} == {
        ("postal-address", "In de:"),
        ("unsubscribe-link", "In de:"),
    }


TOO_MANY = [f"a{chr(97 + number % 26)}{chr(97 + number // 26)}" for number in range(51)]


def test_languages_are_checked():
    for bad in (
        {"deutsch!": {}},
        {"de": {"name": "x"}},
        {"de": {}, "DE": {}},
        {key: {} for key in TOO_MANY},
    ):
        with pytest.raises(LanguageInvalid):
            check_variants(bad)
    assert spoken({"de": 1}, "--") is None


def test_settings_that_are_there_need_no_fall_back():
    footer = '<p>{{ brand_motto }} {{ brand_none }} {{ postal_address }} <a href="{{ unsubscribe_url }}">x</a></p>'
    one = design(footer, settings={"motto": "Go"})
    found = examine(Case(one, compile_design(one), "", 1, 0, True, ("rsa",)))
    assert [finding.words for finding in found] == ["Without a fall-back: brand_none. Whoever lacks it sees a gap."]
