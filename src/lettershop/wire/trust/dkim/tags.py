"""Tag lists (RFC 6376 3.2) and the signature field as a value (3.5). [pure]"""

import re
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import Literal

from lettershop.base.errors import Invalid

Form = Literal["simple", "relaxed"]

_TAG = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_BLANK = re.compile(r"[ \t\r\n]+")
_DOMAIN = re.compile(r"[^\s@.]+(?:\.[^\s@.]+)*")
_NUMBER = re.compile(r"[0-9]{1,12}")


class BadTags(Invalid):
    """A tag list, signature or key record that is not well formed; `public` says what is wrong."""

    code = "dkim-tags"


@dataclass(frozen=True, slots=True)
class Signature:
    """A DKIM-Signature field. `length` is l=, in octets of the canonical body; `names` are h=, lower-case."""

    algorithm: str
    signature: bytes
    body_hash: bytes
    header_form: Form
    body_form: Form
    domain: str
    identity: str
    selector: str
    names: tuple[str, ...]
    length: int | None
    timestamp: int | None
    expires: int | None

    @property
    def key_name(self) -> str:
        """Where the key is (RFC 6376 3.6.2.1)."""
        return f"{self.selector}._domainkey.{self.domain}"


def parse_tags(text: str) -> dict[str, str]:
    """Tags with stripped values. Raises BadTags: no tag list, or a tag twice."""
    tags: dict[str, str] = {}
    for piece in text.strip(" \t\r\n").rstrip(";").split(";"):
        name, equals, value = piece.partition("=")
        name = name.strip(" \t\r\n")
        if not equals or _TAG.fullmatch(name) is None:
            raise BadTags("no tag list")
        if name in tags:
            raise BadTags(f"tag {name} twice")  # RFC 6376 3.2
        tags[name] = value.strip(" \t\r\n")
    return tags


def parse_signature(value: str) -> Signature:
    """The value of a DKIM-Signature field, folded or not. Raises BadTags."""
    tags = parse_tags(value)
    for needed in ("v", "a", "b", "bh", "d", "h", "s"):
        if not tags.get(needed):
            raise BadTags(f"no {needed}= in the signature")
    if tags["v"] != "1":
        raise BadTags("unknown version")
    header_form, body_form = _forms(tags.get("c", "simple/simple"))
    domain = _domain(tags["d"], "d")
    names = tuple(_squeezed(name).lower() for name in tags["h"].split(":"))
    if "from" not in names:
        raise BadTags("From is not signed")  # RFC 6376 5.4
    timestamp, expires = _number(tags, "t"), _number(tags, "x")
    if timestamp is not None and expires is not None and expires <= timestamp:
        raise BadTags("expires before it was made")
    if "dns/txt" not in tags.get("q", "dns/txt"):
        raise BadTags("unknown query method")
    return Signature(
        _squeezed(tags["a"]).lower(), base64(tags["b"], "b"), base64(tags["bh"], "bh"), header_form, body_form, domain,
        _identity(tags.get("i", f"@{domain}"), domain), _domain(tags["s"], "s"), names, _number(tags, "l"), timestamp,
        expires,
    )  # fmt: skip


def base64(text: str, tag: str) -> bytes:
    """Base64 with folding white space in it. Raises BadTags."""
    try:
        return b64decode(_squeezed(text), validate=True)
    except (Base64Error, ValueError) as error:
        raise BadTags(f"{tag}= is no base64") from error


def _squeezed(text: str) -> str:
    return _BLANK.sub("", text)


def _forms(text: str) -> tuple[Form, Form]:
    header, _, body = _squeezed(text).lower().partition("/")
    return _form(header), _form(body or "simple")  # RFC 6376 3.5: c=relaxed means relaxed/simple


def _form(text: str) -> Form:
    if text == "simple":
        return "simple"
    if text == "relaxed":
        return "relaxed"
    raise BadTags("unknown canonicalisation")


def _domain(text: str, tag: str) -> str:
    text = _squeezed(text).lower().rstrip(".")
    if _DOMAIN.fullmatch(text) is None or len(text) > 253:
        raise BadTags(f"{tag}= is no domain name")
    return text


def _identity(text: str, domain: str) -> str:
    local, at, host = _squeezed(text).rpartition("@")
    host = host.lower()
    if not at or not (host == domain or host.endswith(f".{domain}")):  # RFC 6376 3.5 "i="
        raise BadTags("i= is not below d=")
    return f"{local}@{host}"


def _number(tags: dict[str, str], tag: str) -> int | None:
    text = tags.get(tag)
    if text is None:
        return None
    text = _squeezed(text)
    if _NUMBER.fullmatch(text) is None:
        raise BadTags(f"{tag}= is no number")
    return int(text)
