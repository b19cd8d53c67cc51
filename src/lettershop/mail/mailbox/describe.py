"""A message is parsed once, at delivery: what IMAP will be asked for is kept in the form in which it is sent. [pure]"""

import struct
from dataclasses import dataclass

from lettershop.wire.imap.envelope import envelope
from lettershop.wire.imap.sections import pack
from lettershop.wire.imap.structure import structure
from lettershop.wire.message.headers import parse
from lettershop.wire.message.mime import scan

_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Described:
    """ENVELOPE; BODY and BODYSTRUCTURE in one (`split_structure`); the tree of parts with offsets; the header."""

    envelope: bytes
    structure: bytes
    parts: bytes
    header: bytes

    def stored(self) -> dict[str, bytes]:
        """The columns of `store.mailboxes.NewMessage`."""
        return {"envelope": self.envelope, "structure": self.structure, "parts": self.parts, "header": self.header}


def describe(message: bytes) -> Described:
    """Parse a message."""
    root = scan(message)
    body = structure(message, root, extended=False)
    return Described(
        envelope(parse(message)),
        _LENGTH.pack(len(body)) + body + structure(message, root, extended=True),
        pack(root),
        message[: root.body],
    )


def split_structure(stored: bytes) -> tuple[bytes, bytes]:
    """BODY and BODYSTRUCTURE."""
    (size,) = _LENGTH.unpack_from(stored)
    start = _LENGTH.size
    return stored[start : start + size], stored[start + size :]
