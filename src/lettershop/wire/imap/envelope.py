"""ENVELOPE (RFC 9051 7.5.2) of a header. [pure]

Values go out as they came (encoded words stay encoded); only folding is undone.
"""

from lettershop.wire.imap.format import nstring
from lettershop.wire.message.addresses import Entry, Group, Mailbox, parse
from lettershop.wire.message.headers import Field, Header, unfold

_NAMES = frozenset(("date", "subject", "from", "sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "message-id"))


def envelope(header: Header) -> bytes:
    """The envelope's list."""
    fields: dict[str, list[Field]] = {}
    for field in header.fields:
        name = field.name.lower()
        if name in _NAMES:
            fields.setdefault(name, []).append(field)
    sender = _addresses(fields, "from")
    return b"(%b)" % b" ".join([
        _first(fields, "date"),
        _first(fields, "subject"),
        sender,
        _or_else(_addresses(fields, "sender"), sender),  # RFC 9051 7.5.2: the server fills it in
        _or_else(_addresses(fields, "reply-to"), sender),
        _addresses(fields, "to"),
        _addresses(fields, "cc"),
        _addresses(fields, "bcc"),
        _first(fields, "in-reply-to"),
        _first(fields, "message-id"),
    ])  # fmt: skip


def raw(value: str) -> bytes:
    """Header text as the bytes that it came from; NUL cannot be sent in a string."""
    return value.replace("\0", "").encode("utf-8", "surrogateescape")


def _first(fields: dict[str, list[Field]], name: str) -> bytes:
    found = fields.get(name)
    return nstring(raw(unfold(found[0].raw))) if found else b"NIL"


def _addresses(fields: dict[str, list[Field]], name: str) -> bytes:
    found = b"".join([_entry(entry) for field in fields.get(name, ()) for entry in parse(unfold(field.raw))])
    return b"(%b)" % found if found else b"NIL"


def _entry(entry: Entry) -> bytes:
    """A group is its name, its members and an end, told apart by NIL for host and mailbox."""
    if isinstance(entry, Group):
        members = b"".join(map(_mailbox, entry.members))
        return b"(NIL NIL %b NIL)%b(NIL NIL NIL NIL)" % (nstring(raw(entry.name)), members)
    return _mailbox(entry)


def _mailbox(box: Mailbox) -> bytes:
    """(name route mailbox host). A missing host is "", since NIL would begin a group."""
    return b"(%b %b %b %b)" % (
        nstring(raw(box.name) or None), nstring(raw(box.route) or None), nstring(raw(box.local)), nstring(raw(box.domain)),
    )  # fmt: skip


def _or_else(value: bytes, other: bytes) -> bytes:
    return other if value == b"NIL" else value
