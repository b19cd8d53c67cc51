"""APPEND of binary parts (RFC 3516 4.3): kept as base64, since BODY[…] cannot send NUL bytes. [pure]"""

import re
from base64 import encodebytes

from lettershop.wire.message.mime import Part, scan

_ENCODING = re.compile(rb"^(content-transfer-encoding[ \t]*:)[^\n]*(?:\n[ \t][^\n]*)*\n", re.I | re.M)


def without_binary(message: bytes) -> bytes:
    """The message with every part that has NUL bytes in base64; what it decodes to is the same."""
    pieces: list[bytes] = []
    done = 0
    for part in scan(message).walk():
        if part.parts or part.type == "multipart" or part.encoding != "binary":
            continue
        body = message[part.body : part.end]
        if b"\0" in body:
            pieces += [message[done : part.header], _relabelled(message, part), _base64(body)]
            done = part.end
    return b"".join([*pieces, message[done:]])


def _relabelled(message: bytes, part: Part) -> bytes:
    return _ENCODING.sub(rb"\1 base64\r\n", message[part.header : part.body])


def _base64(body: bytes) -> bytes:
    return encodebytes(body).replace(b"\n", b"\r\n")
