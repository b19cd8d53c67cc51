"""Segments in words, read and written. [pure]

    plan = "pro" and city in ("Berlin", "Köln") and in list "Newsletter" and opened in last 30 days

    any      = all ("or" all)*
    all      = opposite ("and" opposite)*
    opposite = "not" opposite | "(" any ")" | "everyone" | engaged | "in" "list" text | field test
    engaged  = ("delivered" | "opened" | "clicked" | "replied") ["in" "last" number "days"]
    test     = sign value | ["not"] "in" "(" value ("," value)* ")" | "is" ["not"] "set" | "contains" text | "starts" text

A name that is also a word of the language stands in backquotes.
"""

import json
import re
from typing import Any

from lettershop.marketing.segments import (
    ENGAGEMENT,
    EVERYONE,
    MAX_DEPTH,
    All,
    AnyOf,
    Compare,
    Engaged,
    InList,
    IsSet,
    Node,
    Not,
    OneOf,
    SegmentInvalid,
    Text,
    Value,
    attribute,
)

_WORDS = {
    "and",
    "or",
    "not",
    "in",
    "is",
    "set",
    "list",
    "last",
    "days",
    "true",
    "false",
    "contains",
    "starts",
    "everyone",
}
_RESERVED = _WORDS | set(ENGAGEMENT)
_TOKEN = re.compile(
    r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)|(?P<quoted>`[^`]+`)'
    r"|(?P<name>[^\W\d]\w*)|(?P<sign><=|>=|!=|[=<>(),]))"
)


def parse(text: str) -> Node:
    """The tree of a written segment; raises SegmentInvalid."""
    reader = _Reader(_tokens(text))
    if reader.at_end():
        return EVERYONE
    node = reader.any_of(0)
    if not reader.at_end():
        raise SegmentInvalid(f"Not understood from {reader.rest()!r} on.")
    return node


def _tokens(text: str) -> list[tuple[str, str]]:
    found, position = [], 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            raise SegmentInvalid(f"Not understood: {text[position:].strip()[:30]!r}.")
        found.append((match.lastgroup, match[match.lastgroup]))
        position = match.end()
    return found


class _Reader:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def at_end(self) -> bool:
        return self._at >= len(self._tokens)

    def rest(self) -> str:
        return " ".join([word for _, word in self._tokens[self._at : self._at + 6]])

    def any_of(self, depth: int) -> Node:
        parts = [self.all_of(depth)]
        while self._word("or"):
            parts.append(self.all_of(depth))
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def all_of(self, depth: int) -> Node:
        parts = [self.opposite(depth)]
        while self._word("and"):
            parts.append(self.opposite(depth))
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def opposite(self, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise SegmentInvalid(f"More than {MAX_DEPTH} levels.")
        if self._word("not"):
            return Not(self.opposite(depth + 1))
        if self._sign("("):
            inner = self.any_of(depth + 1)
            self._expect(")")
            return inner
        return self.condition()

    def condition(self) -> Node:
        kind, word = self._peek()
        if kind == "name" and word == "everyone":
            self._at += 1
            return EVERYONE
        if kind == "name" and word in ENGAGEMENT:
            self._at += 1
            return Engaged(word, self._span())
        if self._word("in"):
            if not self._word("list"):
                raise SegmentInvalid(f'After "in" comes list "…", not {self.rest()!r}.')
            return InList(self._text())
        return self._of_field(self._field())

    def _of_field(self, field: str) -> Node:
        if self._word("is"):
            negative = self._word("not")
            if not self._word("set"):
                raise SegmentInvalid(f"After {field} is comes set or not set, not {self.rest()!r}.")
            return Not(IsSet(field)) if negative else IsSet(field)
        if self._word("not"):
            if not self._word("in"):
                raise SegmentInvalid(f"After {field} not comes in, not {self.rest()!r}.")
            return Not(OneOf(field, self._values()))
        if self._word("in"):
            return OneOf(field, self._values())
        for op in ("contains", "starts"):
            if self._word(op):
                return Text(field, op, self._text())
        kind, op = self._peek()
        if kind != "sign" or op in "(),":
            raise SegmentInvalid(f"After {field} comes a comparison, not {self.rest()!r}.")
        self._at += 1
        return Compare(field, op, self._value())

    def _span(self) -> int | None:
        following = self._tokens[self._at : self._at + 4]
        if [word for _, word in following[:2]] != ["in", "last"]:
            return None
        if len(following) < 4 or following[2][0] != "number" or following[3][1] not in ("days", "day"):
            raise SegmentInvalid(f"Not understood: {self.rest()!r}; it is written like: in last 30 days.")
        self._at += 4
        if not following[2][1].isdigit() or not 0 < int(following[2][1]) <= 36_500:
            raise SegmentInvalid("Days are a whole number from 1 to 36500.")
        return int(following[2][1])

    def _values(self) -> tuple[Value, ...]:
        self._expect("(")
        values = [self._value()]
        while self._sign(","):
            values.append(self._value())
        self._expect(")")
        return tuple(values)

    def _field(self) -> str:
        kind, word = self._peek()
        if kind == "quoted":
            self._at += 1
            return attribute(word[1:-1])
        if kind != "name" or word in _WORDS:
            raise SegmentInvalid(f"Here should be a condition, not {self.rest()!r}.")
        self._at += 1
        return word

    def _value(self) -> Value:
        kind, word = self._peek()
        self._at += 1
        if kind == "text":
            return _unquoted(word)
        if kind == "number":
            return _number(word)
        if kind == "name" and word in ("true", "false"):
            return word == "true"
        raise SegmentInvalid(f'A value is "text", a number, true or false, not {word!r}.')

    def _text(self) -> str:
        kind, word = self._peek()
        if kind != "text":
            raise SegmentInvalid(f'Here should be "text", not {self.rest()!r}.')
        self._at += 1
        return _unquoted(word)

    def _peek(self) -> tuple[str, str]:
        if self.at_end():
            raise SegmentInvalid("The segment ends too early.")
        return self._tokens[self._at]

    def _word(self, word: str) -> bool:
        return self._take(("name", word))

    def _sign(self, sign: str) -> bool:
        return self._take(("sign", sign))

    def _take(self, wanted: tuple[str, str]) -> bool:
        if self.at_end() or self._tokens[self._at] != wanted:
            return False
        self._at += 1
        return True

    def _expect(self, sign: str) -> None:
        if not self._sign(sign):
            raise SegmentInvalid(f"Here should be {sign!r}, not {self.rest()!r}.")


def _number(word: str) -> int | float:
    number = float(word)
    return int(word) if re.fullmatch(r"-?\d{1,15}", word) else number


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1])


def print_tree(node: Node) -> str:
    """The tree in words; `parse` of it is the same tree."""
    match node:
        case All(()):
            return "everyone"
        case All(parts):
            return " and ".join([_in_brackets(part, All | AnyOf) for part in parts])
        case AnyOf(parts):
            return " or ".join([_in_brackets(part, AnyOf) for part in parts])
        case Not(IsSet(field)):
            return f"{_field(field)} is not set"
        case Not(OneOf(field, values)):
            return f"{_field(field)} not in ({', '.join(map(_literal, values))})"
        case Not(part):
            return f"not {_in_brackets(part, All | AnyOf)}"
        case Compare(field, op, value) | Text(field, op, value):
            return f"{_field(field)} {op} {_literal(value)}"
        case OneOf(field, values):
            return f"{_field(field)} in ({', '.join(map(_literal, values))})"
        case IsSet(field):
            return f"{_field(field)} is set"
        case InList(name):
            return f"in list {_literal(name)}"
        case Engaged(what, days):
            return what if days is None else f"{what} in last {days} days"


def _in_brackets(node: Node, kinds: Any) -> str:
    return f"({print_tree(node)})" if isinstance(node, kinds) and node != EVERYONE else print_tree(node)


def _field(name: str) -> str:
    return f"`{name}`" if name in _RESERVED else name


def _literal(value: Value) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return json.dumps(value)
