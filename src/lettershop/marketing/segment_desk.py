"""Saved segments as the API, the screens and the commands use them: in words or as JSON, counted live.

    segments = Segments(main, clock)
    await segments.preview(workspace, "orders > 3 and opened in last 30 days")   how many, and the first few
    await segments.create(workspace, "Buyers", words) / change / remove / page / get / members / convert

A segment may name other segments; circles are refused when one is saved, and a segment that another needs stays.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import NotFound, Refused
from lettershop.marketing.audience import Preview, resolve, tree_of
from lettershop.marketing.segment_text import parse, print_tree
from lettershop.marketing.segments import InSegment, SegmentInvalid, from_json, named, to_json
from lettershop.store import contacts, people
from lettershop.store import segments as rows
from lettershop.store.contacts import Contact
from lettershop.store.database import Database, Transaction
from lettershop.store.segments import SavedSegment


class SegmentUnknown(NotFound):
    """There is no such segment in this workspace."""

    code = "segment-unknown"


class SegmentInUse(Refused):
    """Another segment needs it, or the name is taken."""

    code = "segment-in-use"


Expression = str | Mapping[str, Any]
"""A segment in words, or its tree as JSON."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A saved segment, in both forms."""

    id: int
    name: str
    words: str
    tree: Mapping[str, Any]
    created_at: float


def tree_from(expression: Expression) -> dict[str, Any]:
    """The checked tree of either form; {} is everyone. Raises SegmentInvalid."""
    if isinstance(expression, str):
        return tree_of(expression)
    return to_json(from_json(expression)) if expression else {}


def words_from(expression: Expression) -> str:
    """The words of either form. Raises SegmentInvalid."""
    return print_tree(parse(expression) if isinstance(expression, str) else from_json(expression))


class Segments:
    """See the module."""

    def __init__(self, main: Database, clock: Clock) -> None:
        self._main = main
        self._clock = clock

    def forms(self, expression: Expression) -> tuple[str, dict[str, Any]]:
        """The words and the tree of either. Raises SegmentInvalid."""
        return words_from(expression), tree_from(expression)

    async def page(self, workspace_id: int, *, after: int = 0, limit: int = 50) -> Sequence[Segment]:
        """The workspace's segments by id, a page after the id `after`."""
        found = await self._main.read(rows.of_workspace, workspace_id, after=after, limit=limit)
        return [_shown(segment) for segment in found]

    async def get(self, workspace_id: int, segment_id: int) -> Segment:
        """One of them; raises SegmentUnknown."""
        return _shown(await self._main.read(_own, workspace_id, segment_id))

    async def create(self, workspace_id: int, name: str, expression: Expression) -> Segment:
        """Save a segment; raises SegmentInvalid, SegmentInUse if the name is taken."""
        tree = tree_from(expression)
        return _shown(await self._main.write(_create, workspace_id, _named(name), tree, self._clock.now()))

    async def change(
        self, workspace_id: int, segment_id: int, *, name: str | None = None, expression: Expression | None = None
    ) -> Segment:
        """Another name or other conditions. Segments that name it keep naming it."""
        tree = tree_from(expression) if expression is not None else None
        return _shown(
            await self._main.write(_change, workspace_id, segment_id, None if name is None else _named(name), tree)
        )

    async def remove(self, workspace_id: int, segment_id: int) -> None:
        """Forget it; raises SegmentInUse if another segment needs it."""
        await self._main.write(_remove, workspace_id, segment_id)

    async def count(self, workspace_id: int, expression: Expression) -> int:
        """How many are in it now. Raises SegmentInvalid."""
        return await self._main.read(_count, workspace_id, tree_from(expression), self._clock.now())

    async def preview(self, workspace_id: int, expression: Expression, *, limit: int = 5) -> Preview:
        """How many are in it now, and the first few. Raises SegmentInvalid."""
        return await self._main.read(_preview, workspace_id, tree_from(expression), self._clock.now(), limit)

    async def members(
        self, workspace_id: int, segment_id: int, *, search: str = "", after: int = 0, limit: int = 50
    ) -> Sequence[Contact]:
        """The people of a saved segment by id, a page after the id `after`; `search` looks in address and name."""
        return await self._main.read(_members, workspace_id, segment_id, self._clock.now(), search, after, limit)


def _named(name: str) -> str:
    if not name.strip() or len(name) > 200:
        raise SegmentInvalid("A segment has a name of at most 200 characters.")
    return name.strip()


def _shown(segment: SavedSegment) -> Segment:
    node = from_json(segment.tree)
    return Segment(segment.id, segment.name, print_tree(node), to_json(node), segment.created_at)


def _own(conn: Connection, workspace_id: int, segment_id: int) -> SavedSegment:
    found = rows.by_id(conn, workspace_id, segment_id)
    if found is None:
        raise SegmentUnknown(f"There is no segment {segment_id}.")
    return found


def _create(tx: Transaction, workspace_id: int, name: str, tree: dict[str, Any], at: float) -> SavedSegment:
    resolve(tx.conn, workspace_id, tree)
    segment_id = rows.create(tx, workspace_id, name, tree, at)
    if segment_id is None:
        raise SegmentInUse(f"There is a segment {name} already.")
    return _checked(tx.conn, workspace_id, segment_id)


def _change(
    tx: Transaction, workspace_id: int, segment_id: int, name: str | None, tree: dict[str, Any] | None
) -> SavedSegment:
    before = _own(tx.conn, workspace_id, segment_id)
    if name is not None and name != before.name:
        if any(segment.name == name for segment in rows.of_workspace(tx.conn, workspace_id)):
            raise SegmentInUse(f"There is a segment {name} already.")
        _rename(tx, workspace_id, before.name, name)
        rows.change(tx, segment_id, name=name)
    if tree is not None:
        rows.change(tx, segment_id, tree=tree)
    return _checked(tx.conn, workspace_id, segment_id)


def _rename(tx: Transaction, workspace_id: int, old: str, new: str) -> None:
    for segment in rows.of_workspace(tx.conn, workspace_id):
        if old in named(from_json(segment.tree), InSegment):
            rows.change(tx, segment.id, tree=_renamed(segment.tree, old, new))


def _renamed(tree: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    if tree.get("op") == "segment" and tree["name"] == old:
        return {"op": "segment", "name": new}
    if "of" in tree:
        return {**tree, "of": [_renamed(part, old, new) for part in tree["of"]]}
    return dict(tree)


def _checked(conn: Connection, workspace_id: int, segment_id: int) -> SavedSegment:
    """As it is saved now; raises SegmentInvalid if it leads back to itself or names what is not there."""
    found = _own(conn, workspace_id, segment_id)
    resolve(conn, workspace_id, {"op": "segment", "name": found.name})
    return found


def _remove(tx: Transaction, workspace_id: int, segment_id: int) -> None:
    found = _own(tx.conn, workspace_id, segment_id)
    for other in rows.of_workspace(tx.conn, workspace_id):
        if found.name in named(from_json(other.tree), InSegment):
            raise SegmentInUse(f"The segment {other.name} needs it.", remedy=f"Change {other.name} first.")
    rows.remove(tx, segment_id)


def _count(conn: Connection, workspace_id: int, tree: dict[str, Any], now: float) -> int:
    return people.count(conn, workspace_id, resolve(conn, workspace_id, tree), now)


def _preview(conn: Connection, workspace_id: int, tree: dict[str, Any], now: float, limit: int) -> Preview:
    tree = resolve(conn, workspace_id, tree)
    first = people.page(conn, workspace_id, tree, now, limit=limit)
    return Preview(people.count(conn, workspace_id, tree, now), tuple(contacts.by_ids(conn, first)))


def _members(
    conn: Connection, workspace_id: int, segment_id: int, now: float, search: str, after: int, limit: int
) -> list[Contact]:
    tree = resolve(conn, workspace_id, _own(conn, workspace_id, segment_id).tree)
    return contacts.by_ids(conn, people.page(conn, workspace_id, tree, now, search=search, after=after, limit=limit))
