"""The addresses that stand in messages: tracked links, pixel, unsubscribe, web version; and the way back. [pure]

One token names the recipient in all of them (`mail.tokens`). A tracked link says only its number; its target stands in
`campaign_links` and may hold slots, which `resolve` fills in when it is followed: values are percent-encoded, so data of
a contact never changes where a link leads, unless the marketer made the whole link a field.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import idna

from lettershop.base.errors import Invalid
from lettershop.marketing.template import Output, TemplateInvalid, chunks, field, general, pieces

_RESERVED = "".join([chr(code) for code in range(33, 127)])


@dataclass(frozen=True, slots=True)
class Link:
    """A tracked link of a campaign. `url` in template syntax."""

    number: int
    url: str
    label: str


@dataclass(frozen=True, slots=True)
class Addresses:
    """The public addresses of one installation; `base` without a slash at its end."""

    base: str

    def click(self, token: str, number: int) -> str:
        """The address of a tracked link."""
        return f"{self.base}/c/{token}/{number}"

    def pixel(self, token: str) -> str:
        """The address of the open pixel."""
        return f"{self.base}/o/{token}.gif"

    def unsubscribe(self, token: str) -> str:
        """The unsubscribe page; a POST there unsubscribes (RFC 8058)."""
        return f"{self.base}/u/{token}"

    def preferences(self, token: str) -> str:
        """The preference centre."""
        return f"{self.base}/p/{token}"

    def web_version(self, token: str) -> str:
        """The message in the browser."""
        return f"{self.base}/v/{token}"


UTM = ("source", "medium", "campaign", "term", "content", "id")
"""Parameters that a campaign may add to its links, as utm_source and so on."""


class LinksInvalid(Invalid):
    """What a campaign says of its links is not understood."""

    code = "links-invalid"


def check_utm(utm: Mapping[str, str]) -> None:
    """Raises LinksInvalid."""
    unknown = sorted(utm.keys() - set(UTM))
    if unknown:
        raise LinksInvalid(f"There is no UTM parameter {unknown[0]!r}.", remedy=f"There are {', '.join(UTM)}.")
    if any(len(value) > 200 for value in utm.values()):
        raise LinksInvalid("A UTM parameter has more than 200 characters.")


def check_untracked(patterns: Sequence[str]) -> None:
    """Raises LinksInvalid: each is a host (bank.example) or the beginning of an address (https://shop.example/login)."""
    for pattern in patterns:
        if not _is_web(pattern) and not re.fullmatch(r"[^\s/:?#@]+", pattern):
            raise LinksInvalid(f"{pattern!r} is neither a host nor the beginning of a web address.")


def is_untracked(url: str, patterns: Sequence[str]) -> bool:
    """Whether one of the patterns is the host of the link, or above it, or the beginning of its address."""
    try:
        host = urlsplit(url.partition("{")[0]).hostname or ""
    except ValueError:
        host = ""
    for pattern in patterns:
        if "://" in pattern:
            if url.startswith(pattern):
                return True
        elif host == pattern.lower() or host.endswith(f".{pattern.lower()}"):
            return True
    return False


def with_utm(url: str, utm: Mapping[str, str]) -> str:
    """The link with the campaign's parameters, but for those that it has; a link that is wholly a field stays."""
    if not utm or not url.startswith(("http://", "https://")):
        return url
    address, mark, fragment = url.partition("#")
    _, _, query = address.partition("?")
    have = {part.partition("=")[0] for part in query.split("&")}
    more = [f"utm_{name}={quote(utm[name], safe='')}" for name in UTM if utm.get(name) and f"utm_{name}" not in have]
    if not more:
        return url
    joint = "" if address.endswith(("?", "&")) else "&" if "?" in address else "?"
    return address + joint + "&".join(more) + mark + fragment


def is_trackable(url: str) -> bool:
    """Whether a link may be tracked: to the web, or wholly a field (decided when it is followed)."""
    return url.startswith(("http://", "https://", "{{"))


def resolve(url: str, values: Mapping[str, Any]) -> str | None:
    """The target of a tracked link for one contact; None if that is no web address."""
    try:
        target = _filled(url, values) if "{" in url else url
    except TemplateInvalid:
        return None
    return ascii_url(target) if _is_web(target) else None


def ascii_url(url: str) -> str:
    """A web address as it goes into a header: the host in A-labels, other letters percent-encoded (RFC 3987 3.1)."""
    if url.isascii():
        return url
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        netloc = parts.netloc.replace(host, host if host.isascii() else idna.encode(host, uts46=True).decode())
    except idna.IDNAError:
        netloc = parts.netloc
    return quote(urlunsplit(parts._replace(netloc=netloc)), safe=_RESERVED)


def _filled(url: str, values: Mapping[str, Any]) -> str:
    parts = pieces(url)
    whole = len(parts) == 1
    out = []
    fills = [field(part.expression) if isinstance(part, Output) else None for part in parts]
    if all(isinstance(part, str) or fill for part, fill in zip(parts, fills, strict=True)):
        for part, fill in zip(parts, fills, strict=True):
            out.append(part if isinstance(part, str) else _value(fill(values) if fill else "", whole))
        return "".join(out)
    rendered = chunks(general(parts)(values))
    return "".join([text if index % 2 == 0 else _value(text, whole) for index, text in enumerate(rendered)])


def _value(text: str, whole: bool) -> str:
    return text.strip() if whole else quote(text, safe="")


def _is_web(url: str) -> bool:
    if any(character <= " " or character == "\x7f" for character in url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)
