"""A campaign's message, compiled once, made per recipient. [pure]

    Design > content.arrange > Compiled   once per campaign version
    Compiled.make(person)  > Built        per recipient: fill in, join, hash, header

The body is a list of byte segments that are already quoted-printable and already in DKIM's canonical form
(`marketing.quoted`), with a slot between each two. A person costs one evaluation of each distinct field, a join and a
hash. A template with loops or conditions is rendered by minijinja and encoded piece by piece (`_General`); for a
template that both ways can do they make the same bytes.
"""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from operator import itemgetter
from typing import Any, Protocol

from lettershop.base.errors import Invalid
from lettershop.marketing import headers
from lettershop.marketing.content import TOKEN, Content, Design, arrange
from lettershop.marketing.enclosures import around
from lettershop.marketing.headers import Field
from lettershop.marketing.languages import spoken
from lettershop.marketing.links import Addresses, Link
from lettershop.marketing.quoted import SOFT, clean, encode, is_plain
from lettershop.marketing.template import (
    MAX_VALUE,
    Fill,
    Output,
    Piece,
    Statement,
    bare_name,
    chunks,
    field,
    general,
    to_text,
)
from lettershop.wire.trust.dkim.sign import SEALED

MAX_MESSAGE = 10_000_000
"""Bytes; a template whose loops make more than this is refused for the contact."""

KEPT = 2000
"""Encoded values and subjects kept for one campaign: cities, tiers and first names come again and again."""

_FIRST = ("date", "from", "to", "subject")
_MARK = "\x00"

_PART = "Content-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"


class NotCanonical(Invalid):
    """A compiled campaign did not make its message in canonical form: a fault of ours, caught before anything is sent."""

    code = "not-canonical"


class TooLarge(Invalid):
    """The template makes too long a message for this contact."""

    code = "message-too-large"


@dataclass(frozen=True, slots=True)
class Person:
    """One recipient. `values`: the merge fields; `at`: the message's date; `token`: of `mail.tokens`, sealed for this envelope."""

    address: str
    name: str
    token: str
    at: float
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Built:
    """A message without its signature, ready for it.

    `header` and `body` are in wire form, the body's is canonical too; `canonical` is the header in canonical form; `names`
    are those of its fields in order, then those that nobody may add (`SEALED`).
    """

    header: bytes
    canonical: bytes
    names: tuple[str, ...]
    body: bytes
    body_hash: bytes

    def unsigned(self) -> bytes:
        """The whole message in wire form."""
        return b"".join((self.header, b"\r\n", self.body))


class _Body(Protocol):
    def __call__(self, values: Mapping[str, Any], token: str) -> bytes: ...


class Compiled:
    """A campaign, ready to be made for anybody. Build with `compile_design`."""

    def __init__(
        self, design: Design, content: Content, *, fast: bool = True, files: Mapping[str, bytes] | None = None
    ) -> None:
        self.design = design
        self.links: tuple[Link, ...] = content.links
        self.languages: dict[str, Compiled] = {}
        self.boundary = f"=_{design.campaign_id}_{design.version}_{sha256(design.html.encode()).hexdigest()[:16]}"
        parts = [("plain", content.text), ("html", content.html)]
        self.fast = fast and all(_is_fast(pieces) for _, pieces in parts)
        self._body: _Body = (
            _segments(parts, self.boundary) if self.fast else _general(parts, self.boundary, design.fixed)
        )
        self._around = around(design.files, files or {}, self.boundary)
        self._subject = _line(content.subject, design.fixed)
        self._html = _page(content.html, design.fixed)
        self._addresses = Addresses(design.public_url.rstrip("/"))
        self._dated: tuple[float, Field] | None = None
        self._subjects: dict[str, Field] = {}
        sender, fixed = _fixed_fields(design, self._around.content_type)
        own = self._own_fields(_MARK)
        order = [*_FIRST, *[field.key for field in (*own, *fixed)]]
        self._names = (*order, *SEALED)
        self._before = sender
        # what is the same for everybody but for the token, cut where the token stands: `token.join` makes it whole
        self._wire = b"".join([field.wire for field in (*own, *fixed)]).split(_MARK.encode())
        self._canonical = b"".join([field.canonical for field in (*own, *fixed)]).split(_MARK.encode())

    def speaking(self, values: Mapping[str, Any]) -> "Compiled":
        """The variant for a person of these merge fields; itself if there is none in their language."""
        if not self.languages:
            return self
        return spoken(self.languages, values.get(self.design.language_attribute)) or self

    def make(self, person: Person) -> Built:
        """The message for one person, unsigned. Raises TemplateInvalid or TooLarge."""
        body = self._body(person.values, person.token)
        if self._around.after:
            body = b"".join((self._around.before, body, self._around.after))
        if len(body) > MAX_MESSAGE:
            raise TooLarge("The message is too large for this contact.")
        header, canonical = self._header(person)
        return Built(header, canonical, self._names, body, sha256(body).digest())

    def _header(self, person: Person) -> tuple[bytes, bytes]:
        """In wire form and in canonical form; the order of the fields is that of `_FIRST`, the person's own, the fixed ones."""
        date, sender, token = self._date(person.at), self._before, person.token.encode()
        to = headers.field("To", headers.mailbox(person.name, person.address))
        subject = self._subject_field(person.values)
        wire = (date.wire, sender.wire, to.wire, subject.wire, token.join(self._wire))
        canonical = (date.canonical, sender.canonical, to.canonical, subject.canonical, token.join(self._canonical))
        return b"".join(wire), b"".join(canonical)

    def _own_fields(self, token: str) -> list[Field]:
        """The fields that differ by nothing but the token."""
        domain = self.design.domain
        page = self._addresses.unsubscribe(token)
        return [
            headers.ready("Message-ID", f"<{token}@{domain}>"),
            headers.ready("List-Unsubscribe", f"<{page}>,", f"<mailto:unsubscribe+{token}@{domain}>"),  # RFC 2369 3.2
        ]

    def _subject_field(self, values: Mapping[str, Any]) -> Field:
        """Many people have the same subject, even with a first name in it."""
        words = self._subject(values)
        known = self._subjects.get(words)
        if known is None:
            if len(self._subjects) >= KEPT:
                self._subjects.clear()
            known = self._subjects[words] = headers.field("Subject", headers.text(words))
        return known

    def _date(self, at: float) -> Field:
        """Recipients who were queued together share their date."""
        if self._dated is None or self._dated[0] != at:
            self._dated = (at, headers.ready("Date", headers.date(at)))
        return self._dated[1]

    def page(self, person: Person) -> str:
        """The HTML part alone, for the web version."""
        return self._html({**person.values, TOKEN: person.token})


def compile_design(design: Design, files: Mapping[str, bytes] | None = None) -> Compiled:
    """Compile a campaign in all its languages and try it on awkward samples. Raises TemplateInvalid, NotCanonical.

    `files`: the bytes of its files by hash (`marketing.media`); without them its messages are made without files.
    """
    compiled = _tried(design, 0, files)
    for tag, variant in design.languages.items():
        compiled.languages[tag] = _tried(variant, len(compiled.links), files)
        compiled.links += compiled.languages[tag].links
    return compiled


def _tried(design: Design, before: int, files: Mapping[str, bytes] | None) -> Compiled:
    compiled = Compiled(design, arrange(design, before), files=files)
    for words in ("", "Ann", "  . two  blanks. ", ".\t\r\n.", "Käthe <b>&\"'=</b>" * 12):
        person = Person("a@b.example", words, "t0ken", 0.0, _Everything(clean(words)))
        if compiled.fast and not is_canonical(compiled.make(person).body):
            raise NotCanonical("The compiled message is not in canonical form.")
    return compiled


class _Everything(dict[str, Any]):
    """Merge fields of a sample: every field has the same words."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    def get(self, key: object, default: Any = None) -> Any:
        return self._words


def is_canonical(body: bytes) -> bool:
    """Whether a body is its own relaxed canonical form (RFC 6376 3.4.4) and needs no dot-stuffing (RFC 5321 4.5.2)."""
    if not body.endswith(b"\r\n") or body.endswith(b"\r\n\r\n") or b"\t" in body or b"  " in body:
        return False
    lines = body.split(b"\r\n")
    return not any(line.endswith(b" ") or line.startswith(b".") or len(line) > 998 or b"\n" in line for line in lines)


def merge_fields(address: str, name: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What a template may name: the contact's attributes, `email`, `name`, and `first_name` from the name if there is none."""
    values = {
        key: value
        if type(value) is str and len(value) < MAX_VALUE and value.isprintable() and value.isascii()
        else _bounded(value)
        for key, value in attributes.items()
    }  # nearly every value passes here, without a call
    name = clean(name)
    values["email"], values["name"] = address, name
    if not values.get("first_name") and name:
        values["first_name"] = name.split(" ", 1)[0]
    return values


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return clean(value[:MAX_VALUE])
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value)
    if isinstance(value, list):
        return [_bounded(item) for item in value[:100]]
    if isinstance(value, dict):
        return {str(key): _bounded(item) for key, item in list(value.items())[:100]}
    return value


def _number(value: int | float) -> int | float | str:
    """A number that minijinja hands back as it got it; text where it would not."""
    if not abs(value) < 1e15:
        return str(value)
    return int(value) if value == int(value) else value


def _fixed_fields(design: Design, content_type: str) -> tuple[Field, list[Field]]:
    """The fields that are the same for everybody."""
    sender = headers.field("From", headers.mailbox(design.from_name, design.from_address))
    identity = f"list-{design.list_id or 0}.{design.domain}"
    after = [
        headers.field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),  # RFC 8058 3.1
        headers.field("List-ID", headers.mailbox(design.list_name or design.brand, identity)),  # RFC 2919 3
        headers.field("Feedback-ID", f"{design.campaign_id}:{design.workspace_id}:campaign:{design.domain}"),
        headers.field("MIME-Version", "1.0"),
        headers.field("Content-Type", content_type),
    ]
    if design.reply_to:
        after.insert(0, headers.field("Reply-To", design.reply_to))
    return sender, after


def _is_fast(parts: list[Piece]) -> bool:
    return all(isinstance(piece, str) or (isinstance(piece, Output) and field(piece.expression)) for piece in parts)


def _line(parts: list[Piece], fixed: Mapping[str, str]) -> Fill:
    """The subject: plain text, never escaped."""
    if all(isinstance(piece, str) for piece in parts):
        words = "".join([piece for piece in parts if isinstance(piece, str)])
        return lambda _values: words
    if _is_fast(parts):
        fills = [field(piece.expression) if isinstance(piece, Output) else None for piece in parts]
        pairs = list(zip(parts, fills, strict=True))
        return lambda values: "".join([fill(values) if fill else str(words) for words, fill in pairs])
    fill_all = _filler(parts, fixed)
    return lambda values: "".join(fill_all(values))


def _page(parts: list[Piece], fixed: Mapping[str, str]) -> Fill:
    fill = _filler(parts, fixed)
    return lambda values: "".join([html.escape(text) if index % 2 else text for index, text in enumerate(fill(values))])


def _filler(parts: list[Piece], fixed: Mapping[str, str]) -> Callable[[Mapping[str, Any]], list[str]]:
    """Template text and values in turn, text first. `fixed`: fields of the campaign itself, for conditions."""
    render = general(parts)
    return lambda values: chunks(render({**values, **fixed}))


def _general(parts: list[tuple[str, list[Piece]]], boundary: str, fixed: Mapping[str, str]) -> _Body:
    """The way for every template: minijinja, then each piece encoded on its own."""
    renders = [(kind, _filler(pieces, fixed)) for kind, pieces in parts]
    static: dict[str, bytes] = {}

    def known(text: str) -> bytes:
        if text not in static:
            if len(static) > 2000:
                static.clear()
            static[text] = encode(text)
        return static[text]

    def make(values: Mapping[str, Any], token: str) -> bytes:
        values = {**values, TOKEN: token}
        body: list[bytes] = []
        for kind, render in renders:
            body.append(_opening(boundary, kind))
            encoded = []
            for index, text in enumerate(render(values)):
                if index % 2:
                    encoded.append(encode(html.escape(text) if kind == "html" else text))
                elif text:
                    encoded.append(known(text))
            body += [SOFT.join(encoded), b"\r\n"]
        return b"".join([*body, _closing(boundary)])

    return make


def _opening(boundary: str, kind: str) -> bytes:
    return f"--{boundary}\r\n{_PART % kind}".encode()


def _closing(boundary: str) -> bytes:
    return f"--{boundary}--\r\n".encode()


def _segments(parts: list[tuple[str, list[Piece]]], boundary: str) -> _Body:
    """The fast way: what does not change is encoded now."""
    fields, line = _laid_out(parts, boundary)
    fills = [
        (expression, None) if bare_name(expression) else ("", fill)
        for expression in fields if expression != TOKEN for fill in [field(expression)] if fill
    ]  # fmt: skip
    numbers = {expression: number for number, expression in enumerate([name for name in fields if name != TOKEN])}
    count = len(numbers)
    statics: list[bytes] = [b""]
    slots: list[int] = []
    for item in line:
        if isinstance(item, bytes):
            statics[-1] += item
            continue
        kind, expression = item
        slots.append(2 * count if expression == TOKEN else numbers[expression] + (count if kind == "html" else 0))
        statics.append(b"")
    frame = [part for static in statics for part in (static, b"")][:-1]
    pick = itemgetter(*slots, 0) if slots else None  # one more than needed, so that it is always a tuple

    known: dict[str, tuple[bytes, bytes]] = {}

    def make(values: Mapping[str, Any], token: str) -> bytes:
        plain: list[bytes] = []
        marked: list[bytes] = []
        for name, fill in fills:
            value = values.get(name) if fill is None else fill(values)
            text = value if type(value) is str else to_text(value)
            both = known.get(text)
            if both is None:
                if len(known) >= KEPT:
                    known.clear()
                both = known[text] = _encoded(text)
            plain.append(both[0])
            marked.append(both[1])
        whole = frame.copy()
        if pick is not None:
            whole[1::2] = pick([*plain, *marked, token.encode()])[:-1]
        return b"".join(whole)

    return make


def _encoded(text: str) -> tuple[bytes, bytes]:
    """A value in the plain part and in the HTML part."""
    if is_plain(text):
        same = text.encode()
        return same, same
    return encode(text), encode(html.escape(text))


def _laid_out(parts: list[tuple[str, list[Piece]]], boundary: str) -> tuple[list[str], list[bytes | tuple[str, str]]]:
    """The distinct fields, and the body as bytes and slots (kind of part, field) in order."""
    fields: dict[str, None] = {}
    line: list[bytes | tuple[str, str]] = []
    for kind, pieces in parts:
        line.append(_opening(boundary, kind))
        for index, piece in enumerate(pieces):
            if index:
                line.append(SOFT)
            if isinstance(piece, Output):
                fields[piece.expression] = None
                line.append((kind, piece.expression))
            elif not isinstance(piece, Statement):
                line.append(encode(piece))
        line.append(b"\r\n")
    line.append(_closing(boundary))
    return list(fields), line
