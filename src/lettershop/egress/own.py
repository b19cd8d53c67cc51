"""Which addresses and names are ours, so that mail does not go in circles. [pure]

A host among a domain's MX is ourselves if it has our name, or an address and port at which we listen (RFC 5321 5.1).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from lettershop.base.config import Config


@dataclass(frozen=True, slots=True)
class Ourselves:
    """`places`: addresses at which we listen; `ports`: those at which we listen on every address, `addresses` among them."""

    hostname: str
    places: frozenset[tuple[str, int]] = frozenset()
    ports: frozenset[int] = frozenset()
    addresses: frozenset[str] = frozenset()

    @classmethod
    def of(cls, config: Config) -> "Ourselves":
        """From the configuration."""
        listeners = [listener.rpartition(":") for listener in config.listen.smtp]
        places = [(_plain(host), int(port)) for host, _, port in listeners]
        delivery = config.delivery
        sources = [*delivery.source_addresses, *(one for pool in delivery.pools.values() for one in pool)]
        return cls(
            config.server.hostname.lower().rstrip("."),
            frozenset(place for place in places if not _everywhere(place[0])),
            frozenset(port for host, port in places if _everywhere(host)),
            frozenset(_plain(source.partition(" ")[0]) for source in sources),
        )

    def listens(self, port: int) -> bool:
        """Whether mail to this port of ours comes back to us at all."""
        return port in self.ports or any(port == one for _, one in self.places)

    def has(self, address: str, port: int, others: Iterable[str] = ()) -> bool:
        """Whether mail for this address comes back to us; `others` are addresses that the DNS says are ours."""
        if (address, port) in self.places:
            return True
        if port not in self.ports:
            return False
        found = ip_address(address)
        return found.is_loopback or found.is_unspecified or address in self.addresses or address in others


def _plain(host: str) -> str:
    try:
        return str(ip_address(host.strip("[]")))
    except ValueError:
        return host


def _everywhere(host: str) -> bool:
    return host == "*" or _is_unspecified(host)


def _is_unspecified(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
