"""A segment's tree (JSON of `marketing.segments`) judged on columns: for a piece of contacts, who of them is in. [pure]

The same meaning as `store.predicates` has in SQL; property tests hold them against each other. What no column knows
(who opened campaign 12, who followed a link) is asked in SQL before, as ids: `outside`.
"""

import bisect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from lettershop.store.column_codec import Array, Column, Mask
from lettershop.store.segment_tree import COLUMNS, CONSENTS, MOMENTS, TRACKING, is_outside, leaves, since, window

STATUSES = ("", "pending", "subscribed", "unsubscribed")
WISHES = tuple(TRACKING)
"""What the small numbers in the columns l:… and is:tracking stand for; those of is:consent are in `CONSENTS`."""

_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def needed(tree: Mapping[str, Any], lists: Mapping[str, int]) -> set[str]:
    """The columns that a tree asks for."""
    return {name for leaf in leaves(tree) for name in _needed(leaf, lists)}


def _needed(leaf: Mapping[str, Any], lists: Mapping[str, int]) -> list[str]:
    op = leaf["op"]
    if is_outside(leaf):
        return []
    if op == "list":
        return [f"l:{lists[leaf['name']]}"] if leaf["name"] in lists else []
    if op in MOMENTS:
        return [f"e:{op}"]
    fixed = {
        "created": ["created"], "consent": ["is:consent", "until"], "tracking": ["is:tracking"], "tag": ["m:=tags"],
    }  # fmt: skip
    if op in fixed:
        return fixed[op]
    return _faces(leaf)


def _faces(leaf: Mapping[str, Any]) -> list[str]:
    """The columns of a field that a comparison looks at."""
    op, field = leaf["op"], leaf["field"]
    if field in COLUMNS:
        return [f"={field}"]
    if op == "set":
        return [f"{face}:{field}" for face in "tnbo"]
    if op == "has":
        return [f"m:{field}"]
    if op in ("contains", "starts", "within"):
        return [f"t:{field}"]
    values = leaf["values"] if op == "in" else [leaf["value"]]
    return sorted({f"{face_of(value)}:{field}" for value in values})


def face_of(value: Any) -> str:
    """The column that holds values of this kind."""
    if isinstance(value, bool):
        return "b"
    return "n" if isinstance(value, int | float) else "t"


class Judge:
    """Judges trees on one piece. `outside`: by the place of the condition in the tree (`id`), the ids of contacts."""

    def __init__(
        self,
        ids: Array,
        columns: Mapping[str, Column],
        lists: Mapping[str, int],
        outside: Mapping[int, Array],
        now: float,
    ) -> None:
        self._ids = ids
        self._columns = columns
        self._lists = lists
        self._outside = outside
        self._now = now

    def mask(self, tree: Mapping[str, Any]) -> Mask:
        """Who is in."""
        op = tree.get("op", "and")
        if op == "and":
            return self._all(tree.get("of", ()))
        if op == "or":
            found = self._nobody()
            for part in tree["of"]:
                found = found | self.mask(part)
            return found
        if op == "not":
            return ~self.mask(tree["of"][0])
        return self._leaf(op, tree)

    def _all(self, parts: Any) -> Mask:
        found = np.ones(len(self._ids), np.bool_)
        for part in parts:
            found = found & self.mask(part)
            if not found.any():
                return found
        return found

    def _nobody(self) -> Mask:
        return np.zeros(len(self._ids), np.bool_)

    def _leaf(self, op: str, leaf: Mapping[str, Any]) -> Mask:
        if is_outside(leaf):
            return np.isin(self._ids, self._outside[id(leaf)], assume_unique=True)
        if op in MOMENTS:
            return self._moment(f"e:{op}", leaf.get("days"))
        if op == "created":
            return self._moment("created", leaf["days"])
        if op == "list":
            name = f"l:{self._lists.get(leaf['name'], 0)}"
            return self._small(name, STATUSES.index(leaf.get("status", "subscribed")))
        if op == "tracking":
            return self._small("is:tracking", WISHES.index(leaf["is"]))
        if op == "consent":
            return self._consent(leaf["is"])
        if op in ("tag", "has"):
            return self._has("m:=tags" if op == "tag" else f"m:{leaf['field']}", leaf.get("name", leaf.get("value")))
        return self._of_field(op, leaf)

    def _moment(self, name: str, days: int | None) -> Mask:
        column = self._columns.get(name)
        if column is None:
            return self._nobody()
        return column.array > 0 if days is None else column.array >= max(1, since(self._now, days))

    def _small(self, name: str, wanted: int) -> Mask:
        column = self._columns.get(name)
        if column is None:
            return np.full(len(self._ids), wanted == 0)
        return np.asarray(column.array == wanted)

    def _consent(self, wanted: str) -> Mask:
        until = self._columns.get("until")
        over = self._nobody() if until is None else until.array <= self._now
        if wanted == "none":
            return self._small("is:consent", 0) | over
        return self._small("is:consent", CONSENTS.index(wanted)) & ~over

    def _has(self, name: str, wanted: str) -> Mask:
        column = self._columns.get(name)
        found = self._nobody()
        if column is None or wanted not in column.words:
            return found
        assert column.counts is not None
        owners = np.repeat(np.arange(len(self._ids)), column.counts)
        found[owners[column.array == column.words.index(wanted)]] = True
        return found

    # -- fields

    def _of_field(self, op: str, leaf: Mapping[str, Any]) -> Mask:
        field = leaf["field"]
        if op == "in":
            found = self._nobody()
            for value in leaf["values"]:
                found = found | self._compare(field, "=", value)
            return found
        if op == "set":
            return self._is_set(field)
        if op == "!=":
            return ~self._compare(field, "=", leaf["value"])
        if op in ("contains", "starts"):
            value = leaf["value"]
            return self._worded(field, lambda word: value in word if op == "contains" else word.startswith(value))
        if op == "within":
            first, last = window(leaf, self._now)
            return self._worded(field, lambda word: first <= word <= last)
        return self._compare(field, op, leaf["value"])

    def _text(self, field: str) -> Column | None:
        return self._columns.get(f"={field}" if field in COLUMNS else f"t:{field}")

    def _worded(self, field: str, holds: Callable[[str], bool]) -> Mask:
        """Who has a text of which it holds: each word is looked at once."""
        column = self._text(field)
        if column is None:
            return self._nobody()
        table = np.fromiter((False, *map(holds, column.words)), np.bool_, len(column.words) + 1)
        return table[column.array]

    def _equal(self, field: str, value: str) -> Mask:
        column = self._text(field)
        if column is None or value not in column.words:
            return self._nobody()
        return np.asarray(column.array == column.words.index(value) + 1)

    def _compare(self, field: str, op: str, value: Any) -> Mask:
        sign = _SIGNS[op]
        if isinstance(value, str):
            return self._equal(field, value) if op == "=" else self._worded(field, lambda word: sign(word, value))
        column = self._columns.get(f"{face_of(value)}:{field}")
        if field in COLUMNS or column is None:
            return self._nobody()
        if isinstance(value, bool):  # 0 is nothing, 1 no, 2 yes
            return np.asarray((column.array > 0) & sign(column.array, int(value) + 1))
        return np.asarray(sign(column.array.astype(np.float64), float(value)) & ~column.missing())

    def _is_set(self, field: str) -> Mask:
        found = self._worded(field, lambda word: word != "")
        if field in COLUMNS:
            return found
        number = self._columns.get(f"n:{field}")
        if number is not None:
            found = found | ~number.missing()
        for name in (f"b:{field}", f"o:{field}"):
            if name in self._columns:
                found = found | (self._columns[name].array > 0)
        return found


def among(ids: Array, some: list[int]) -> Mask:
    """Which of the sorted `ids` are among `some`, sorted as well."""
    found = np.zeros(len(ids), np.bool_)
    if not len(ids):
        return found
    here = some[bisect.bisect_left(some, int(ids[0])) : bisect.bisect_right(some, int(ids[-1]))]
    if here:
        places = np.searchsorted(ids, here)
        right = places < len(ids)
        places, wanted = places[right], np.array(here)[right]
        found[places[ids[places] == wanted]] = True
    return found
