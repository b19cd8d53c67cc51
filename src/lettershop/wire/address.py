"""A mailbox address as SMTP knows it: a local part and a domain, valid by construction of `parse`. [pure]

What lives here: RFC 5321 4.1.2 mailboxes and paths, RFC 6531 non-ASCII addresses, the domain's one normal form.
What must not: display names, comments, groups (they are headers: wire/message).

The domain is kept in lower-case A-labels, so that equal addresses are equal values; the local part is kept as
written, without quotes (RFC 5321 2.4: only its host may fold it).
"""

import ipaddress
import re
from dataclasses import dataclass

import idna

from lettershop.base.errors import Invalid

_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~\u0080-\U0010ffff-"
_DOT_STRING = re.compile(rf"[{_ATEXT}]+(?:\.[{_ATEXT}]+)*")
_QUOTED = re.compile(r'"((?:[ !#-\[\]-~\u0080-\U0010ffff]|\\[ -~])*)"')
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")  # "_": seen in the wild
_SIMPLE = re.compile(r"<([A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64})@([A-Za-z0-9.-]{1,255})>")
_ROUTE = re.compile(r"@[^,:<>]+(?:,@[^,:<>]+)*:")


class InvalidAddress(Invalid):
    """This is no mailbox of RFC 5321."""

    code = "address"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """`local` is unquoted; `domain` is lower-case A-labels or an address literal like "[192.0.2.1]"."""

    local: str
    domain: str

    def __str__(self) -> str:
        """As it is written in MAIL and RCPT, local part quoted where it must be; the domain in A-labels."""
        return f"{quote_local(self.local)}@{self.domain}" if self.domain else quote_local(self.local)

    @property
    def for_people(self) -> str:
        """With the domain in Unicode."""
        return f"{quote_local(self.local)}@{unicode_domain(self.domain)}"

    @property
    def key(self) -> str:
        """For comparison where we are the host, and for suppression: the local part folded too (RFC 5321 2.4)."""
        return f"{self.local.lower()}@{self.domain}"

    @property
    def needs_smtputf8(self) -> bool:
        """Whether it can only be sent to a server with SMTPUTF8 (RFC 6531)."""
        return not self.local.isascii()

    @classmethod
    def parse(cls, text: str) -> "Address":
        """From "local@domain"; raises InvalidAddress."""
        local, end = _local_part(text, 0)
        if not text.startswith("@", end):
            raise InvalidAddress("The address has no domain.")
        return cls(_checked_local(local), normal_domain(text[end + 1 :]))


def parse_path(text: str) -> tuple[Address | None, str]:
    """A MAIL or RCPT path "<...>" and what follows it. None is the null sender "<>".

    A source route is read and ignored (RFC 5321 4.1.1.3, appendix C). "<postmaster>" has domain "" (4.5.1).
    Raises InvalidAddress.
    """
    simple = _SIMPLE.match(text)
    if simple is not None and ".." not in simple[1] and simple[1][0] != "." and simple[1][-1] != ".":
        return Address(simple[1], normal_domain(simple[2])), text[simple.end() :]
    if not text.startswith("<"):
        raise InvalidAddress("The address is not in angle brackets.")
    if text.startswith("<>"):
        return None, text[2:]
    route = _ROUTE.match(text, 1)
    local, end = _local_part(text, route.end() if route else 1)
    close = text.find(">", end)
    if close < 0:
        raise InvalidAddress("The address has no closing bracket.")
    if end == close and local.lower() == "postmaster":
        return Address(local, ""), text[close + 1 :]
    if text[end] != "@":
        raise InvalidAddress("The address is not well formed.")
    return Address(_checked_local(local), normal_domain(text[end + 1 : close])), text[close + 1 :]


def normal_domain(text: str) -> str:
    """The one form in which a domain or an address literal is compared; raises InvalidAddress."""
    domain = text.lower()
    if domain.isascii() and "xn--" not in domain:
        if domain.startswith("["):
            return _literal(text)
    else:
        domain = _a_labels(text)
    if len(domain) > 255 or _HOST.fullmatch(domain) is None:  # RFC 5321 4.5.3.1.2
        raise InvalidAddress("The domain is not well formed.")
    return domain


def unicode_domain(domain: str) -> str:
    """The domain as people read it; A-labels that do not decode stay."""
    if "xn--" not in domain:
        return domain
    try:
        return idna.decode(domain)
    except idna.IDNAError:
        return domain


def quote_local(local: str) -> str:
    """A local part as it is written: quoted if it is no dot-string."""
    if _DOT_STRING.fullmatch(local):
        return local
    return '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _local_part(text: str, start: int) -> tuple[str, int]:
    if text.startswith('"', start):
        quoted = _QUOTED.match(text, start)
        if quoted is None:
            raise InvalidAddress("The quoted local part is not well formed.")
        return re.sub(r"\\(.)", r"\1", quoted[1]), quoted.end()
    plain = _DOT_STRING.match(text, start)
    if plain is None:
        raise InvalidAddress("The local part is not well formed.")
    return plain[0], plain.end()


def _checked_local(local: str) -> str:
    if len(local) > 64 and len(local.encode()) > 256:
        # RFC 5321 4.5.3.1.1 says 64 octets; bounce addresses in use are longer, so more is borne
        raise InvalidAddress("The local part is too long.")
    return local


def _a_labels(text: str) -> str:
    try:
        return idna.encode(text, uts46=True).decode("ascii")  # RFC 5890, UTS 46: what people type
    except (idna.IDNAError, UnicodeError) as error:
        raise InvalidAddress("The domain is not a valid international name.") from error


def _literal(text: str) -> str:
    """RFC 5321 4.1.3: "[192.0.2.1]" or "[IPv6:2001:db8::1]"."""
    inner = text[1:-1]
    try:
        if not text.endswith("]"):
            raise ValueError
        if inner[:5].lower() == "ipv6:":
            return f"[IPv6:{ipaddress.IPv6Address(inner[5:])}]"
        return f"[{ipaddress.IPv4Address(inner)}]"
    except ValueError as error:
        raise InvalidAddress("The address literal is not well formed.") from error
