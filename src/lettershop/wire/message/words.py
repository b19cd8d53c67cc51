"""Text in header fields: encoded words (RFC 2047), charsets, RFC 2231 parameters. Lenient in reading. [pure]"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

_WORD = re.compile(r"=\?([^?\s]+)\?([bBqQ])\?([^?]*)\?=")
_BETWEEN = re.compile(r"\?=\s+=\?")
_HEX = re.compile(rb"=([0-9A-Fa-f]{2})")


def decode(value: str) -> str:
    """Header text as people read it: encoded words decoded, raw bytes (surrogates) read as UTF-8, else Latin-1."""
    if "=?" not in value:
        return raw_text(value)
    value = _BETWEEN.sub("?==?", value)  # RFC 2047 6.2: white space between encoded words is not there
    out: list[str] = []
    held, charset, at = b"", "", 0
    for match in _WORD.finditer(value):
        # characters may be cut between two words of one charset, against RFC 2047 5
        if match.start() > at or match[1].lower() != charset:
            out.append(to_text(held, charset))
            out.append(raw_text(value[at : match.start()]))
            held, charset = b"", match[1].lower()
        held += _bytes_of(match[2], match[3])
        at = match.end()
    return "".join([*out, to_text(held, charset), raw_text(value[at:])])


def raw_text(value: str) -> str:
    """Text in which surrogates stand for bytes beyond ASCII (RFC 6532 headers, or worse)."""
    if value.isascii():
        return value
    data = value.encode("utf-8", "surrogateescape")
    return to_text(data, "utf-8", fallback="latin-1")


def to_text(data: bytes, charset: str, *, fallback: str = "latin-1") -> str:
    """Bytes in a named charset; what does not fit is read as `fallback`, never an error."""
    name = charset.partition("*")[0]  # RFC 2231 5: a language may follow
    try:
        return data.decode("gb18030" if name in ("gb2312", "gbk") else name or "ascii")
    except (LookupError, UnicodeError, ValueError):
        return data.decode(fallback, "replace")


def _bytes_of(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "surrogateescape")
    if encoding in "qQ":
        return _HEX.sub(lambda match: bytes([int(match[1], 16)]), data.replace(b"_", b" "))
    try:
        return a2b_base64(data + b"=" * (-len(data) % 4))
    except Base64Error:
        return data


def parameters(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """RFC 2231: parameters by lower-case name, continuations joined, charsets decoded; plain ones as they are.

    `title*0*=utf-8''%e2%82`, `title*1=x` becomes {"title": "€x"} in spirit; encoded words in plain values (against
    RFC 2047 5, but common for file names) are decoded too.
    """
    plain: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for full, value in pairs:
        name, star, rest = full.lower().partition("*")
        if not star:
            plain.setdefault(name, decode(value))
            continue
        number = rest.rstrip("*")
        index = int(number) if number.isascii() and number.isdigit() else 0
        pieces.setdefault(name, []).append((index, rest.endswith("*") or not rest, value))
    return plain | {name: _joined(sorted(parts)) for name, parts in pieces.items()}


def _joined(parts: list[tuple[int, bool, str]]) -> str:
    charset = "utf-8"
    data = b""
    for position, (_, encoded, value) in enumerate(parts):
        if encoded and position == 0 and value.count("'") >= 2:
            charset, _, value = value.split("'", 2)
        raw = value.encode("utf-8", "surrogateescape")
        data += unquote_to_bytes(raw) if encoded else raw
    return to_text(data, charset.lower())
