"""A segment's tree (JSON of `marketing.segments`) as a condition on `contacts`, for both engines. [pure]

Attributes are JSON and typed, so each comparison first asks the kind. Text is compared by code points: SQLite does so
by itself, PostgreSQL with collation "C".
"""

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Double,
    Text,
    and_,
    case,
    cast,
    collate,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from lettershop.store import outside
from lettershop.store.schema_main import contacts, lists, subscriptions
from lettershop.store.segment_tree import COLUMNS, MOMENTS, TRACKING, is_outside, since, window

Dialect = Literal["sqlite", "postgresql"]
Condition = ColumnElement[bool]

_COLUMNS = {name: contacts.c[name] for name in COLUMNS}
_MOMENTS = {what: contacts.c[f"last_{what}_at"] for what in MOMENTS} | {"created": contacts.c.created_at}
_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def where(tree: Mapping[str, Any], dialect: Dialect, now: float) -> Condition:
    """The condition; {} is everyone. `now`: seconds since the epoch, from which spans of days count back."""
    return _Maker(dialect, now).make(tree) if tree else true()


class _Maker:
    def __init__(self, dialect: Dialect, now: float) -> None:
        self._sqlite = dialect == "sqlite"
        self._now = now

    def make(self, tree: Mapping[str, Any]) -> Condition:
        """Two-valued: what is not known is false, so that `not` is the exact opposite."""
        op = tree.get("op", "and")
        if op in ("and", "or"):
            parts = [self.make(part) for part in tree.get("of", ())]
            return reduce(and_ if op == "and" else or_, parts, true() if op == "and" else false())
        if op == "not":
            return not_(self.make(tree["of"][0]))
        if is_outside(tree):
            return outside.of_contact(tree, self._now)
        if op in _MOMENTS:
            return self._engaged(op, tree.get("days"))
        if op in _ABOUT_PEOPLE:
            return _ABOUT_PEOPLE[op](self, tree)
        return func.coalesce(self._of_field(op, tree), false())

    def _of_field(self, op: str, tree: Mapping[str, Any]) -> ColumnElement[Any]:
        field = tree["field"]
        if op == "in":
            return reduce(or_, [self._compare(field, "=", value) for value in tree["values"]], false())
        if op == "set":
            return self._is_set(field)
        if op in ("contains", "starts"):
            return self._text(field, op, tree["value"])
        if op == "within":
            first, last = window(tree, self._now)
            found = self._as_text(field)
            return and_(found >= first, found <= last)
        if op == "has":
            return self._has(contacts.c.attributes, field, tree["value"])
        if op == "!=":
            return not_(func.coalesce(self._compare(field, "=", tree["value"]), false()))
        return self._compare(field, op, tree["value"])

    def _compare(self, field: str, op: str, value: Any) -> ColumnElement[Any]:
        if isinstance(value, str):
            return self._sign(op, self._as_text(field), value)
        if field in _COLUMNS:
            return false()
        if isinstance(value, bool):
            return self._sign(op, self._as_flag(field), literal(int(value)))
        return self._sign(op, self._as_number(field), literal(float(value), Double))

    def _sign(self, op: str, found: Any, value: Any) -> ColumnElement[Any]:
        compared: ColumnElement[Any] = _SIGNS[op](found, value)
        return compared

    def _text(self, field: str, op: str, value: str) -> ColumnElement[Any]:
        found = self._as_text(field)
        if op == "contains":
            position = func.instr(found, value) if self._sqlite else func.strpos(found, value)
            return position > 0
        return func.substr(found, 1, len(value)) == value

    def _is_set(self, field: str) -> ColumnElement[Any]:
        if field in _COLUMNS:
            return _COLUMNS[field] != ""
        kind, empty = self._kind(field), self._as_text(field) == ""
        return and_(kind.is_not(None), kind != "null", not_(func.coalesce(empty, false())))

    def _engaged(self, what: str, days: int | None) -> Condition:
        moment = _MOMENTS[what]
        return moment.is_not(None) if days is None else func.coalesce(moment >= since(self._now, days), false())

    # -- what is known of people beside attributes and deeds

    def _on_list(self, tree: Mapping[str, Any]) -> Condition:
        return exists().where(
            subscriptions.c.contact_id == contacts.c.id,
            subscriptions.c.status == tree.get("status", "subscribed"),
            subscriptions.c.list_id == lists.c.id,
            lists.c.workspace_id == contacts.c.workspace_id,
            lists.c.name == tree["name"],
        )

    def _tagged(self, tree: Mapping[str, Any]) -> Condition:
        return func.coalesce(self._has(contacts.c.tags, None, tree["name"]), false())

    def _consent(self, tree: Mapping[str, Any]) -> Condition:
        c = contacts.c
        over = func.coalesce(c.consent_until <= self._now, false())
        return or_(c.consent == "none", over) if tree["is"] == "none" else and_(c.consent == tree["is"], not_(over))

    def _tracking(self, tree: Mapping[str, Any]) -> Condition:
        return contacts.c.tracking_consent.is_(TRACKING[tree["is"]])

    def _has(self, column: Any, field: str | None, word: str) -> ColumnElement[Any]:
        """Whether a list of texts, the column itself or an attribute in it, has the word."""
        if not self._sqlite:
            found = column if field is None else column.op("->")(field)
            holds: ColumnElement[Any] = cast(found, JSONB).op("@>")(cast([word], JSONB))
            return and_(func.jsonb_typeof(found) == "array", holds)
        path = "$" if field is None else _path(field)
        entry = func.json_each(column, path).table_valued("type", "value")
        is_list = func.json_type(column, path) == "array"
        return and_(is_list, exists().where(entry.c.type == "text", entry.c.value == word))

    # -- an attribute, by kind; NULL if it is of another

    def _kind(self, field: str) -> ColumnElement[Any]:
        if self._sqlite:
            return func.json_type(contacts.c.attributes, _path(field))
        return func.jsonb_typeof(contacts.c.attributes.op("->")(field))

    def _as_text(self, field: str) -> ColumnElement[Any]:
        if field in _COLUMNS:
            return _COLUMNS[field] if self._sqlite else collate(_COLUMNS[field], "C")
        if self._sqlite:
            found = func.json_extract(contacts.c.attributes, _path(field))
            return case((self._kind(field) == "text", found))
        return collate(
            case((self._kind(field) == "string", contacts.c.attributes.op("->>", return_type=Text())(field))), "C"
        )

    def _as_number(self, field: str) -> ColumnElement[Any]:
        if self._sqlite:
            found = func.json_extract(contacts.c.attributes, _path(field))
            return case((self._kind(field).in_(("integer", "real")), found))
        number = cast(contacts.c.attributes.op("->>", return_type=Text())(field), Double)
        return case((self._kind(field) == "number", number))

    def _as_flag(self, field: str) -> ColumnElement[Any]:
        if self._sqlite:
            return case((self._kind(field) == "true", 1), (self._kind(field) == "false", 0))
        return case((contacts.c.attributes.op("->>", return_type=Text())(field) == "true", 1), else_=0) + _only(
            self._kind(field) == "boolean"
        )


_ABOUT_PEOPLE: Mapping[str, Callable[[_Maker, Mapping[str, Any]], Condition]] = {
    "list": _Maker._on_list, "tag": _Maker._tagged, "consent": _Maker._consent, "tracking": _Maker._tracking,
}  # fmt: skip


def _only(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    """0 where the condition holds, NULL elsewhere."""
    return case((condition, 0))


def _path(field: str) -> str:
    """Names of attributes are letters, digits and _, so nothing needs to be escaped (`marketing.segments`)."""
    return f'$."{field}"'
