"""The addresses that stand in messages: tracked links, pixel, unsubscribe, web version; and the way back. [pure]

One token names the recipient in all of them (`mail.tokens`). A tracked link says only its number; its target stands in
`campaign_links` and may hold slots, which `resolve` fills in when it is followed: values are percent-encoded, so data of
a contact never changes where a link leads, unless the marketer made the whole link a field.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import idna

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

    def web_version(self, token: str) -> str:
        """The message in the browser."""
        return f"{self.base}/v/{token}"


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
