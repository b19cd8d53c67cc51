"""How secure the way to a domain must be: the operator's wish, the domain's own policy.

    hops of a route -> the hops that may be used, each with its guard (egress.guard)

DANE comes before MTA-STS at each host of which it says something (RFC 8461 2). A host that a policy rules out is no way at
all; where none is left the mail waits.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from lettershop.base.errors import Temporary
from lettershop.egress.dane import Dane, Found
from lettershop.egress.guard import ENCRYPTED, OPEN, Applied, Guard
from lettershop.egress.site import Hop, Unroutable
from lettershop.egress.sts import StsPolicies
from lettershop.egress.tls_results import TlsResults
from lettershop.wire.trust.mtasts import Policy

EVERYBODY = "*"


class Protection:
    """One per process. Implements `site.Guards`. `required`: domains to which mail leaves over TLS only."""

    def __init__(
        self,
        required: Sequence[str] = (),
        sts: StsPolicies | None = None,
        dane: Dane | None = None,
        results: TlsResults | None = None,
    ) -> None:
        self._required = frozenset(domain.lower() for domain in required)
        self._sts = sts
        self._dane = dane
        self._results = results

    async def guarded(self, domain: str, hops: Sequence[Hop], *, fixed: bool = False) -> tuple[Hop, ...]:
        """See `site.Guards`."""
        guarded = tuple(hops) if fixed else await self._by_policies(domain, hops)
        if domain in self._required or EVERYBODY in self._required:
            return tuple(replace(hop, guard=_encrypted(hop.guard)) for hop in guarded)
        return guarded

    async def _by_policies(self, domain: str, hops: Sequence[Hop]) -> tuple[Hop, ...]:
        named, policy = await asyncio.gather(self._named(domain, hops), self._policy(domain))
        left = [hop for hop in hops if hop.host not in named or named[hop.host] is not None]
        for hop in hops:
            if hop not in left:
                self._tell(domain, Applied("tlsa"), "dnssec-invalid", hop.host)
        if self._sts is not None and (failure := self._sts.failure(domain)):
            self._tell(domain, Applied("sts"), failure)
        if not left:
            raise Unroutable(451, "4.7.5", f"The DNS hides what it says of the mail servers of {domain} (DANE).")
        if policy is not None:
            free = [hop for hop in left if hop.host not in named]
            judged = {hop.host: hop for hop in by_policy(free, policy)}
            for hop in free:
                if hop.host not in judged:
                    self._tell(domain, Applied("sts", policy.lines), "validation-failure", hop.host)
            left = [judged.get(hop.host, hop) for hop in left if hop.host in named or hop.host in judged]
            if not left:
                names = ", ".join(hop.host for hop in hops)
                words = f"The policy of {domain} (MTA-STS) names none of its mail servers: {names}."
                raise Unroutable(451, "4.7.5", words)
        return tuple(replace(hop, guard=named.get(hop.host) or hop.guard) for hop in left)

    def _tell(self, domain: str, policy: Applied, failure: str, host: str = "") -> None:
        if self._results is not None:
            self._results.unknown(domain, policy, failure, host)

    async def _named(self, domain: str, hops: Sequence[Hop]) -> Mapping[str, Found]:
        return {} if self._dane is None else await self._dane.guards(domain, hops)

    async def _policy(self, domain: str) -> Policy | None:
        if self._sts is None:
            return None
        try:
            return await self._sts.find(domain)
        except Temporary as error:  # a policy that is not known may be one that forbids
            raise Unroutable(451, "4.3.0", "The policies of receivers cannot be read now.") from error


def by_policy(hops: Sequence[Hop], policy: Policy) -> tuple[Hop, ...]:
    """Each hop with the guard of an MTA-STS policy; those that it does not name only where it is a trial."""
    trial = policy.mode == "testing"
    label = f"sts {policy.mode} {' '.join(policy.mx)}"
    used = Applied("sts", policy.lines)
    return tuple(
        replace(hop, guard=Guard("trusted", label, used, trial=trial, listed=listed))
        for hop in hops
        if (listed := policy.names(hop.host)) or trial  # RFC 8461 5: a host that is not named must not get the mail
    )


def _encrypted(guard: Guard) -> Guard:
    return ENCRYPTED if guard == OPEN else replace(guard, encrypted=True)
