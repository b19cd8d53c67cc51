"""The attributes of a workspace's people: which there are, of what kind; declared, and changed with all their values."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import Invalid, Refused
from lettershop.marketing.attributes import KINDS, READ, as_text, checked, kind_of
from lettershop.marketing.segments import COLUMNS, attribute
from lettershop.store import attributes as rows
from lettershop.store import contacts, people
from lettershop.store.attributes import Attribute
from lettershop.store.columnar import mark
from lettershop.store.database import Database, Transaction

PIECE = 500


class KindNotPossible(Refused):
    """Somebody has a value that cannot be of the new kind."""

    code = "attribute-kind"


class Attributes:
    """See the module."""

    def __init__(self, main: Database, clock: Clock) -> None:
        self._main = main
        self._clock = clock

    async def of_workspace(self, workspace_id: int) -> Sequence[Attribute]:
        """All that are known, by name."""
        return await self._main.read(rows.of_workspace, workspace_id)

    async def declare(self, workspace_id: int, name: str, kind: str) -> int:
        """Say what kind an attribute has; how many values were rewritten. Raises KindNotPossible, before anything is changed."""
        attribute(name)
        if kind not in KINDS or name in COLUMNS or name == "tags":
            raise Invalid(f"An attribute is one of {', '.join(KINDS)}, and none of {', '.join(COLUMNS)}, tags.")
        tree = {"op": "set", "field": name}
        await self._each(workspace_id, tree, name, kind, write=False)
        await self._main.write(rows.declare, workspace_id, name, kind, self._clock.now())
        return await self._each(workspace_id, tree, name, kind, write=True)

    async def _each(self, workspace_id: int, tree: Mapping[str, Any], name: str, kind: str, *, write: bool) -> int:
        after, count = 0, 0
        while True:
            now = self._clock.now()
            ids = await self._main.read(people.page, workspace_id, tree, now, after=after, limit=PIECE)
            if not ids:
                return count
            if write:
                count += await self._main.write(_convert, ids, name, kind, now)
            else:
                await self._main.read(_try, ids, name, kind)
            after = ids[-1]


def converted(name: str, kind: str, value: Any) -> Any:
    """A value in another kind; raises KindNotPossible."""
    if kind == "list" and kind_of(value) != "list":
        return [as_text(value)]
    try:
        return value if kind_of(value) == kind else READ[kind](as_text(value))
    except ValueError as error:
        raise KindNotPossible(
            f"{name} cannot be a {kind}: somebody has {as_text(value)[:40]!r}.", remedy="Correct these values first."
        ) from error


def _try(conn: Connection, ids: Sequence[int], name: str, kind: str) -> None:
    for contact in contacts.by_ids(conn, ids):
        if contact.attributes.get(name) is not None:
            converted(name, kind, contact.attributes[name])


def _convert(tx: Transaction, ids: Sequence[int], name: str, kind: str, at: float) -> int:
    changed: list[dict[str, Any]] = []
    for contact in contacts.by_ids(tx.conn, ids):
        value = contact.attributes.get(name)
        if value is not None and (new := converted(name, kind, value)) != value:
            changed.append({"id": contact.id, "attributes": {**contact.attributes, name: new}, "updated_at": at})
    contacts.rewrite(tx, changed)
    mark(tx, [row["id"] for row in changed])
    return len(changed)


def checked_values(known: Mapping[str, str], values: Mapping[str, object]) -> dict[str, Any]:
    """Attributes as the API or a form brings them, each in its kind; None takes one away. Raises NotOfItsKind."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        kind = known.get(attribute(name), kind_of(value))
        found[name] = None if value is None else checked(name, kind, value)
    return found
