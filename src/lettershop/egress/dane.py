"""What DANE demands of the hosts of a domain, where the answers of the DNS are authenticated (RFC 7672).

    MX and addresses authenticated? -> TLSA of _port._tcp.host, authenticated?
        usable records        -> the certificate must be one that they name
        only others           -> encrypted, whoever answers
        the DNS fails         -> the host may not be used: somebody may be hiding records
    not authenticated -> DANE says nothing, other policies do

Whether the resolver may be believed is the setting dns.validating (net.resolver).
"""

import asyncio
from collections.abc import Mapping, Sequence

from lettershop.egress.guard import Applied, Guard
from lettershop.egress.site import Hop
from lettershop.net.resolver import DnsError, Resolver, is_address
from lettershop.wire.trust import dane
from lettershop.wire.trust.questions import Answer

Found = Guard | None
"""None: the host may not be used."""


class Dane:
    """One per process."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def guards(self, domain: str, hops: Sequence[Hop]) -> Mapping[str, Found]:
        """What it demands, by host; hosts of which it says nothing are not there."""
        try:
            mx = await self._resolver.query(domain, "MX")
        except DnsError:
            return {}
        if not mx.authenticated:  # RFC 7672 2.2.1: who forges the MX forges the name that would be checked
            return {}
        hosts = [hop for hop in hops if not is_address(hop.host.strip("[]"))]
        found = await asyncio.gather(*(self._of_host(domain, hop) for hop in hosts))
        return {hop.host: one for hop, one in zip(hosts, found, strict=True) if one is not _NOTHING}

    async def _of_host(self, domain: str, hop: Hop) -> Found:
        if not await self._has_authentic_addresses(hop.host):
            return _NOTHING  # RFC 7672 2.2.2: TLSA is not asked for, servers of unsigned zones may fail at it
        try:
            for base in await self._bases(hop.host):
                answer = await self._resolver.query(f"_{hop.port}._tcp.{base}", "TLSA")
                if answer.authenticated and answer.records:
                    return _guard(domain, base, answer)
        except DnsError:
            return None  # RFC 7672 2.1.1: bogus or no answer at all
        return _NOTHING

    async def _has_authentic_addresses(self, host: str) -> bool:
        asked = await asyncio.gather(
            self._resolver.query(host, "AAAA"), self._resolver.query(host, "A"), return_exceptions=True
        )
        answers = [answer for answer in asked if isinstance(answer, Answer) and answer.records]
        return bool(answers) and all(answer.authenticated for answer in answers)

    async def _bases(self, host: str) -> list[str]:
        """Where TLSA records of a host may stand: at the name that it is an alias of, then at its own (RFC 7672 2.2.2)."""
        alias = await self._resolver.query(host, "CNAME")
        if alias.authenticated and alias.records:
            return [alias.records[0].lower().rstrip("."), host]
        return [host]


_NOTHING = Guard(label="nothing")


def _guard(domain: str, base: str, answer: Answer) -> Guard:
    records = dane.usable([record for text in answer.records if (record := dane.parse(text)) is not None])
    policy = Applied("tlsa", answer.records)
    if not records:
        return Guard("encrypted", "dane, none usable", policy)  # RFC 7672 2.2: TLS all the same
    by_name = any(record.usage == dane.TA for record in records)
    # one certificate may be good for the one domain's name only
    label = f"dane {domain}" if by_name else "dane"
    return Guard("dane", label, policy, tlsa=records, names=(base, domain))
