"""Segments in words, read and written. [pure]

    plan = "pro" and city in ("Berlin", "Köln") and in list "Newsletter" and opened in last 30 days

    any      = all ("or" all)*
    all      = opposite ("and" opposite)*
    opposite = "not" opposite | "(" any ")" | "everyone" | person | engaged | field test
    person   = ["pending" | "unsubscribed"] "in" "list" text | "in" "segment" text | "tagged" text
             | "consent" ("express" | "implied" | "none") | "tracking" ("allowed" | "refused" | "unknown")
             | "created" "in" "last" number "days"
    engaged  = ("delivered" | "opened" | "clicked" | "replied" | "wrote") ["campaign" (text | number)] ["link" text]
               ["in" "last" number "days"]
    test     = sign value | ["not"] "in" "(" value ("," value)* ")" | "is" ["not"] "set" | "contains" text | "starts" text
             | "has" text | "in" ("last" | "next") number "days"

A name that is also a word of the language stands in backquotes.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from lettershop.marketing.segments import (
    COLUMNS,
    CONSENTS,
    ENGAGEMENT,
    EVERYONE,
    MAX_DAYS,
    MAX_DEPTH,
    WISHES,
    All,
    AnyOf,
    Compare,
    Created,
    Engaged,
    Has,
    HasConsent,
    InList,
    InSegment,
    IsSet,
    Node,
    Not,
    OneOf,
    SegmentInvalid,
    Tagged,
    Text,
    TrackingIs,
    Value,
    Within,
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
    "tagged",
    "consent",
    "tracking",
    "created",
    "pending",
    "unsubscribed",
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
            return self._engaged(word)
        return self._about_person() or self._of_field(self._field())

    def _engaged(self, what: str) -> Node:
        campaign = self._campaign() if self._word("campaign") else None
        link = self._text() if what == "clicked" and self._word("link") else None
        return Engaged(what, self._span(), campaign, link)

    def _campaign(self) -> int | str:
        kind, word = self._peek()
        if kind == "number" and word.isdigit():
            self._at += 1
            return int(word)
        return self._text()

    def _about_person(self) -> Node | None:
        for status in ("pending", "unsubscribed"):
            if self._word(status):
                self._need("in")
                self._need("list")
                return InList(self._text(), status)
        if self._word("in"):
            if self._word("segment"):
                return InSegment(self._text())
            self._need("list")
            return InList(self._text())
        if self._word("tagged"):
            return Tagged(self._text())
        if self._word("consent"):
            return HasConsent(self._one_of(CONSENTS))
        if self._word("tracking"):
            return TrackingIs(self._one_of(WISHES))
        return self._created() if self._word("created") else None

    def _created(self) -> Node:
        days = self._span()
        if days is None:
            raise SegmentInvalid(f"After created comes: in last 30 days, not {self.rest()!r}.")
        return Created(days)

    def _need(self, word: str) -> None:
        if not self._word(word):
            raise SegmentInvalid(f"Here should be {word!r}, not {self.rest()!r}.")

    def _one_of(self, words: Sequence[str]) -> str:
        for word in words:
            if self._word(word):
                return word
        raise SegmentInvalid(f"Here should be {' or '.join(words)}, not {self.rest()!r}.")

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
            return self._in(field)
        if self._word("has"):
            return Has(self._own(field), self._text())
        for op in ("contains", "starts"):
            if self._word(op):
                return Text(field, op, self._text())
        kind, op = self._peek()
        if kind != "sign" or op in "(),":
            raise SegmentInvalid(f"After {field} comes a comparison, not {self.rest()!r}.")
        self._at += 1
        return Compare(field, op, self._value())

    def _in(self, field: str) -> Node:
        for when in ("last", "next"):
            if self._word(when):
                return Within(self._own(field), self._days(), when)
        return OneOf(field, self._values())

    def _own(self, field: str) -> str:
        if field in COLUMNS:
            raise SegmentInvalid(f"{field} is text, no date and no list.")
        return field

    def _span(self) -> int | None:
        following = self._tokens[self._at : self._at + 2]
        if [word for _, word in following] != ["in", "last"]:
            return None
        self._at += 2
        return self._days()

    def _days(self) -> int:
        following = self._tokens[self._at : self._at + 2]
        if len(following) < 2 or following[0][0] != "number" or following[1][1] not in ("days", "day"):
            raise SegmentInvalid(f"Not understood: {self.rest()!r}; it is written like: in last 30 days.")
        self._at += 2
        if not following[0][1].isdigit() or not 0 < int(following[0][1]) <= MAX_DAYS:
            raise SegmentInvalid(f"Days are a whole number from 1 to {MAX_DAYS}.")
        return int(following[0][1])

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
        case Has(field, value):
            return f"{_field(field)} has {_literal(value)}"
        case Within(field, days, when):
            return f"{_field(field)} in {when} {days} days"
        case _:
            return _about_people(node)


def _about_people(node: Node) -> str:
    match node:
        case InList(name, status):
            return f"{'' if status == 'subscribed' else status + ' '}in list {_literal(name)}"
        case InSegment(name):
            return f"in segment {_literal(name)}"
        case Tagged(name):
            return f"tagged {_literal(name)}"
        case HasConsent(word):
            return f"consent {word}"
        case TrackingIs(word):
            return f"tracking {word}"
        case Created(days):
            return f"created in last {days} days"
        case Engaged(what, days, campaign, link):
            parts = (
                what,
                None if campaign is None else f"campaign {_literal(campaign)}",
                None if link is None else f"link {_literal(link)}",
                None if days is None else f"in last {days} days",
            )
            return " ".join([part for part in parts if part])
        case _:
            raise AssertionError(node)


def _in_brackets(node: Node, kinds: Any) -> str:
    return f"({print_tree(node)})" if isinstance(node, kinds) and node != EVERYONE else print_tree(node)


def _field(name: str) -> str:
    return f"`{name}`" if name in _RESERVED else name


def _literal(value: Value) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return json.dumps(value)
