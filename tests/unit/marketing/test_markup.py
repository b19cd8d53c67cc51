"""Bodies in MJML and Markdown: what stands in them comes through, what is not understood is refused by name."""

import pytest

from lettershop.marketing.content import Design
from lettershop.marketing.markup import MAX_NESTING, as_html, to_page
from lettershop.marketing.render import Person, compile_design
from lettershop.marketing.template import TemplateInvalid

MJML = """<mjml><mj-head><mj-title>News for {{ name }}</mj-title><mj-style inline="inline">.a{{color:#123456}}</mj-style>
</mj-head><mj-body>{% if vip %}<mj-section><mj-column><mj-text css-class="a">Only for you, Zoë</mj-text></mj-column>
</mj-section>{% endif %}<mj-section><mj-column>
<mj-text>Hi {{ name|default("friend") }}{% for item in items %} <b>{{ item }}</b>{% endfor %}</mj-text>
<mj-button href="https://shop.example/{{ code }}">Buy</mj-button>
<mj-image src="https://shop.example/a.png" alt='“Tea” \\ "hot" 👨‍👩‍👧' />
<mj-text><a href="{{ unsubscribe_url }}">Leave</a> {{ postal_address }}</mj-text>
</mj-column></mj-section></mj-body></mjml>""".replace("{{color:#123456}}", "{color:#123456}")

MARKDOWN = """# Hello {{ name }}

{% if vip %}
For **you**
{% endif %}

[Shop](https://shop.example/?a={{ code }})

| a | b |
|---|---|
| 1 | 2 |

[Leave]({{ unsubscribe_url }}) {{ postal_address }}"""


def design(source, written_in, **more):
    return Design(
        campaign_id=1, version=1, workspace_id=1, subject="S", html=source, format=written_in, from_name="B",
        from_address="b@b.example", public_url="https://m.example", postal_address="Road 1", **more,
    )  # fmt: skip


def page_for(compiled, **values):
    return compiled.page(Person("p@x.example", "Ann", "t" * 30, 0.0, {"name": "Ann", **values}))


def body(inner):
    return f"<mjml><mj-body><mj-section><mj-column>{inner}</mj-column></mj-section></mj-body></mjml>"


def test_mjml_is_filled_in_like_html():
    compiled = compile_design(design(MJML, "mjml"))
    plain = page_for(compiled, vip=False, items=["tea", "cake"], code="7")
    assert "<mj-" not in plain
    assert "<b>tea</b> <b>cake</b>" in plain
    assert "Only for you" not in plain
    assert "Only for you, Zoë" in page_for(compiled, vip=True, items=[], code="7")
    assert "Road 1" in plain
    assert "\ue000" not in plain
    assert "u{e" not in plain
    assert 'alt="“Tea” \\ &quot;hot&quot; 👨‍👩‍👧"' in plain
    assert [link.url for link in compiled.links] == ["https://shop.example/{{ code }}"]


def test_styles_of_mjml_are_inlined_and_nothing_is_fetched_from_elsewhere():
    page = page_for(compile_design(design(MJML, "mjml")), vip=True, items=[])
    assert "color: #123456" in page.replace("color:#", "color: #").split("<body")[1]
    assert "googleapis" not in page


def test_markdown_becomes_a_page_with_tracked_links():
    compiled = compile_design(design(MARKDOWN, "markdown"))
    page = page_for(compiled, vip=True, code="7")
    assert "<h1>Hello Ann</h1>" in page
    assert "<strong>you</strong>" in page
    assert "<strong>you</strong>" not in page_for(compiled, vip=False)
    assert [link.url for link in compiled.links] == ["https://shop.example/?a={{ code }}"]
    assert 'href="https://m.example/u/' in page
    assert "<td>1</td>" in page


def test_a_value_is_no_markdown_and_no_html():
    page = page_for(compile_design(design("Hi {{ name }}", "markdown")), name="**x** <b>y</b>")
    assert "**x** &lt;b&gt;y&lt;/b&gt;" in page


@pytest.mark.parametrize(
    "source",
    [
        "<p>no mjml</p>",
        "<mjml><mj-body><mj-section></mj-body></mjml>",
        body('<mj-include path="/etc/passwd" />'),
        body("<mj-wrapper>" * 5000 + "</mj-wrapper>" * 5000),
        body("<mj-text>" + "<b>" * (MAX_NESTING + 1) + "</b>" * (MAX_NESTING + 1) + "</mj-text>"),
        body('<mj-text {% if a %}color="red"{% endif %}>x</mj-text>'),
    ],
    ids=["html", "not closed", "include", "deep", "deep in text", "between attributes"],
)
def test_what_is_not_understood_is_refused(source):
    with pytest.raises(TemplateInvalid):
        as_html(source, "mjml")


def test_nesting_up_to_the_limit_is_rendered():
    depth = MAX_NESTING - 10
    assert (
        to_page(body("<mj-text>" + "<b>" * depth + "x" + "</b>" * depth + "</mj-text>"), "mjml").count("<b>") == depth
    )


def test_as_html_keeps_the_template_language():
    html = as_html("Hi {{ name|default('you') }}\n\n{% for a in b %}\n* {{ a }}\n{% endfor %}", "markdown")
    assert "{{ name|default('you') }}" in html
    assert "{% for a in b %}" in html
    assert as_html("<p>{{ a }}</p>", "html") == "<p>{{ a }}</p>"
