"""Where the bytes of BODY[…] stand in a message: the tree of parts, kept as JSON since delivery. [pure]

    stored = pack(mime.scan(message))
    span = locate(unpack(stored), section)         # (start, end) in the message, None if there is no such part

A part number counts from its container: of a multipart its children; anything else has one part, 1, itself. A message
within a message is a container again (RFC 9051 6.4.5.1).
"""

import re
from binascii import Error as Base64Error
from binascii import a2b_base64, a2b_qp
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from lettershop.wire.imap.values import Section
from lettershop.wire.message.mime import Part

LEAF, MULTIPART, MESSAGE = 0, 1, 2

_TRAILING = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n|\Z)")  # RFC 2045 6.7, rule 3: it was added on the way


@dataclass(frozen=True, slots=True)
class Node:
    """A part as it is kept. `kind`: LEAF, MULTIPART or MESSAGE; `text`: its content is text in `charset`."""

    kind: int
    header_start: int
    body_start: int
    end: int
    encoding: str
    charset: str
    text: bool
    children: "tuple[Node, ...]"
    whole: bool = True


def pack(part: Part) -> bytes:
    """The tree as it is stored."""
    return orjson.dumps(_packed(part))


def unpack(stored: bytes) -> Node:
    """The tree from the store."""
    return _unpacked(orjson.loads(stored))


def locate(root: Node, section: Section) -> tuple[int, int] | None:
    """The bytes that a section names, for HEADER.FIELDS those of the whole header; None if there is no such part."""
    if not section.part:
        return _of_message(root, section.kind) if section.kind else (root.header_start, root.end)
    node = find(root, section.part)
    if node is None:
        return None
    if not section.kind:
        return node.body_start, node.end
    if section.kind == "MIME":
        return node.header_start, node.body_start
    return _of_message(node.children[0], section.kind) if node.kind == MESSAGE else None


def find(root: Node, part: Sequence[int]) -> Node | None:
    """The part of that number, or None; the root for no number."""
    node, container = root, root
    for number in part:
        if container.kind == MULTIPART:
            if not 0 < number <= len(container.children):
                return None
            node = container.children[number - 1]
        elif number == 1 and container.whole:
            node = container
        else:
            return None
        container = node.children[0] if node.kind == MESSAGE else _once(node)
    return node


def _once(node: Node) -> Node:
    """A leaf is part 1 of its message, but has no part 1 itself."""
    return replace(node, whole=False) if node.kind == LEAF else node


def fields(header: bytes, names: Sequence[bytes], *, without: bool) -> bytes:
    """Those fields of a header that are named, or all `without` them, and the blank line."""
    wanted = {name.lower() for name in names}
    kept: list[bytes] = []
    keeping = False
    for line in header.splitlines(keepends=True):
        if line[:1] not in (b" ", b"\t"):
            name, colon, _ = line.partition(b":")
            keeping = bool(colon) and (name.rstrip(b" \t").lower() in wanted) != without
        if keeping:
            kept.append(line)
    return b"".join([*kept, b"\r\n"])


def _of_message(message: Node, kind: str) -> tuple[int, int]:
    if kind == "TEXT":
        return message.body_start, message.end
    return message.header_start, message.body_start


def _packed(part: Part) -> list[Any]:
    kind = MULTIPART if part.type == "multipart" else MESSAGE if part.parts else LEAF
    return [
        kind, part.header, part.body, part.end, part.encoding, _ascii(part.param("charset")), part.type == "text",
        [_packed(child) for child in part.parts],
    ]  # fmt: skip


def _unpacked(row: list[Any]) -> Node:
    kind, header_start, body_start, end, encoding, charset, text, children = row
    return Node(kind, header_start, body_start, end, encoding, charset, text, tuple(map(_unpacked, children)))


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode("ascii")


def decoded(body: bytes, encoding: str) -> bytes | None:
    """A part's body with its transfer encoding undone; None if that is not possible."""
    if encoding in ("", "7bit", "8bit", "binary"):
        return body
    if encoding == "quoted-printable":
        return a2b_qp(_TRAILING.sub(b"", body))
    if encoding != "base64":
        return None
    try:
        return a2b_base64(body)
    except Base64Error:
        return None
