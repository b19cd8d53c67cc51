"""All that is decided about mail on its way out: sites, ways, source addresses, whose turn it is. [pure]

    place("b.example", hosts)      a domain's site and way, learned from its route
    add(lane, leased)              mail joins its way; domains without a place wait in `unplaced`
    openings(now)                  connections to open now: which way, from which source
    take(way, pace, n, now)        what such a connection sends next: priorities, tenants in turn, rates, quotas
    pace.accepted / pace.refused   what was answered (egress.pace)
    parking.surplus(traffic, now)  what cannot go soon and should not fill the window, with the time it comes back
    closed(opening)

A *site* is what a receiver counts by (egress.shaping); its limits hold for each source address. A *way* is what one
connection can serve: domains with the same hosts and the same demands on TLS, from one pool of addresses. Urgent mail
(every priority before BULK) need not wait for the window or for rate tokens; where all connections of a site are in use,
one that carries bulk is asked to leave (`evict`).

Nothing here waits, reads a clock or knows a database: the engine drives it, and a simulation drives the same code with
times of its own:

    traffic = Traffic(shaping, pools, delays)
    traffic.place("b.example", "key", ["mx.b.example"], frozenset({4}))
    traffic.add(lane, leased)
    for opening in traffic.openings(now): traffic.opened(opening); opening.pace.connected(); …
    for one in traffic.take(opening.way, opening.pace, 10, now): … opening.pace.accepted(now)
    for one, due in surplus(traffic, now): …queue again at `due`…
    traffic.closed(opening)

An outer policy (warm-up, breakers) limits messages by a `Quota`; screens, metrics and forecasts read `states(now)`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from lettershop.egress.pace import MEASURE, PER_CONNECTION, Cell, Cells, OwnCell, Pace
from lettershop.egress.shaping import Shaping
from lettershop.egress.sources import Pools
from lettershop.egress.ways import Ask, Opening, Place, Quota, Site, SiteState, Way, state
from lettershop.store.envelopes import BULK, Lane, Leased

LONGEST_PARKED = 3600.0
QUIET = 0.3
"""Seconds after which a connection that does not stand yet costs nothing but memory: others may be opened beside it."""
HANGING = 2.0
"""Seconds after which it is taken for one to a dead host."""
LONG_ENOUGH = 10.0
"""Seconds after which it may be given up, where very many hang: receivers let unknown clients wait for some seconds."""
SPARE = 5
"""Connections that only wait for the other side do not count among those that a process may have, until all are so many times
as many."""
PER_LOOK = 100
PER_PLACE = 8
"""Ways that are tried for a place that became free."""
WANTED = 1.0
"""Seconds for which other processes leave a connection to urgent mail."""


class Traffic:
    """One per process; see the module."""

    def __init__(
        self, shaping: Shaping, pools: Pools, delays: Sequence[float], *, cells: Cells | None = None,
        quota: Quota | None = None, most: int = 200,
    ) -> None:  # fmt: skip
        self.shaping = shaping
        self.pools = pools
        self.sites: dict[str, Site] = {}
        self.unplaced: dict[str, list[tuple[Lane, Leased]]] = {}
        self.places: dict[str, Place] = {}
        self.evict: list[Opening] = []  # where a connection that carries bulk should leave for urgent mail
        self._delays = delays
        self._own: dict[tuple[str, str], OwnCell] = {}
        self._cells = cells or self._own_cell
        self._quota = quota
        self._most = most
        self._open = 0
        self.stalled = (
            0  # connections that stand, and whose last question is not answered for long; the engine counts them
        )
        # since when, by id: openings to sites that were not reached before; those of them that take a while, or suspiciously long
        self._doubtful: dict[int, tuple[float, Opening]] = {}
        self._quiet: dict[int, tuple[float, Opening]] = {}
        self._hanging: dict[int, tuple[float, Opening]] = {}
        self._capped = False
        self._full = False
        self._behind: deque[Way] = deque()  # ways that found no place at the last look
        self._busy: dict[Way, None] = {}  # ways with mail, and some that lately had, in the order of turns
        self._measured_at = 0.0
        self._new: list[tuple[str, Place]] = []

    def __len__(self) -> int:
        """How many wait."""
        placed = sum(way.queue.size for way in self._busy)
        return placed + sum(len(entries) for entries in self.unplaced.values())

    def _own_cell(self, source: str, site: str) -> Cell:
        return self._own.setdefault((source, site), OwnCell())

    # -- mail in ------------------------------------------------------------------------------------------------------

    def place(
        self, domain: str, key: str, hosts: Sequence[str], families: frozenset[int], *, by_domain: bool = True
    ) -> Place:
        """Learn where a domain's mail goes (`hosts` best first); what waited for that joins its way."""
        place = Place(self.shaping.site(domain, hosts, by_domain=by_domain), key, families)
        if domain not in self.places and len(self.places) >= 100_000:
            self.places.clear()
        if self.places.get(domain) != place:
            self._new.append((domain, place))
        self.places[domain] = place
        for lane, leased in self.unplaced.pop(domain, ()):
            self._join(place, lane, leased)
        return place

    def newly_placed(self) -> list[tuple[str, Place]]:
        """Domains whose place was learned since the last call."""
        new, self._new = self._new, []
        return new

    def provider(self, domain: str) -> str:
        """The site that takes a domain's mail, as far as it is known; the domain itself where it has a server of its own."""
        place = self.places.get(domain)
        named = place.site if place is not None else self.shaping.site(domain, ())
        return named.name

    def displace(self, domain: str) -> None:
        """The domain's place is not known any more; mail that comes now is placed anew."""
        self.places.pop(domain, None)

    def withdraw(self, domain: str) -> list[Leased]:
        """Take out what waits for a place that there is not."""
        return [leased for _, leased in self.unplaced.pop(domain, ())]

    def add(self, lane: Lane, leased: Iterable[Leased]) -> None:
        """Newly leased envelopes of one lane, or some that came back."""
        places = self.places
        for one in leased:
            place = places.get(one.site)
            if place is None:
                self.unplaced.setdefault(one.site, []).append((lane, one))
            else:
                self._join(place, lane, one)

    def _join(self, place: Place, lane: Lane, leased: Leased) -> None:
        site = self.sites.get(place.site.name)
        if site is None:
            site = self.sites[place.site.name] = Site(place.site)
        pool = self.pools.choose(lane)
        way = site.ways.get((place.key, pool))
        if way is None:
            way = site.ways[place.key, pool] = Way(site, place.key, pool, place.families, leased.site)
        way.queue.add(lane, leased)
        self._busy[way] = None

    def drop(self, wanted: Callable[[int, Leased], bool]) -> list[Leased]:
        """Take out all envelopes that `wanted(lane_id, envelope)` does not want."""
        dropped = [one for way in self.busy() for one in way.queue.drop(wanted)]
        return dropped + self._drop_unplaced(wanted)

    def drop_lanes(self, wanted: Callable[[int], bool]) -> list[Leased]:
        """Take out the envelopes of lanes that are not wanted any more (held, cancelled, slowed down)."""
        dropped = [one for way in self.busy() for one in way.queue.drop_lanes(wanted)]
        return dropped + self._drop_unplaced(lambda lane_id, _: wanted(lane_id))

    def _drop_unplaced(self, wanted: Callable[[int, Leased], bool]) -> list[Leased]:
        dropped: list[Leased] = []
        for domain, entries in list(self.unplaced.items()):
            out = [leased for lane, leased in entries if not wanted(lane.lane_id, leased)]
            if out:
                dropped += out
                self.unplaced[domain] = [entry for entry in entries if wanted(entry[0].lane_id, entry[1])]
        return dropped

    def busy(self) -> list[Way]:
        """All ways with mail, those first whose turn it is."""
        for way in [way for way in self._busy if not way.queue.size]:
            del self._busy[way]
        return list(self._busy)

    # -- connections ----------------------------------------------------------------------------------------------------

    def openings(self, now: float, site: Site | None = None) -> list[Opening]:
        """Connections to open now, at one site or at all, the most urgent first. Each is counted as opened."""
        if site is not None:
            return self._in_turn([way for way in site.ways.values() if way.queue.size], now)
        self._notice_hanging(now)
        self._capped = self._full = False
        self._behind.clear()
        return self._in_turn(self.busy(), now)

    def _in_turn(self, ways: Iterable[Way], now: float) -> list[Opening]:
        """One each in turn, so that no way of a site takes all that it allows."""
        found: list[Opening] = []
        wanted = [(way, count) for way in ways if (count := self._worth(way))]
        wanted.sort(key=lambda one: one[0].queue.priority)
        while wanted:
            again = []
            for number, (way, count) in enumerate(wanted):
                if self.full:
                    self._capped = self._full = True
                    self._behind.extend((way for way, _ in wanted[number:]))
                    return found
                opening = self._opening(way, now)
                if opening is not None:
                    found.append(opening)
                    if count > 1:
                        again.append((way, count - 1))
            wanted = again
        return found

    def further(self, now: float) -> list[Opening]:
        """A connection is gone or stands, while others waited for a place: what may be opened in its stead, in few steps."""
        found = []
        for _ in range(min(len(self._behind), PER_PLACE)):
            if self.full:
                break
            way = self._behind.popleft()
            opening = self._opening(way, now) if way.queue.size and self._worth(way) else None
            if opening is not None:
                found.append(opening)
        return found

    @property
    def behind(self) -> bool:
        """Whether ways are known that wait for a place."""
        return bool(self._behind)

    def _opening(self, way: Way, now: float) -> Opening | None:
        urgent = way.queue.priority < BULK
        opening = self._best(way, now, urgent)
        if opening is not None:
            self._opened(opening, now)
        elif urgent and not way.open:
            self._make_room(way, now)
        return opening

    @property
    def capped(self) -> bool:
        """Whether mail waited only because this process has all the connections that it may, or all to unknown hosts."""
        return self._capped

    @property
    def full(self) -> bool:
        """Whether this process has all the connections that it may. Those that only wait hardly count."""
        waiting = len(self._quiet) + len(self._hanging) + self.stalled
        return self._open - waiting >= self._most or self._open >= SPARE * self._most

    def _notice_hanging(self, now: float) -> None:
        while self._doubtful and (first := next(iter(self._doubtful.items())))[1][0] <= now - QUIET:
            self._quiet[first[0]] = self._doubtful.pop(first[0])
        for key, (since, _) in list(islice(self._quiet.items(), PER_LOOK)):
            if since > now - HANGING:
                break
            self._hanging[key] = self._quiet.pop(key)

    def _worth(self, way: Way) -> int:
        """How many more connections what waits is worth; one where those that are open get no answers."""
        waiting = way.queue.size
        if not way.open:
            return 1 + waiting // PER_CONNECTION
        return (waiting + PER_CONNECTION // 2) // PER_CONNECTION or int(way.site.rate == 0.0)

    def _best(self, way: Way, now: float, urgent: bool) -> Opening | None:
        """The member of the pool with the most room; those that are suspended or rest are passed over."""
        best: Opening | None = None
        most = 0
        for source in self.pools.members[way.pool]:
            if not source.reaches(way.families):
                continue
            pace = self.pace(way.site, source.address, now)
            room = pace.room(now, urgent=urgent)
            if not pace.reached and self._enough_doubtful:
                if room > 0:
                    self._capped = True
                    self._behind.append(way)
                continue
            if room > most:
                best, most = Opening(way, source, pace), room
        return best

    @property
    def _enough_doubtful(self) -> bool:
        """Sites that may be dead get half of the connections, and never all that there can be."""
        return len(self._doubtful) >= self._most // 2 or self._crowded

    @property
    def _crowded(self) -> bool:
        return len(self._quiet) + len(self._hanging) >= (SPARE - 1) * self._most

    def given_up(self, now: float) -> list[Opening]:
        """Connections that do not stand for so long that others should have their places, where there are too many of them."""
        if not self._crowded:
            return []
        oldest = islice(self._hanging.values(), PER_LOOK)
        return [opening for since, opening in oldest if since <= now - LONG_ENOUGH]

    def _make_room(self, way: Way, now: float) -> None:
        """All connections of the site carry bulk: one of them leaves for the urgent, here or in another process."""
        for source in self.pools.members[way.pool]:
            pace = way.site.paces.get(source.address)
            if pace is None or pace.closed_until(now) or not source.reaches(way.families):
                continue
            pace.cell.wanted_until = now + WANTED
            if pace.open:
                self.evict.append(Opening(way, source, pace))
                return

    def _opened(self, opening: Opening, now: float) -> None:
        opening.pace.opened()
        opening.way.open += 1
        self._open += 1
        if not opening.pace.reached:
            self._doubtful[id(opening)] = now, opening
        ways = opening.way.site.ways
        key = (opening.way.key, opening.way.pool)
        ways[key] = ways.pop(key)  # to the end of the turns
        self._busy.pop(opening.way, None)
        self._busy[opening.way] = None

    def closed(self, opening: Opening) -> None:
        """The connection is gone."""
        opening.pace.closed()
        opening.way.open -= 1
        self._open -= 1
        self._known(opening)

    def reached(self, opening: Opening) -> None:
        """It stands."""
        opening.pace.connected()
        self._known(opening)

    def _known(self, opening: Opening) -> None:
        self._doubtful.pop(id(opening), None)
        self._quiet.pop(id(opening), None)
        self._hanging.pop(id(opening), None)

    def pace(self, site: Site, source: str, now: float) -> Pace:
        """The pace of a source at a site."""
        pace = site.paces.get(source)
        if pace is None:
            cell = self._cells(source, site.name)
            block = cell if site.row.name in ("default", site.name) else self._cells(source, site.row.name)
            pace = site.paces[source] = Pace(source, site.name, site.row, cell, block, self._delays, now)
        return pace

    # -- messages out ---------------------------------------------------------------------------------------------------

    def take(self, way: Way, pace: Pace, count: int, now: float, *, urgent: bool = False) -> list[Leased]:
        """The next envelopes for a connection; `urgent`: only what goes before bulk."""
        queue = way.queue
        if not queue.size:
            way.site.dry = True
            return []
        if now < pace.block.suspended_until:
            return []
        limited = pace.rate(now) > 0
        before = queue.before() if urgent or limited else 0
        wanted = min(count, before if urgent else queue.size)
        granted = pace.grant(wanted, now, urgent=before) if limited else wanted
        taken = queue.take(granted, self._allowed(way, pace, now)) if granted else []
        if limited:
            pace.refund(granted - len(taken))
        return taken

    def _allowed(self, way: Way, pace: Pace, now: float) -> Callable[[Lane, int], int] | None:
        quota = self._quota
        if quota is None:
            return None
        return lambda lane, wanted: quota.grant(self._ask(way.site, pace.source, lane), wanted, now)

    def _ask(self, site: Site, source: str, lane: Lane) -> Ask:
        return Ask(source, lane.sender, site.name, site.row.name, lane.campaign_id, lane.priority)

    def put_back(self, way: Way, pace: Pace, lane: Lane, leased: Leased, now: float) -> None:
        """Taken, and not sent: another connection gets it."""
        pace.refund(1)
        if self._quota is not None:
            self._quota.refund(self._ask(way.site, pace.source, lane), 1, now)
        self.add(lane, [leased])

    def patience(self, way: Way, pace: Pace, now: float, idle: float) -> float:
        """Seconds that a connection without anything to send may stay; 0: others want its place, or nothing comes soon."""
        if self._full or pace.closed_until(now) or now < pace.cell.wanted_until:
            return 0.0
        if way.queue.size:
            wait = pace.until_next(now)
            return max(0.01, wait) if wait <= idle else 0.0
        waiting = any(other.queue.size for other in way.site.ways.values())
        return 0.0 if waiting and not pace.room(now) else idle

    # -- what cannot go soon ---------------------------------------------------------------------------------------------

    def measure(self, now: float) -> None:
        """Take the rates of answers, every few seconds. Where mail ran out meanwhile, they tell nothing of the site."""
        if now < self._measured_at + 1.0:
            return
        self._measured_at = now
        for site in self.sites.values():
            site.since = site.since or now
            answers = [count for pace in site.paces.values() if (count := pace.measure(now)) >= 0]
            if answers:
                site.rate = None if site.dry else _smoothed(site, sum(answers) / MEASURE)
                site.dry = False

    def closed_until(self, way: Way, now: float) -> float:
        """When the first member of the pool may go on; 0 if one may now. Without any that reaches it: after a while."""
        return min((pace.closed_until(now) for pace in self.members(way, now)), default=now + LONGEST_PARKED)

    def members(self, way: Way, now: float) -> list[Pace]:
        """The addresses of its pool that reach it, as they stand at its site."""
        members = self.pools.members[way.pool]
        return [self.pace(way.site, source.address, now) for source in members if source.reaches(way.families)]

    def opens_at(self, way: Way, lane: Lane, now: float) -> float:
        """When the outer policy lets mail of a lane go this way."""
        if self._quota is None:
            return 0.0
        members = self.pools.members[way.pool]
        return min(self._quota.opens_at(self._ask(way.site, source.address, lane), now) for source in members)

    @property
    def hanging(self) -> set[Way]:
        """Where a connection does not stand yet though it should."""
        return {opening.way for _, opening in self._hanging.values()}

    # -- for people -------------------------------------------------------------------------------------------------------

    def states(self, now: float) -> list[SiteState]:
        """Every source at every site that this process knows; figures of the cells are those of all processes."""
        return [state(site, pace, now) for site in self.sites.values() for pace in site.paces.values()]

    def tidy(self, now: float) -> None:
        """Forget sites without mail and connections of which nothing is to be remembered."""
        for site in list(self.sites.values()):
            for key in [key for key, way in site.ways.items() if not (way.queue.size or way.open)]:
                del site.ways[key]
            if not site.ways and all(pace.forgettable(now) for pace in site.paces.values()):
                del self.sites[site.name]


def _smoothed(site: Site, rate: float) -> float | None:
    """The new rate. A site without mail meanwhile keeps its own; one that falls silent is given up within four measurements."""
    before = site.rate
    if not (rate or site.open):
        return before
    if before is None:
        return rate
    if rate:
        return (before + rate) / 2
    return before / 4 if before > 1.0 else 0.0
