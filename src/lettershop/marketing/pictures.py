"""What an uploaded file is, told from its bytes and never from its name: pictures that every mailbox shows, and files. [pure]

A picture is read as far as its size and its end: one that is cut off, or whose size is absurd, is refused. SVG and HTML are
no pictures: they can hold scripts, and mailboxes do not show them.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from lettershop.base.errors import Invalid

LARGEST_SIDE = 10_000
MOST_DOTS = 60_000_000

_FILES = (
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),  # also documents of office programs
    (b"BEGIN:VCALENDAR", "text/calendar"),
    (b"BEGIN:VCARD", "text/vcard"),
)
_MARKUP = (b"<svg", b"<html", b"<!doctype", b"<script", b"<?xml", b"<body", b"<head")


class MediaInvalid(Invalid):
    """The file cannot be kept."""

    code = "media-invalid"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file is. Width and height in dots; 0: it is no picture."""

    content_type: str
    width: int = 0
    height: int = 0


def look(data: bytes) -> Kind:
    """What the bytes are; raises MediaInvalid for what is empty, broken or could run."""
    if not data:
        raise MediaInvalid("The file is empty.")
    for begins, read in _READERS:
        if data.startswith(begins) and (begins != b"RIFF" or data[8:12] == b"WEBP"):  # RIFF: sounds and films, too
            return _picture(data, read)
    start = data[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(_MARKUP) or b"<svg" in start or b"<script" in start:
        raise MediaInvalid(
            "SVG and HTML are not kept: they can hold scripts, and mailboxes do not show them.",
            remedy="Make a PNG, JPEG, GIF or WebP of it.",
        )
    return Kind(next((kind for begins, kind in _FILES if data.startswith(begins)), "application/octet-stream"))


def _picture(data: bytes, read: Callable[[bytes], Kind | None]) -> Kind:
    try:
        kind = read(data)
    except (struct.error, IndexError) as error:
        raise MediaInvalid("The picture is cut off.") from error
    if kind is None:
        raise MediaInvalid("The picture is damaged, or of a kind that mailboxes do not show.")
    width, height = kind.width, kind.height
    if not (0 < width <= LARGEST_SIDE and 0 < height <= LARGEST_SIDE and width * height <= MOST_DOTS):
        raise MediaInvalid(f"The picture has {width} x {height} dots; at most {LARGEST_SIDE} a side are kept.")
    return kind


def _png(data: bytes) -> Kind | None:
    """Chunks up to IEND (PNG, third edition, 5.3)."""
    place, width, height = 8, 0, 0
    while True:
        length, name = struct.unpack_from(">I4s", data, place)
        if place == 8:
            if name != b"IHDR":
                return None
            width, height = struct.unpack_from(">II", data, place + 8)
        place += 12 + length
        if place > len(data):
            return None
        if name == b"IEND":
            return Kind("image/png", width, height)


def _gif(data: bytes) -> Kind | None:
    """The header, and the trailer at the end (GIF89a 17, 27)."""
    width, height = struct.unpack_from("<HH", data, 6)
    whole = data[:6] in (b"GIF87a", b"GIF89a") and data.rstrip(b"\0").endswith(b";")
    return Kind("image/gif", width, height) if whole else None


def _jpeg(data: bytes) -> Kind | None:
    """Segments up to the frame header (ITU-T T.81 B.2), and the end of the image."""
    place, ended = 2, b"\xff\xd9" in data[-4096:]
    while ended:
        mark, name = data[place], data[place + 1]
        if mark != 0xFF or name in (0xD9, 0xDA):
            return None
        if name == 0xFF:
            place += 1
        elif 0xC0 <= name <= 0xCF and name not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, place + 5)
            return Kind("image/jpeg", width, height)
        else:
            place += 2 + int(struct.unpack_from(">H", data, place + 2)[0])
    return None


def _webp(data: bytes) -> Kind | None:
    """The three kinds of WebP: extended, lossless, lossy."""
    (length,) = struct.unpack_from("<I", data, 4)
    kind = data[12:16]
    if data[8:12] != b"WEBP" or length + 8 > len(data) or len(data) < 30:
        return None
    if kind == b"VP8X":
        return Kind("image/webp", int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Kind("image/webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Kind("image/webp", width & 0x3FFF, height & 0x3FFF)
    return None


_READERS = ((b"\x89PNG\r\n\x1a\n", _png), (b"\xff\xd8\xff", _jpeg), (b"GIF8", _gif), (b"RIFF", _webp))
