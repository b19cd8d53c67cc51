"""What FETCH sends: pages of messages, with what the items need read from the store and the blobs.

Flags, sizes and dates come from memory, envelope, structure and header from the row, and only sections beyond the header
from the blob, and of it only the bytes asked for. A message that was expunged meanwhile is left out.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from lettershop.base.errors import Refused
from lettershop.mail.mailbox.blobs import BlobStore
from lettershop.mail.mailbox.describe import describe, split_structure
from lettershop.mail.mailbox.selected import Selected
from lettershop.store import messages
from lettershop.store.messages import Content
from lettershop.wire.imap import sections
from lettershop.wire.imap.fetch import Page
from lettershop.wire.imap.values import Attribute, Binary, FetchItem, Section

PAGE = 500
PAGE_BYTES = 2**21
"""A page ends after so many messages, or, where bodies are read, so many bytes."""

Row = dict[Content, Any]


class UnknownEncoding(Refused):
    """The part is in a transfer encoding that cannot be undone (RFC 3516 4.2)."""

    code = "unknown-encoding"


async def pages(selected: Selected, positions: Sequence[int], items: Sequence[FetchItem]) -> AsyncIterator[Page]:
    """The messages at these positions, a page at a time. Raises UnknownEncoding, and what the blobs raise."""
    columns = _columns(items)
    wanted = [item for item in items if not isinstance(item, Attribute)]
    for piece in _pieces(selected, positions, bodies=bool(wanted)):
        rows: dict[int, Row] = {}
        if columns:
            chosen = selected.view.chosen(piece)
            found = await selected.service.db.read(messages.contents, selected.mailbox_id, chosen, columns)
            rows = {uid: _row(columns, values) for uid, values in found.items()}
            await _complete(selected.service.blobs, rows.values())
        bytes_of = await _sections(selected.service.blobs, rows, wanted) if wanted else {}
        yield _page(selected, piece, rows, bytes_of, columns)


def _columns(items: Sequence[FetchItem]) -> tuple[Content, ...]:
    """The columns of the row that these items need."""
    needed: dict[Content, None] = {}
    for item in items:
        if isinstance(item, Attribute):
            if item.name == "ENVELOPE":
                needed["envelope"] = None
            elif item.name in ("BODY", "BODYSTRUCTURE"):
                needed["structure"] = None
        elif isinstance(item, Section) and item.kind.startswith("HEADER") and not item.part:
            needed["header"] = None
        else:
            needed["blob"] = needed["parts"] = None
    if needed:
        needed["blob"] = None  # for messages that were stored without a description
    return tuple(needed)


def _pieces(selected: Selected, positions: Sequence[int], *, bodies: bool) -> list[Sequence[int]]:
    if not bodies or len(positions) == 1:
        return [positions[at : at + PAGE] for at in range(0, len(positions), PAGE)]
    pieces: list[Sequence[int]] = []
    start, size = 0, 0
    for at, place in enumerate(selected.view.places(positions)):
        size += selected.index.sizes[place] if place is not None else 0
        if size > PAGE_BYTES or at - start >= PAGE:
            pieces.append(positions[start : at + 1])
            start, size = at + 1, 0
    return [*pieces, positions[start:]] if start < len(positions) else pieces


def _row(columns: Sequence[Content], values: Any) -> Row:
    return dict(zip(columns, values if len(columns) > 1 else (values,), strict=True))


async def _complete(blobs: BlobStore, rows: Any) -> None:
    """Find out now what was not found out at delivery."""
    for row in rows:
        if any(value is None for value in row.values()):
            described = describe(await blobs.get(row["blob"])).stored()
            for name in row:
                if row[name] is None:
                    row[name] = described[name]


async def _sections(
    blobs: BlobStore, rows: dict[int, Row], wanted: Sequence[Section | Binary]
) -> dict[int, list[bytes | int | None]]:
    if len(rows) == 1:
        return {uid: await _of_message(blobs, row, wanted) for uid, row in rows.items()}
    found = await asyncio.gather(*(_of_message(blobs, row, wanted) for row in rows.values()))
    return dict(zip(rows, found, strict=True))


async def _of_message(blobs: BlobStore, row: Row, wanted: Sequence[Section | Binary]) -> list[bytes | int | None]:
    root = sections.unpack(row["parts"]) if row.get("parts") is not None else None
    return [
        await _binary(blobs, row["blob"], root, item) if isinstance(item, Binary) else await _section(blobs, row, root, item)
        for item in wanted
    ]  # fmt: skip


async def _section(blobs: BlobStore, row: Row, root: sections.Node | None, item: Section) -> bytes | None:
    if item.kind.startswith("HEADER") and not item.part:
        return _filtered(row["header"], item)
    assert root is not None, "the columns were chosen so"
    span = sections.locate(root, item)
    if span is None:
        return None
    if item.fields:
        return _filtered(await blobs.get_range(row["blob"], *span), item)
    return await blobs.get_range(row["blob"], *_narrowed(span, item.partial))


def _filtered(header: bytes, item: Section) -> bytes:
    if item.fields:
        header = sections.fields(header, item.fields, without=item.kind == "HEADER.FIELDS.NOT")
    return _partial(header, item.partial)


def _narrowed(span: tuple[int, int], partial: tuple[int, int] | None) -> tuple[int, int]:
    start, end = span
    if partial is None:
        return span
    start = min(start + partial[0], end)
    return start, min(start + partial[1], end)


def _partial(data: bytes, partial: tuple[int, int] | None) -> bytes:
    return data if partial is None else data[partial[0] : partial[0] + partial[1]]


async def _binary(blobs: BlobStore, key: str, root: sections.Node | None, item: Binary) -> bytes | int | None:
    assert root is not None, "the columns were chosen so"
    node = sections.find(root, item.part)
    if node is None:
        return None
    start = node.body_start if item.part else node.header_start
    data = sections.decoded(await blobs.get_range(key, start, node.end), node.encoding if item.part else "")
    if data is None:
        raise UnknownEncoding("The part's transfer encoding cannot be undone.")
    return len(data) if item.size_only else _partial(data, item.partial)


def _page(
    selected: Selected,
    positions: Sequence[int],
    rows: dict[int, Row],
    bytes_of: dict[int, list[bytes | int | None]],
    columns: Sequence[Content],
) -> Page:
    """Put together without waiting, so that index and view agree."""
    view, index = selected.view, selected.index
    there = [
        (at, place) for at, place in zip(positions, view.places(positions), strict=True)
        if place is not None and (not columns or view.uids[at] in rows)
    ]  # fmt: skip
    places = [place for _, place in there]
    uids = [view.uids[at] for at, _ in there]
    structures = [split_structure(rows[uid]["structure"]) for uid in uids] if "structure" in columns else []
    return Page(
        numbers=[at + 1 for at, _ in there],
        uids=uids,
        flags=[index.flags[place] for place in places],
        words=[index.words[place] for place in places],
        recent=selected.recent,
        modseqs=[index.modseqs[place] for place in places],
        sizes=[index.sizes[place] for place in places],
        dates=[index.dates[place] for place in places],
        envelopes=[rows[uid]["envelope"] for uid in uids] if "envelope" in columns else (),
        bodies=[body for body, _ in structures],
        structures=[structure for _, structure in structures],
        sections=[list(column) for column in zip(*(bytes_of[uid] for uid in uids), strict=True)] if bytes_of else [],
    )


def flags_page(selected: Selected, uids: Sequence[int]) -> Page:
    """Only what tells of flags, for messages by UID; those that are gone or not known to the session are left out."""
    view, index = selected.view, selected.index
    known = [(uid, place) for uid in uids if (place := index.find(uid)) is not None]
    return Page(
        numbers=[view.number(uid) for uid, _ in known],
        uids=[uid for uid, _ in known],
        flags=[index.flags[place] for _, place in known],
        words=[index.words[place] for _, place in known],
        recent=selected.recent,
        modseqs=[index.modseqs[place] for _, place in known],
    )
