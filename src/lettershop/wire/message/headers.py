"""A message's header as an ordered list of fields with byte offsets. [pure]

What lives here: where the header ends, its fields, unfolding. What must not: the meaning of a field's value
(addresses, words, dates, mime beside this).

    header = parse(message)
    header.get("subject")       unfolded text of the first such field, or None
    header.fields[0].start      offsets into the message

Lenient: bare LF ends lines too; lines that are no fields are passed over, as every mail reader does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_FIELD = re.compile(rb"^([!-9;-~]+)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)\n?", re.MULTILINE)  # RFC 5322 2.2, 4.5
_FOLD = re.compile(rb"\r?\n(?=[ \t])")


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `raw`: the bytes after the colon without the final line end, folding kept. Offsets are into the message."""

    name: str
    raw: bytes
    start: int
    end: int

    @property
    def value(self) -> str:
        """Unfolded, stripped; bytes beyond ASCII become surrogates (`words.decode` reads them)."""
        return unfold(self.raw)

    def named(self, name: str) -> bool:
        """Whether the field has this name, in any case."""
        return self.name.lower() == name.lower()


@dataclass(frozen=True, slots=True)
class Header:
    """Fields in the order in which they stand. `end`: offset behind the last field; `body`: behind the empty line."""

    fields: tuple[Field, ...]
    end: int
    body: int

    def get(self, name: str) -> str | None:
        """The first value of this name, unfolded."""
        found = self.field(name)
        return None if found is None else found.value

    def field(self, name: str) -> Field | None:
        """The first field of this name."""
        return next(self._named(name), None)

    def all(self, name: str) -> tuple[Field, ...]:
        """All fields of this name, from top to bottom."""
        return tuple(self._named(name))

    def _named(self, name: str) -> Iterator[Field]:
        lower = name.lower()
        return (field for field in self.fields if field.name.lower() == lower)


def find_body(data: bytes, start: int = 0, end: int | None = None) -> tuple[int, int]:
    """(end of the header, start of the body) of the entity at `start`: what stands between is the empty line, if any."""
    stop = len(data) if end is None else end
    if data.startswith(b"\r\n", start, stop):
        return start, start + 2
    if data.startswith(b"\n", start, stop):
        return start, start + 1
    crlf = data.find(b"\n\r\n", start, stop)
    bare = data.find(b"\n\n", start, stop if crlf < 0 else crlf + 1)
    if bare >= 0:
        return bare + 1, bare + 2
    return (crlf + 1, crlf + 3) if crlf >= 0 else (stop, stop)


def parse(data: bytes, start: int = 0, end: int | None = None) -> Header:
    """The header of the message (or part) that lies in data[start:end]."""
    stop, body = find_body(data, start, end)
    return Header(tuple(_fields(data, start, stop)), stop, body)


def _fields(data: bytes, start: int, stop: int) -> Iterator[Field]:
    for match in _FIELD.finditer(data, start, stop):
        raw = match[2]
        yield Field(match[1].decode("ascii"), raw[:-1] if raw.endswith(b"\r") else raw, match.start(), match.end())


def unfold(raw: bytes) -> str:
    """A field's value on one line (RFC 5322 2.2.3), stripped. Bytes beyond ASCII become surrogates."""
    if b"\n" in raw:
        raw = _FOLD.sub(b"", raw)
    return raw.decode("ascii", "surrogateescape").strip()
