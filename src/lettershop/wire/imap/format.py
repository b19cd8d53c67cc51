"""How values look on the wire: strings, names, flags, dates, sets, status lines. [pure]"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from lettershop.wire.imap.names import encode_name
from lettershop.wire.imap.values import FLAG_BITS

SYSTEM_FLAGS = (b"\\Seen", b"\\Answered", b"\\Flagged", b"\\Deleted", b"\\Draft")
_BITS = tuple(zip(FLAG_BITS.values(), SYSTEM_FLAGS, strict=True))
_QUOTABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]{0,512}")
_ATOM = re.compile(rb'[^\x00-\x20(){%*"\\\]\x7f-\xff]+')
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def string(value: bytes) -> bytes:
    """A quoted string where that is possible, else a literal."""
    if _QUOTABLE.fullmatch(value):
        return quoted(value)
    return literal(value)


def quoted(value: bytes) -> bytes:
    """A quoted string; the caller knows that it has no CR, LF or NUL."""
    return b'"%b"' % value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def literal(value: bytes) -> bytes:
    """A literal; a literal8 if it has a NUL (RFC 9051 4.3)."""
    return b"%b{%d}\r\n%b" % (b"~" if b"\0" in value else b"", len(value), value)


def nstring(value: bytes | None) -> bytes:
    """A string or NIL."""
    return b"NIL" if value is None else string(value)


def mailbox(name: str, *, utf8: bool) -> bytes:
    """A mailbox name, as an atom where it is one that cannot be taken for NIL."""
    raw = encode_name(name, utf8=utf8)
    return astring(raw) if raw.isascii() else quoted(raw)  # a name has no control characters


def astring(value: bytes) -> bytes:
    """An atom where that is possible and cannot be taken for NIL, else a string."""
    if _ATOM.fullmatch(value) and value.upper() != b"NIL":
        return value
    return string(value)


def flags(bits: int, words: str = "", *, recent: bool = False) -> bytes:
    """(\\Seen \\Flagged Work); `words` are keywords separated by blanks."""
    names = [name for bit, name in _BITS if bits & bit]
    if words:
        names.append(words.encode())
    if recent:
        names.append(b"\\Recent")
    return b"(%b)" % b" ".join(names)


def internal_date(at: float) -> bytes:
    """Seconds since the epoch -> "17-Jul-1996 02:44:25 +0000"."""
    when = datetime.fromtimestamp(int(at), UTC)
    text = f'"{when.day:2d}-{_MONTHS[when.month - 1]}-{when.year:04d} {when:%H:%M:%S} +0000"'
    return text.encode("ascii")


def number_set(numbers: Sequence[int]) -> bytes:
    """Sorted numbers as a set: 1:3,7."""
    return b",".join(b"%d" % low if low == high else b"%d:%d" % (low, high) for low, high in runs(numbers))


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Ranges of consecutive numbers, in the order in which they come."""
    found: list[tuple[int, int]] = []
    low = high = -1
    for number in numbers:
        if number == high + 1 and high >= 0:
            high = number
            continue
        if high >= 0:
            found.append((low, high))
        low = high = number
    if high >= 0:
        found.append((low, high))
    return found


def reply(tag: str, status: str, text: str, code: str = "") -> bytes:
    """tag OK [code] text."""
    return f"{tag} {status} [{code}] {text}\r\n".encode() if code else f"{tag} {status} {text}\r\n".encode()
