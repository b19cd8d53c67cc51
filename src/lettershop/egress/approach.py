"""From a way to a connection that stands, or to what becomes of the mail that cannot get there.

route -> each address of each host, best first -> the first that takes us
                                               -> none: a handful of envelopes counts an attempt, the others wait
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from lettershop.base.errors import Temporary
from lettershop.egress.aside import Place, send_anyway
from lettershop.egress.dialler import Dialler
from lettershop.egress.message import Leased
from lettershop.egress.pace import Change
from lettershop.egress.site import Hop, Routes, Unroutable
from lettershop.egress.unsent import Office, failure_of, judge_all
from lettershop.egress.verdict import Answer
from lettershop.egress.ways import Opening, Way
from lettershop.net.dial import CannotConnect, SmtpConnection
from lettershop.wire.smtp.transcript import bounded, remark

MOST_ADDRESSES = 6
_GIVEN_UP = "No answer for some seconds, while very many connections hang."
FAILED_TOGETHER = 8
"""Envelopes that count an attempt when a site cannot be reached; the others wait until it can."""


class Hall(Office, Protocol):
    """What is needed of the engine."""

    routes: Routes
    dialler: Dialler

    def take(self, opening: Opening, count: int, *, urgent: bool = False) -> list[Leased]:
        """The next envelopes of a way; `urgent`: only those that go before bulk."""

    def put_back(self, opening: Opening, leased: Sequence[Leased]) -> None:
        """Untried, for another connection."""

    def moved(self, way: Way) -> None:
        """Its domains are served by other hosts now."""

    def tell(self, change: Change) -> None:
        """News for the operator."""

    def trouble(self, error: Temporary) -> None:
        """The source does not answer for the moment: nothing more is given out until the database works."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A connection that stands. `found`: the DNS told the host. `tried`: what was tried until then, as lines.

    `others`: the places behind this one that are of other hosts.
    """

    connection: SmtpConnection
    hop: Hop
    address: str
    found: bool
    tried: tuple[str, ...]
    others: tuple[Place, ...]


async def approach(hall: Hall, opening: Opening, limited: Callable[[asyncio.Timeout], None]) -> Arrival | None:
    """None: nobody took us, and all who had to know of it do. `limited` gets what may end the present try early."""
    try:
        route = await hall.routes.find(opening.way.domain)
    except Unroutable:
        hall.moved(opening.way)
        return None
    if route.key != opening.way.key:
        hall.moved(opening.way)
        return None
    failure = Answer(451, "4.4.1", "No host to connect to.", "connect")
    source, barred = opening.source, None
    tried: tuple[str, ...] = ()
    places = [(hop, address) for hop in route.hops for address in hop.addresses if source.reaches(_family(address))]
    for number, (hop, address) in enumerate(places[:MOST_ADDRESSES], 1):
        tried += (remark(f"to {hop.host} [{address}]:{hop.port} from {source.address or 'any address'}"),)
        try:
            async with asyncio.timeout(None) as limit:
                limited(limit)
                connection = await hall.dialler.connect(hop, address, source)
        except TimeoutError:
            tried += (remark(_GIVEN_UP),)
            failure = Answer(451, "4.4.1", _GIVEN_UP, "connect", hop.host, talk=bounded("\n".join(tried)))
            break
        except CannotConnect as error:
            tried += tuple(filter(None, (error.dialogue, "" if error.reply else remark(error.public))))
            failure = replace(failure_of(error, hop.host), talk=bounded("\n".join(tried)))
            if error.tls:
                barred = (hop, address)
                hall.dialler.results.failed(opening.way.domain, hop, address, source.address, error.tls)
            if error.reply is not None and not error.tls and _suspends(hall, opening, failure):
                return None
        else:
            others = tuple(place for place in places[number:MOST_ADDRESSES] if place[0].host != hop.host)
            return Arrival(connection, hop, address, not route.fixed, tried, others)
    await _fail(hall, opening, failure, barred)
    return None


async def _fail(hall: Hall, opening: Opening, answer: Answer, barred: Place | None) -> None:
    """The site cannot be reached. While other connections stand it has merely enough of us.

    `barred`: where only what its guard demands is missing.
    """
    now, pace = hall.clock.now(), opening.pace
    if pace.standing:
        pace.objected(now, answer.line)
        return
    if pace.closed_until(now):
        return
    taken = hall.take(opening, FAILED_TOGETHER)
    pace.unreachable(now, answer.line)
    try:
        if barred is None:
            await judge_all(hall, taken, answer, pace.why)
        else:
            await send_anyway(hall, hall.dialler, barred, opening.source, taken, answer)
    except Temporary as error:
        hall.trouble(error)
        hall.put_back(opening, taken)


def _suspends(hall: Hall, opening: Opening, answer: Answer) -> bool:
    """Whether what the server says instead of a greeting closes the site to this address."""
    reason = hall.rules.classify(answer.code, answer.enhanced, answer.text, answer.stage, answer.mx).reason
    change = opening.pace.refused(hall.clock.now(), reason, answer.line, answer.code)
    if change is not None:
        hall.tell(change)
    return change is not None


def _family(address: str) -> frozenset[int]:
    return frozenset({6 if ":" in address else 4})
