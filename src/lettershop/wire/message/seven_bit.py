"""Messages in seven bits, for servers that take nothing else and before a signature that must survive them. [pure]

    seven_bit(message)    bodies of 8-bit or over-long lines in quoted-printable or base64 (RFC 6152 3); None if that may not be
    plain_header(message) header fields beyond ASCII as encoded words and parameters (RFC 2047, 2231); None if an address is
    speaks_utf8(message)  whether its header is one of RFC 6532, so that it needs SMTPUTF8

Signed and encrypted parts stay as they are (RFC 1847 2.1): what would have to be changed in them makes the whole impossible.
"""

import re
from collections.abc import Iterator
from urllib.parse import quote

from lettershop.wire.address import Address, InvalidAddress
from lettershop.wire.message import compose, headers
from lettershop.wire.message.addresses import Group, Mailbox, parse
from lettershop.wire.message.mime import Part, scan
from lettershop.wire.message.words import raw_text

_ENCODING = re.compile(rb"^content-transfer-encoding[ \t]*:[^\n]*(?:\n[ \t][^\n]*)*\n?", re.MULTILINE | re.IGNORECASE)
LONGEST_LINE = 999
"""Octets of a line with its CR (RFC 5321 4.5.3.1.6: 1000 with CRLF)."""
_PARAMETER = re.compile(r';\s*([A-Za-z-]+)="([^"]*[^\x00-\x7f][^"]*)"')
_ADDRESSES = frozenset({
    "from", "sender", "reply-to", "to", "cc", "bcc", "resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc",
})  # fmt: skip
_STRUCTURED = frozenset({"content-type", "content-disposition"})
_UNTOUCHABLE = frozenset({"signed", "encrypted"})
_MANY = 6
"""Where one octet in so many is beyond ASCII, base64 is shorter than quoted-printable."""

Edit = tuple[int, int, bytes]


def seven_bit(message: bytes) -> bytes | None:
    """The message with bodies of ASCII and lines of at most 998 octets; the same object if they are so already.

    None: a header field is beyond ASCII (`plain_header`), or a part that must not be touched would have to be.
    """
    if _is_plain(message):
        return message
    root = scan(message)
    edits: list[Edit] = []
    return _applied(message, edits) if _gathered(message, root, edits) else None


def _is_plain(data: bytes) -> bool:
    return data.isascii() and max(map(len, data.split(b"\n"))) <= LONGEST_LINE


def speaks_utf8(message: bytes) -> bool:
    """Whether the header has UTF-8 in it (RFC 6532); other bytes beyond ASCII are an old mistake that needs no extension."""
    end, _ = headers.find_body(message)
    head = message[:end]
    if head.isascii():
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def plain_header(message: bytes) -> bytes | None:
    """The message with a header of ASCII, also those of its parts; the same object if they are so. None: an address is not."""
    edits: list[Edit] = []
    for part in scan(message).walk():
        if message[part.header : part.body].isascii():
            continue
        for field in headers.parse(message, part.header, part.end).fields:
            if message[field.start : field.end].isascii():
                continue
            plain = _plain_field(field.name, raw_text(headers.unfold(field.raw)))
            if plain is None:
                return None
            edits.append((field.start, field.end, plain))
    return _applied(message, edits) if edits else message


def _plain_field(name: str, value: str) -> bytes | None:
    header = compose.Header()
    if name.lower() in _ADDRESSES:
        written = [_plain_entry(entry) for entry in parse(value)]
        if not written or None in written:
            return None
        header.add(name, ", ".join(entry for entry in written if entry is not None))
    elif name.lower() in _STRUCTURED:
        plain = _PARAMETER.sub(lambda match: f"; {match[1]}*=utf-8''{quote(match[2])}", value)  # RFC 2231 4
        if not plain.isascii():
            return None
        header.add(name, plain)
    else:
        header.text(name, value)
    return header.encode()


def _plain_entry(entry: Mailbox | Group) -> str | None:
    if isinstance(entry, Group):
        members = [_plain_entry(member) for member in entry.members]
        if None in members:
            return None
        return f"{compose.text(entry.name)}: {', '.join(one for one in members if one is not None)};"
    try:
        address = Address.parse(f"{entry.local}@{entry.domain}")
    except InvalidAddress:
        return None
    return None if address.needs_smtputf8 else compose.mailbox(entry.name, str(address))


def _gathered(message: bytes, part: Part, edits: list[Edit]) -> bool:
    """Note what must be changed in this part and below; False if something must and may not."""
    body = message[part.body : part.end]
    if not message[part.header : part.body].isascii():
        return False
    if _is_plain(body):
        _name(message, part, edits)
        return True
    if part.type == "multipart" and part.subtype in _UNTOUCHABLE:
        return False
    if part.parts:
        _name(message, part, edits)
        return all(_gathered(message, one, edits) for one in part.parts) and _rest_is_plain(message, part)
    if part.type in ("multipart", "message") or part.encoding not in ("", "7bit", "8bit", "binary"):
        return False  # RFC 2045 6.4: neither may be encoded; what is encoded already and has such bytes is broken
    encoding, encoded = _encoded(part, body)
    edits.append((part.body, part.end, encoded))
    _say(message, part, encoding, edits)
    return True


def _rest_is_plain(message: bytes, part: Part) -> bool:
    """What stands between the parts: preamble, boundaries, epilogue."""
    at = part.body
    for one in part.parts:
        if not message[at : one.header].isascii():
            return False
        at = one.end
    return message[at : part.end].isascii()


def _encoded(part: Part, body: bytes) -> tuple[bytes, bytes]:
    beyond = sum(byte > 127 for byte in body)
    if part.type != "text" or beyond * _MANY > len(body):
        return b"base64", compose.base64(body)
    return b"quoted-printable", compose.quoted_printable(body)


def _name(message: bytes, part: Part, edits: list[Edit]) -> None:
    """A container or a part that says "8bit" says "7bit" now: its inside is."""
    if part.encoding in ("8bit", "binary"):
        _say(message, part, b"7bit", edits)


def _say(message: bytes, part: Part, encoding: bytes, edits: list[Edit]) -> None:
    line = b"Content-Transfer-Encoding: " + encoding + b"\r\n"
    end, _ = headers.find_body(message, part.header, part.end)
    found = _ENCODING.search(message, part.header, end)
    if found is not None:
        edits.append((found.start(), found.end(), line))
    else:
        edits.append(
            (part.header, part.header, line if end > part.header or part.body > part.header else line + b"\r\n")
        )


def _applied(message: bytes, edits: list[Edit]) -> bytes:
    return b"".join(_pieces(message, sorted(edits)))


def _pieces(message: bytes, edits: list[Edit]) -> Iterator[bytes]:
    at = 0
    for start, end, new in edits:
        yield message[at:start]
        yield new
        at = end
    yield message[at:]
