"""The template language: what it fills in, and what it refuses."""

import pytest

from lettershop.marketing.template import TemplateInvalid, chunks, field, general, pieces

VALUES = {
    "first_name": "o'neil mac",
    "empty": "",
    "nothing": None,
    "n": 3,
    "f": 2.5,
    "whole": 4.0,
    "yes": True,
    "items": [{"t": "a"}, {"t": "b"}],
}


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("first_name", "o'neil mac"),
        ("first_name|title", "O'neil Mac"),
        ("first_name | upper", "O'NEIL MAC"),
        ('missing|default("friend")', "friend"),
        ("empty|default('friend')|upper", "FRIEND"),
        ('nothing|default("x")', "x"),
        ('missing or empty or "last"', "last"),
        ("missing or first_name", "o'neil mac"),
        ("n", "3"),
        ("f", "2.5"),
        ("whole", "4"),
        ("yes", "true"),
        ("nothing", ""),
        ("missing", ""),
        ('"words"', "words"),
    ],
)
def test_both_ways_fill_in_the_same(expression, text):
    fast = field(expression)
    assert fast is not None and fast(VALUES) == text
    source = pieces("{{ " + expression + " }}")
    assert chunks(general(source)(VALUES)) == ["", text, ""]


@pytest.mark.parametrize(
    "expression", ["items.0", "n + 1", "items|length > 1", "first_name|truncate(3)", "x if y else z", "not n"]
)
def test_more_than_a_field_goes_the_general_way(expression):
    assert field(expression) is None
    assert general(pieces("{{ " + expression + " }}"))(VALUES)


def test_loops_and_conditions():
    source = "{% for item in items %}<{{ item.t }}>{% endfor %}{% if n > 2 %}many{% else %}few{% endif %}"
    assert "".join(chunks(general(pieces(source))(VALUES))) == "<a><b>many"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("{{ x.y() }}", "cannot be called"),
        ("{{ ''.join(x) }}", "cannot be called"),
        ('{{ "%1000000000d"|format(1) }}', "no filter 'format'"),
        ("{{ x * 1000000000 }}", "not understood"),
        ("{{ a ~ a ~ a ~ a ~ a ~ a }}", "More than four"),
        ("{% filter upper %}{% endfilter %}", "no {% filter %}"),
        ("{% include 'x' %}", "no {% include %}"),
        ("{{ name", "not closed"),
        ("{% if %}x", "does not parse"),
        ("{{ dict(a=1) }}", "cannot be called"),
    ],
)
def test_what_is_refused(source, words):
    with pytest.raises(TemplateInvalid) as refused:
        general(pieces(source))
    assert words in refused.value.public


def test_a_template_cannot_take_forever():
    loops = "{% for a in range(100) %}" * 4 + "x" + "{% endfor %}" * 4
    with pytest.raises(TemplateInvalid):
        general(pieces(loops))({})
    with pytest.raises(TemplateInvalid):
        general(pieces("{% for a in range(100000) %}x{% endfor %}"))({})


def test_editors_write_quotes_as_entities():
    (piece,) = pieces("{{ name|default(&quot;friend&quot;) }}")
    assert field(piece.expression)({}) == "friend"


def test_comments_are_left_out():
    assert pieces("a{# no {{ tag }} #}b") == ["a", "b"]


@pytest.mark.parametrize("name", ["items", "keys", "get", "values", "update", "append", "index"])
def test_fields_named_like_methods_are_the_fields_or_nothing(name):
    loop = f"{{% for one in orders %}}[{{{{ one.{name} }}}}{{% if one.{name} %}}!{{% endif %}}]{{% endfor %}}"
    shown = "".join(chunks(general(pieces(loop))({"orders": [{name: "x"}, {"other": 1}, {name: [1, {"a": 2}]}, [3]]})))
    assert shown == "[x!][][[1, {'a': 2}]!][]"
