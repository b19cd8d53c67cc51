"""From what the marketer wrote to what is compiled."""

import quopri

import pytest

from lettershop.marketing.content import Design, arrange
from lettershop.marketing.links import Link, resolve
from lettershop.marketing.render import Compiled, Person, compile_design, merge_fields
from lettershop.marketing.template import TemplateInvalid


def design(html, **more):
    values = {
        "campaign_id": 7, "version": 1, "workspace_id": 1, "subject": "Hi", "from_name": "Shop",
        "from_address": "a@brand.example", "public_url": "https://m.example/", "postal_address": "Road 1 & 2\nTown",
    }  # fmt: skip
    return Design(html=html, **{**values, **more})


def page(html, attributes=None, **more):
    compiled = compile_design(design(html, **more))
    return compiled.page(
        Person("ann@x.example", "Ann", "tok", 0.0, merge_fields("ann@x.example", "Ann", attributes or {}))
    )


def test_links_are_tracked_in_order_and_others_are_not():
    html = (
        '<p><a href="https://s.example/a?x=1&amp;y=2">First</a> <a href="mailto:x@y.example">m</a> <a href="#top">t</a>'
        '<a href="{{ unsubscribe_url }}">u</a> <a href="https://s.example/b" data-no-track>n</a>'
        '<a href="https://s.example/c?q={{ city }}"><img src="cid:x" alt="Second"></a> <a href="{{ web_version_url }}">w</a></p>'
    )
    content = arrange(design(html))
    assert content.links == (
        Link(1, "https://s.example/a?x=1&y=2", "First"),
        Link(2, "https://s.example/c?q={{ city }}", "Second"),
    )
    out = page(html)
    assert (
        out.count("https://m.example/c/tok/") == 2
        and "https://m.example/u/tok" in out
        and "https://m.example/v/tok" in out
    )
    assert 'href="mailto:x@y.example"' in out and 'href="https://s.example/b"' in out and 'href="#top"' in out
    assert 'src="https://m.example/o/tok.gif"' in out


def test_tracking_can_be_off():
    out = page('<a href="https://s.example/a">x</a>', track_opens=False, track_clicks=False)
    assert "/c/" not in out and "/o/" not in out and "https://s.example/a" in out


def test_loops_survive_inside_tables_and_attributes():
    html = (
        '<title>{% if n %}T{% endif %}</title><table>{% for i in items %}<tr{% if i.hot %} class="hot"{% endif %}><td>{{ i.name }}'
        "</td></tr>{% endfor %}</table>"
    )
    out = page(html, {"n": 1, "items": [{"name": "A&B", "hot": True}, {"name": "C"}]})
    assert ' class="hot"' in out and "A&amp;B</td>" in out and out.count("<tr") == 2 and out.count("hot") == 1
    assert out.index("<table>") < out.index("A&amp;B") < out.index("C</td>") < out.index("</table>")
    assert "<title>T</title>" in out


def test_a_field_in_a_comment_stays_in_it():
    assert "<!--Ann--><p>" in page("<body><!--{{ name }}--><p>x</p></body>")


def test_css_is_inlined_and_media_queries_stay():
    out = page("<style>.a{color:#123456} @media (max-width:1px){.a{color:red}}</style><p class='a'>x</p>")
    assert 'style="color: #123456;"' in out and "@media" in out


def test_the_postal_address_is_escaped_and_keeps_its_lines():
    assert "Road 1 &amp; 2<br>Town" in page("{{ postal_address }}")


def test_values_are_escaped_wherever_they_stand():
    out = page('<a title="{{ x }}" href="https://s.example">{{ x }}</a>', {"x": '"><script>alert(1)</script>'})
    assert "<script>" not in out and "&lt;script&gt;" in out


def test_the_preheader_is_there_but_hidden():
    out = page("<body><p>x</p></body>", preheader="Soon, {{ name }} <3")
    assert '<div style="display:none' in out and "Soon, Ann &lt;3</div>" in out


def test_a_text_part_is_made_from_the_html():
    compiled = compile_design(design('<h1>Hello {{ name }}</h1><p>See <a href="https://s.example/a">this</a></p>'))
    body = compiled.make(Person("a@x.example", "Ann", "tok", 0.0, {"name": "Ann"})).body
    text = quopri.decodestring(body.split(b"text/html")[0])
    assert b"Hello Ann" in text and b"https://m.example/c/tok/1" in text


def test_a_written_text_part_is_tracked_with_the_same_numbers():
    compiled = compile_design(
        design(
            '<a href="https://s.example/a">x</a>',
            text="See https://s.example/a, or https://s.example/b.\n{{ unsubscribe_url }}",
        )
    )
    assert [link.url for link in compiled.links] == ["https://s.example/a", "https://s.example/b"]
    body = compiled.make(Person("a@x.example", "", "tok", 0.0, {})).body.split(b"text/html")[0].replace(b"=\r\n", b"")
    assert (
        b"See https://m.example/c/tok/1, or https://m.example/c/tok/2." in body and b"https://m.example/u/tok" in body
    )


def test_the_general_way_fails_for_one_contact_only():
    compiled = Compiled(
        design("{% for i in items %}{{ i }}{% endfor %}"), arrange(design("{% for i in items %}{{ i }}{% endfor %}"))
    )
    with pytest.raises(TemplateInvalid):
        compiled.make(Person("a@x.example", "", "t", 0.0, {"items": 5}))
    assert b"12" in compiled.make(Person("a@x.example", "", "t", 0.0, {"items": [1, 2]})).body.replace(b"=\r\n", b"")


@pytest.mark.parametrize(
    ("url", "values", "target"),
    [
        ("https://s.example/a", {}, "https://s.example/a"),
        (
            "https://s.example/?c={{ city|default('Bonn') }}",
            {"city": "Köln & more/#x"},
            "https://s.example/?c=K%C3%B6ln%20%26%20more%2F%23x",
        ),
        ("https://s.example/?c={{ city|default('Bonn') }}", {}, "https://s.example/?c=Bonn"),
        ("{{ own }}", {"own": "https://mine.example/x?y=z"}, "https://mine.example/x?y=z"),
        ("{{ own }}", {"own": "javascript:alert(1)"}, None),
        ("{{ own }}", {"own": "https://a.example/ b"}, None),
        ("{{ own }}", {"own": "https://a.example/\r\nX: y"}, None),
        ("{{ own }}", {}, None),
        ("https://{{ host }}/", {"host": "evil.example/"}, "https://evil.example%2F/"),
        ("https://bücher.example/größe?q=ü", {}, "https://xn--bcher-kva.example/gr%C3%B6%C3%9Fe?q=%C3%BC"),
        ("https://s.example/{{ n + 1 }}", {"n": 1}, "https://s.example/2"),
    ],
)
def test_where_a_link_leads(url, values, target):
    assert resolve(url, values) == target


def test_links_carry_the_campaigns_parameters_and_excluded_ones_stay_as_they_are():
    html = (
        '<a href="https://s.example/a?utm_source=own#top">1</a><a href="https://s.example/b?q={{ city }}#x">2</a>'
        '<a href="https://my.bank.example/login">3</a><a href="https://s.example/b/no/track">4</a><a href="{{ url }}">5</a>'
        '<a href="https://notbank.example/">6</a><a href="https://s.example/n" data-no-track>7</a><a href="{{ unsubscribe_url }}">8</a>'
    )
    utm = {"source": "news", "campaign": "Spring & more"}
    content = arrange(design(html, utm=utm, untracked=["bank.example", "https://s.example/b/no"]))
    assert [link.url for link in content.links] == [
        "https://s.example/a?utm_source=own&utm_campaign=Spring%20%26%20more#top",
        "https://s.example/b?q={{ city }}&utm_source=news&utm_campaign=Spring%20%26%20more#x",
        "{{ url }}",
        "https://notbank.example/?utm_source=news&utm_campaign=Spring%20%26%20more",
    ]
    out = page(html, utm=utm, untracked=["bank.example", "https://s.example/b/no"])
    for plain in ("https://my.bank.example/login", "https://s.example/b/no/track", "https://s.example/n"):
        assert f'href="{plain}"' in out
    assert out.count("utm_") == 0


def test_parameters_are_added_where_clicks_are_not_tracked_and_in_written_text():
    more = {"utm": {"medium": "email"}, "text": "Look at https://s.example/a."}
    out = page('<a href="https://s.example/a">x</a>', track_clicks=False, **more)
    assert 'href="https://s.example/a?utm_medium=email"' in out
    content = arrange(design('<a href="https://s.example/a">x</a>', **more))
    assert [link.url for link in content.links] == ["https://s.example/a?utm_medium=email"]
