"""DKIM's canonical forms (RFC 6376 3.4), in linear time: `bytes.replace` over the whole, no pattern per line. [pure]"""

import re
from hashlib import sha256

_TRAILING = re.compile(rb"(?:\n\r)*")
_BLANKS = re.compile(rb"[ \t]+")
_ODD = re.compile(rb"[\v\f\r\n]")


def relaxed_body(body: bytes) -> bytes:
    """RFC 6376 3.4.4: blanks collapsed, none at line ends, no empty lines at the end; an empty body stays empty."""
    if b"\t" in body:
        body = body.replace(b"\t", b" ")
    if b"  " in body:
        body = _collapsed(body)
    if b" \r\n" in body:
        body = body.replace(b" \r\n", b"\r\n")
    if body.endswith(b" "):
        body = body[:-1]
    ended = _ended(body) if body else b""
    return ended if ended != b"\r\n" else b""


def simple_body(body: bytes) -> bytes:
    """RFC 6376 3.4.3: no empty lines at the end; an empty body becomes one line end."""
    return _ended(body) if body else b"\r\n"


def _collapsed(body: bytes) -> bytes:
    for run in (b" " * 64, b" " * 8):  # a long run shrinks in a few passes, so that nobody can make it slow
        if run in body:
            body = body.replace(run, b" ")
    while b"  " in body:
        body = body.replace(b"  ", b" ")
    return body


def _ended(body: bytes) -> bytes:
    """With exactly one line end at the end."""
    if not body.endswith(b"\r\n"):
        return body + b"\r\n"
    if not body.endswith(b"\r\n\r\n"):
        return body
    tail = body[len(body.rstrip(b"\r\n")) :]
    match = _TRAILING.match(tail[::-1])
    return body[: len(body) - (match.end() if match else 0)] + b"\r\n"


def body_hash(canonical: bytes) -> bytes:
    """The SHA-256 of a canonical body, 32 raw bytes."""
    return sha256(canonical).digest()


def relaxed_field(name: str, raw: bytes) -> bytes:
    """RFC 6376 3.4.2: a field as `name:value` with its CRLF. `raw` is what stands after the colon."""
    line = raw.replace(b"\r\n", b"")
    # bytes.split takes more for blanks than the RFC does
    value = _BLANKS.sub(b" ", line).strip(b" ") if _ODD.search(line) else b" ".join(line.split())
    return name.lower().encode("ascii") + b":" + value + b"\r\n"
