"""How source addresses stand at receivers' sites, as operators look at it; what the table says of a domain."""

from collections.abc import Sequence
from dataclasses import dataclass

from lettershop.base.clock import Clock
from lettershop.base.errors import LettershopError, NotFound
from lettershop.egress.shaping import Row, Shaping
from lettershop.egress.site import Routes
from lettershop.store import sites as rows
from lettershop.store.database import Database
from lettershop.store.sites import SiteRow


class NotSuspended(NotFound):
    """There is nothing to resume."""

    code = "not-suspended"


@dataclass(frozen=True, slots=True)
class Standing:
    """One source ("": the system's choice) at one site. Rates in messages a minute, 0: no limit; times 0: not.

    `queued` counts the envelopes of the whole queue for the site. `why` is empty while nothing is held back.
    """

    site: str
    source: str
    provider: str
    connections: int
    window: int
    limit: int
    per_minute: float
    speed: float
    queued: int
    rests_until: float
    suspended_until: float
    why: str
    at: float


@dataclass(frozen=True, slots=True)
class Effective:
    """The row of the table that counts for a domain; `hosts` best first, empty if they could not be looked up."""

    domain: str
    site: str
    row: Row
    hosts: Sequence[str]
    trouble: str = ""


class Sites:
    """One object per process, on the main half."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def standings(self) -> list[Standing]:
        """What was written last of every source at every site: suspended ones first, then the longest queues."""
        now = self._clock.now()
        found, queued = await self._db.read(lambda conn: (rows.all_states(conn), rows.waiting(conn)))
        known = {row.site for row in found}
        rest = [SiteRow(source="", site=site, provider="") for site in queued.keys() - known]
        standings = [_standing(row, queued.get(row.site, 0), now) for row in (*found, *rest)]
        return sorted(standings, key=lambda one: (-one.suspended_until, -one.queued, one.site, one.source))

    async def resume(self, site: str, source: str | None = None) -> int:
        """End suspensions; how many sources. The workers notice within seconds. Raises NotSuspended."""
        count = await self._db.write(rows.lift, site, self._clock.now(), source)
        if not count:
            raise NotSuspended(f"Nothing is suspended at {site}.", remedy="`lettershop queue sites` lists the sites.")
        return count


def _standing(row: SiteRow, queued: int, now: float) -> Standing:
    suspended = row.suspended_until if row.suspended_until > now else 0.0
    rests = row.rests_until if row.rests_until > now else 0.0
    held = suspended or rests or row.narrow_until > now or row.throttle
    return Standing(
        row.site, row.source, row.provider, int(row.connections), int(row.window), int(row.most), row.per_minute, row.speed,
        queued, rests, suspended, row.why if held else "", row.at,
    )  # fmt: skip


async def effective(table: Shaping, routes: Routes, domain: str) -> Effective:
    """What counts for a domain, by its route."""
    try:
        route = await routes.find(domain)
    except LettershopError as error:
        named = table.site(domain, ())
        return Effective(domain, named.name, named.row, (), error.public)
    named = table.site(domain, route.names, by_domain=not route.everywhere)
    return Effective(domain, named.name, named.row, route.names)
