"""Finds out where domains go, many at once, so that a slow answer of the DNS holds up nobody else.

a domain without a place -> Routes.find -> Traffic.place: its mail joins a way
                               `-> no route: its mail is refused, or waits
"""

import asyncio
from collections.abc import Callable, Sequence

from lettershop.base.errors import Temporary
from lettershop.egress.message import Leased
from lettershop.egress.site import Routes, Unroutable
from lettershop.egress.traffic import Traffic
from lettershop.egress.unsent import Office, judge_all
from lettershop.egress.verdict import Answer

AT_ONCE = 500
"""Look-ups that are fresh; those that are slow already do not keep others from beginning."""
MOST = 5000
"""Look-ups under way; the cost of one that waits is a socket and a few kilobytes."""
SLOW = 1.0
SET_ASIDE = 10.0
"""After `SLOW` seconds without an answer the mail makes room for others, and is looked at again so much later."""
TRIED_TOGETHER = 8
"""Envelopes that count an attempt when the DNS is silent; the others wait."""
REFUSED_TOGETHER = 50
AGAIN = 300.0
"""Seconds for which a domain keeps its place without being looked up again."""

Park = Callable[[Sequence[tuple[Leased, float]]], None]


class Placing:
    """One per engine."""

    def __init__(
        self, traffic: Traffic, routes: Routes, office: Office, park: Park, placed: Callable[[], None]
    ) -> None:
        self._traffic = traffic
        self._routes = routes
        self._office = office
        self._park = park
        self._placed = placed
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._silent: dict[str, int] = {}  # look-ups in a row without an answer
        self._looked_at: dict[str, float] = {}
        self._slow: set[str] = set()

    def step(self) -> None:
        """Look up what has no place and is not being looked up."""
        for domain in self._traffic.unplaced:
            if len(self._tasks) - len(self._slow) >= AT_ONCE or len(self._tasks) >= MOST:
                return
            if domain not in self._tasks:
                self._tasks[domain] = asyncio.create_task(self._find(domain), name=f"route of {domain}")

    def tidy(self, now: float) -> None:
        """Let domains be looked up again whose place is old: the DNS may have changed."""
        for domain in [domain for domain, at in self._looked_at.items() if now > at + AGAIN]:
            del self._looked_at[domain]
            self._traffic.displace(domain)

    async def stop(self) -> None:
        """End what is under way; its mail stays leased here and is given back with the rest."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    def _is_slow(self, domain: str) -> None:
        """Thousands of dead domains would fill the window, and the turns of the living."""
        self._slow.add(domain)
        due = self._office.clock.now() + SET_ASIDE
        self._park([(one, due) for one in self._traffic.withdraw(domain)])
        self._placed()

    async def _find(self, domain: str) -> None:
        slow = asyncio.get_running_loop().call_later(SLOW, self._is_slow, domain)
        try:
            route = await self._routes.find(domain)
            self._silent.pop(domain, None)
            self._looked_at[domain] = self._office.clock.now()
            self._traffic.place(
                domain, route.key, route.names, route.families, by_domain=not route.everywhere
            )  # fmt: skip
        except Unroutable as error:
            await self._unroutable(domain, error)
        finally:
            slow.cancel()
            self._slow.discard(domain)
            self._tasks.pop(domain, None)
        self._placed()

    async def _unroutable(self, domain: str, error: Unroutable) -> None:
        answer = Answer(error.smtp, error.enhanced, error.public, "route")
        waiting = self._traffic.withdraw(domain)
        if error.retry:
            failures = self._silent[domain] = self._silent.get(domain, 0) + 1
            delays = self._office.retries.usual
            due = self._office.clock.now() + delays[min(failures, len(delays)) - 1]
            self._park([(one, due) for one in waiting[TRIED_TOGETHER:]])
            waiting = waiting[:TRIED_TOGETHER]
        for start in range(0, len(waiting), REFUSED_TOGETHER):
            try:
                await judge_all(self._office, waiting[start : start + REFUSED_TOGETHER], answer, answer.words)
            except Temporary:  # our own trouble: no attempt
                now = self._office.clock.now()
                self._park([(one, now) for one in waiting[start:]])
                return
