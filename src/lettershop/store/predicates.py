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

from lettershop.store.schema_main import contacts, lists, subscriptions

Dialect = Literal["sqlite", "postgresql"]
Condition = ColumnElement[bool]
DAY = 86_400.0

_COLUMNS = {name: contacts.c[name] for name in ("email", "name", "domain")}
_MOMENTS = {what: contacts.c[f"last_{what}_at"] for what in ("delivered", "opened", "clicked", "replied")}
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
        if op == "list":
            return self._on_list(tree["name"])
        if op in _MOMENTS:
            return self._engaged(op, tree.get("days"))
        return func.coalesce(self._of_field(op, tree), false())

    def _of_field(self, op: str, tree: Mapping[str, Any]) -> ColumnElement[Any]:
        field = tree["field"]
        if op == "in":
            return reduce(or_, [self._compare(field, "=", value) for value in tree["values"]], false())
        if op == "set":
            return self._is_set(field)
        if op in ("contains", "starts"):
            return self._text(field, op, tree["value"])
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
        return moment.is_not(None) if days is None else func.coalesce(moment >= self._now - days * DAY, false())

    def _on_list(self, name: str) -> Condition:
        return exists().where(
            subscriptions.c.contact_id == contacts.c.id,
            subscriptions.c.status == "subscribed",
            subscriptions.c.list_id == lists.c.id,
            lists.c.workspace_id == contacts.c.workspace_id,
            lists.c.name == name,
        )

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


def _only(condition: ColumnElement[bool]) -> ColumnElement[Any]:
    """0 where the condition holds, NULL elsewhere."""
    return case((condition, 0))


def _path(field: str) -> str:
    """Names of attributes are letters, digits and _, so nothing needs to be escaped (`marketing.segments`)."""
    return f'$."{field}"'
