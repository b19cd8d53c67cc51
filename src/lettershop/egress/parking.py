"""What cannot go soon goes back to the queue until it can, so that it does not fill the window of the others. [pure]

    surplus(traffic, now)    takes it out of the traffic, each envelope with the time at which it should come back

Reasons: the site is closed to us; its host does not answer; other processes have all its connections; an outer policy lets
nothing go; or it is merely slow: `AHEAD` seconds' worth of a site, at least `KEEP` envelopes, is held by a process.
"""

from collections.abc import Container, Sequence

from lettershop.egress.traffic import LONGEST_PARKED, Traffic
from lettershop.egress.ways import Site, Way
from lettershop.store.envelopes import Leased

AHEAD = 10.0
KEEP = 16
HOPE = 2.0
"""What is parked comes back as if the site were so much faster."""
STALLED = 60.0
"""Seconds after which what waits for a site without answers is looked at again; sooner if it is new to us."""
TAKEN = 2.0
"""Seconds after which what waits here is due again, where other processes have all the connections: they may take it."""

Parked = list[tuple[Leased, float]]


def surplus(traffic: Traffic, now: float) -> Parked:
    """Take out what a site cannot take in the next `AHEAD` seconds, each with the time at which it should come back."""
    hanging = traffic.hanging
    ways = traffic.busy()
    parked = [one for way in ways for one in _held_up(traffic, way, hanging, now)]
    sites = {way.site.name: way.site for way in ways}
    return parked + [one for site in sites.values() for one in _too_much(site, now)]


def _held_up(traffic: Traffic, way: Way, hanging: Container[Way], now: float) -> Parked:
    """What waits for a way that is closed for a reason."""
    until = traffic.closed_until(way, now)
    if until - now > AHEAD:
        return [(one, until) for one in way.queue.shed(way.queue.size)]
    bulk = way.queue.size - way.queue.before()
    if way in hanging and not any(pace.reached for pace in way.site.paces.values()):
        # one stays: what becomes of the connection is told of it
        return [(one, now + STALLED) for one in way.queue.shed(min(bulk, way.queue.size - 1))]
    if not way.open and all(
        pace.cell.connections > pace.open and not pace.room(now) for pace in traffic.members(way, now)
    ):
        return [(one, now + TAKEN) for one in way.queue.shed(bulk)]
    return _without_quota(traffic, way, now)


def _without_quota(traffic: Traffic, way: Way, now: float) -> Parked:
    later = {
        lane.lane_id: opens for lane in way.queue.lanes() if (opens := traffic.opens_at(way, lane, now)) - now > AHEAD
    }
    if not later:
        return []
    return [(one, later[one.lane_id]) for one in way.queue.drop(lambda lane_id, _: lane_id not in later)]


def _too_much(site: Site, now: float) -> Parked:
    """What is more than a slow site can take soon."""
    if site.rate is None:
        return []
    keep = max(KEEP, int(AHEAD * site.rate))
    waiting = site.waiting
    return _spread(site, _shed(site, waiting - keep), keep, now) if waiting > 2 * keep else []


def _spread(site: Site, shed: Sequence[Leased], keep: int, now: float) -> Parked:
    """When they should come back: behind those that were parked before, else all come at once, again and again.

    The site may become faster, so they come somewhat early, and none waits longer than the site has been watched.
    """
    watched = max(AHEAD, now - site.since)
    if not site.rate:
        return [(one, now + min(STALLED, watched)) for one in shed]
    rate = HOPE * site.rate
    latest = now + min(LONGEST_PARKED, watched)
    begin = max(now + keep / rate, site.promised)
    site.promised = min(latest, begin + len(shed) / rate)
    return [(one, min(latest, begin + index / rate)) for index, one in enumerate(shed)]


def _shed(site: Site, count: int) -> list[Leased]:
    """The last ones of a site, bulk before the others, from the longest way first."""
    shed: list[Leased] = []
    for way in sorted(site.ways.values(), key=lambda way: way.queue.size, reverse=True):
        least = way.queue.size - way.queue.before()
        shed = way.queue.shed(min(count - len(shed), least)) + shed
        if len(shed) >= count:
            break
    return shed
