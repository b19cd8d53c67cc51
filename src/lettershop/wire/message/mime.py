"""A message's MIME structure, with the byte offsets of every part. [pure]

    root = scan(message)
    message[root.parts[0].body : root.parts[0].end]     # the bytes of the first part, still encoded

What lives here: where parts begin and end, their types and content fields, sizes, lines. What must not: decoding of
bodies beyond `content`, header text for people (words).

Boundaries are looked for with `bytes.find`, outermost first, so that a broken inner part cannot swallow its siblings.
Limits on depth and number of parts: what lies beyond is left as one opaque part.
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp
from collections.abc import Iterator
from dataclasses import dataclass

from lettershop.wire.message.headers import find_body, unfold
from lettershop.wire.message.words import parameters

MAX_DEPTH = 30
MAX_PARTS = 2_000
MAX_VALUE = 16_384
"""Bytes of a content field that are looked at: the patterns below are not linear in what is hostile."""

Params = tuple[tuple[str, str], ...]

_CONTENT = re.compile(
    rb"^content-(type|transfer-encoding|disposition|id|description|md5|language|location)[ \t]*:"
    rb"([^\n]*(?:\n[ \t][^\n]*)*)",
    re.MULTILINE | re.IGNORECASE,
)
_TYPE = re.compile(r"([!#$%&'*+.^_`{|}~\w-]+)\s*/\s*([!#$%&'*+.^_`{|}~\w-]+)", re.ASCII)
_WORD = re.compile(r"[!#$%&'*+.^_`{|}~\w-]+", re.ASCII)
_PARAM = re.compile(r';\s*([^\s=;"()]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^\s;]*))')
_ESCAPED = re.compile(r"\\(.)")
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|\([^()]*\)')
_IDENTITY = frozenset({"", "7bit", "8bit", "binary"})


@dataclass(frozen=True, slots=True)
class Part:
    """A message or a part of one. Offsets are into the whole message.

    `header`: first byte of its header; `body`: first byte of its body; `end`: behind its last byte (the line end before
    a boundary belongs to the boundary). `lines`: line ends in the body (0 for a multipart: nobody asks). `type`, `subtype`,
    `encoding`, `disposition` are lower-case; `params` as written, for `words.parameters`. `parts`: of a multipart, or the
    one message in a message/rfc822. The content fields `id` … `location` are unfolded values, empty if absent.
    """

    header: int
    body: int
    end: int
    lines: int
    type: str
    subtype: str
    params: Params
    encoding: str
    disposition: str
    disposition_params: Params
    id: str
    description: str
    md5: str
    language: str
    location: str
    parts: "tuple[Part, ...]"

    @property
    def size(self) -> int:
        """Octets of the body as it stands, encoded."""
        return self.end - self.body

    @property
    def mime(self) -> str:
        """Like "text/plain"."""
        return f"{self.type}/{self.subtype}"

    def param(self, name: str) -> str:
        """A parameter of the content type, decoded; empty if absent."""
        return parameters(self.params).get(name, "")

    @property
    def filename(self) -> str:
        """The name under which a reader would save it; empty if none is given."""
        return parameters(self.disposition_params).get("filename", "") or self.param("name")

    def walk(self) -> "Iterator[Part]":
        """This part and all below it, in order."""
        yield self
        for part in self.parts:
            yield from part.walk()


def scan(data: bytes, start: int = 0, end: int | None = None) -> Part:
    """The structure of the message in data[start:end]."""
    return _Scanner(data).part(start, len(data) if end is None else end, 0, "text/plain")


class _Scanner:
    """One scan; counts the parts."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._count = 0

    def part(self, start: int, end: int, depth: int, default: str) -> Part:
        self._count += 1
        header_end, body = find_body(self._data, start, end)
        found = {match[1].lower(): match[2][:MAX_VALUE] for match in _CONTENT.finditer(self._data, start, header_end)}
        text = {name.decode("ascii"): unfold(raw) for name, raw in found.items()}
        kind, subtype, params = content_type(text.get("type", ""), default)
        encoding = _first_word(text.get("transfer-encoding", ""))
        disposition, disposition_params = with_params(text.get("disposition", ""))
        return Part(
            start, body, end, self._lines(kind, body, end), kind, subtype, params, encoding, disposition,
            disposition_params, text.get("id", ""), text.get("description", ""), text.get("md5", ""),
            text.get("language", ""), text.get("location", ""),
            self._inside(kind, subtype, params, encoding, body, end, depth),
        )  # fmt: skip

    def _lines(self, kind: str, body: int, end: int) -> int:
        return 0 if kind == "multipart" else self._data.count(b"\n", body, end)

    def _inside(
        self, kind: str, subtype: str, params: Params, encoding: str, body: int, end: int, depth: int
    ) -> tuple[Part, ...]:
        if depth >= MAX_DEPTH or (kind != "multipart" and kind != "message"):
            return ()
        if kind == "multipart":
            boundary = parameters(params).get("boundary", "")
            default = "message/rfc822" if subtype == "digest" else "text/plain"  # RFC 2046 5.1.5
            return tuple(self._parts(boundary, body, end, depth, default)) if boundary else ()
        if subtype in ("rfc822", "global") and encoding in _IDENTITY and self._count < MAX_PARTS:
            return (self.part(body, end, depth + 1, "text/plain"),)
        return ()

    def _parts(self, boundary: str, body: int, end: int, depth: int, default: str) -> Iterator[Part]:
        delimiter = b"\n--" + boundary.encode("utf-8", "surrogateescape")
        begin = -1
        for line, after, last in self._delimiters(delimiter, body, end):
            if begin >= 0:
                yield self.part(begin, max(begin, self._before(line)), depth + 1, default)
            if last or self._count >= MAX_PARTS:
                return
            begin = after
        if begin >= 0:
            yield self.part(begin, end, depth + 1, default)  # the closing delimiter is missing: cut off

    def _delimiters(self, delimiter: bytes, body: int, end: int) -> Iterator[tuple[int, int, bool]]:
        """(start of the line, start of the next line, whether it is the closing one) of each delimiter line."""
        data = self._data
        at = body - 1 if data.startswith(delimiter[1:], body, end) else data.find(delimiter, body, end)
        while at >= 0:
            newline = data.find(b"\n", at + 1, end)
            after = end if newline < 0 else newline + 1
            rest = data[at + len(delimiter) : after].rstrip()  # RFC 2046 5.1.1: padding may follow
            if rest in (b"", b"--"):
                yield at + 1, after, rest == b"--"
            at = data.find(delimiter, after - 1, end)

    def _before(self, line: int) -> int:
        """The end of a body before the delimiter line: its line end belongs to the delimiter (RFC 2046 5.1.1)."""
        return line - 2 if self._data[line - 2 : line] == b"\r\n" else line - 1


def content_type(value: str, default: str = "text/plain") -> tuple[str, str, Params]:
    """(type, subtype, parameters), lower-case but for the values; what cannot be read is `default` (RFC 2045 5.2)."""
    value = _without_comments(value)
    match = _TYPE.match(value)
    if match is None:
        kind, _, subtype = default.partition("/")
        return kind, subtype, ()
    return match[1].lower(), match[2].lower(), params_of(value, match.end())


def with_params(value: str) -> tuple[str, Params]:
    """A value like "attachment; filename=x" as (lower-case word, parameters)."""
    value = _without_comments(value)
    match = _WORD.match(value)
    return ("", ()) if match is None else (match[0].lower(), params_of(value, match.end()))


def params_of(value: str, at: int) -> Params:
    """The `; name=value` pairs from `at` on, names lower-case, values unquoted."""
    if ";" not in value:
        return ()
    return tuple(
        (match[1].lower(), match[3] if match[2] is None else _unescaped(match[2]))
        for match in _PARAM.finditer(value, at)
    )


def _unescaped(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def _without_comments(value: str) -> str:
    return _COMMENT.sub(lambda match: match[1] or "", value) if "(" in value else value


def _first_word(value: str) -> str:
    match = _WORD.match(_without_comments(value).lstrip())
    return match[0].lower() if match else ""


def content(data: bytes, part: Part) -> bytes:
    """The body with its transfer encoding undone; a broken or unknown encoding gives what can be read."""
    body = data[part.body : part.end]
    if part.encoding == "base64":
        return _base64(body)
    return a2b_qp(body) if part.encoding == "quoted-printable" else body


_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def _base64(body: bytes) -> bytes:
    try:
        return a2b_base64(body)
    except Base64Error:
        clean = _NOT_BASE64.sub(b"", body)
        clean = clean[: len(clean) - (len(clean) % 4 == 1)]
        return a2b_base64(clean + b"=" * (-len(clean) % 4))


def text_of(data: bytes, part: Part) -> str:
    """The text of a text part, decoded; never an error."""
    from_charset = part.param("charset").lower() or "utf-8"
    raw = content(data, part)
    try:
        return raw.decode(from_charset)
    except (LookupError, UnicodeError, ValueError):
        return raw.decode("latin-1")
