"""A transactional message as it is asked for, and its bytes. [pure]

Header fields are written by `wire.message.compose`, which lets no value break out of its field; fields that the program
writes itself cannot be given.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from lettershop.base.errors import Invalid
from lettershop.wire.address import Address
from lettershop.wire.message import compose

OURS = frozenset({
    "from", "to", "cc", "bcc", "reply-to", "subject", "date", "message-id", "sender", "return-path", "received",
    "dkim-signature", "mime-version", "content-type", "content-transfer-encoding", "authentication-results",
})  # fmt: skip
"""Fields that have their own place in the request, or are none of the writer's business."""


class LetterInvalid(Invalid):
    """The message cannot be made like this."""

    code = "message-invalid"


@dataclass(frozen=True, slots=True)
class Person:
    """A name, which may be empty, and an address."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """An attachment; `inline`: shown within the HTML as cid:NAME."""

    name: str
    content_type: str
    data: bytes
    inline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is to be sent. Either `html` or `text` or both, or a `template` by name, filled with `data`, in a `language`."""

    sender: Person
    to: Sequence[Person]
    cc: Sequence[Person] = ()
    bcc: Sequence[Person] = ()
    reply_to: Sequence[Person] = ()
    subject: str = ""
    html: str = ""
    text: str = ""
    template: str = ""
    language: str = ""  # of the template's variants
    data: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    files: Sequence[File] = ()
    tags: Sequence[str] = ()
    send_at: float | None = None
    expires_at: float | None = None

    @property
    def recipients(self) -> list[str]:
        """All addresses, each once."""
        people = [*self.to, *self.cc, *self.bcc]
        return list({Address.parse(one.address).key: one.address for one in people}.values())


def compose_letter(letter: Letter, at: float, message_id: str, mark: str) -> bytes:
    """The message, unsigned. `mark` makes the boundaries; it is random. Raises LetterInvalid."""
    header = compose.Header()
    header.add("Date", format_datetime(datetime.fromtimestamp(at, UTC)))
    header.add("From", _people([letter.sender]))
    for name, people in (("Reply-To", letter.reply_to), ("To", letter.to), ("Cc", letter.cc)):
        if people:
            header.add(name, _people(people))
    header.text("Subject", letter.subject)
    header.add("Message-ID", f"<{message_id}>")
    for name, value in letter.headers.items():
        header.text(_allowed(name), value)
    header.add("MIME-Version", "1.0")
    return _with_body(header, letter, mark)


def _people(people: Sequence[Person]) -> str:
    return ", ".join([compose.mailbox(one.name, one.address) for one in people])


def _allowed(name: str) -> str:
    printable = name.isascii() and name.isprintable() and ":" not in name and " " not in name  # RFC 5322 2.2
    if not printable or not name or name.lower() in OURS:
        raise LetterInvalid(
            f"The header field {name!r} cannot be set.", remedy="Use a field of your own, such as X-Order."
        )
    return name


def _with_body(header: compose.Header, letter: Letter, mark: str) -> bytes:
    inline = [_file(one) for one in letter.files if one.inline]
    attached = [_file(one) for one in letter.files if not one.inline]
    texts = [compose.text_part(letter.text)] if letter.text else []
    if letter.html:
        page = compose.text_part(letter.html, "html")
        texts.append(_many("related", [page, *inline], f"{mark}r") if inline else page)
    if not texts:
        raise LetterInvalid("The message has neither text nor HTML.")
    body = _many("alternative", texts, f"{mark}a") if len(texts) > 1 else texts[0]
    if attached:
        body = _many("mixed", [body, *attached], f"{mark}m")
    return header.encode() + body


def _many(subtype: str, parts: Sequence[bytes], boundary: str) -> bytes:
    return compose.multipart(compose.Header(), subtype, parts, boundary)


def _file(one: File) -> bytes:
    disposition = f"{'inline' if one.inline else 'attachment'}; {compose.parameter('filename', one.name)}"
    content_id = one.name if one.inline else ""
    return compose.body_part(
        one.content_type, compose.base64(one.data), encoding="base64", disposition=disposition, content_id=content_id
    )
