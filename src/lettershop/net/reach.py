"""Where a request may go whose address somebody else has written: public addresses only. [pure]

Whoever may name a URL for us to call could name our own database, a router or a cloud's metadata service. So a name is
looked up, every address is judged here, and the connection goes to the very address that was judged (`net.callout`):
a second look-up could say something else.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote, urlsplit

import idna

from lettershop.base.errors import Invalid, Refused

Network = IPv4Network | IPv6Network
LONGEST = 2000
NAT64 = ip_network("64:ff9b::/96")  # RFC 6052 2.1: an IPv4 address within
PORTS = {"https": 443, "http": 80}
_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")
_SAFE = "!#$%&'()*+,/:;=?@[]~"


class BadTarget(Invalid):
    """Not an address to which a request can be sent."""

    code = "webhook-url"


class TargetRefused(Refused):
    """The address is not a public one, and no setting allows it."""

    code = "webhook-target"


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart. `host` as DNS and TLS know it; `path` with the query, as it stands in the request."""

    tls: bool
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS["https" if self.tls else "http"] else f"{host}:{self.port}"

    @property
    def address(self) -> str | None:
        """The host if it is an IP address."""
        try:
            return str(ip_address(self.host))
        except ValueError:
            return None


def target_of(url: str) -> Target:
    """A URL, taken apart; raises BadTarget."""
    if len(url) > LONGEST or any(ord(char) <= 32 or ord(char) == 127 for char in url) or "\\" in url:
        raise BadTarget(f"This is no address to send to; it has at most {LONGEST} characters and no blanks.")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadTarget("This is no address to send to.") from error
    if parts.scheme not in PORTS or not host or port == 0:
        raise BadTarget("An address to send to begins with https:// and a host.")
    if parts.username is not None or parts.fragment:
        raise BadTarget(
            "An address to send to holds no user and no #fragment.", remedy="The signature tells who sends."
        )
    path = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    return Target(parts.scheme == "https", _host(host), port or PORTS[parts.scheme], path)


def _host(host: str) -> str:
    if ":" in host:
        return _address(host)
    if host.replace(".", "").isdecimal():  # 127.1 and 2130706433 are addresses to some, not to us
        return _address(host)
    try:
        return idna.encode(host, uts46=True).decode("ascii").rstrip(".").lower()
    except idna.IDNAError:
        return _plain_name(host)


def _plain_name(host: str) -> str:
    """Names that IDNA does not take but DNS does: an underscore in an internal one."""
    name = host.rstrip(".").lower()
    if not _NAME.fullmatch(name) or len(name) > 253:
        raise BadTarget("The host of this address is no name.")
    return name


def _address(host: str) -> str:
    try:
        return str(ip_address(host))
    except ValueError as error:
        raise BadTarget("The host of this address is no IP address.") from error


def check(target: Target, address: str, allowed: Sequence[Network], *, plain: bool = False) -> None:
    """Raises TargetRefused unless a request for the target may go to this address of it; `plain`: also without TLS."""
    if _within(address, allowed):
        return
    if not is_public(address):
        raise TargetRefused(
            f"{target.host} is at {address}, which is no public address.",
            remedy="The operator can allow its network: [webhooks] allow_networks.",
        )
    if not target.tls and not plain:
        raise TargetRefused("Events leave for public addresses by https:// only.", remedy="Use https://.")


def _within(address: str, networks: Sequence[Network]) -> bool:
    found = ip_address(address)
    return any(found.version == network.version and found in network for network in networks)


def is_public(address: str) -> bool:
    """Whether the whole internet reaches it: no private, local, reserved, multicast one, nor one that hides such a one."""
    found = ip_address(address.partition("%")[0])
    inner = _hidden(found)
    if inner is not None:
        return is_public(str(inner))
    if isinstance(found, IPv6Address) and found.is_site_local:
        return False
    return found.is_global and not (
        found.is_multicast or found.is_reserved or found.is_unspecified or found.is_loopback or found.is_link_local
    )


def _hidden(found: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address to which an IPv6 address leads."""
    if isinstance(found, IPv4Address):
        return None
    if found in NAT64:
        return IPv4Address(int(found) & 0xFFFF_FFFF)
    return found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
