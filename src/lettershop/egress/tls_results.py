"""Counts how connections to domains went, for the reports that the domains may want (RFC 8460).

    a connection ends, or cannot be had -> counted in memory, by day, domain, policy, failure -> every few seconds to the store

Nothing is counted per message; a connection that served several domains counts once for each.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from lettershop.base.clock import Clock
from lettershop.egress.guard import Applied
from lettershop.egress.site import Hop
from lettershop.net.dial import SmtpConnection
from lettershop.store import tls_results
from lettershop.store.database import Database
from lettershop.store.tls_results import DAY, Counted, Result

PAUSE = 10.0
"""Seconds between two writes."""


class TlsResults:
    """One per process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: Counter[Result] = Counter()
        self._written_at = 0.0

    def ended(self, domains: Iterable[str], hop: Hop, address: str, source: str, connection: SmtpConnection) -> None:
        """A connection that stood is over."""
        failure = connection.broken.tls if connection.broken is not None else ""
        if not failure and connection.tls is None:
            failure = "starttls-not-supported"
        for domain in domains:
            self._count(domain, hop.guard.policy, failure, hop.host, address, source)

    def failed(self, domain: str, hop: Hop, address: str, source: str, failure: str) -> None:
        """A connection could not be had for the sake of TLS."""
        self._count(domain, hop.guard.policy, failure, hop.host, address, source)

    def unknown(self, domain: str, policy: Applied, failure: str, host: str = "") -> None:
        """What the domain demands cannot be found out, or its hosts do not fit it."""
        self._count(domain, policy, failure, host, "", "")

    def _count(self, domain: str, policy: Applied, failure: str, host: str, address: str, source: str) -> None:
        result = Result(int(self._clock.now() // DAY), domain, policy.kind, "\n".join(policy.text))
        if failure:
            result = replace(result, failure=failure, mx=host, receiving_ip=address, sending_ip=source)
        self._counts[result] += 1

    async def write(self, db: Database, now: float, *, all_of_it: bool = False) -> None:
        """Hand over what was counted, if it is time. What cannot be stored now is kept."""
        if not self._counts or (now < self._written_at + PAUSE and not all_of_it):
            return
        self._written_at = now
        counts, self._counts = self._counts, Counter()
        try:
            await db.write(tls_results.add, [Counted(result, number) for result, number in counts.items()])
        except BaseException:
            self._counts.update(counts)
            raise
