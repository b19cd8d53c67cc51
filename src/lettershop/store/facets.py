"""A contact's row as values of columns (`store.column_codec`): what of a contact a condition can ask for.

Reads contacts and their lists; `store.columnar` keeps what comes out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, text

from lettershop.store.masks import STATUSES
from lettershop.store.rows import ids_of
from lettershop.store.segment_tree import CONSENTS, MOMENTS


@dataclass(frozen=True, slots=True)
class Facets:
    """Contacts by columns: their ids in order, and of each column the values in that order."""

    ids: list[int]
    columns: dict[str, list[Any]]


def facets_of(conn: Connection, workspace_id: int, ids: Sequence[int]) -> Facets:
    """These contacts, as they are; a column of which nobody has anything is left out."""
    among, values = ids_of(conn, ids)
    # Reason: a piece of the copy is 16,000 contacts; raw rows and one JSON parser make it a tenth of a second. The plus
    # keeps SQLite from going through the whole workspace.
    rows = conn.execute(
        text(f"""
            SELECT c.id, CAST(c.attributes AS TEXT), CAST(c.tags AS TEXT), c.email_key, c.email, c.name, c.domain,
                c.created_at, c.consent, c.consent_until, c.tracking_consent,
                c.last_delivered_at, c.last_opened_at, c.last_clicked_at, c.last_replied_at, c.last_wrote_at
            FROM contacts c WHERE c.id IN (SELECT i.id FROM {among} AS i) AND +c.workspace_id = :workspace ORDER BY c.id
        """),  # noqa: S608 - our own words
        {**values, "workspace": workspace_id},
    ).all()
    if not rows:
        return Facets([], {})
    found, attributes, tags, *plain = (list(column) for column in zip(*rows, strict=True))
    columns = _plain_columns(plain)
    _add_tags(columns, tags)
    _add_attributes(columns, attributes)
    _add_lists(conn, columns, found, among, values)
    return Facets(found, columns)


def deeds_of(conn: Connection, workspace_id: int, ids: Sequence[int]) -> Facets:
    """The moments of what these contacts did; of a contact that is gone, nothing."""
    among, values = ids_of(conn, ids)
    rows = conn.execute(
        text(f"""
            SELECT c.id, c.last_delivered_at, c.last_opened_at, c.last_clicked_at, c.last_replied_at, c.last_wrote_at
            FROM contacts c WHERE c.id IN (SELECT i.id FROM {among} AS i) AND +c.workspace_id = :workspace ORDER BY c.id
        """),  # noqa: S608 - our own words
        {**values, "workspace": workspace_id},
    ).all()
    if not rows:
        return Facets([], {})
    found, *moments = (list(column) for column in zip(*rows, strict=True))
    return Facets(found, {f"e:{what}": _seconds(at) for what, at in zip(MOMENTS, moments, strict=True)})


def _plain_columns(plain: Sequence[list[Any]]) -> dict[str, list[Any]]:
    keys, email, names, domain, created, consent, until, tracking, *moments = plain
    columns = {
        "=email": email, "=name": names, "=domain": domain, "search": list(map(searchable, keys, names)),
        "created": _seconds(created), "is:consent": [CONSENTS.index(kind) for kind in consent],
        "is:tracking": [0 if wish is None else 2 if wish else 1 for wish in tracking], "until": until,
        **{f"e:{what}": _seconds(at) for what, at in zip(MOMENTS, moments, strict=True)},
    }  # fmt: skip
    fixed = ("=email", "=name", "=domain", "search", "created")
    return {name: values for name, values in columns.items() if name in fixed or any(values)}


def _seconds(moments: Iterable[float | None]) -> list[int | None]:
    return [None if at is None else max(1, int(at)) for at in moments]


def _add_tags(columns: dict[str, list[Any]], tags: Sequence[str]) -> None:
    if any(told != "[]" for told in tags):
        columns["m:=tags"] = [tuple(orjson.loads(told)) for told in tags]


def _add_lists(
    conn: Connection, columns: dict[str, list[Any]], ids: Sequence[int], among: str, values: dict[str, Any]
) -> None:
    rows = conn.execute(
        text(
            "SELECT s.contact_id, s.list_id, s.status FROM subscriptions s "  # noqa: S608 - our own words
            f"WHERE s.contact_id IN (SELECT i.id FROM {among} AS i)"
        ),
        values,
    ).all()
    places = {contact_id: place for place, contact_id in enumerate(ids)}
    numbers = {status: number for number, status in enumerate(STATUSES)}
    for contact_id, list_id, status in rows:
        if contact_id in places:
            name = f"l:{list_id}"
            if name not in columns:
                columns[name] = [0] * len(ids)
            columns[name][places[contact_id]] = numbers[status]


def searchable(email_key: str, name: str) -> str:
    """Address and name as words are looked for in them."""
    return f"{email_key} {name}".replace("\n", " ").casefold()


def _add_attributes(columns: dict[str, list[Any]], told: Sequence[str]) -> None:
    """The innermost loop: a million contacts have millions of attributes; mostly all values of a name are of one kind."""
    rows = orjson.loads(f"[{','.join(told)}]")
    names = dict.fromkeys(name for row in rows for name in row)
    lists: dict[str, list[Any]] = {}
    objects: dict[str, list[Any]] = {}
    for name in names:
        values = [row.get(name) for row in rows]
        kinds = set(map(type, values))
        if str in kinds:
            columns[f"t:{name}"] = _only(values, kinds, str)
        if int in kinds or float in kinds:
            columns[f"n:{name}"] = _only(values, kinds, int, float)
        if bool in kinds:
            columns[f"b:{name}"] = [2 if value is True else 1 if value is False else 0 for value in values]
        if list in kinds:
            lists[name] = _only(values, kinds, list)
        if dict in kinds:
            objects[name] = _only(values, kinds, dict)
    _add_others(columns, lists, objects)


def _only(values: list[Any], kinds: set[type], *wanted: type) -> list[Any]:
    """The values of these kinds, None in the place of others."""
    if kinds <= {*wanted, type(None)}:
        return values
    return [value if type(value) in wanted else None for value in values]


def _add_others(columns: dict[str, list[Any]], lists: dict[str, list[Any]], objects: dict[str, list[Any]]) -> None:
    for name in {**lists, **objects}:
        entries = [lists.get(name), objects.get(name)]
        present = [values for values in entries if values is not None]
        columns[f"o:{name}"] = [int(any(value is not None for value in row)) for row in zip(*present, strict=True)]
    for name, values in lists.items():
        words = [tuple(word for word in value or () if isinstance(word, str)) for value in values]
        if any(words):
            columns[f"m:{name}"] = words
