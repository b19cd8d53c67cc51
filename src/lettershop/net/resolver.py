"""Asks the DNS. The one way to it: every room gets a `Resolver` handed in, tests hand in a `net.zones.ZoneResolver`.

What lives here: the port, the resolver on dnspython, its cache. What must not: what an answer means (wire.trust, egress).

    query > cache (TTL, bounded) > a look-up already under way for the same question > dnspython

"There is no such name" and "no such record" are answers; no answer at all raises DnsError, which may be retried.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Literal, Protocol

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.rdata
import dns.rdatatype
import dns.resolver

from lettershop.base.clock import Clock
from lettershop.base.errors import NotFound, Temporary
from lettershop.wire.trust.questions import NO_SUCH_NAME, Answer

CACHED = 20_000
"""Most answers kept."""
LONGEST, NEGATIVE = 86_400.0, 3_600.0
"""Seconds an answer, and the answer that there is none, is kept at most (RFC 2308 5)."""
PATIENCE = 10.0
"""Seconds for one question, over all servers."""


class DnsError(Temporary):
    """The DNS gave no answer; asking again later may help."""

    code = "dns"


class DnsTimeout(DnsError):
    """No server answered in time."""

    code = "dns-timeout"


class DnsFailure(DnsError):
    """A server answered that it cannot (SERVFAIL, REFUSED), or nonsense."""

    code = "dns-failure"


class NoSuchName(NotFound):
    """The name does not exist (NXDOMAIN)."""

    code = "no-such-name"


class Resolver(Protocol):
    """What is asked of the DNS. All methods raise DnsError when there is no answer."""

    async def query(self, name: str, rdtype: str) -> Answer:
        """Any record type, like "TXT"; CNAMEs are followed. That there is nothing is an answer, too: see its `status`."""

    async def txt(self, name: str) -> Sequence[str]:
        """The TXT records, each joined from its strings. Raises NoSuchName."""

    async def mx(self, domain: str) -> Sequence[tuple[int, str]]:
        """(preference, host) pairs, best first; host "" is the null MX (RFC 7505). Raises NoSuchName."""

    async def addresses(self, host: str) -> Sequence[str]:
        """IPv6 and IPv4 addresses; none if the name has none. Raises NoSuchName."""

    async def ptr(self, ip: str) -> Sequence[str]:
        """The names of an address; none if it has none."""


class Asking:
    """The comfortable questions, each made of `query`. Base of the resolvers."""

    async def query(self, name: str, rdtype: str) -> Answer:
        """See `Resolver.query`."""
        raise NotImplementedError

    async def txt(self, name: str) -> Sequence[str]:
        """See `Resolver.txt`."""
        return _existing(name, await self.query(name, "TXT")).records

    async def mx(self, domain: str) -> Sequence[tuple[int, str]]:
        """See `Resolver.mx`."""
        records = _existing(domain, await self.query(domain, "MX")).records
        pairs = (record.split(" ", 1) for record in records)
        return sorted((int(preference), host.rstrip(".")) for preference, host in pairs)

    async def addresses(self, host: str) -> Sequence[str]:
        """See `Resolver.addresses`: one failed family does not hide the other."""
        answers = await asyncio.gather(self.query(host, "AAAA"), self.query(host, "A"), return_exceptions=True)
        found = [record for answer in answers if isinstance(answer, Answer) for record in answer.records]
        if found:
            return found
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
            _existing(host, answer)
        return []

    async def ptr(self, ip: str) -> Sequence[str]:
        """See `Resolver.ptr`."""
        return (await self.query(ip_address(ip).reverse_pointer, "PTR")).records


Trust = Literal["loopback", "always", "never"]
"""Whose word that an answer is authenticated counts: name servers on this machine, all, none."""


class DnsResolver(Asking):
    """Asks recursive name servers. `servers`: "ip:port" each; none: the system's.

    The AD flag of an answer counts only where the way to the name server is safe: `trust` (RFC 7672 2.1, RFC 6698 A.3).
    """

    def __init__(
        self, clock: Clock, servers: Sequence[str] = (), *, patience: float = PATIENCE, trust: Trust = "loopback"
    ) -> None:
        self._clock = clock
        self._dns = _configured(servers)
        self._trusted = trust == "always" or (trust == "loopback" and _all_local(self._dns))
        self._patience = patience
        self._cache: OrderedDict[tuple[str, str], tuple[float, Answer]] = OrderedDict()
        self._asking: dict[tuple[str, str], asyncio.Task[Answer]] = {}

    async def query(self, name: str, rdtype: str) -> Answer:
        """See `Resolver.query`."""
        key = (name.lower().rstrip("."), rdtype)
        known = self._cache.get(key)
        if known is not None and known[0] > self._clock.monotonic():
            self._cache.move_to_end(key)
            return known[1]
        task = self._asking.get(key)
        if task is None:  # a burst of mail from one domain asks once
            task = self._asking[key] = asyncio.create_task(self._look_up(key))
            task.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(task)

    def _answered(self, key: tuple[str, str], task: asyncio.Task[Answer]) -> None:
        self._asking.pop(key, None)
        if not task.cancelled():
            task.exception()  # seen, even if everybody who asked is gone

    async def _look_up(self, key: tuple[str, str]) -> Answer:
        answer = await ask(self._dns, *key, patience=self._patience)
        if answer.authenticated and not self._trusted:
            answer = replace(answer, authenticated=False)
        longest = LONGEST if answer.status == "ok" else NEGATIVE
        self._cache[key] = (self._clock.monotonic() + min(answer.ttl, longest), answer)
        self._cache.move_to_end(key)
        if len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        return answer


async def ask(resolver: dns.asyncresolver.Resolver, name: str, rdtype: str, *, patience: float) -> Answer:
    """One question to the name servers, uncached. Raises DnsError."""
    try:
        absolute = dns.name.from_text(name)
    except (dns.exception.DNSException, UnicodeError):
        return NO_SUCH_NAME  # a name that cannot be written down does not exist
    try:
        answer = await resolver.resolve(absolute, rdtype, raise_on_no_answer=False, search=False, lifetime=patience)
    except dns.resolver.NXDOMAIN as error:
        response = error.response(absolute)  # type: ignore[no-untyped-call]
        return Answer("nxdomain", ttl=_negative_ttl(response), authenticated=_authenticated(response))
    except dns.exception.Timeout as error:
        raise DnsTimeout(f"The DNS gave no answer for {name} in time.") from error
    except (dns.exception.DNSException, OSError) as error:
        raise DnsFailure(f"The DNS cannot answer for {name}.") from error
    authenticated = _authenticated(answer.response)
    if answer.rrset is None:
        return Answer("nodata", ttl=_negative_ttl(answer.response), authenticated=authenticated)
    return Answer("ok", tuple(present(rdata) for rdata in answer.rrset), answer.rrset.ttl, authenticated)


def present(rdata: dns.rdata.Rdata) -> str:
    """A record as the text that `Answer.records` promises."""
    kind = dns.rdatatype.to_text(rdata.rdtype)
    if kind == "TXT":
        return b"".join(rdata.strings).decode("utf-8", "surrogateescape")  # type: ignore[attr-defined]
    if kind in ("MX", "PTR", "CNAME", "NS"):
        text = rdata.to_text()
        return text if text.endswith(" .") else text.rstrip(".")
    return rdata.to_text()


def _existing(name: str, answer: Answer) -> Answer:
    if answer.status == "nxdomain":
        raise NoSuchName(f"The name {name} does not exist.")
    return answer


def _configured(servers: Sequence[str]) -> dns.asyncresolver.Resolver:
    if servers:
        resolver = dns.asyncresolver.Resolver(configure=False)
        hosts = [server.rpartition(":") for server in servers]
        resolver.nameservers = [dns.nameserver.Do53Nameserver(host.strip("[]"), int(port)) for host, _, port in hosts]
    else:
        try:
            resolver = dns.asyncresolver.Resolver()
        except dns.resolver.NoResolverConfiguration:  # no /etc/resolv.conf: every question fails, by name
            resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.use_edns(0, 0, 1232)
    resolver.flags = dns.flags.RD | dns.flags.AD  # RFC 6840 5.7: tell us whether it is authenticated
    return resolver


def _all_local(resolver: dns.asyncresolver.Resolver) -> bool:
    addresses = [one if isinstance(one, str) else getattr(one, "address", "") for one in resolver.nameservers]
    return bool(addresses) and all(is_address(one) and ip_address(one).is_loopback for one in addresses)


def is_address(text: str) -> bool:
    """Whether it is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _authenticated(response: dns.message.Message) -> bool:
    return bool(response.flags & dns.flags.AD)


def _negative_ttl(response: dns.message.Message) -> float:
    """RFC 2308 5: the smaller of the SOA's TTL and its MINIMUM field."""
    for rrset in response.authority:
        if rrset.rdtype == dns.rdatatype.SOA:
            return float(min(rrset.ttl, rrset[0].minimum))
    return 0.0
