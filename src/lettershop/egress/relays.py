"""The operator's own routes: hosts that take the mail of some domains, or of all (smart hosts), and how to log in there. [pure]

    "example.org" = "smtp://relay.example:587"                          by STARTTLS where it is offered
    "*" = "smtp://ann@relay1.example:587 smtp://ann@relay2.example:587"  the second where the first is not reached
    "*" = "smtps://ann@relay.example"                                   TLS from the first octet (RFC 8314 3.3), port 465

Who logs in does so over TLS with a host that proves its name, or on this very machine: a password never travels otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, unquote, urlsplit

from lettershop.base.errors import ConfigError
from lettershop.wire.sasl import Credentials

PORTS = {"smtp": 25, "smtps": 465}
FILE = "file:"


@dataclass(frozen=True, slots=True)
class Relay:
    """One host. `implicit`: TLS before the first word. `credentials`: how we log in, if we do."""

    host: str
    port: int
    implicit: bool = False
    credentials: Credentials | None = None

    @property
    def proves(self) -> bool:
        """Whether it must prove its name by a certificate: a password or the operator's wish for TLS depends on it."""
        return (self.implicit or self.credentials is not None) and not self._here

    @property
    def _here(self) -> bool:
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def label(self) -> str:
        """Tells apart the ways to one host by who logs in."""
        return f"as {self.credentials.user}" if self.credentials is not None else ""


def read(domain: str, route: str, passwords: Mapping[str, str]) -> tuple[Relay, ...]:
    """The hosts of a route, in the order in which they are tried. `passwords` by "user@host". Raises ConfigError."""
    found = tuple(_relay(domain, url, passwords) for url in route.split())
    if not found:
        raise _no_route(domain, route)
    return found


def _relay(domain: str, url: str, passwords: Mapping[str, str]) -> Relay:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        raise _no_route(domain, url) from None
    if not host or parts.scheme not in PORTS or parts.path.strip("/") or parts.query:
        raise _no_route(domain, url)
    if parts.password is not None:
        raise ConfigError(
            f"delivery.routes: the route for {domain} has a password in it.",
            remedy='Write it under delivery.passwords: { "user@host" = "file:/path" }.',
        )
    return Relay(host, port, parts.scheme == "smtps", _credentials(domain, parts, host, passwords))


def _credentials(domain: str, parts: SplitResult, host: str, passwords: Mapping[str, str]) -> Credentials | None:
    if not parts.username:
        return None
    user = unquote(parts.username)
    password = passwords.get(f"{user}@{host}")
    if not password:
        raise ConfigError(
            f"delivery.routes: the route for {domain} logs in as {user} at {host}, and there is no password for it.",
            remedy=f'Add it: [delivery] passwords = {{ "{user}@{host}" = "file:/path" }}.',
        )
    return Credentials(user, password)


def _no_route(domain: str, route: str) -> ConfigError:
    return ConfigError(
        f"delivery.routes: {route!r} for {domain} is no route.",
        remedy='Write "smtp://host:port" or "smtps://user@host"; several with a blank between.',
    )
