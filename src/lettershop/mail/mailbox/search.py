"""SEARCH: which messages of an open mailbox a tree of keys finds.

Keys about flags, numbers, sizes and dates of arrival are answered from memory; those about the header read it from the
row, those about text read the blob. "And" asks the cheap keys first, so that the dear ones see few messages.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import TypeVar

from lettershop.mail.mailbox.selected import Selected
from lettershop.store import messages
from lettershop.wire.imap.scan import EPOCH
from lettershop.wire.imap.values import (
    And,
    Contains,
    Day,
    HasFlag,
    ModSeq,
    Not,
    Numbers,
    Or,
    Recent,
    SearchKey,
    Size,
    Within,
)
from lettershop.wire.message import mime, words
from lettershop.wire.message.headers import parse

T = TypeVar("T")

PAGE = 200
DAY = 86_400

_SENT = re.compile(r"(\d{1,2})[\s-]+([A-Za-z]{3})[a-z]*[\s-]+(\d{4})")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


async def search(selected: Selected, key: SearchKey) -> list[int]:
    """The positions in the view, in order."""
    finder = _Finder(selected)
    return await finder.find(key, finder.everything)


class _Finder:
    """One search. The columns are those of its beginning: what changes meanwhile does not move them."""

    def __init__(self, selected: Selected) -> None:
        self._selected = selected
        view, index = selected.view, selected.index
        self._uids = list(view.uids)
        places = view.places(range(len(self._uids)))
        self.everything = [at for at, place in enumerate(places) if place is not None]
        moved = None if view.exact else [place or 0 for place in places]  # who is gone is not in `everything`
        self._flags, self._words = _column(index.flags, moved), _column(index.words, moved)
        self._modseqs = _column(index.modseqs, moved)
        self._sizes, self._dates = _column(index.sizes, moved), _column(index.dates, moved)

    async def find(self, key: SearchKey, among: list[int]) -> list[int]:
        """Of the positions `among` those that the key finds."""
        if not among:
            return among
        match key:
            case And(keys):
                for part in sorted(keys, key=_cost):
                    among = await self.find(part, among)
                return among
            case Or(left, right):
                found = set(await self.find(left, among)) | set(await self.find(right, among))
                return [at for at in among if at in found]
            case Not(inner):
                found = set(await self.find(inner, among))
                return [at for at in among if at not in found]
            case Contains() | Day(of="sent"):
                return await self._read(key, among)
        test = self._test(key)
        return [at for at in among if test(at)]

    def _test(self, key: SearchKey) -> Callable[[int], object]:
        """A key that memory can answer, as a question about a position."""
        flags, words, modseqs, sizes, uids = self._flags, self._words, self._modseqs, self._sizes, self._uids
        match key:
            case HasFlag(bits, ""):
                return lambda at: flags[at] & bits
            case HasFlag(_, word):
                lower = word.lower()
                return lambda at: lower in words[at].lower().split()
            case Recent():
                return lambda at: uids[at] in self._selected.recent
            case Size(size, larger):
                return (lambda at: sizes[at] > size) if larger else (lambda at: sizes[at] < size)
            case ModSeq(modseq):
                return lambda at: modseqs[at] >= modseq
            case Numbers():
                return self._numbers(key).__contains__
            case Day() | Within():
                return self._by_date(key)
        return lambda at: True  # All

    def _numbers(self, key: Numbers) -> set[int]:
        if key.set.saved:
            saved = set(self._selected.saved)
            return {at for at, uid in enumerate(self._uids) if uid in saved}
        return set(key.set.positions(self._uids if key.uid else range(1, len(self._uids) + 1)))

    def _by_date(self, key: Day | Within) -> Callable[[int], object]:
        dates = self._dates
        if isinstance(key, Within):
            edge = self._selected.service.clock.now() - key.seconds
            return (lambda at: dates[at] <= edge) if key.older else (lambda at: dates[at] > edge)
        compare = _RELATIONS[key.relation]
        return lambda at: compare(int(dates[at] // DAY), key.day)

    async def _read(self, key: SearchKey, among: list[int]) -> list[int]:
        found: list[int] = []
        for start in range(0, len(among), PAGE):
            found += await self._read_page(key, among[start : start + PAGE])
        return found

    async def _read_page(self, key: SearchKey, positions: Sequence[int]) -> list[int]:
        uids = [self._uids[at] for at in positions]
        chosen = messages.Chosen(uids[0], uids[-1], uids)
        service, mailbox_id = self._selected.service, self._selected.mailbox_id
        rows = await service.db.read(messages.contents, mailbox_id, chosen, ("header", "blob"))
        found = []
        for at, uid in zip(positions, uids, strict=True):
            if uid not in rows:
                continue
            header, blob = rows[uid]
            whole = isinstance(key, Contains) and key.where != "HEADER"
            data = await service.blobs.get(blob) if whole or header is None else b""
            if matches(key, header if header is not None else data, data):
                found.append(at)
        return found


def _column(column: list[T], places: list[int] | None) -> list[T]:
    """A column of the index, in the order of the view."""
    if places is None or not column:
        return column
    return [column[place] for place in places]


def matches(key: SearchKey, header: bytes, message: bytes) -> bool:
    """Whether a message fits a key that needs its content; `message` may be empty where the header is enough. [pure]"""
    if isinstance(key, Day):
        day = sent_day(parse(header).get("date") or "")
        return day is not None and _RELATIONS[key.relation](day, key.day)
    assert isinstance(key, Contains)
    wanted = key.text.casefold()
    if key.where == "HEADER":
        found = parse(header).all(key.field)
        return any(wanted in words.decode(field.value).casefold() for field in found)
    root = mime.scan(message)
    if key.where == "TEXT" and any(wanted in text.casefold() for text in _header_texts(message, root)):
        return True
    return any(wanted in text.casefold() for part in root.walk() for text in _texts(message, part, root))


def sent_day(value: str) -> int | None:
    """The day of a Date field as it was written there, whatever its zone (RFC 9051 6.4.4). [pure]"""
    found = _SENT.search(value)
    if found is None or found[2].lower() not in _MONTHS:
        return None
    try:
        return date(int(found[3]), _MONTHS.index(found[2].lower()) + 1, int(found[1])).toordinal() - EPOCH
    except ValueError:
        return None


def _texts(message: bytes, part: mime.Part, root: mime.Part) -> list[str]:
    """The texts of a part's body; a message within a message has its header there too."""
    if part.type == "text" and not part.parts:
        return [mime.text_of(message, part)]
    if part.type == "message" and part.parts:
        return _header_texts(message, part.parts[0])
    return []


def _header_texts(message: bytes, part: mime.Part) -> list[str]:
    return [f"{field.name}: {words.decode(field.value)}" for field in parse(message, part.header, part.end).fields]


def _cost(key: SearchKey) -> int:
    match key:
        case Contains(where="HEADER") | Day(of="sent"):
            return 1
        case Contains():
            return 2
        case Not(inner):
            return _cost(inner)
        case Or(left, right):
            return max(_cost(left), _cost(right))
        case And(keys):
            return max(map(_cost, keys), default=0)
    return 0


_RELATIONS: dict[str, Callable[[int, int], bool]] = {
    "before": lambda day, edge: day < edge,
    "on": lambda day, edge: day == edge,
    "since": lambda day, edge: day >= edge,
}
