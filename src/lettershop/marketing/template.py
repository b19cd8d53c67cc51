"""The template language: what may stand between braces, and the fast way to fill in plain fields. [pure]

The syntax is minijinja's. `pieces` cuts a source into text, outputs `{{ … }}` and statements `{% … %}`, and refuses what
has no business in a mail template: only the filters of `FILTERS`, `range`, and if / for / set (DEPENDENCIES.md, surprise
6: fuel does not bound memory, so whatever multiplies text is left out). `field` turns the expressions of nearly all
templates, a name with fall-backs and filters, into a function; `general` renders everything else through minijinja.
Both fill in a value by the same `to_text` and the same filters.
"""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import minijinja

from lettershop.base.errors import Invalid

Values = Mapping[str, Any]
Fill = Callable[[Values], str]


class TemplateInvalid(Invalid):
    """A template says something that the language does not have."""

    code = "template"


@dataclass(frozen=True, slots=True)
class Output:
    """`{{ expression }}`"""

    expression: str


@dataclass(frozen=True, slots=True)
class Statement:
    """`{% body %}`"""

    body: str


Piece = str | Output | Statement

MAX_SOURCE = 1_000_000
MAX_VALUE = 10_000
MAX_RANGE = 100

_TAG = re.compile(
    r"""\{\{(?P<output>(?:"[^"]*"|'[^']*'|[^"'{}])*)\}\}|\{%(?P<statement>(?:"[^"]*"|'[^']*'|[^"'%]|%(?!\}))*)%\}|\{\#.*?\#\}""",
    re.DOTALL,
)
_TOKEN = re.compile(r"""\s*("[^"\\]*"|'[^'\\]*'|\d+(?:\.\d+)?|[^\W\d]\w*|[=!<>]=|[|(),.\[\]<>+\-~=])""")
_STATEMENTS = {"if", "elif", "else", "endif", "for", "endfor", "set"}
_WORDS = {
    "if",
    "elif",
    "else",
    "endif",
    "for",
    "in",
    "endfor",
    "set",
    "and",
    "or",
    "not",
    "is",
    "true",
    "false",
    "none",
}


def to_text(value: Any) -> str:
    """A value as it stands in a message: nothing for nothing, `true`, numbers without a needless `.0`."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)


def _default(value: Any, other: Any = "") -> Any:
    return other if value is None or value == "" else value


def _title(value: Any) -> str:
    return " ".join([word[:1].upper() + word[1:].lower() for word in to_text(value).split(" ")])


FILTERS: dict[str, Callable[..., Any]] = {
    "default": _default,
    "upper": lambda value: to_text(value).upper(),
    "lower": lambda value: to_text(value).lower(),
    "title": _title,
    "capitalize": lambda value: to_text(value).capitalize(),
    "trim": lambda value: to_text(value).strip(),
    "round": lambda value, digits=0: round(float(value or 0), int(digits)) if isinstance(value, int | float) else "",
    "length": lambda value: len(value) if isinstance(value, str | list | tuple | dict) else 0,
    "first": lambda value: value[0] if value else None,
    "last": lambda value: value[-1] if value else None,
    "truncate": lambda value, size=80: to_text(value)[: int(size)],
}


def pieces(source: str) -> list[Piece]:
    """The source in order, comments left out; raises TemplateInvalid with the offending words."""
    if len(source) > MAX_SOURCE:
        raise TemplateInvalid(f"The template has {len(source)} characters; {MAX_SOURCE} are allowed.")
    found: list[Piece] = []
    position = 0
    for match in _TAG.finditer(source):
        _add_text(found, source[position : match.start()])
        position = match.end()
        if match["output"] is not None:
            found.append(Output(_checked(match["output"])))
        elif match["statement"] is not None:
            found.append(Statement(_statement(match["statement"])))
    _add_text(found, source[position:])
    return found


def _add_text(found: list[Piece], text: str) -> None:
    for mark in ("{{", "{%", "{#"):
        if mark in text:
            raise TemplateInvalid(f"A {mark} is not closed: {text[text.index(mark) :][:40]!r}.")
    if text:
        found.append(text)


def _statement(body: str) -> str:
    checked = _checked(body)
    word = checked.split(" ", 1)[0]
    if word not in _STATEMENTS:
        raise TemplateInvalid(f"Templates have no {{% {word} %}}; there are if, for and set.")
    return checked


def _checked(body: str) -> str:
    """An expression or statement whose every word is allowed. Editors write quotes as entities; that is undone."""
    body = html.unescape(body).strip("-+ \t\r\n")
    tokens = _tokens(body)
    for before, word, after in zip(["", *tokens], tokens, [*tokens[1:], ""], strict=False):
        if before == "|" and word not in FILTERS:
            raise TemplateInvalid(f"There is no filter {word!r}; there are {', '.join(sorted(FILTERS))}.")
        called = after == "(" and word not in _WORDS and (word[0].isalpha() or word[0] in "_])\"'")
        if called and before != "|" and word != "range":
            raise TemplateInvalid(f"{word} cannot be called; the only function is range.")
    if tokens.count("~") > 4:
        raise TemplateInvalid("More than four ~ in one expression.")
    return body


def _tokens(body: str) -> list[str]:
    found, position = [], 0
    while position < len(body):
        match = _TOKEN.match(body, position)
        if match is None:
            raise TemplateInvalid(f"{{{{ {body} }}}} is not understood at {body[position:][:20]!r}.")
        found.append(match[1])
        position = match.end()
    return found


def field(expression: str) -> Fill | None:
    """A function for `name | filter(…) | …` and `name or other or "words"`; None if it is more than that."""
    tokens = _tokens(expression)
    choices: list[list[str]] = [[]]
    for word in tokens:
        if word == "or":
            choices.append([])
        else:
            choices[-1].append(word)
    getters = [_choice(choice) for choice in choices]
    if any(getter is None for getter in getters):
        return None
    chain = [getter for getter in getters if getter is not None]
    if len(chain) == 1:
        get = chain[0]
        return lambda values: to_text(get(values))
    return lambda values: to_text(_first_true(chain, values))


def bare_name(expression: str) -> bool:
    """Whether the expression is nothing but the name of a field."""
    return expression.isidentifier() and expression not in _WORDS


def _first_true(chain: list[Callable[[Values], Any]], values: Values) -> Any:
    value = None
    for get in chain:
        value = get(values)
        if value:
            break
    return value


def _choice(tokens: list[str]) -> Callable[[Values], Any] | None:
    """`name` or a literal, then filters."""
    if not tokens:
        return None
    head, rest = tokens[0], tokens[1:]
    if head[0] in "\"'":
        words = head[1:-1]
        get: Callable[[Values], Any] = lambda _values: words  # noqa: E731
    elif (head[0].isalpha() or head[0] == "_") and head not in _WORDS:
        get = lambda values: values.get(head)  # noqa: E731
    else:
        return None
    while rest:
        taken = _filter(get, rest)
        if taken is None:
            return None
        get, rest = taken
    return get


def _filter(get: Callable[[Values], Any], tokens: list[str]) -> tuple[Callable[[Values], Any], list[str]] | None:
    if len(tokens) < 2 or tokens[0] != "|":
        return None
    apply, rest = FILTERS[tokens[1]], tokens[2:]
    if rest[:1] != ["("]:
        return (lambda values: apply(get(values))), rest
    if len(rest) < 3 or rest[2] != ")" or rest[1][0] not in "\"'":
        return None
    words = rest[1][1:-1]
    return (lambda values: apply(get(values), words)), rest[3:]


OPEN, CLOSE = "\x00", "\x01"
"""Stand round every value in what `general` renders, so that values and template text can be told apart."""


def _mark(value: Any) -> str:
    text = to_text(value)
    return text if OPEN in text else f"{OPEN}{text}{CLOSE}"


def _hidden(self: object, name: str) -> Any:
    """What minijinja asks when there is no such entry: nothing of Python's own, so that `order.keys` is the field or nothing."""
    if name.startswith("__"):
        return object.__getattribute__(self, name)
    raise AttributeError(name)


class _Entries(dict[str, Any]):
    """A value with fields, without the methods of a dictionary."""

    __slots__ = ()
    __getattribute__ = _hidden


class _Items(list[Any]):
    """Values in a row, without the methods of a list."""

    __slots__ = ()
    __getattribute__ = _hidden


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return _Entries({key: _bare(item) for key, item in value.items()})
    return _Items([_bare(item) for item in value]) if isinstance(value, list | tuple) else value


def _range(*bounds: int) -> list[int]:
    numbers = range(*[int(bound) for bound in bounds])
    if len(numbers) > MAX_RANGE:
        raise TemplateInvalid(f"range has at most {MAX_RANGE} steps.")
    return list(numbers)


def general(source: list[Piece]) -> Callable[[Values], str]:
    """The way through minijinja, for loops, conditions and whole expressions; raises TemplateInvalid at once if it does not parse."""
    written = "".join([_written(piece) for piece in source])
    environment = minijinja.Environment(
        finalizer=_mark, pycompat=False, keep_trailing_newline=True, debug=False, undefined_behavior="chainable",
        auto_escape_callback=lambda _name: False, fuel=max(10_000, 50_000_000 // (len(written) + 1)),
    )  # fmt: skip
    for name, function in FILTERS.items():
        environment.add_filter(name, function)
    environment.add_global("range", _range)
    try:
        environment.add_template("template", written)
    except minijinja.TemplateError as error:
        raise TemplateInvalid(f"The template does not parse: {error.message}.") from error

    def render(values: Values) -> str:
        try:
            return environment.render_template("template", **{key: _bare(value) for key, value in values.items()})
        except (minijinja.TemplateError, TemplateInvalid) as error:
            raise TemplateInvalid("The template cannot be filled in for this contact.") from error

    return render


def _written(piece: Piece) -> str:
    if isinstance(piece, str):
        return piece
    return f"{{{{ {piece.expression} }}}}" if isinstance(piece, Output) else f"{{% {piece.body} %}}"


def chunks(rendered: str) -> list[str]:
    """What `general` rendered, cut into text and values in turn; text first and last."""
    found: list[str] = []
    for part in rendered.split(OPEN):
        value, _, after = part.partition(CLOSE)
        found += [value, after] if found else [part]
    return found
