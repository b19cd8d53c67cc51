"""FETCH answers, a page of messages at a time and a column at a time. [pure]

    needs(items)              what has to be read from the store for these items
    answers(items, page)      b"* 1 FETCH (UID 7 FLAGS ())\\r\\n…"

Ten thousand flags are ten thousand dictionary look-ups and one join: no object a message, no call a message and item.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from lettershop.wire.imap.format import astring, flags, internal_date, literal, nstring
from lettershop.wire.imap.values import Attribute, Binary, FetchItem, Section


@dataclass(slots=True)
class Page:
    """Some messages, a list a property, all of the same length. Lists that nobody asked for stay empty.

    `sections` has a list for each Section and Binary among the items, in their order: the bytes, None for what does
    not exist; for BINARY.SIZE the number of bytes.
    """

    numbers: Sequence[int]
    uids: Sequence[int]
    flags: Sequence[int] = ()
    words: Sequence[str] = ()
    recent: frozenset[int] | set[int] = frozenset()
    modseqs: Sequence[int] = ()
    sizes: Sequence[int] = ()
    dates: Sequence[float] = ()
    envelopes: Sequence[bytes] = ()
    bodies: Sequence[bytes] = ()
    structures: Sequence[bytes] = ()
    sections: list[list[bytes | int | None]] = field(default_factory=list)


def answers(items: Sequence[FetchItem], page: Page) -> bytes:
    """The untagged answers for the page."""
    columns: list[Sequence[bytes]] = []
    sections = iter(page.sections)
    for item in items:
        if isinstance(item, Attribute):
            columns.append(_COLUMNS[item.name](page))
        else:
            columns.append(_section_column(item, next(sections)))
    row = b"* %d FETCH (" + b" ".join([b"%b"] * len(columns)) + b")\r\n"
    return b"".join([row % values for values in zip(page.numbers, *columns, strict=True)])


def flag_answers(page: Page, *, uid: bool, modseq: bool) -> bytes:
    """The untagged answers that tell of changed flags."""
    items = [Attribute("UID")] if uid else []
    items.append(Attribute("FLAGS"))
    if modseq:
        items.append(Attribute("MODSEQ"))
    return answers(items, page)


def set_seen(items: Sequence[FetchItem]) -> bool:
    """Whether these items mark a message as read (RFC 9051 6.4.5)."""
    return any(not isinstance(item, Attribute) and not item.peek for item in items)


def label(item: Section | Binary) -> bytes:
    """The item's name in the answer."""
    if isinstance(item, Section) and item.label:
        return item.label
    part = ".".join(map(str, item.part)).encode("ascii")
    origin = b"<%d>" % item.partial[0] if item.partial else b""
    if isinstance(item, Binary):
        return (b"BINARY.SIZE[%b]" if item.size_only else b"BINARY[%b]") % part + origin
    kind = item.kind.encode("ascii")
    if item.fields:
        kind += b" (%b)" % b" ".join(map(astring, item.fields))
    return b"BODY[%b%b%b]%b" % (part, b"." if part and kind else b"", kind, origin)


def _section_column(item: Section | Binary, values: Sequence[bytes | int | None]) -> list[bytes]:
    name = label(item) + b" "
    if isinstance(item, Binary):
        return [name + (b"%d" % value if isinstance(value, int) else _binary(value)) for value in values]
    return [name + _text(value) for value in values]


def _text(value: bytes | int | None) -> bytes:
    """RFC 9051 4.3: a literal has no NUL; mail that has one in spite of RFC 5322 shows 0x80 there."""
    assert not isinstance(value, int)
    if value is None:
        return b"NIL"
    return b"{%d}\r\n%b" % (len(value), value.replace(b"\0", b"\x80") if b"\0" in value else value)


def _binary(value: bytes | int | None) -> bytes:
    assert not isinstance(value, int)
    return nstring(None) if value is None else literal(value)


def _flags(page: Page) -> list[bytes]:
    known: dict[tuple[int, str], bytes] = {}
    column = []
    for key in zip(page.flags, page.words, strict=True):
        text = known.get(key)
        if text is None:
            text = known[key] = b"FLAGS " + flags(*key)
        column.append(text)
    if page.recent:
        for at, uid in enumerate(page.uids):
            if uid in page.recent:
                column[at] = b"FLAGS " + flags(page.flags[at], page.words[at], recent=True)
    return column


_COLUMNS: dict[str, Callable[[Page], Sequence[bytes]]] = {
    "FLAGS": _flags,
    "UID": lambda page: [b"UID %d" % uid for uid in page.uids],
    "MODSEQ": lambda page: [b"MODSEQ (%d)" % modseq for modseq in page.modseqs],
    "RFC822.SIZE": lambda page: [b"RFC822.SIZE %d" % size for size in page.sizes],
    "INTERNALDATE": lambda page: [b"INTERNALDATE " + internal_date(at) for at in page.dates],
    "ENVELOPE": lambda page: [b"ENVELOPE " + value for value in page.envelopes],
    "BODY": lambda page: [b"BODY " + value for value in page.bodies],
    "BODYSTRUCTURE": lambda page: [b"BODYSTRUCTURE " + value for value in page.structures],
}
