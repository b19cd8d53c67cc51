"""Mailbox names on the wire: modified UTF-7 (RFC 3501 5.1.3), or UTF-8 once IMAP4rev2 is enabled. [pure]

Inside the program a name is text in Unicode's form NFC with "/" between its levels.
"""

import base64
import binascii
import re
import unicodedata

from lettershop.base.errors import ProtocolError

SEPARATOR = "/"
LONGEST = 400
"""Characters in a name; the index of PostgreSQL bears 2,700 bytes."""

_ENCODED = re.compile(r"&([^-]*)-")
_FOREIGN = re.compile(r"[^\x20-\x7e]+")
_CONTROL = re.compile("[\x00-\x1f\x7f\x80-\x9f\u2028\u2029]")  # RFC 5198 2: none of these in Net-Unicode


class BadName(ProtocolError):
    """The name cannot be that of a mailbox."""

    code = "bad-mailbox-name"


def decode_name(raw: bytes, *, utf8: bool) -> str:
    """A name as it came -> text. Raises BadName for what is neither ASCII with modified UTF-7 nor, with `utf8`, UTF-8."""
    try:
        text = raw.decode("utf-8") if utf8 else from_utf7(raw.decode("ascii"))
    except UnicodeDecodeError as error:
        raise BadName("The mailbox name is not well encoded.") from error
    return unicodedata.normalize("NFC", text)


def encode_name(name: str, *, utf8: bool) -> bytes:
    """Text -> a name as it is sent, before quoting."""
    return name.encode() if utf8 else to_utf7(name).encode("ascii")


def checked_name(name: str) -> str:
    """A name that a mailbox may get: a separator at its end says only that there will be mailboxes below. Raises BadName."""
    name = name.removesuffix(SEPARATOR)  # RFC 9051 6.3.4
    if not name or len(name) > LONGEST:
        raise BadName("The mailbox name is empty or too long.")
    if not all(name.split(SEPARATOR)):
        raise BadName("A level of the mailbox name is empty.")
    if _CONTROL.search(name) or "%" in name or "*" in name:
        raise BadName("The mailbox name has a character that it may not have.")
    return name


def to_utf7(text: str) -> str:
    """Modified UTF-7: "&" is "&-", what is not printable ASCII is UTF-16 in base64 with "," for "/"."""
    if text.isascii() and "&" not in text and text.isprintable():
        return text
    return _FOREIGN.sub(_shifted, text.replace("&", "&-"))


def from_utf7(text: str) -> str:
    """The reverse. Raises BadName for anything that `to_utf7` does not make."""
    if "&" not in text:
        return text
    try:
        decoded = _ENCODED.sub(_unshifted, text)
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise BadName("The mailbox name is not valid modified UTF-7.") from error
    if to_utf7(decoded) != text:  # RFC 3501 5.1.3: one form for each name
        raise BadName("The mailbox name is not valid modified UTF-7.")
    return decoded


def _shifted(found: re.Match[str]) -> str:
    packed = base64.b64encode(found.group().encode("utf-16-be", "surrogatepass"), b"+,").rstrip(b"=")
    return f"&{packed.decode('ascii')}-"


def _unshifted(found: re.Match[str]) -> str:
    packed = found.group(1)
    if not packed:
        return "&"
    padded = packed + "=" * (-len(packed) % 4)
    return base64.b64decode(padded, b"+,", validate=True).decode("utf-16-be")
