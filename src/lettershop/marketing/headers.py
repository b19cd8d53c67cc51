"""Header fields of a campaign's message, each in wire form and beside it in DKIM's relaxed canonical form. [pure]

A field is written so that the canonical form follows by itself: one blank between words, folded only before a blank.
Names and subjects that are not ASCII become encoded words (RFC 2047), cut between characters, never inside one.
"""

import re
from dataclasses import dataclass
from time import gmtime

WIDTH = 78
"""Characters after which a field is folded (RFC 5322 2.1.1)."""

NEXT = "\r\n "
"""Between two lines of a field; the blank is the one between the words."""

_WORD = 75 - len("=?utf-8?q??=")  # RFC 2047 2: an encoded word has at most 75 characters
_BLANKS = re.compile(r"\s+")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]*")  # RFC 5322 3.2.3, and blanks between atoms
_PLAIN = re.compile(r"[ -~]*")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_Q = [chr(byte) if chr(byte).isascii() and chr(byte).isalnum() else f"={byte:02X}" for byte in range(256)]
_Q[32] = "_"  # RFC 2047 4.2 (2)


@dataclass(frozen=True, slots=True)
class Field:
    """A header field: `wire` ends in CRLF, `canonical` is the same after RFC 6376 3.4.2 with its CRLF; `key`: the name in lower case."""

    key: str
    wire: bytes
    canonical: bytes


def field(name: str, value: str) -> Field:
    """A field of ASCII text; folded before a blank where the line gets long."""
    value = one_line(value)
    line = f"{name}: {value}"
    wire = line if len(line) <= WIDTH else _folded(line)
    key = name.lower()
    return Field(key, f"{wire}\r\n".encode(), f"{key}:{value}\r\n".encode())


def ready(name: str, *lines: str) -> Field:
    """A field of words that are known to be ASCII without double blanks, cut into lines by the caller."""
    key = name.lower()
    return Field(key, f"{name}: {NEXT.join(lines)}\r\n".encode(), f"{key}:{' '.join(lines)}\r\n".encode())


def one_line(text: str) -> str:
    """Text with every run of white space, line ends among them, as one blank: nobody smuggles in a field."""
    return text if "  " not in text and text.isprintable() and text.strip() == text else _BLANKS.sub(" ", text).strip()


def _folded(line: str) -> str:
    rest = line
    lines: list[str] = []
    while len(rest) > WIDTH:
        cut = rest.rfind(" ", 1, WIDTH + 1)
        if cut <= rest.find(":") + 1 and not lines:  # never leave a line with nothing but the name
            cut = rest.find(" ", WIDTH + 1)
        if cut <= 0:
            break
        lines.append(rest[:cut])
        rest = rest[cut:]
    return "\r\n".join([*lines, rest])


def text(value: str) -> str:
    """Free text as it stands in a field: itself, or encoded words."""
    value = one_line(value)
    if _PLAIN.fullmatch(value) and "=?" not in value and max(map(len, value.split(" "))) < 900:
        return value
    return encoded_words(value)


def encoded_words(value: str) -> str:
    """RFC 2047 "Q" words, each whole characters and at most 75 long, one blank between them."""
    words, width = [[""]], 0
    for character in value:
        token = "".join([_Q[byte] for byte in character.encode()])
        if width + len(token) > _WORD:
            words.append([])
            width = 0
        words[-1].append(token)
        width += len(token)
    return " ".join([f"=?utf-8?q?{''.join(word)}?=" for word in words])


def mailbox(name: str, address: str) -> str:
    """`Name <address>` with the name quoted or encoded where it must be (RFC 5322 3.4)."""
    name = one_line(name)
    if not name:
        return address
    if _ATOMS.fullmatch(name) and "=?" not in name:
        return f"{name} <{address}>"
    if not _PLAIN.fullmatch(name) or "=?" in name:
        return f"{encoded_words(name)} <{address}>"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address}>'


def date(at: float) -> str:
    """RFC 5322 3.3, in UTC."""
    t = gmtime(at)
    return (
        f"{_DAYS[t.tm_wday]}, {t.tm_mday:02} {_MONTHS[t.tm_mon - 1]} {t.tm_year} "
        f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02} +0000"
    )
