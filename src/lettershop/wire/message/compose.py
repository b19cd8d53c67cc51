"""Writes messages: header fields folded and encoded, bodies in transfer encodings, parts put together. [pure]

    header = Header()
    header.add("From", mailbox("Käthe", "k@b.example"))
    header.text("Subject", "Grüße")
    message = multipart(header, "mixed", [text_part("Hello\\n"), body_part("message/rfc822", other)], boundary)

All line ends are CRLF. Boundaries, dates and identifiers are arguments: nothing here is random. A value never breaks
out of its field: line ends in it become blanks.
"""

import re
from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Sequence

WIDTH = 78
"""Characters after which a field is folded (RFC 5322 2.1.1)."""
LONGEST = 998
"""Octets that a line may have at most (RFC 5322 2.1.1)."""

_ENCODED = 75 - len("=?utf-8?q??=")  # RFC 2047 2
_BREAKS = re.compile(r"[\r\n\v\f\x00\x85\u2028\u2029]+[ \t]*")
_PLAIN = re.compile(r"[\t -~]*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")  # RFC 5322 3.2.3, and blanks between atoms
_Q = [chr(byte) if chr(byte).isascii() and chr(byte).isalnum() else f"={byte:02X}" for byte in range(256)]
_Q[32] = "_"  # RFC 2047 4.2 (2)


class Header:
    """A header that is being written, field by field."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def add(self, name: str, value: str) -> None:
        """A structured field: the value is written as it is, folded before blanks; it must be ASCII (or SMTPUTF8 is meant)."""
        self._lines.append(fold(f"{name}: {one_line(value)}"))

    def text(self, name: str, value: str) -> None:
        """An unstructured field such as Subject: encoded words where it is not plain ASCII."""
        self.add(name, text(value, taken=len(name) + 2))

    def encode(self) -> bytes:
        """All fields, each with its CRLF; the empty line is not included."""
        return "".join(f"{line}\r\n" for line in self._lines).encode("utf-8", "surrogateescape")


def one_line(value: str) -> str:
    """The value without line ends: nobody smuggles in a field."""
    return _BREAKS.sub(" ", value).strip()


def fold(line: str) -> str:
    """Folded before blanks so that lines have at most 78 characters where possible (RFC 5322 2.2.3)."""
    lines: list[str] = []
    while len(line) > WIDTH:
        least = line.find(":") + 2 if not lines else 1
        cut = line.rfind(" ", least, WIDTH + 1)
        if cut < 0:
            cut = line.find(" ", WIDTH + 1)
        if cut < 0 or not line[cut:].strip():
            break
        lines.append(line[:cut])
        line = line[cut:]
    return "\r\n".join([*lines, line])


def text(value: str, *, taken: int = 0) -> str:
    """Free text as it stands in a field: itself, or encoded words (RFC 2047). `taken`: characters before it on its line."""
    value = one_line(value)
    plain = _PLAIN.fullmatch(value) and "=?" not in value and max(map(len, value.split(" "))) < LONGEST - WIDTH
    return value if plain else encoded_words(value, taken=taken)


def encoded_words(value: str, *, taken: int = 0) -> str:
    """RFC 2047 words of at most 75 characters, the first shorter by `taken`, cut between characters."""
    words: list[list[str]] = [[]]
    width = min(taken, _ENCODED // 2)
    for character in value:
        token = "".join([_Q[byte] for byte in character.encode("utf-8", "replace")])
        if width + len(token) > _ENCODED:
            words.append([])
            width = 0
        words[-1].append(token)
        width += len(token)
    return " ".join(f"=?utf-8?q?{''.join(word)}?=" for word in words)


def mailbox(name: str, address: str) -> str:
    """`Name <address>`, the name quoted or encoded where it must be (RFC 5322 3.4)."""
    name = one_line(name)
    if not name:
        return address
    if not _PLAIN.fullmatch(name) or "=?" in name:
        return f"{encoded_words(name)} <{address}>"
    if _ATOMS.fullmatch(name):
        return f"{name} <{address}>"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address}>'


def crlf(data: bytes) -> bytes:
    """Every line end as CRLF."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def quoted_printable(data: bytes) -> bytes:
    """RFC 2045 6.7, of text with any line ends."""
    encoded = b2a_qp(data.replace(b"\r\n", b"\n"), istext=True).replace(b"\r\n", b"\n")
    return encoded.replace(b"\n", b"\r\n")


def base64(data: bytes) -> bytes:
    """RFC 2045 6.8, in lines of 76."""
    return encodebytes(data).replace(b"\n", b"\r\n")


def body_part(
    content_type: str, data: bytes, *, encoding: str = "", disposition: str = "", description: str = "",
    content_id: str = "",
) -> bytes:  # fmt: skip
    """A part: its header and its body as given (`encoding` names what was done to it); `content_id` is what cid: names."""
    header = Header()
    header.add("Content-Type", content_type)
    for name, value in (("Content-Transfer-Encoding", encoding), ("Content-Disposition", disposition)):
        if value:
            header.add(name, value)
    if content_id:
        header.add("Content-ID", f"<{one_line(content_id)}>")  # RFC 2392 2
    if description:
        header.text("Content-Description", description)
    return header.encode() + b"\r\n" + data


def text_part(words: str, subtype: str = "plain") -> bytes:
    """A text part in UTF-8: as it is where it is ASCII with short lines, else quoted-printable."""
    data = words.encode("utf-8", "replace")
    lines = data.replace(b"\r\n", b"\n").split(b"\n")
    if words.isascii() and max(map(len, lines)) <= LONGEST and b"\r" not in data.replace(b"\r\n", b""):
        return body_part(f"text/{subtype}; charset=utf-8", crlf(data), encoding="7bit")
    return body_part(f"text/{subtype}; charset=utf-8", quoted_printable(data), encoding="quoted-printable")


def attachment(name: str, content_type: str, data: bytes) -> bytes:
    """A file in base64; a name that is not ASCII is written as RFC 2231 has it."""
    return body_part(
        content_type, base64(data), encoding="base64", disposition=f"attachment; {parameter('filename', name)}"
    )


def parameter(name: str, value: str) -> str:
    """`name="value"`, or `name*=utf-8''…` (RFC 2231 4)."""
    value = one_line(value)
    if value.isascii() and value.isprintable():
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{name}="{escaped}"'
    encoded = "".join(
        chr(byte) if chr(byte).isascii() and chr(byte).isalnum() else f"%{byte:02X}" for byte in value.encode()
    )
    return f"{name}*=utf-8''{encoded}"


def multipart(header: Header, subtype: str, parts: Sequence[bytes], boundary: str, *, params: str = "") -> bytes:
    """A whole multipart message (or part): `boundary` must not stand at a line start in any part."""
    more = f"; {params}" if params else ""
    header.add("Content-Type", f'multipart/{subtype}{more}; boundary="{boundary}"')
    mark = b"--" + boundary.encode("ascii")
    pieces = [piece for part in parts for piece in (mark, b"\r\n", part, b"\r\n")]
    return b"".join([header.encode(), b"\r\n", *pieces, mark, b"--\r\n"])
