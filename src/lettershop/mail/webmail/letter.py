"""A message as a reader sees it. [pure]

Text comes in pieces: one each for a text part or an alternative of plain text and HTML, in the order of the message.
What is neither a piece nor a picture that the HTML shows itself (cid:) is a file to be saved.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from inscriptis import get_text

from lettershop.wire.message import dates, mime
from lettershop.wire.message.addresses import mailboxes, message_ids
from lettershop.wire.message.headers import Header, parse
from lettershop.wire.message.mime import Part
from lettershop.wire.message.words import decode

LONGEST_TEXT = 1_000_000
"""Characters of text that are shown; the rest is in the source."""
MOST_FILES = 200

_CID = re.compile(r"cid:([^\s\"'<>)]+)", re.IGNORECASE)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a header field."""

    name: str
    address: str

    @property
    def shown(self) -> str:
        """The name, or the address where there is none."""
        return self.name or self.address


@dataclass(frozen=True, slots=True)
class Attached:
    """A file of a message. `number`: the part's place in `mime.Part.walk`; `size`: about, decoded."""

    number: int
    name: str
    type: str
    size: int


@dataclass(frozen=True, slots=True)
class File:
    """A file with its bytes."""

    name: str
    type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Head:
    """What the header says, for people."""

    subject: str
    sender: tuple[Person, ...]
    reply_to: tuple[Person, ...]
    to: tuple[Person, ...]
    cc: tuple[Person, ...]
    bcc: tuple[Person, ...]
    date: float | None
    message_id: str
    references: tuple[str, ...]
    has_files: bool


@dataclass(frozen=True, slots=True)
class Letter:
    """A whole message. `html`: whether there is HTML to show; `text` is there in any case."""

    head: Head
    text: str
    html: bool
    files: tuple[Attached, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    plain: Part | None
    html: Part | None


def head_of(header: bytes) -> Head:
    """Read a header. Never raises."""
    fields = parse(header)
    return Head(
        subject=printable(decode(fields.get("subject") or "")),
        sender=_people(fields, "from"), reply_to=_people(fields, "reply-to"), to=_people(fields, "to"),
        cc=_people(fields, "cc"), bcc=_people(fields, "bcc"), date=dates.parse(fields.get("date") or ""),
        message_id=next(iter(message_ids(fields.get("message-id") or "")), ""),
        references=message_ids(f"{fields.get('references') or ''} {fields.get('in-reply-to') or ''}"),
        has_files=(fields.get("content-type") or "").lower().startswith("multipart/mixed"),
    )  # fmt: skip


def letter_of(data: bytes) -> Letter:
    """Read a message. Never raises."""
    root = mime.scan(data)
    pieces = list(_pieces(root))
    html = any(piece.html for piece in pieces)
    text = "\n\n".join(filter(None, (_plain(data, piece) for piece in pieces)))
    return Letter(head_of(data[: root.body]), printable(text[:LONGEST_TEXT]), html, tuple(_files(data, root, pieces)))


def html_of(data: bytes) -> str:
    """The HTML as it came, not cleaned; pieces of plain text in between are put in."""
    parts = []
    for piece in _pieces(mime.scan(data)):
        part = piece.html or piece.plain
        assert part is not None, "a piece has one of them"
        words = mime.text_of(data, part)[:LONGEST_TEXT]
        parts.append(words if piece.html else f"<pre>{escape(words)}</pre>")
    return "<hr>".join(parts)


def pictures_of(data: bytes) -> dict[str, File]:
    """The pictures within, by the name under which HTML asks for them (RFC 2392)."""
    found = {}
    for part in mime.scan(data).walk():
        if part.type == "image" and part.id:
            found[part.id.strip().strip("<>")] = File(part.filename, part.mime, mime.content(data, part))
    return found


def file_of(data: bytes, number: int) -> File | None:
    """The file with this number, or None."""
    root = mime.scan(data)
    wanted = next((one for one in _files(data, root, list(_pieces(root))) if one.number == number), None)
    if wanted is None:
        return None
    part = next(part for at, part in enumerate(root.walk()) if at == number)
    return File(wanted.name, wanted.type, mime.content(data, part))


def printable(text: str) -> str:
    """Without control characters, and without those that turn the direction of what follows."""
    return _CONTROLS.sub("", text)


def _people(fields: Header, name: str) -> tuple[Person, ...]:
    found = [box for field in fields.all(name) for box in mailboxes(field.value)]
    return tuple(Person(printable(box.display), printable(decode(box.address))) for box in found[:1000])


def _pieces(part: Part) -> Iterator[_Piece]:
    if part.subtype == "alternative" and part.parts:
        inner = [piece for child in part.parts for piece in _pieces(child)]
        plain = next((piece.plain for piece in inner if piece.plain), None)
        html = next(
            (piece.html for piece in reversed(inner) if piece.html), None
        )  # RFC 2046 5.1.4: the last is the best
        if plain or html:
            yield _Piece(plain, html)
    elif part.type == "multipart":
        for child in part.parts:
            yield from _pieces(child)
    elif part.disposition != "attachment" and part.mime in ("text/plain", "text/html"):
        html_part = part.subtype == "html"
        yield _Piece(None if html_part else part, part if html_part else None)


def _plain(data: bytes, piece: _Piece) -> str:
    if piece.plain is not None:
        return mime.text_of(data, piece.plain).replace("\r\n", "\n").strip("\n")
    assert piece.html is not None, "a piece has one of them"
    words = mime.text_of(data, piece.html)[:LONGEST_TEXT]
    return get_text(words).strip("\n") if words.strip() else ""


def _files(data: bytes, root: Part, pieces: list[_Piece]) -> Iterator[Attached]:
    shown = {part.header for piece in pieces for part in (piece.plain, piece.html) if part}
    used = {name.lower() for piece in pieces if piece.html for name in _CID.findall(mime.text_of(data, piece.html))}
    count, after = 0, -1
    for number, part in enumerate(root.walk()):
        if part.type == "multipart" or part.header in shown or part.header < after or count >= MOST_FILES:
            continue
        if part.type == "image" and part.id.strip().strip("<>").lower() in used:
            continue
        if part.type == "message":
            after = part.end  # its own parts are within it
        count += 1
        yield Attached(number, _name(part, number), part.mime, _size(part))


def _name(part: Part, number: int) -> str:
    given = printable(part.filename).replace("/", "_").replace("\\", "_").strip(". ")
    return given[:200] or f"{'message.eml' if part.type == 'message' else f'part-{number}'}"


def _size(part: Part) -> int:
    return part.size * 3 // 4 if part.encoding == "base64" else part.size
