"""People found: how many a segment has, who they are, whose address or name has these words. Always up to date.

The copy by columns (`store.columnar`) answers for nearly all, SQL for those who are not in it or have changed since;
both in the snapshot of one read. `contacts.page` and `contacts.count` do the same in SQL alone, for small sets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import islice

import numpy as np
from sqlalchemy import ColumnElement, Connection, func, literal, select

from lettershop.store import outside, predicates
from lettershop.store.column_codec import Array, Column, Mask, decode, kind_of
from lettershop.store.columnar import SPAN, up_to
from lettershop.store.facets import searchable
from lettershop.store.masks import Judge, among, needed
from lettershop.store.schema_main import contact_changes, contact_pieces, contacts, lists
from lettershop.store.segment_tree import Tree, is_outside, leaves

TOGETHER = 16
"""Pieces read by one statement: bounds the memory, 300 KB for each column of full numbers a piece."""


def count(conn: Connection, workspace_id: int, tree: Tree, now: float, *, search: str = "") -> int:
    """How many fit; {} is everyone."""
    question = _Question.of(conn, workspace_id, tree, now, search)
    return sum(int(mask.sum()) for _, mask in question.pieces(0, TOGETHER)) + question.count_others()


def page(
    conn: Connection, workspace_id: int, tree: Tree, now: float, *, search: str = "", after: int = 0, limit: int = 50
) -> list[int]:
    """The ids of the next who fit, by id, after the id `after`."""
    question = _Question.of(conn, workspace_id, tree, now, search)
    return list(islice(merge(question.in_copy(after), question.others(after, limit)), limit))


def ids(conn: Connection, workspace_id: int, tree: Tree, now: float) -> Array:
    """All who fit, by id: eight bytes each."""
    question = _Question.of(conn, workspace_id, tree, now, "")
    found = [piece[mask] for piece, mask in question.pieces(0, TOGETHER)]
    found.append(np.fromiter(question.others(0, None), np.int64))
    return np.sort(np.concatenate(found))


def attribute_names(conn: Connection, workspace_id: int) -> set[str]:
    """The names of all attributes that somebody has; the copy knows most of them by its columns."""
    p, c = contact_pieces.c, contacts.c
    faces = conn.scalars(select(p.name).where(p.workspace_id == workspace_id).distinct())
    found = {name[2:] for name in faces if name[:2] in ("t:", "n:", "b:", "o:")}
    changed = select(contact_changes.c.contact_id).where(contact_changes.c.workspace_id == workspace_id)
    own, reach = c.workspace_id + 0 == workspace_id, up_to(conn, workspace_id)
    for where in ((c.id > reach, c.workspace_id == workspace_id), (c.id.in_(changed), own)):
        found |= {name for row in conn.scalars(select(c.attributes).where(*where)) for name in row}
    return found


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked, and what is known before: the lists' ids, how far the copy goes, who changed since."""

    conn: Connection
    workspace_id: int
    tree: Tree
    now: float
    search: str
    lists: dict[str, int]
    up_to: int
    changed: list[int]
    outside: dict[int, Array]

    @classmethod
    def of(cls, conn: Connection, workspace_id: int, tree: Tree, now: float, search: str) -> "_Question":
        rows = conn.execute(select(lists.c.name, lists.c.id).where(lists.c.workspace_id == workspace_id))
        c = contact_changes.c
        changed = conn.scalars(select(c.contact_id).where(c.workspace_id == workspace_id).order_by(c.contact_id))
        reach = up_to(conn, workspace_id)
        asked = {
            id(leaf): outside.ids(conn, workspace_id, leaf, now) for leaf in leaves(tree) if reach and is_outside(leaf)
        }
        return cls(
            conn, workspace_id, tree, now, search.casefold(), {row.name: row.id for row in rows},
            reach, list(changed), asked,
        )  # fmt: skip

    # -- those whom the copy answers for

    def in_copy(self, after: int) -> Iterator[int]:
        """By id, after `after`; reads few pieces where many fit, more where few do."""
        for piece, mask in self.pieces(after, TOGETHER if self.search else 1):
            yield from piece[mask & (piece > after)].tolist()

    def pieces(self, after: int, together: int) -> Iterator[tuple[Array, Mask]]:
        """(ids, who fits) of each piece; those who changed since fit not."""
        first, last = after // SPAN, self.up_to // SPAN
        while self.up_to and first <= last:
            for piece, columns in self._read(first, first + together - 1):
                yield self._judge(piece, columns)
            first += together
            together = TOGETHER

    def _read(self, first: int, last: int) -> Iterator[tuple[int, dict[str, Column]]]:
        names = {"ids", *needed(self.tree, self.lists)}
        p = contact_pieces.c
        where = (p.workspace_id == self.workspace_id, p.piece.between(first, last))
        rows = self.conn.execute(select(p.piece, p.name, p.data).where(*where, p.name.in_(names)))
        found: dict[int, dict[str, Column]] = {}
        for piece, name, data in rows:
            found.setdefault(piece, {})[name] = decode(kind_of(name), data)
        hits = self._hits(first, last)
        for piece in sorted(found):
            if hits is None or piece in hits:
                yield piece, {**found[piece], **({"search": hits[piece]} if hits else {})}

    def _hits(self, first: int, last: int) -> dict[int, Column] | None:
        """The searched columns of those pieces in which the words are at all; the database looks for them."""
        if not self.search:
            return None
        p = contact_pieces.c
        where = (p.workspace_id == self.workspace_id, p.piece.between(first, last), p.name == "search")
        needle = literal(self.search.encode())
        place = (
            func.instr(p.data, needle) if self.conn.dialect.name == "sqlite" else func.position(needle.op("IN")(p.data))
        )
        return {
            row.piece: decode("search", row.data)
            for row in self.conn.execute(select(p.piece, p.data).where(*where, place > 0))
        }

    def _judge(self, piece: int, columns: dict[str, Column]) -> tuple[Array, Mask]:
        found = columns["ids"].array.astype(np.int64) + piece * SPAN
        mask = Judge(found, columns, self.lists, self.outside, self.now).mask(self.tree)
        if self.search:
            lines = columns["search"].words
            mask = mask & np.fromiter((self.search in line for line in lines), np.bool_, len(lines))
        return found, mask & ~among(found, self.changed)

    # -- the others

    def count_others(self) -> int:
        """How many of those fit of whom the copy knows nothing, or nothing new."""
        return sum(1 for _ in self.others(0, None)) if self.search else self._counted()

    def _counted(self) -> int:
        query = select(func.count()).select_from(contacts)
        return sum(self.conn.scalar(query.where(*where)) or 0 for where in self._elsewhere())

    def others(self, after: int, limit: int | None) -> Iterator[int]:
        """By id, after `after`."""
        c = contacts.c
        parts = []
        for where in self._elsewhere():
            query = select(c.id, c.email_key, c.name).where(*where, c.id > after).order_by(c.id)
            rows = self.conn.execute(query if self.search else query.limit(limit))
            parts.append(
                [row.id for row in rows if not self.search or self.search in searchable(row.email_key, row.name)]
            )
        return merge(*parts)

    def _elsewhere(self) -> list[tuple[ColumnElement[bool], ...]]:
        c = contacts.c
        dialect: predicates.Dialect = "sqlite" if self.conn.dialect.name == "sqlite" else "postgresql"
        fits = predicates.where(self.tree, dialect, self.now)
        found: list[tuple[ColumnElement[bool], ...]] = [(c.id > self.up_to, c.workspace_id == self.workspace_id, fits)]
        if self.changed:
            changed = select(contact_changes.c.contact_id).where(contact_changes.c.workspace_id == self.workspace_id)
            # the nought keeps SQLite from going through the whole workspace by its index
            found.append((c.id.in_(changed), c.workspace_id + 0 == self.workspace_id, fits))
        return found
