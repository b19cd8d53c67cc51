"""What others see of this host: its addresses, their reverse names, its certificate, and whether port 25 is open outwards.

Each is a `HostFinding` with a remedy in words. A provider that closes port 25 is the most frequent reason why a new mail
server sends nothing; it is tried at the receiver of an address that the operator has named, and nothing is sent there.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from lettershop.base.clock import Clock
from lettershop.insight.dnscheck import Verdict
from lettershop.net.resolver import DnsError, NoSuchName, Resolver
from lettershop.wire.address import Address

SECONDS = 6.0
"""That a receiver has to say hello."""
SOON = 14 * 86_400.0

What = Literal["address", "reverse", "certificate", "port 25"]
Greet = Callable[[str, int, float], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class HostFinding:
    """One thing about the host. `seen` is what was found, `remedy` what to do."""

    what: What
    verdict: Verdict
    seen: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A certificate as a peer sees it."""

    names: tuple[str, ...]
    expires: float
    self_made: bool


class HostCheck:
    """`certificate` tells what is shown now; `greet` is `net.greet.greeting`."""

    def __init__(
        self, hostname: str, resolver: Resolver, certificate: Callable[[], Shown], greet: Greet, clock: Clock
    ) -> None:
        self._hostname = hostname
        self._resolver = resolver
        self._certificate = certificate
        self._greet = greet
        self._clock = clock

    async def look(self, reach: str) -> list[HostFinding]:
        """All of it at once. `reach`: an address whose receiver is tried; empty: none is."""
        domain = Address.parse(reach).domain if reach else ""
        names, gate = await asyncio.gather(self._names(), self._gate(domain))
        return [*names, judge_certificate(self._certificate(), self._hostname, self._clock.now()), *gate]

    async def _names(self) -> list[HostFinding]:
        try:
            addresses = await self._resolver.addresses(self._hostname)
        except (DnsError, NoSuchName) as error:
            return [HostFinding("address", "missing", "", f"{error.public} Set an A record for {self._hostname}.")]
        if not addresses:
            return [HostFinding("address", "missing", "", f"Set an A record for {self._hostname}.")]
        reverse = await asyncio.gather(*(self._reverse(address) for address in addresses))
        return [HostFinding("address", "ok", ", ".join(addresses)), *reverse]

    async def _reverse(self, address: str) -> HostFinding:
        remedy = f"Who gave you {address} sets its PTR record to {self._hostname}; receivers refuse mail without it."
        try:
            names = [name.rstrip(".") for name in await self._resolver.ptr(address)]
        except (DnsError, NoSuchName):
            return HostFinding("reverse", "missing", address, remedy)
        if self._hostname in names:
            return HostFinding("reverse", "ok", f"{address} → {self._hostname}")
        return HostFinding("reverse", "different" if names else "missing", f"{address} → {', '.join(names)}", remedy)

    async def _gate(self, domain: str) -> list[HostFinding]:
        if not domain:
            return []
        try:
            hosts = [host for _, host in await self._resolver.mx(domain)] or [domain]
            line = await self._greet(hosts[0], 25, SECONDS)
        except (DnsError, NoSuchName) as error:
            return [HostFinding("port 25", "unknown", domain, f"{error.public} Try it with another address.")]
        except OSError:
            remedy = "Ask your provider to open port 25 outwards, or send through a relay (docs/howto/send-through-a-relay.md)."
            return [HostFinding("port 25", "missing", f"{hosts[0]} does not answer", remedy)]
        return [HostFinding("port 25", "ok" if line.startswith("220") else "different", f"{hosts[0]}: {line}")]


def judge_certificate(shown: Shown, hostname: str, now: float) -> HostFinding:
    """What mail clients and browsers make of the certificate."""
    until = datetime.fromtimestamp(shown.expires, UTC).date().isoformat()
    seen = f"{', '.join(shown.names) or 'no name'}, until {until}"
    remedy = "Name a certificate of a known authority in [tls] (docs/howto/public-address.md)."
    if shown.self_made:
        return HostFinding("certificate", "different", f"made by this server: {seen}", remedy)
    if not any(_covers(name, hostname) for name in shown.names):
        return HostFinding("certificate", "different", seen, f"It does not name {hostname}. {remedy}")
    if shown.expires < now + SOON:
        return HostFinding("certificate", "different", seen, "It ends soon: renew it.")
    return HostFinding("certificate", "ok", seen)


def _covers(name: str, hostname: str) -> bool:
    """RFC 9525 6.3: a star stands for one whole label."""
    if name.startswith("*."):
        return hostname.partition(".")[2].lower() == name[2:].lower()
    return name.lower() == hostname.lower()
