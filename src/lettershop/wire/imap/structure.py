"""BODY and BODYSTRUCTURE (RFC 9051 7.5.2) of a scanned message. [pure]"""

from lettershop.wire.imap.envelope import envelope, raw
from lettershop.wire.imap.format import string
from lettershop.wire.message.headers import parse
from lettershop.wire.message.mime import Params, Part

EMPTY = b'("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 0 0%b)'
"""Stands in a multipart that has no part at all: the grammar wants one."""


def structure(data: bytes, part: Part, *, extended: bool) -> bytes:
    """BODYSTRUCTURE, or BODY without the extension data. `data` is the whole message."""
    if part.type == "multipart":
        inner = b"".join([structure(data, child, extended=extended) for child in part.parts])
        inner = inner or EMPTY % (b" NIL NIL NIL NIL" if extended else b"")
        tail = b" %b%b" % (parameters(part.params), _extension(part)) if extended else b""
        return b"(%b %b%b)" % (inner, _token(part.subtype), tail)
    kind, subtype = part.type, part.subtype
    if kind == "message" and subtype in ("rfc822", "global") and not part.parts:
        kind, subtype = "application", "octet-stream"  # encoded against RFC 2046 5.2.1: it cannot be looked into
    params = part.params
    if kind == "text" and not any(name == "charset" for name, _ in params):
        params = (*params, ("charset", "us-ascii"))  # RFC 2045 5.2
    pieces = [
        _token(kind),
        _token(subtype),
        parameters(params),
        _nstring(part.id),
        _nstring(part.description),
        _token(part.encoding or "7bit"),
        b"%d" % part.size,
    ]
    if part.parts:
        child = part.parts[0]
        pieces += [envelope(parse(data, child.header, child.end)), structure(data, child, extended=extended)]
    if part.parts or kind == "text":
        pieces.append(b"%d" % part.lines)
    tail = b" %b%b" % (_nstring(part.md5), _extension(part)) if extended else b""
    return b"(%b%b)" % (b" ".join(pieces), tail)


def parameters(params: Params) -> bytes:
    """(name value …) as they stand in the field (RFC 2231 is undone by the client); NIL if there is none."""
    if not params:
        return b"NIL"
    return b"(%b)" % b" ".join([_token(name) + b" " + string(raw(value)) for name, value in params])


def _extension(part: Part) -> bytes:
    """Disposition, language and location, each with a blank before it."""
    return b" %b %b %b" % (_disposition(part), _language(part.language), _nstring(part.location))


def _disposition(part: Part) -> bytes:
    if not part.disposition:
        return b"NIL"
    return b"(%b %b)" % (_token(part.disposition), parameters(part.disposition_params))


def _language(value: str) -> bytes:
    tags = [raw(tag.strip()) for tag in value.split(",") if tag.strip()]
    if not tags:
        return b"NIL"
    return string(tags[0]) if len(tags) == 1 else b"(%b)" % b" ".join(map(string, tags))


def _token(value: str) -> bytes:
    return string(raw(value).upper())


def _nstring(value: str) -> bytes:
    return string(raw(value)) if value else b"NIL"
