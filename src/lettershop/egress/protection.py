"""How secure the way to a domain must be: the operator's wish, the domain's own policy.

    hops of a route -> the hops that may be used, each with its guard (egress.guard)

A host that a policy rules out is no way at all; where none is left the mail waits.
"""

from collections.abc import Sequence
from dataclasses import replace

from lettershop.base.errors import Temporary
from lettershop.egress.guard import ENCRYPTED, OPEN, Applied, Guard
from lettershop.egress.site import Hop, Unroutable
from lettershop.egress.sts import StsPolicies
from lettershop.wire.trust.mtasts import Policy

EVERYBODY = "*"


class Protection:
    """One per process. Implements `site.Guards`. `required`: domains to which mail leaves over TLS only."""

    def __init__(self, required: Sequence[str] = (), sts: StsPolicies | None = None) -> None:
        self._required = frozenset(domain.lower() for domain in required)
        self._sts = sts

    async def guarded(self, domain: str, hops: Sequence[Hop], *, fixed: bool = False) -> tuple[Hop, ...]:
        """See `site.Guards`."""
        policy = None if fixed or self._sts is None else await self._policy(self._sts, domain)
        guarded = tuple(hops) if policy is None else by_policy(domain, hops, policy)
        if domain in self._required or EVERYBODY in self._required:
            return tuple(replace(hop, guard=_encrypted(hop.guard)) for hop in guarded)
        return guarded

    async def _policy(self, sts: StsPolicies, domain: str) -> Policy | None:
        try:
            return await sts.find(domain)
        except Temporary as error:  # a policy that is not known may be one that forbids
            raise Unroutable(451, "4.3.0", "The policies of receivers cannot be read now.") from error


def by_policy(domain: str, hops: Sequence[Hop], policy: Policy) -> tuple[Hop, ...]:
    """Each hop with the guard of an MTA-STS policy; those that it does not name only where it is a trial."""
    trial = policy.mode == "testing"
    label = f"sts {policy.mode} {' '.join(policy.mx)}"
    used = Applied("sts", policy.lines, policy.mx)
    guarded = tuple(
        replace(hop, guard=Guard("trusted", label, used, trial=trial, listed=listed))
        for hop in hops
        if (listed := policy.names(hop.host)) or trial  # RFC 8461 5: a host that is not named must not get the mail
    )
    if not guarded:
        names = ", ".join(hop.host for hop in hops)
        raise Unroutable(451, "4.7.0", f"The policy of {domain} (MTA-STS) names none of its mail servers: {names}.")
    return guarded


def _encrypted(guard: Guard) -> Guard:
    return ENCRYPTED if guard == OPEN else replace(guard, encrypted=True)
