"""What the traffic is made of: sites and ways with their mail, places, openings; the port of an outer policy. [pure]

`egress.traffic` says what these words mean and decides with them.
"""

from dataclasses import dataclass
from typing import Protocol

from lettershop.egress.pace import Pace
from lettershop.egress.schedule import Turns
from lettershop.egress.shaping import SiteName
from lettershop.egress.sources import Source


@dataclass(frozen=True, slots=True)
class Ask:
    """For whom an outer policy is asked: `provider` is the row of the table ("default": none of its own)."""

    source: str
    sender: str
    site: str
    provider: str
    campaign_id: int
    priority: int


class Quota(Protocol):
    """How many messages an outer policy lets go. Asked for a handful at a time; must not wait."""

    def grant(self, ask: Ask, wanted: int, now: float) -> int:
        """How many of `wanted` may go now; they count as gone."""

    def refund(self, ask: Ask, count: int, now: float) -> None:
        """So many did not go after all."""

    def opens_at(self, ask: Ask, now: float) -> float:
        """When the next may go; `now` or earlier if one may."""


class Way:
    """See the module. `domain` is one of those it serves."""

    __slots__ = ("domain", "families", "key", "open", "pool", "queue", "site")

    def __init__(self, site: "Site", key: str, pool: str, families: frozenset[int], domain: str) -> None:
        self.site = site
        self.key = key
        self.pool = pool
        self.families = families
        self.domain = domain
        self.queue = Turns()
        self.open = 0


class Site:
    """A site with mail or connections in this process."""

    __slots__ = ("dry", "name", "paces", "promised", "rate", "row", "since", "ways")

    def __init__(self, named: SiteName) -> None:
        self.name = named.name
        self.row = named.row
        self.ways: dict[tuple[str, str], Way] = {}  # in the order of turns
        self.paces: dict[str, Pace] = {}
        self.rate: float | None = None  # answers a second in this process; None: not known yet
        self.dry = False  # a connection had nothing to send since the last measurement
        self.since = 0.0  # when it was measured first
        self.promised = 0.0  # until then its time is given to what was parked

    @property
    def waiting(self) -> int:
        """Envelopes that are held here for it."""
        return sum(way.queue.size for way in self.ways.values())

    @property
    def open(self) -> int:
        """Connections of this process."""
        return sum(way.open for way in self.ways.values())


@dataclass(frozen=True, slots=True)
class Place:
    """Where a domain's mail goes."""

    site: SiteName
    key: str
    families: frozenset[int]


@dataclass(frozen=True, slots=True)
class Opening:
    """A connection to be made."""

    way: Way
    source: Source
    pace: Pace


@dataclass(frozen=True, slots=True)
class SiteState:
    """One source at one site, for people and forecasts. Rates a minute, 0: no limit. Times since the epoch, 0: not."""

    source: str
    site: str
    provider: str
    connections: int
    window: int
    limit: int
    per_minute: float
    speed: float
    waiting: int
    rests_until: float
    suspended_until: float
    strikes: int
    throttle: float
    why: str


def state(site: Site, pace: Pace, now: float) -> SiteState:
    """What is to be told of a source at a site."""
    cell, block = pace.cell, pace.block
    return SiteState(
        pace.source, site.name, site.row.name, cell.connections, int(cell.window), pace.limit(now), pace.rate(now),
        cell.speed, site.waiting, max(0.0, cell.rests_until), block.suspended_until, int(block.strikes), cell.throttle,
        pace.why if pace.closed_until(now) or block.narrow_until > now or cell.throttle else "",
    )  # fmt: skip
