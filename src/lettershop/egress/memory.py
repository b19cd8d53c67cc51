"""What is known of sites beyond this process: kept over restarts, told to people.

    start: the rows of the store fill the cells of sources and sites as they are met
    a change (a window closed, a site suspended) -> within a second its row and its fact, one write for all of them
    every few seconds: the live figures of the busiest sites, for screens

Processes of one machine share their cells (`egress.board`); through the rows others and the next start know, too.
"""

from lettershop.base.errors import Temporary
from lettershop.base.facts import Fact, SiteResumed, SiteSuspended
from lettershop.egress.pace import Cell, Cells, Change, OwnCell, Pace
from lettershop.egress.tls_results import TlsResults
from lettershop.egress.traffic import Traffic
from lettershop.egress.ways import Site
from lettershop.store import sites
from lettershop.store.database import Database
from lettershop.store.sites import Home, SiteRow

PAUSE = 1.0
"""Seconds between two writes of changes."""
LIVE = 5.0
"""Seconds between two writes of live figures, of at most `BUSIEST` sites."""
BUSIEST = 50
KEPT = (
    "window", "ceiling", "throttle", "throttled_from", "rests_until", "failures", "suspended_until", "strikes", "told",
    "narrow_until", "narrow_connections", "narrow_rate",
)  # fmt: skip


class Memory:
    """One per engine."""

    def __init__(self, db: Database, cells: Cells | None, results: TlsResults) -> None:
        self._results = results
        self._db = db
        self._cells = cells or self._own_cell
        self._own: dict[tuple[str, str], OwnCell] = {}
        self._loaded: dict[tuple[str, str], SiteRow] = {}
        self._homes: dict[str, Home] = {}
        self._shown: set[tuple[str, str]] = set()
        self._facts: list[Fact] = []
        self._saved_at = self._live_at = self._lifted_at = 0.0

    async def load(self, now: float) -> None:
        """Read what was known when the program stopped."""
        self._loaded = {(row.source, row.site): row for row in await self._db.read(sites.all_states)}
        self._homes = await self._db.read(sites.homes)
        self._lifted_at = now

    def cell(self, source: str, site: str) -> Cell:
        """The cell of a source at a site, as it was left."""
        cell = self._cells(source, site)
        row = self._loaded.pop((source, site), None)
        if row is not None and not cell.window:
            for name in KEPT:
                setattr(cell, name, getattr(row, name))
            cell.why = row.why
        return cell

    def _own_cell(self, source: str, site: str) -> Cell:
        return self._own.setdefault((source, site), OwnCell())

    def tell(self, change: Change) -> None:
        """News for the operator, written with the next change."""
        if change.until:
            fact: Fact = SiteSuspended(
                at=change.at, site=change.site, source=change.source, until=change.until, why=change.why,
                answer=change.answer,
            )  # fmt: skip
        else:
            fact = SiteResumed(at=change.at, site=change.site, source=change.source, why=change.why)
        self._facts.append(fact)
        self._saved_at = 0.0

    async def save(self, traffic: Traffic, now: float, *, all_of_it: bool = False) -> None:
        """Write what changed, if it is time."""
        await self._results.write(self._db, now, all_of_it=all_of_it)
        if now < self._saved_at + PAUSE and not all_of_it:
            return
        self._saved_at = now
        rows, paces = self._changed(traffic, now)
        if now >= self._live_at + LIVE or all_of_it:
            self._live_at = now
            rows.update(self._live(traffic, now))
            await self._take_lifted(traffic)
        homes = self._new_homes(traffic)
        facts, self._facts = self._facts, []
        if not (rows or homes or facts):
            return
        try:
            await self._db.write(sites.save, list(rows.values()), homes, facts)
        except Temporary:
            self._facts = facts + self._facts
            for pace in paces:
                pace.changed = True
            raise
        self._homes.update((one.domain, one) for one in homes)

    def _changed(self, traffic: Traffic, now: float) -> tuple[dict[tuple[str, str], SiteRow], list[Pace]]:
        rows: dict[tuple[str, str], SiteRow] = {}
        paces = [
            (site, pace) for site in traffic.sites.values() for pace in site.paces.values() if pace.changed
        ]  # fmt: skip
        for site, pace in paces:
            pace.changed = False
            rows[pace.source, site.name] = _row(site, pace, now)
            if pace.scope != site.name:
                rows[pace.source, pace.scope] = _block(pace, now)
        return rows, [pace for _, pace in paces]

    def _live(self, traffic: Traffic, now: float) -> dict[tuple[str, str], SiteRow]:
        """The busiest, and once more those that were busy before."""
        busy = sorted(traffic.sites.values(), key=lambda site: (-site.open, -site.waiting))[:BUSIEST]
        rows = {
            (pace.source, site.name): _row(site, pace, now)
            for site in busy for pace in site.paces.values() if site.waiting or pace.cell.connections
        }  # fmt: skip
        for source, name in self._shown - rows.keys():
            if (site := traffic.sites.get(name)) and source in site.paces:
                rows[source, name] = _row(site, site.paces[source], now)
        self._shown = {key for key, row in rows.items() if row.waiting or row.connections}
        return rows

    def _new_homes(self, traffic: Traffic) -> list[Home]:
        new = [Home(domain, place.site.name, place.site.row.name) for domain, place in traffic.newly_placed()]
        return [one for one in new if self._homes.get(one.domain) != one]

    async def _take_lifted(self, traffic: Traffic) -> None:
        """An operator ended a suspension: forget it here, too."""
        for source, name, at in await self._db.read(sites.lifted, self._lifted_at):
            self._lifted_at = max(self._lifted_at, at)
            self._loaded.pop((source, name), None)
            for site in traffic.sites.values():
                pace = site.paces.get(source)
                if pace is not None and name in (site.name, pace.scope):
                    pace.lift()


def _row(site: Site, pace: Pace, now: float) -> SiteRow:
    cell = pace.cell
    return SiteRow(
        source=pace.source, site=site.name, provider=site.row.name, **{name: getattr(cell, name) for name in KEPT},
        connections=cell.connections, speed=cell.speed, waiting=site.waiting, most=pace.limit(now), per_minute=pace.rate(now),
        why=cell.why if cell is not pace.block else pace.why, at=now,
    )  # fmt: skip


def _block(pace: Pace, now: float) -> SiteRow:
    block = pace.block
    return SiteRow(
        source=pace.source, site=pace.scope, provider=pace.row.name, **{name: getattr(block, name) for name in KEPT},
        why=block.why, at=now,
    )  # fmt: skip
