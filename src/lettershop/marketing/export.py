"""Everything about the people of a workspace, as it streams out: CSV or JSON lines, a page of memory at a time.

    async for piece in PeopleExport(main, clock).lines(workspace, form="csv"): out.write(piece)

CSV comes back by `marketing.contacts` as it was: a column an attribute, tags and lists apart by semicolons. JSON lines
have the kinds of values, each list with its status, and the consents.
"""

import csv
import gzip
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import orjson
from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import Invalid
from lettershop.marketing.attributes import as_text
from lettershop.marketing.audience import resolve
from lettershop.marketing.segment_desk import Expression, tree_from
from lettershop.store import attributes, contacts, people, subscriptions, views
from lettershop.store.contacts import Contact
from lettershop.store.database import Database

Form = Literal["csv", "jsonl"]
PIECE = 1000
_MOMENTS = ("last_delivered_at", "last_opened_at", "last_clicked_at", "last_replied_at", "last_wrote_at")
_FIXED = ("email", "name", "tags", "lists", "consent", "tracking_consent", "created_at", *_MOMENTS)


class PeopleExport:
    """See the module."""

    def __init__(self, main: Database, clock: Clock) -> None:
        self._main = main
        self._clock = clock

    async def lines(
        self, workspace_id: int, *, form: Form = "csv", segment: Expression = "", list_name: str = ""
    ) -> AsyncIterator[bytes]:
        """The people of a workspace, of a segment, of a list; pieces of some hundred KB. Raises SegmentInvalid."""
        async for piece, _ in self._pieces(workspace_id, form, segment, list_name):
            yield piece

    async def _pieces(
        self, workspace_id: int, form: Form, segment: Expression, list_name: str
    ) -> AsyncIterator[tuple[bytes, int]]:
        """The bytes, and how many people they are."""
        if form not in ("csv", "jsonl"):
            raise Invalid("An export is csv or jsonl.")
        tree: dict[str, Any] = tree_from(segment)
        if list_name:
            on_list = {"op": "list", "name": list_name}
            tree = {"op": "and", "of": [on_list, tree]} if tree else on_list
        tree = await self._main.read(resolve, workspace_id, tree)
        names = [entry.name for entry in await self._main.read(attributes.of_workspace, workspace_id)]
        names += sorted(await self._main.read(people.attribute_names, workspace_id) - set(names))
        if form == "csv":
            yield _csv([["id", *_FIXED, *names]]), 0
        after = 0
        while True:
            rows = await self._main.read(_piece, workspace_id, tree, self._clock.now(), after, form == "jsonl")
            if not rows:
                return
            told = _json_lines(rows) if form == "jsonl" else _csv([_cells(row, names) for row in rows])
            yield told, len(rows)
            after = rows[-1]["id"]

    async def to_file(
        self, path: Path, workspace_id: int, *, form: Form = "csv", segment: Expression = "", list_name: str = ""
    ) -> int:
        """Write it to a file, compressed if its name ends in .gz; how many people."""
        count = 0
        opened = gzip.open(path, "wb") if path.suffix == ".gz" else path.open("wb")  # noqa: SIM115
        with opened as out:
            async for piece, people_in_it in self._pieces(workspace_id, form, segment, list_name):
                out.write(piece)
                count += people_in_it
        return count


def _piece(
    conn: Connection, workspace_id: int, tree: Mapping[str, Any], now: float, after: int, proofs: bool
) -> list[dict[str, Any]]:
    ids = people.page(conn, workspace_id, tree, now, after=after, limit=PIECE)
    lists = views.lists_of(conn, ids)
    given = subscriptions.consents_of(conn, ids) if proofs else {}
    return [
        _row(contact, lists.get(contact.id, []), given.get(contact.id) if proofs else None)
        for contact in contacts.by_ids(conn, ids)
    ]


def _row(
    contact: Contact, lists: Sequence[tuple[str, str, float]], consents: Sequence[Mapping[str, Any]] | None
) -> dict[str, Any]:
    row: dict[str, Any] = {"id": contact.id, "attributes": contact.attributes}
    row |= {name: getattr(contact, name) for name in _FIXED if name != "lists"}
    row["lists"] = {name: {"status": status, "since": since} for name, status, since in lists}
    return row if consents is None else {**row, "consents": consents}


def _cells(row: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    lists = [name for name, entry in row["lists"].items() if entry["status"] == "subscribed"]
    values = {**row, "lists": lists, "tags": list(row["tags"])}
    return [as_text(values[name]) for name in ("id", *_FIXED)] + [as_text(row["attributes"].get(n)) for n in names]


def _csv(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([[_safe(cell) for cell in row] for row in rows])
    return out.getvalue().encode()


def _safe(cell: Any) -> str:
    """No cell that a spreadsheet would take for a formula: =, + and @ first, or - before what is no number."""
    text = str(cell)
    if text[:1] in ("=", "@", "+", "\t") or (text[:1] == "-" and not text[1:].replace(".", "", 1).isdigit()):
        return "'" + text
    return text


def _json_lines(rows: Sequence[Mapping[str, Any]]) -> bytes:
    return b"".join([orjson.dumps(row) + b"\n" for row in rows])
