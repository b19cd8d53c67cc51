"""Quoted-printable whose wire form already is DKIM's relaxed canonical form and needs no dot-stuffing. [pure]

`encode` turns a piece of text that begins at the start of an encoded line into bytes such that
- no line is longer than 76 (RFC 2045 6.7 rule 5), none ends in white space (rule 3),
- no two blanks follow each other and no tab is literal, so `relaxed` (RFC 6376 3.4.4) has nothing to collapse,
- no line begins with a dot, so RFC 5321 4.5.2 has nothing to stuff.
Pieces are put together with `SOFT` between them: each then begins a line of its own, whatever stands before it. That is
what makes a message a plain join of bytes that were encoded at different times.
"""

import re
from binascii import b2a_qp

SOFT = b"=\r\n"
"""A soft line break: the decoder removes it."""

LINE = 75
"""Characters on a line before its soft break."""

SHORT = LINE // 3
"""Bytes that fit on a line however they are encoded; the fast encoder takes them if nothing of `_ODD` is in them."""

_ODD = re.compile(rb"\A[.]|[ ]{2}|[ ]\Z|[\t\r\n]")

_LITERAL = [chr(byte) if 33 <= byte <= 126 and byte != 61 else f"={byte:02X}" for byte in range(256)]

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ue000\ue001\u2028\u2029\ud800-\udfff]")

_PLAIN = re.compile(r"(?=.{1,75}\Z)(?!\.)[!#-%(-;?-~]+(?: [!#-%(-;?-~]+)*")  # printable ASCII without " & ' < = >
"""Text that is the same in plain text, in HTML and in quoted-printable, and fits on a line: most names and cities."""


def clean(text: str) -> str:
    """Text from outside without control characters, its line ends as LF."""
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL.sub("", text.replace("\r\n", "\n"))


def is_plain(text: str) -> bool:
    """Whether `text` stands for itself in HTML and in quoted-printable."""
    return _PLAIN.fullmatch(text) is not None


def encode(text: str) -> bytes:
    """A piece of text, beginning at the start of an encoded line, without a line end of its own."""
    if len(text) <= SHORT:
        raw = text.encode()
        if len(raw) <= SHORT and _ODD.search(raw) is None:
            return b2a_qp(raw)
    return "\r\n".join([_line(line) for line in text.split("\n")]).encode()


def _line(line: str) -> str:
    """One line, with soft breaks where it is too long."""
    out: list[str] = []
    width, before = 0, ""
    raw = line.encode()
    last = len(raw) - 1
    for position, byte in enumerate(raw):
        sign = _LITERAL[byte]
        if byte == 32 and before != " " and position != last:
            sign = " "
        if width + len(sign) > LINE:
            out.append("=\r\n")
            width = 0
        if width == 0 and sign == ".":
            sign = "=2E"
        out.append(sign)
        width += len(sign)
        before = sign
    return "".join(out)
