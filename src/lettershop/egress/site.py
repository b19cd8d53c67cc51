"""Where a site's mail goes: fixed routes, else MX, implicit MX and null MX, with addresses, cached.

    Routes.find("b.example") -> Route((Hop("mx1.b.example", ("192.0.2.1",), 25), …)), or raises Unroutable

Hosts come by preference, equal ones shuffled (RFC 5321 5.1); of a list that names ourselves only better hosts are left.
Nothing is connected here (net.dial), nothing decided about envelopes (classify).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from itertools import zip_longest
from typing import Protocol

from lettershop.base.clock import Clock
from lettershop.base.errors import LettershopError, NotFound, Temporary
from lettershop.egress.guard import OPEN, Guard
from lettershop.egress.own import Ourselves
from lettershop.egress.relays import Relay, read

REMEMBER = 300.0
REMEMBER_FAILURE = 60.0
"""Seconds that a route, or that there is none, is kept in memory."""
REMEMBERED = 50_000
MOST_HOSTS = 5
"""Hosts tried in one attempt; RFC 5321 5.1 wants at least two."""
EVERYWHERE = "*"
"""The fixed route for all domains that have none of their own (a smarthost)."""


@dataclass(frozen=True, slots=True)
class Hop:
    """A host that takes the mail: its name (for TLS and reports), its addresses, the port."""

    host: str
    addresses: tuple[str, ...]
    port: int
    guard: Guard = OPEN
    relay: Relay | None = None  # told by the operator


@dataclass(frozen=True, slots=True)
class Route:
    """Hops in the order in which they are tried; `fixed`: told by the operator, not by the DNS.

    `names`: the hosts by preference, equal ones by name, also those without an address: by them domains share a site.
    `everywhere`: the smarthost of all domains.
    """

    hops: tuple[Hop, ...]
    fixed: bool = False
    names: tuple[str, ...] = ()
    everywhere: bool = False

    @property
    def key(self) -> str:
        """Domains with the same key can be served over one connection: the same hosts, the same demands."""
        labels = sorted(
            {hop.guard.label for hop in self.hops} | {hop.relay.label for hop in self.hops if hop.relay} - {""}
        )
        return " ".join([*self.names, *(f"[{label}]" for label in labels)])

    @property
    def families(self) -> frozenset[int]:
        """Versions of IP at which it can be reached."""
        return frozenset(6 if ":" in address else 4 for hop in self.hops for address in hop.addresses)


class Unroutable(LettershopError):
    """There is no way to this domain: an SMTP code, an enhanced code (RFC 3463) and words, as a receiver would say it."""

    code = "unroutable"

    def __init__(self, smtp: int, enhanced: str, words: str) -> None:
        super().__init__(words)
        self.smtp = smtp
        self.enhanced = enhanced
        self.retry = smtp < 500


class MailDns(Protocol):
    """What is asked of the resolver. Both raise NotFound for a name that does not exist, Temporary for no answer."""

    async def mx(self, domain: str) -> Sequence[tuple[int, str]]:
        """(preference, host) pairs; none if the name has no such record."""

    async def addresses(self, host: str) -> Sequence[str]:
        """IPv6 and IPv4 addresses; none if the name has none."""


class Guards(Protocol):
    """Who knows how secure the way to a domain must be."""

    async def guarded(self, domain: str, hops: Sequence[Hop], *, fixed: bool = False) -> tuple[Hop, ...]:
        """The hops that may be used, in the same order, each with its guard. Raises Unroutable if none may.

        `fixed`: the operator told the way; policies that the domain publishes for its own hosts do not count.
        """


class Routes:
    """Finds and remembers routes. `families`: versions of IP in order of preference, those not named are not used.

    `hosted`: whether a domain's mailboxes are here, so that its mail may come back to us.
    """

    def __init__(
        self, dns: MailDns, clock: Clock, *, hostname: str, own: Ourselves | None = None, port: int = 25,
        fixed: Mapping[str, str | Sequence[Relay]] | None = None, families: Sequence[int] = (6, 4), guards: Guards | None = None,
        hosted: Callable[[str], Awaitable[bool]] | None = None,
    ) -> None:  # fmt: skip
        self._dns = dns
        self._clock = clock
        self._own = own or Ourselves(hostname.lower().rstrip("."))
        self._port = port
        self._families = tuple(families)
        self._guards = guards
        self._hosted = hosted
        self._fixed = {
            domain.lower(): read(domain, told, {}) if isinstance(told, str) else tuple(told)
            for domain, told in (fixed or {}).items()
        }
        self._known: dict[str, tuple[float, Route | Unroutable]] = {}
        self._asking: dict[str, asyncio.Future[Route]] = {}

    async def find(self, site: str) -> Route:
        """The route, from memory if it is fresh. Raises Unroutable."""
        known = self._known.get(site)
        if known is not None and known[0] > self._clock.monotonic():
            if isinstance(known[1], Unroutable):
                raise known[1]
            return known[1]
        asked = self._asking.get(site)
        if asked is None:  # ten connections to one site ask once
            asked = self._asking[site] = asyncio.ensure_future(self._look_up(site))
            asked.add_done_callback(lambda _: self._asking.pop(site, None))
        return await asyncio.shield(asked)

    async def _look_up(self, site: str) -> Route:
        if len(self._known) > REMEMBERED:
            self._known.clear()
        try:
            route = await self._fixed_or_mx(site)
        except Unroutable as error:
            self._known[site] = (self._clock.monotonic() + REMEMBER_FAILURE, error)
            raise
        self._known[site] = (self._clock.monotonic() + REMEMBER, route)
        return route

    async def _fixed_or_mx(self, site: str) -> Route:
        own = self._fixed.get(site)
        fixed = own or self._fixed.get(EVERYWHERE)
        if fixed is not None:
            return await self._by_relays(site, fixed, everywhere=own is None)
        if site.startswith("["):
            return Route((_literal(site, self._port),), names=(site,))
        records = await self._mx_hosts(site)
        names = tuple(host for _, host in sorted(records) if host)
        hosts = [(host, self._port) for _, host in records[:MOST_HOSTS] if host]
        hops = await self._resolved(hosts, implicit=names == (site,))
        hops = await self._not_ours(site, hops, {host: preference for preference, host in records})
        return Route(await self._guarded(site, hops), names=names)

    async def _by_relays(self, site: str, relays: Sequence[Relay], *, everywhere: bool) -> Route:
        names = tuple(one.host if one.port == self._port else f"{one.host}:{one.port}" for one in relays)
        known = {(one.host, one.port): one for one in relays}
        hops = await self._guarded(site, await self._resolved(list(known)), fixed=True)
        told = tuple(replace(hop, relay=known[hop.host, hop.port]) for hop in hops)
        return Route(told, fixed=True, names=names, everywhere=everywhere)

    async def _guarded(self, site: str, hops: tuple[Hop, ...], *, fixed: bool = False) -> tuple[Hop, ...]:
        return hops if self._guards is None else await self._guards.guarded(site, hops, fixed=fixed)

    async def _mx_hosts(self, site: str) -> list[tuple[int, str]]:
        """The hosts with their preference, in the order of this attempt."""
        try:
            records = await self._dns.mx(site)
        except NotFound as error:
            raise Unroutable(550, "5.1.2", f"The domain {site} does not exist (NXDOMAIN).") from error
        except LettershopError as error:
            raise Unroutable(451, "4.4.3", f"The DNS gives no answer for {site}.") from error
        if not records:
            return [(0, site)]  # RFC 5321 5.1: the implicit MX
        if all(host.rstrip(".") == "" for _, host in records):
            raise Unroutable(556, "5.1.10", f"The domain {site} does not accept mail (null MX).")  # RFC 7505 3
        named = [(preference, host.lower().rstrip(".")) for preference, host in records]
        worst = await self._limit(site, [preference for preference, host in named if host == self._own.hostname])
        better = [record for record in named if record[0] < worst]
        if not better:
            raise _loop(site)
        dice = self._clock.token(len(better))
        shuffled = sorted(zip(better, dice, strict=True), key=lambda pair: (pair[0][0], pair[1]))
        return [record for record, _ in shuffled]

    async def _not_ours(self, site: str, hops: tuple[Hop, ...], preferences: Mapping[str, int]) -> tuple[Hop, ...]:
        """Only hosts that are better than the first with an address of ours (RFC 5321 5.1)."""
        if not self._own.listens(self._port):
            return hops
        try:
            others = await self._dns.addresses(self._own.hostname)
        except LettershopError:  # it may have none that the DNS knows
            others = ()
        own = [
            preferences[hop.host]
            for hop in hops
            if any(self._own.has(address, hop.port, others) for address in hop.addresses)
        ]
        worst = await self._limit(site, own)
        better = tuple(hop for hop in hops if preferences[hop.host] < worst)
        if not better:
            raise _loop(site)
        return better

    async def _limit(self, site: str, own: Sequence[int]) -> float:
        """The preference below which hosts are used, from those that are ourselves. Who keeps the mailboxes is no loop."""
        if not own:
            return float("inf")
        try:
            home = self._hosted is not None and await self._hosted(site)
        except Temporary as error:
            raise Unroutable(451, "4.3.0", "Which domains are hosted here cannot be read now.") from error
        return float("inf") if home else min(own)

    async def _resolved(self, hosts: Sequence[tuple[str, int]], *, implicit: bool = False) -> tuple[Hop, ...]:
        """Those with addresses. Only where there was no MX either is a missing address final; else somebody will mend it."""
        answers = await asyncio.gather(*(self._addresses(host) for host, _ in hosts), return_exceptions=True)
        hops = tuple(
            Hop(host, addresses, port)
            for (host, port), answer in zip(hosts, answers, strict=True)
            if not isinstance(answer, BaseException) and (addresses := in_order(answer, self._families))
        )
        if hops:
            return hops
        names = ", ".join(host for host, _ in hosts)
        if any(isinstance(answer, BaseException) and not isinstance(answer, NotFound) for answer in answers):
            raise Unroutable(451, "4.4.3", f"The DNS gives no answer for {names}.")
        if implicit:
            raise Unroutable(550, "5.1.2", f"Host not found: {names}.")
        raise Unroutable(451, "4.4.4", f"No mail server of the domain has an address: {names}.")

    async def _addresses(self, host: str) -> Sequence[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            return await self._dns.addresses(host)


def _loop(site: str) -> Unroutable:
    return Unroutable(550, "5.4.6", f"The mail for {site} loops back to this host.")


def in_order(addresses: Sequence[str], families: Sequence[int]) -> tuple[str, ...]:
    """The preferred family first, then in turns, so that a family that does not work costs one try and not all."""
    lanes = [[one for one in addresses if (":" in one) == (family == 6)] for family in families]
    return tuple(one for turn in zip_longest(*lanes) for one in turn if one is not None)


def _literal(site: str, port: int) -> Hop:
    """RFC 5321 4.1.3: [192.0.2.1] or [IPv6:2001:db8::1]."""
    try:
        address = str(ip_address(site.strip("[]").removeprefix("IPv6:").removeprefix("ipv6:")))
    except ValueError as error:
        raise Unroutable(550, "5.1.2", f"{site} is no address.") from error
    return Hop(site, (address,), port)
