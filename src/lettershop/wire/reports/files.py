"""Messages as they lie in files: mailboxes of many (mbox), a first line "From ", odd line ends, byte order marks. [pure]

    for message in messages(data): understand(message)

A message that came over SMTP passes `tidy` unchanged, without being copied.
"""

import re

_MARK = b"\xef\xbb\xbf"
_ENVELOPE = re.compile(rb"\s*>?From [^\r\n]*\r?\n")
_SEPARATOR = re.compile(
    rb"(?:\A|\r?\n\r?\n)(?=From \S+ [^\r\n]{0,10}(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\w* [^\r\n]{8,40}\d{4}[^\r\n]{0,40}\r?\n"
    rb"[!-9;-~]{1,60}:)"
)
"""RFC 4155: a line "From ", an address, a date as of asctime, behind an empty line; a header must follow."""
_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)


def tidy(data: bytes) -> bytes:
    """One message, beginning with its header, with line ends that are known."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = data.decode("utf-16", "replace").encode("utf-8", "replace")
    data = data.removeprefix(_MARK)
    if data[:1] in (b"\r", b"\n", b" ", b"\t", b"F", b">"):
        data = _without_envelope(data)
    if b"\r\r\n" in data:
        data = data.replace(b"\r\r\n", b"\r\n")
    if b"\n" not in data and b"\r" in data:
        data = data.replace(b"\r", b"\n")
    return data


def _without_envelope(data: bytes) -> bytes:
    if b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    envelope = _ENVELOPE.match(data)
    return data[envelope.end() :] if envelope else data.lstrip(b"\r\n")


def messages(data: bytes) -> list[bytes]:
    """The messages of a mailbox in mbox form; of anything else the one that it is."""
    if not data.startswith(b"From "):
        return [data]
    starts = [match.end() for match in _SEPARATOR.finditer(data)]
    if len(starts) < 2:
        return [data]
    ends = [*starts[1:], len(data)]
    return [_QUOTED.sub(rb"\1", tidy(data[start:end])) for start, end in zip(starts, ends, strict=True)]
