"""Segments: a tree of conditions, in JSON, and judged in memory. [pure]

`marketing.segment_text` has the readable form; `to_json` / `from_json` are what is stored and what the API speaks.
`store.predicates` turns the JSON into SQL; `matches` is the same meaning in Python, which the property tests hold
against each other.

Meaning: a comparison holds only if the contact has the attribute and it is of the value's kind (number, text, yes/no);
`!=` is the opposite of `=`, so it also takes those without the attribute. Text is compared by code points, with case;
dates are text like "2026-01-31". `opened in last 30 days`: at least once; without a span: ever; `not opened`: never.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lettershop.base.errors import Invalid

Value = str | bool | int | float
DAY = 86_400.0


class SegmentInvalid(Invalid):
    """The segment is not understood; the words say where."""

    code = "segment"


@dataclass(frozen=True, slots=True)
class All:
    """Every one of `parts`; none: everyone."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of `parts`."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: "Node"


@dataclass(frozen=True, slots=True)
class Compare:
    """`field op value`; `op` is = != < <= > >=."""

    field: str
    op: str
    value: Value


@dataclass(frozen=True, slots=True)
class OneOf:
    """`field in (…)`."""

    field: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """`field contains "…"` or `field starts "…"`."""

    field: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class IsSet:
    """`field is set`: there, and not empty."""

    field: str


@dataclass(frozen=True, slots=True)
class InList:
    """`in list "…"`: subscribed to it."""

    name: str


@dataclass(frozen=True, slots=True)
class Engaged:
    """`opened`, or `opened in last 30 days`; `what` is delivered, opened, clicked or replied."""

    what: str
    days: int | None = None


Node = All | AnyOf | Not | Compare | OneOf | Text | IsSet | InList | Engaged

EVERYONE = All(())
ENGAGEMENT = ("delivered", "opened", "clicked", "replied")
COLUMNS = ("email", "name", "domain")
"""Fields that are not attributes but columns of the contact; always text."""

MAX_DEPTH = 50
_NAME = re.compile(r"[^\W\d]\w*")


def attribute(word: str) -> str:
    """The name of an attribute; raises SegmentInvalid if it is none."""
    if not _NAME.fullmatch(word):
        raise SegmentInvalid(f"{word!r} is no name of an attribute.")
    return word


# -- JSON --------------------------------------------------------------------------------------------------------------


def to_json(node: Node) -> dict[str, Any]:
    """The tree as JSON, `{"op": …}`."""
    match node:
        case All(parts):
            return {"op": "and", "of": [to_json(part) for part in parts]}
        case AnyOf(parts):
            return {"op": "or", "of": [to_json(part) for part in parts]}
        case Not(part):
            return {"op": "not", "of": [to_json(part)]}
        case Compare(field, op, value):
            return {"op": op, "field": field, "value": value}
        case OneOf(field, values):
            return {"op": "in", "field": field, "values": list(values)}
        case Text(field, op, value):
            return {"op": op, "field": field, "value": value}
        case IsSet(field):
            return {"op": "set", "field": field}
        case InList(name):
            return {"op": "list", "name": name}
        case Engaged(what, days):
            return {"op": what} if days is None else {"op": what, "days": days}


def from_json(tree: Mapping[str, Any], depth: int = 0) -> Node:
    """The tree of stored or received JSON; {} is everyone. Raises SegmentInvalid."""
    if not tree:
        return EVERYONE
    if depth > MAX_DEPTH:
        raise SegmentInvalid(f"More than {MAX_DEPTH} levels.")
    try:
        return _READ[tree["op"]](tree, depth + 1)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise SegmentInvalid(f"This condition is not understood: {json.dumps(tree, default=str)[:80]}.") from error


def _many(tree: Mapping[str, Any], depth: int) -> tuple[Node, ...]:
    return tuple(from_json(part, depth) for part in tree["of"])


def _one(tree: Mapping[str, Any], depth: int) -> Node:
    (part,) = _many(tree, depth)
    return part


def _checked(value: Any) -> Value:
    if not isinstance(value, str | bool | int | float):
        raise TypeError
    return value


def _words(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _engaged(tree: Mapping[str, Any], _depth: int) -> Node:
    days = tree.get("days")
    return Engaged(tree["op"], None if days is None else range(1, 36_501)[int(days) - 1])


def _compare(tree: Mapping[str, Any], _depth: int) -> Node:
    return Compare(attribute(tree["field"]), tree["op"], _checked(tree["value"]))


def _text(tree: Mapping[str, Any], _depth: int) -> Node:
    return Text(attribute(tree["field"]), tree["op"], _words(tree["value"]))


def _one_of(tree: Mapping[str, Any], _depth: int) -> Node:
    return OneOf(attribute(tree["field"]), tuple(_checked(value) for value in tree["values"]))


_READ: dict[str, Callable[[Mapping[str, Any], int], Node]] = {
    "and": lambda tree, depth: All(_many(tree, depth)),
    "or": lambda tree, depth: AnyOf(_many(tree, depth)),
    "not": lambda tree, depth: Not(_one(tree, depth)),
    "in": _one_of,
    "set": lambda tree, _depth: IsSet(attribute(tree["field"])),
    "list": lambda tree, _depth: InList(_words(tree["name"])),
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">="), _compare),
    **dict.fromkeys(("contains", "starts"), _text),
    **dict.fromkeys(ENGAGEMENT, _engaged),
}


# -- in memory ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Subject:
    """A contact as conditions see it. `last`: when it last engaged, by `ENGAGEMENT`; `lists`: names subscribed to."""

    columns: Mapping[str, str]
    attributes: Mapping[str, Any]
    lists: frozenset[str]
    last: Mapping[str, float | None]


def matches(node: Node, subject: Subject, now: float) -> bool:
    """Whether the contact is in the segment at `now`."""
    match node:
        case All(parts):
            return all(matches(part, subject, now) for part in parts)
        case AnyOf(parts):
            return any(matches(part, subject, now) for part in parts)
        case Not(part):
            return not matches(part, subject, now)
        case Compare(field, "!=", value):
            return not _holds("=", _get(subject, field), value)
        case Compare(field, op, value):
            return _holds(op, _get(subject, field), value)
        case OneOf(field, values):
            return any(_holds("=", _get(subject, field), value) for value in values)
        case Text(field, op, value):
            found = _get(subject, field)
            return isinstance(found, str) and (value in found if op == "contains" else found.startswith(value))
        case IsSet(field):
            return _get(subject, field) not in (None, "")
        case InList(name):
            return name in subject.lists
        case Engaged(what, days):
            at = subject.last.get(what)
            return at is not None and (days is None or at >= now - days * DAY)


def _get(subject: Subject, field: str) -> Any:
    return subject.columns.get(field) if field in COLUMNS else subject.attributes.get(field)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "yes/no"
    return "number" if isinstance(value, int | float) else "text" if isinstance(value, str) else "other"


def _holds(op: str, found: Any, value: Value) -> bool:
    if _kind(found) != _kind(value):
        return False
    return _OPERATORS[op](found, value)


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def list_names(node: Node) -> set[str]:
    """The lists that a segment names."""
    match node:
        case All(parts) | AnyOf(parts):
            return _union(parts)
        case Not(part):
            return list_names(part)
        case InList(name):
            return {name}
        case _:
            return set()


def _union(parts: Iterable[Node]) -> set[str]:
    return {name for part in parts for name in list_names(part)}
