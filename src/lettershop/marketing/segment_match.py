"""Segments judged in memory, one contact at a time. [pure]

The plainest form of what a segment means; property tests hold SQL (`store.predicates`) and columns (`store.masks`)
against it. Later, what happens to one person is judged by it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lettershop.marketing.segments import (
    COLUMNS,
    All,
    AnyOf,
    Compare,
    Created,
    Engaged,
    Has,
    HasConsent,
    InList,
    IsSet,
    Node,
    Not,
    OneOf,
    Tagged,
    Text,
    TrackingIs,
    Value,
    Within,
)

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Subject:
    """A contact as conditions see it. `lists`: status by name; `last`: when it last engaged, by `ENGAGEMENT`.

    `consent`: (kind, until); `deeds`: (what, campaign's name, link or None, when).
    """

    columns: Mapping[str, str]
    attributes: Mapping[str, Any]
    lists: Mapping[str, str]
    last: Mapping[str, float | None]
    tags: frozenset[str] = frozenset()
    consent: tuple[str, float | None] = ("none", None)
    tracking: bool | None = None
    created_at: float = 0.0
    deeds: frozenset[tuple[str, str, str | None, float]] = frozenset()


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
        case Has(field, value):
            found = _get(subject, field)
            return isinstance(found, list) and value in [word for word in found if isinstance(word, str)]
        case Within(field, days, when):
            return _within(_get(subject, field), days, when, now)
        case _:
            return _about_people(node, subject, now)


def _about_people(node: Node, subject: Subject, now: float) -> bool:
    match node:
        case InList(name, status):
            return subject.lists.get(name) == status
        case Tagged(name):
            return name in subject.tags
        case HasConsent(kind):
            given, until = subject.consent
            return kind == ("none" if until is not None and until <= now else given)
        case TrackingIs(wish):
            return subject.tracking is {"allowed": True, "refused": False, "unknown": None}[wish]
        case Created(days):
            return subject.created_at >= int(now) - days * DAY
        case Engaged(what, days, None, None):
            at = subject.last.get(what)
            return at is not None and (days is None or at >= int(now) - days * DAY)
        case Engaged(what, days, campaign, link):
            return any(
                deed == what and campaign in (None, of) and (link is None or link == to)
                and (days is None or at >= int(now) - days * DAY) and (link is not None or to is None)
                for deed, of, to, at in subject.deeds
            )  # fmt: skip
        case _:
            raise AssertionError(f"{node} must be resolved before")


def _within(found: Any, days: int, when: str, now: float) -> bool:
    """By the day as it is written; what stands behind the day ("2026-01-31 at noon") makes no difference."""
    if not isinstance(found, str):
        return False
    today = datetime.fromtimestamp(now, UTC).date().toordinal()
    first, last = (today - days, today) if when == "last" else (today, today + days)
    return (
        datetime.fromordinal(first).date().isoformat()
        <= found
        <= datetime.fromordinal(last).date().isoformat() + "\uffff"
    )


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
