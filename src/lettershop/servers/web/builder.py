"""Conditions put together by clicks: what a form says <-> a segment's tree as JSON. [pure]

A group joins its parts: all of them, any of them, none of them; a part is a row (field, operator, value) or a group. In a
form each has a path: "0" is the outermost group, "0.2" its third part. `read` takes a form, `act` presses a button of it,
`tree_of` makes the tree that `marketing.segments` checks, `group_of` goes the other way. What a tree says beyond a form
is not lost: the page compares before it shows the form.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lettershop.base.errors import Invalid

JOINS = ("all", "any", "none")
PEOPLE = (
    "list",
    "segment",
    "tag",
    "consent",
    "tracking",
    "created",
    "delivered",
    "opened",
    "clicked",
    "replied",
    "wrote",
)
"""Fields that are no attributes."""
DEEDS = PEOPLE[6:]
COLUMNS = ("email", "name", "domain")
OWN = "attribute:"
MOST, DEEPEST = 200, 12
_PATH = re.compile(r"0(?:\.\d{1,3}){0,12}")
_SIGNS = ("=", "!=", "<", "<=", ">", ">=")
OPERATORS: dict[str, tuple[str, ...]] = {
    "text": ("=", "!=", "contains", "not contains", "starts", "not starts", "in", "not in", "set", "not set"),
    "number": (*_SIGNS, "set", "not set"),
    "date": ("=", "<", "<=", ">", ">=", "last", "not last", "next", "set", "not set"),
    "boolean": ("yes", "no", "set", "not set"),
    "list of words": ("has", "not has", "set", "not set"),
    "list": ("subscribed", "not subscribed", "unsubscribed", "pending"),
    "segment": ("is", "not is"),
    "tag": ("is", "not is"),
    "consent": ("is", "not is"),
    "tracking": ("is", "not is"),
    "created": ("last", "not last"),
    **dict.fromkeys(DEEDS, ("did", "not did")),
}
"""By the kind of a field, the usual first."""
NO_VALUE = {"set", "not set", "yes", "no"}


class Unfinished(Invalid):
    """A row has no value yet."""

    code = "segment-unfinished"


@dataclass(frozen=True, slots=True)
class Row:
    """One condition. `name`: a word of PEOPLE, or `attribute:NAME`; `days`, `link` where they belong to it."""

    name: str
    op: str = ""
    value: str = ""
    days: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Parts joined."""

    join: str
    parts: tuple["Row | Group", ...] = field(default=())


Part = Row | Group
NEW = Row("opened", "did", days="30")


def kind_of(name: str, kinds: Mapping[str, str]) -> str:
    """Which operators a field has. `kinds`: of the attributes that are known; one that is not is text."""
    if not name.startswith(OWN):
        return name if name in PEOPLE else "text"
    kind = kinds.get(name.removeprefix(OWN), "text")
    return "list of words" if kind == "list" else kind


# -- forms -------------------------------------------------------------------------------------------------------------


def read(form: Mapping[str, Any], kinds: Mapping[str, str]) -> Group:
    """The group that a form holds; an operator that does not belong to its field becomes the usual one."""
    paths = sorted(
        {key.partition(":")[2] for key in form if key.partition(":")[0] in ("join", "field")},
        key=lambda path: [int(step) for step in path.split(".") if step.isdecimal()],
    )
    if len(paths) > MOST or any(_PATH.fullmatch(path) is None for path in paths):
        raise Invalid("These are too many conditions for the form.", remedy="Write the segment in words.")
    found = _read("0", paths, form, kinds)
    return found if isinstance(found, Group) else Group("all", (found,))


def _read(path: str, paths: Sequence[str], form: Mapping[str, Any], kinds: Mapping[str, str]) -> Part:
    if f"field:{path}" in form:
        return _row(path, form, kinds)
    depth = path.count(".") + 1
    below = [one for one in paths if one.startswith(f"{path}.") and one.count(".") == depth]
    join = str(form.get(f"join:{path}", "all"))
    return Group(join if join in JOINS else "all", tuple(_read(one, paths, form, kinds) for one in below))


def _row(path: str, form: Mapping[str, Any], kinds: Mapping[str, str]) -> Row:
    name, op, value, days, link = (
        str(form.get(f"{key}:{path}", "")).strip() for key in ("field", "op", "value", "days", "link")
    )
    allowed = OPERATORS[kind_of(name, kinds)]
    return Row(name, op if op in allowed else allowed[0], value, days, link)


def written(group: Group, path: str = "0") -> dict[str, str]:
    """The group as the fields of a form."""
    found = {f"join:{path}": group.join}
    for place, part in enumerate(group.parts):
        here = f"{path}.{place}"
        if isinstance(part, Group):
            found |= written(part, here)
        else:
            told = (
                ("field", part.name),
                ("op", part.op),
                ("value", part.value),
                ("days", part.days),
                ("link", part.link),
            )
            found |= {f"{key}:{here}": value for key, value in told}
    return found


def act(group: Group, button: str) -> Group:
    """The group after a button `add:PATH`, `group:PATH` or `remove:PATH`."""
    what, _, path = button.partition(":")
    if what not in ("add", "group", "remove") or _PATH.fullmatch(path) is None:
        return group
    done = _acted(group, [int(step) for step in path.split(".")[1:]], what)
    return done if isinstance(done, Group) else Group(group.join)


def _acted(part: Part, steps: Sequence[int], what: str) -> Part | None:
    if not steps:
        if what == "remove":
            return None
        more: Part = NEW if what == "add" else Group("any", (NEW,))
        return Group(part.join, (*part.parts, more)) if isinstance(part, Group) else part
    if not isinstance(part, Group):
        return part
    after = [_acted(one, steps[1:], what) if place == steps[0] else one for place, one in enumerate(part.parts)]
    return Group(part.join, tuple(one for one in after if one is not None))


# -- to a tree ---------------------------------------------------------------------------------------------------------


def tree_of(group: Group, kinds: Mapping[str, str]) -> dict[str, Any]:
    """The tree; {} is everyone. Raises Unfinished, or Invalid for a value that is not of its kind."""
    return _joined(group, kinds) or {}


def _joined(group: Group, kinds: Mapping[str, str]) -> dict[str, Any] | None:
    parts = [
        tree
        for part in group.parts
        if (tree := _joined(part, kinds) if isinstance(part, Group) else _condition(part, kinds)) is not None
    ]
    if not parts:
        return None
    together = parts[0] if len(parts) == 1 else {"op": "and" if group.join == "all" else "or", "of": parts}
    return _not(together) if group.join == "none" else together


def _not(tree: dict[str, Any]) -> dict[str, Any]:
    return {"op": "not", "of": [tree]}


def _condition(row: Row, kinds: Mapping[str, str]) -> dict[str, Any]:
    kind = kind_of(row.name, kinds)
    opposite, op = row.op.startswith("not "), row.op.removeprefix("not ")
    own = row.name.startswith(OWN)
    tree = _about_attribute(row.name.removeprefix(OWN), kind, op, row) if own else _about_people(row, kind, op)
    return _not(tree) if opposite else tree


def _about_people(row: Row, kind: str, op: str) -> dict[str, Any]:
    if kind in DEEDS:
        said = {"days": _days(row.days) if row.days else None, "campaign": row.value or None}
        link = row.link if kind == "clicked" else ""
        return {
            "op": kind,
            **{key: value for key, value in {**said, "link": link or None}.items() if value is not None},
        }
    if kind == "created":
        return {"op": "created", "days": _days(row.days)}
    value = _given(row)
    if kind == "list":
        return {"op": "list", "name": value} | ({"status": op} if op != "subscribed" else {})
    return {"op": kind, "is": value} if kind in ("consent", "tracking") else {"op": kind, "name": value}


def _about_attribute(name: str, kind: str, op: str, row: Row) -> dict[str, Any]:
    if op == "set":
        return {"op": "set", "field": name}
    if op in ("yes", "no"):
        return {"op": "=", "field": name, "value": op == "yes"}
    if op in ("last", "next"):
        return {"op": "within", "field": name, "days": _days(row.days), "when": op}
    value = _given(row)
    if op == "in":
        return {"op": "in", "field": name, "values": [word for part in value.split(",") if (word := part.strip())]}
    return {"op": op, "field": name, "value": _number(value) if kind == "number" else value}


def _given(row: Row) -> str:
    if not row.value:
        raise Unfinished("A condition has no value yet.")
    return row.value


def _days(words: str) -> int:
    if not words:
        raise Unfinished("A condition has no number of days yet.")
    if not words.isascii() or not words.isdecimal() or not 0 < int(words[:9]) <= 36_500:
        raise Invalid(f"{words[:20]!r} is no number of days.")
    return int(words)


def _number(words: str) -> int | float:
    try:
        value = float(words)
    except ValueError as error:
        raise Invalid(f"{words[:20]!r} is no number.") from error
    if value != value or value in (float("inf"), float("-inf")):
        raise Invalid(f"{words[:20]!r} is no number.")
    return int(words) if re.fullmatch(r"-?\d{1,15}", words) else value


# -- from a tree -------------------------------------------------------------------------------------------------------


def group_of(tree: Mapping[str, Any]) -> Group:
    """The form of a tree, as far as a form can say it."""
    if not tree:
        return Group("all")
    found = _part_of(tree)
    return found if isinstance(found, Group) else Group("all", (found,))


def _part_of(tree: Mapping[str, Any]) -> Part:
    op = str(tree["op"])
    if op in ("and", "or"):
        return Group("all" if op == "and" else "any", tuple(_part_of(part) for part in tree["of"]))
    if op != "not":
        return _row_of(tree)
    (inner,) = tree["of"]
    part = _part_of(inner)
    if isinstance(part, Row) and f"not {part.op}" in {one for ops in OPERATORS.values() for one in ops}:
        return Row(part.name, f"not {part.op}", part.value, part.days, part.link)
    if isinstance(part, Group) and part.join == "any":
        return Group("none", part.parts)
    return Group("none", (part,))


def _row_of(tree: Mapping[str, Any]) -> Row:
    op, days = str(tree["op"]), str(tree.get("days", ""))
    if op in DEEDS:
        return Row(op, "did", str(tree.get("campaign", "")), days, str(tree.get("link", "")))
    if op == "created":
        return Row(op, "last", days=days)
    if op in PEOPLE:
        return Row(
            op, tree.get("status", "subscribed") if op == "list" else "is", str(tree.get("name", tree.get("is", "")))
        )
    name = OWN + str(tree["field"])
    if op == "within":
        return Row(name, str(tree["when"]), days=days)
    if op == "in":
        return Row(name, op, ", ".join(str(value) for value in tree["values"]))
    value = tree.get("value", "")
    if op == "=" and isinstance(value, bool):
        return Row(name, "yes" if value else "no")
    return Row(name, op, str(value))
