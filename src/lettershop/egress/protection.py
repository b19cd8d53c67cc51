"""How secure the way to a domain must be: the operator's wish.

hops of a route -> the hops that may be used, each with its guard (egress.guard)
"""

from collections.abc import Sequence
from dataclasses import replace

from lettershop.egress.guard import ENCRYPTED
from lettershop.egress.site import Hop

EVERYBODY = "*"


class Protection:
    """One per process. Implements `site.Guards`. `required`: domains to which mail leaves over TLS only."""

    def __init__(self, required: Sequence[str] = ()) -> None:
        self._required = frozenset(domain.lower() for domain in required)

    async def guarded(self, domain: str, hops: Sequence[Hop], *, fixed: bool = False) -> tuple[Hop, ...]:
        """See `site.Guards`."""
        if domain in self._required or EVERYBODY in self._required:
            return tuple(replace(hop, guard=ENCRYPTED) for hop in hops)
        return tuple(hops)
