"""FETCH items and STORE arguments. [pure]"""

import re
from typing import Literal

from lettershop.wire.imap.scan import MAX_MODSEQ, BadSyntax, Scanner, flags_of
from lettershop.wire.imap.values import Attribute, Binary, Fetch, FetchItem, Section, SectionKind, Store

_NAME = re.compile(rb"[A-Za-z0-9.]+")
_PART = re.compile(rb"[1-9]\d{0,9}(?:\.[1-9]\d{0,9})*")
_KIND = re.compile(rb"HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME", re.I)

_FIELD = re.compile(rb"[!-9;-~]+")  # RFC 5322 3.6.8: printable, no colon

_FAST = (Attribute("FLAGS"), Attribute("INTERNALDATE"), Attribute("RFC822.SIZE"))
_MACROS: dict[str, tuple[FetchItem, ...]] = {  # RFC 9051 6.4.5
    "FAST": _FAST,
    "ALL": (*_FAST, Attribute("ENVELOPE")),
    "FULL": (*_FAST, Attribute("ENVELOPE"), Attribute("BODY")),
}
_PLAIN = frozenset(("ENVELOPE", "FLAGS", "INTERNALDATE", "RFC822.SIZE", "BODYSTRUCTURE", "UID", "MODSEQ"))
_SECTIONS = {  # RFC 3501 6.4.5: other names for sections
    "RFC822": Section(label=b"RFC822"),
    "RFC822.HEADER": Section(kind="HEADER", label=b"RFC822.HEADER", peek=True),
    "RFC822.TEXT": Section(kind="TEXT", label=b"RFC822.TEXT"),
}


def fetch(scan: Scanner) -> Fetch:
    """FETCH set items [(CHANGEDSINCE n)]."""
    numbers = scan.set()
    scan.space()
    items = _items(scan)
    since = None
    if scan.skip(b" "):
        scan.need(b"(")
        if scan.word() != "CHANGEDSINCE":  # RFC 7162 3.1.4.1
            raise BadSyntax("That modifier of FETCH is not known.")
        scan.space()
        since = scan.number(MAX_MODSEQ)
        scan.need(b")")
    return Fetch(numbers, items, since)


def store(scan: Scanner) -> Store:
    """STORE set [(UNCHANGEDSINCE n)] [+|-]FLAGS[.SILENT] flags, in a list or without one."""
    numbers = scan.set()
    scan.space()
    unchanged = None
    if scan.skip(b"("):
        if scan.word() != "UNCHANGEDSINCE":  # RFC 7162 3.1.3
            raise BadSyntax("That modifier of STORE is not known.")
        scan.space()
        unchanged = scan.number(MAX_MODSEQ)
        scan.need(b")")
        scan.space()
    add, remove = scan.skip(b"+"), scan.skip(b"-")
    name = scan.word()
    if name not in ("FLAGS", "FLAGS.SILENT") or (add and remove):
        raise BadSyntax("STORE changes FLAGS only.")
    scan.space()
    flags = scan.flags() if scan.next_is(b"(") else flags_of(_bare_flags(scan))
    action: Literal["set", "add", "remove"] = "add" if add else "remove" if remove else "set"
    return Store(numbers, action, flags, name == "FLAGS.SILENT", unchanged)


def _bare_flags(scan: Scanner) -> list[str]:
    names = [scan.flag()]
    while scan.skip(b" "):
        names.append(scan.flag())
    return names


def _items(scan: Scanner) -> tuple[FetchItem, ...]:
    if scan.next_is(b"("):
        items = scan.list(lambda: item(scan))
        if not items:
            raise BadSyntax("FETCH needs an item.")
        return items
    start = scan.at
    macro = _MACROS.get(scan.take(_NAME, "a fetch item").decode("ascii").upper())
    if macro is not None:
        return macro
    scan.at = start
    return (item(scan),)


def item(scan: Scanner) -> FetchItem:
    """One fetch item."""
    name = scan.take(_NAME, "a fetch item").decode("ascii").upper()
    if name in _PLAIN:
        return Attribute(name)
    if name in _SECTIONS:
        return _SECTIONS[name]
    if name in ("BODY", "BODY.PEEK") and scan.next_is(b"["):
        return _section(scan, name == "BODY.PEEK")
    if name == "BODY":
        return Attribute(name)
    if name in ("BINARY", "BINARY.PEEK", "BINARY.SIZE"):
        return _binary(scan, name)
    raise BadSyntax("That fetch item is not known.")


def _section(scan: Scanner, peek: bool) -> Section:
    """RFC 9051 9: section = "[" [section-spec] "]", then the partial."""
    scan.need(b"[")
    part = _part(scan)
    kind: SectionKind = ""
    fields: tuple[bytes, ...] = ()
    if not scan.next_is(b"]"):
        if part:
            scan.need(b".")
        kind = scan.take(_KIND, "a section").decode("ascii").upper()  # type: ignore[assignment]
        if kind == "MIME" and not part:
            raise BadSyntax("MIME needs the number of a part.")
        if kind.startswith("HEADER.FIELDS"):
            scan.space()
            fields = scan.list(lambda: _field_name(scan))
            if not fields:
                raise BadSyntax("HEADER.FIELDS needs a field name.")
    scan.need(b"]")
    return Section(part, kind, fields, _partial(scan), peek)


def _field_name(scan: Scanner) -> bytes:
    name = scan.astring()
    if not _FIELD.fullmatch(name):
        raise BadSyntax("That is no name of a header field.")
    return name


def _binary(scan: Scanner, name: str) -> Binary:
    scan.need(b"[")
    part = _part(scan)
    scan.need(b"]")
    if name == "BINARY.SIZE":
        return Binary(part, peek=True, size_only=True)
    return Binary(part, _partial(scan), name == "BINARY.PEEK")


def _part(scan: Scanner) -> tuple[int, ...]:
    if not scan.data[scan.at : scan.at + 1].isdigit():
        return ()
    return tuple(int(number) for number in scan.take(_PART, "the number of a part").split(b"."))


def _partial(scan: Scanner) -> tuple[int, int] | None:
    if not scan.skip(b"<"):
        return None
    start = scan.number()
    scan.need(b".")
    size = scan.number()
    if not size:
        raise BadSyntax("A partial fetch needs a size.")  # RFC 9051 9: nz-number
    scan.need(b">")
    return start, size
