"""Source addresses: which pool a lane's mail leaves from, and its members. [pure]

    campaign or brand (`lanes.pool`) > sending domain ([delivery.senders]) > stream ([delivery.streams]) > source_addresses

A member is an address with the name it says in EHLO; without an address the system chooses one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from lettershop.base.config import Delivery
from lettershop.base.errors import ConfigError
from lettershop.store.envelopes import BULK, Lane

USUAL = ""
"""The pool of [delivery] source_addresses."""


@dataclass(frozen=True, slots=True)
class Source:
    """An address of ours, or "" for whatever the system chooses; `ehlo` empty: the server's name."""

    address: str = ""
    ehlo: str = ""

    @property
    def family(self) -> int:
        """4, 6, or 0 where the system chooses."""
        return ip_address(self.address).version if self.address else 0

    def reaches(self, families: frozenset[int]) -> bool:
        """Whether a host with addresses of these families can be reached from here."""
        return not self.address or self.family in families


@dataclass(frozen=True, slots=True)
class Pools:
    """All pools by name; the rules by which one is chosen."""

    members: Mapping[str, tuple[Source, ...]] = field(default_factory=lambda: {USUAL: (Source(),)})
    senders: Mapping[str, str] = field(default_factory=dict)
    streams: Mapping[str, str] = field(default_factory=dict)

    def choose(self, lane: Lane) -> str:
        """The name of the lane's pool. A pool that is gone from the configuration counts as not told."""
        stream = "bulk" if lane.priority >= BULK else "transactional"
        wishes = (lane.pool, self.senders.get(lane.sender, ""), self.streams.get(stream, ""))
        return next((name for name in wishes if name and name in self.members), USUAL)


def pools_of(delivery: Delivery) -> Pools:
    """From the configuration; raises ConfigError for an address that is none and a pool that does not exist."""
    members = {name: _sources(f"pools.{name}", addresses) for name, addresses in delivery.pools.items()}
    members[USUAL] = _sources("source_addresses", delivery.source_addresses) or (Source(),)
    for key, chosen in (("senders", delivery.senders), ("streams", delivery.streams)):
        for who, name in chosen.items():
            if name not in members:
                raise ConfigError(
                    f"delivery.{key}: there is no pool {name!r} for {who}.",
                    remedy=f"Pools are: {', '.join(sorted(filter(None, members))) or 'none'}.",
                )
    if unknown := set(delivery.streams) - {"transactional", "bulk"}:
        raise ConfigError(
            f"delivery.streams: there is no stream {min(unknown)!r}.", remedy="Streams are: transactional, bulk."
        )
    return Pools(members, {who.lower(): name for who, name in delivery.senders.items()}, delivery.streams)


def _sources(key: str, entries: Sequence[str]) -> tuple[Source, ...]:
    return tuple(_source(key, entry) for entry in entries)


def _source(key: str, entry: str) -> Source:
    """An entry "192.0.2.1" or "192.0.2.1 mta1.brand.example"."""
    address, _, ehlo = entry.strip().partition(" ")
    try:
        return Source(str(ip_address(address.strip("[]"))), ehlo.strip())
    except ValueError as error:
        raise ConfigError(
            f"delivery.{key}: {entry!r} is no source address.",
            remedy='Write "192.0.2.1" or "192.0.2.1 mta1.brand.example".',
        ) from error
