"""Segments: a tree of conditions, and its JSON. [pure]

`marketing.segment_text` has the readable form; `to_json` / `from_json` are what is stored and what the API speaks.
`store.predicates` turns the JSON into SQL, `store.masks` judges it on columns, `marketing.segment_match` in Python:
one meaning, which the property tests hold against each other.

Meaning: a comparison holds only if the contact has the attribute and it is of the value's kind (number, text, yes/no);
`!=` is the opposite of `=`, so it also takes those without the attribute. Text is compared by code points, with case;
dates are text like "2026-01-31". `opened in last 30 days`: at least once; without a span: ever; `not opened`: never.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
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
class Has:
    """`field has "…"`: a list that has this text."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Within:
    """`field in last 30 days`, `field in next 7 days`: a date in this span, today included (UTC). `when`: last or next."""

    field: str
    days: int
    when: str = "last"


@dataclass(frozen=True, slots=True)
class InList:
    """`in list "…"`: subscribed to it; `pending in list "…"`: not confirmed; `unsubscribed in list "…"`: has left it."""

    name: str
    status: str = "subscribed"


@dataclass(frozen=True, slots=True)
class InSegment:
    """`in segment "…"`: in another segment, as that is when it is asked."""

    name: str


@dataclass(frozen=True, slots=True)
class Tagged:
    """`tagged "…"`."""

    name: str


@dataclass(frozen=True, slots=True)
class HasConsent:
    """`consent express`, `consent implied`, `consent none`: the strongest that holds now."""

    kind: str


@dataclass(frozen=True, slots=True)
class TrackingIs:
    """`tracking allowed`, `tracking refused`, `tracking unknown`."""

    wish: str


@dataclass(frozen=True, slots=True)
class Created:
    """`created in last 30 days`: known to us since then."""

    days: int


@dataclass(frozen=True, slots=True)
class Engaged:
    """`opened`, `opened in last 30 days`, `opened campaign "…"`, `clicked link "…" in last 7 days`.

    `what` is delivered, opened (by a person), clicked, replied or wrote (any mail to us). `campaign` is an id or a name.
    """

    what: str
    days: int | None = None
    campaign: int | str | None = None
    link: str | None = None


Node = (
    All | AnyOf | Not | Compare | OneOf | Text | IsSet | Has | Within | InList | InSegment | Tagged | HasConsent
    | TrackingIs | Created | Engaged
)  # fmt: skip

EVERYONE = All(())
ENGAGEMENT = ("delivered", "opened", "clicked", "replied", "wrote")
STATUSES = ("subscribed", "pending", "unsubscribed")
CONSENTS = ("none", "implied", "express")
WISHES = ("allowed", "refused", "unknown")
COLUMNS = ("email", "name", "domain")
"""Fields that are not attributes but columns of the contact; always text."""

MAX_DAYS = 36_500
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
        case Has(field, value):
            return {"op": "has", "field": field, "value": value}
        case Within(field, days, when):
            return {"op": "within", "field": field, "days": days, "when": when}
        case _:
            return _about_people(node)


def _about_people(node: Node) -> dict[str, Any]:
    match node:
        case InList(name, status):
            return {"op": "list", "name": name} | ({"status": status} if status != "subscribed" else {})
        case InSegment(name):
            return {"op": "segment", "name": name}
        case Tagged(name):
            return {"op": "tag", "name": name}
        case HasConsent(kind):
            return {"op": "consent", "is": kind}
        case TrackingIs(wish):
            return {"op": "tracking", "is": wish}
        case Created(days):
            return {"op": "created", "days": days}
        case Engaged(what, days, campaign, link):
            found = {"op": what, "days": days, "campaign": campaign, "link": link}
            return {name: value for name, value in found.items() if value is not None}
        case _:
            raise AssertionError(node)


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


def joined(kind: type[All] | type[AnyOf], parts: tuple[Node, ...]) -> Node:
    """The conditions joined, as they can be written in words: one alone is itself; any of none is nobody."""
    if len(parts) == 1:
        return parts[0]
    return kind(parts) if parts or kind is All else Not(EVERYONE)


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


def _days(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MAX_DAYS:
        raise ValueError
    return value


def _among(value: Any, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise ValueError
    return str(value)


def _engaged(tree: Mapping[str, Any], _depth: int) -> Node:
    days, campaign, link = tree.get("days"), tree.get("campaign"), tree.get("link")
    if isinstance(campaign, bool) or not isinstance(campaign, int | str | None):
        raise TypeError
    if link is not None and tree["op"] != "clicked":
        raise ValueError
    return Engaged(tree["op"], None if days is None else _days(days), campaign, None if link is None else _words(link))


def _within(tree: Mapping[str, Any], _depth: int) -> Node:
    when = _among(tree.get("when", "last"), ("last", "next"))
    return Within(_own(tree["field"]), _days(tree["days"]), when)


def _own(field: str) -> str:
    """An attribute that is no column: those are never dates or lists."""
    if field in COLUMNS:
        raise ValueError
    return attribute(field)


def _compare(tree: Mapping[str, Any], _depth: int) -> Node:
    return Compare(attribute(tree["field"]), tree["op"], _checked(tree["value"]))


def _text(tree: Mapping[str, Any], _depth: int) -> Node:
    return Text(attribute(tree["field"]), tree["op"], _words(tree["value"]))


def _one_of(tree: Mapping[str, Any], _depth: int) -> Node:
    return OneOf(attribute(tree["field"]), tuple(_checked(value) for value in tree["values"]))


_READ: dict[str, Callable[[Mapping[str, Any], int], Node]] = {
    "and": lambda tree, depth: joined(All, _many(tree, depth)),
    "or": lambda tree, depth: joined(AnyOf, _many(tree, depth)),
    "not": lambda tree, depth: Not(_one(tree, depth)),
    "in": _one_of,
    "set": lambda tree, _depth: IsSet(attribute(tree["field"])),
    "has": lambda tree, _depth: Has(_own(tree["field"]), _words(tree["value"])),
    "within": _within,
    "list": lambda tree, _depth: InList(_words(tree["name"]), _among(tree.get("status", "subscribed"), STATUSES)),
    "segment": lambda tree, _depth: InSegment(_words(tree["name"])),
    "tag": lambda tree, _depth: Tagged(_words(tree["name"])),
    "consent": lambda tree, _depth: HasConsent(_among(tree["is"], CONSENTS)),
    "tracking": lambda tree, _depth: TrackingIs(_among(tree["is"], WISHES)),
    "created": lambda tree, _depth: Created(_days(tree["days"])),
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">="), _compare),
    **dict.fromkeys(("contains", "starts"), _text),
    **dict.fromkeys(ENGAGEMENT, _engaged),
}


# -- what a tree names -------------------------------------------------------------------------------------------------


def named(node: Node, kind: type["InList | InSegment"]) -> set[str]:
    """The lists, or the segments, that a tree names."""
    match node:
        case All(parts) | AnyOf(parts):
            return {name for part in parts for name in named(part, kind)}
        case Not(part):
            return named(part, kind)
        case InList(name) | InSegment(name):
            return {name} if isinstance(node, kind) else set()
        case _:
            return set()


def resolved(node: Node, segments: Mapping[str, Node], path: tuple[str, ...] = ()) -> Node:
    """The tree with the other segments in the place of their names. Raises SegmentInvalid: unknown, or a circle."""
    match node:
        case All(parts):
            return All(tuple(resolved(part, segments, path) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(resolved(part, segments, path) for part in parts))
        case Not(part):
            return Not(resolved(part, segments, path))
        case InSegment(name):
            if name in path:
                raise SegmentInvalid(f"Segments may not contain each other: {' > '.join([*path, name])}.")
            if name not in segments:
                raise SegmentInvalid(f"There is no segment {name}.")
            return resolved(segments[name], segments, (*path, name))
        case _:
            return node
