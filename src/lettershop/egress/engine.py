"""The delivery engine of one process: takes leases, opens connections, brings outcomes home.

    round: lease (window) -> places (domain -> site and way) -> a connection (attempt) where the traffic allows one more
    connections: traffic -> source -> wire -> outcomes -> one commit -> room in the window -> next round

Everything that is decided about sites, addresses, turns and rates is in `egress.traffic`; here it is carried out.

A round runs when mail is queued in this process (`wake`), when the window has room again, else every `poll` seconds. It is
also the moment at which a held or cancelled campaign is noticed. `run` returns after a graceful stop: what is on the
wire is finished, everything else given back.
"""

import asyncio
from collections.abc import Mapping, Sequence
from itertools import groupby

from lettershop.base.clock import Clock
from lettershop.base.errors import Temporary
from lettershop.base.log import Logger, get_logger
from lettershop.egress.connections import Connections
from lettershop.egress.dialler import Dialler
from lettershop.egress.express import Answers, Ticket
from lettershop.egress.gate import Gate
from lettershop.egress.lease import Taken, Window
from lettershop.egress.memory import Memory
from lettershop.egress.message import Leased, MessageSource, Recipe
from lettershop.egress.outcomes import Outcomes
from lettershop.egress.pace import Cells, Change
from lettershop.egress.parking import surplus
from lettershop.egress.placing import Placing
from lettershop.egress.prepare import Prepared, Preparer
from lettershop.egress.press import Done, Press
from lettershop.egress.retries import Retries
from lettershop.egress.rooms import Rooms
from lettershop.egress.settings import Settings
from lettershop.egress.shaping import DEFAULT, Row, Shaping
from lettershop.egress.site import Routes
from lettershop.egress.sources import USUAL
from lettershop.egress.traffic import Traffic
from lettershop.egress.verdict import too_late
from lettershop.egress.ways import Opening, Quota, SiteState, Way
from lettershop.store.database import Database
from lettershop.store.envelopes import BULK, Lane, Outcome


class Engine:
    """One per process; see the module. Implements `attempt.Desk` and `express.Desk`.

    `cells` holds what the workers of a machine share (`egress.board`); `quota` is asked by how many messages may go.
    """

    def __init__(
        self, db: Database, campaigns: MessageSource | None, stored: MessageSource, routes: Routes, clock: Clock,
        settings: Settings, *, cells: Cells | None = None, quota: Quota | None = None,
    ) -> None:  # fmt: skip
        self.clock = clock
        self.routes = routes
        self.retries = Retries(settings.retry, settings.retry_by)
        self.rules = settings.rules
        self.log: Logger = get_logger("egress")
        self.dialler = Dialler.of(settings, clock)
        self._settings = settings
        self._preparer = Preparer(campaigns, stored)
        self._press = Press(clock)
        self._window = Window(db, settings.owner, size=settings.window, lease_for=settings.lease_for)
        self._outcomes = Outcomes(db, self._committed, self.log)
        self._memory = Memory(db, cells, self.dialler.results)
        usual = Row(DEFAULT, connections=settings.connections, messages_per_connection=settings.messages_per_connection)
        self.traffic = Traffic(
            settings.shaping or Shaping(usual), settings.pools, settings.retry, cells=self._memory.cell, quota=quota,
            most=settings.all_connections,
        )  # fmt: skip
        self._connections = Connections(self, lambda: self._placing.step())
        self._placing = Placing(self.traffic, routes, self, self._park_soon, self._connections.look_soon)
        self._gate = Gate(settings.workers)
        usual_source = settings.pools.members[USUAL][0].address
        self._rooms = Rooms(db, settings.warmup, usual_source, workers=settings.workers)
        self._lane_limits: Mapping[int, float | None] = {}
        self._lanes: dict[int, Lane] = {}
        self._held_up: list[Leased] = []  # taken from connections because their lane was closed
        self._parked: list[tuple[Leased, float]] = []
        self._wake = asyncio.Event()
        self._stopping = False
        self._sound = False  # the database works, as far as the last round knows
        self._waits = False  # and it was said that it does not
        self._tidy_at = 0.0
        self._generation = 0  # counts how often leases were given back that nobody here knew of

    def wake(self) -> None:
        """New mail was queued in this process: look at once."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set; returns when all leases are finished or given back."""
        watcher = asyncio.create_task(self._on_stop(stop))
        while not stop.is_set():
            try:
                await self._round()
            except Temporary as error:
                self.trouble(error)
            except Exception:  # what is on the wire goes on; only a new process may think that nothing is
                self._sound = False
                self.log.exception("a round failed")
            await self._until_next()
        await watcher
        await self._stop()

    async def _on_stop(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _until_next(self) -> None:
        try:
            async with asyncio.timeout(self._settings.poll):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    # -- a round ----------------------------------------------------------------------------------------------------

    async def _round(self) -> None:
        now = self.clock.now()
        if not self._sound:
            await self._recover(now)
        self._window.beside = len(self.traffic.hanging)
        taken = await self._window.take(now)
        held_up, self._held_up = self._held_up, []
        slower = self._slower()
        held_up += self.traffic.drop_lanes(lambda lane_id: self._lane_open(lane_id) and lane_id not in slower)
        self._give_back(held_up + self._closing())
        await self._add(taken, now)
        self._sound, self._waits = True, False
        self._placing.step()
        self._connections.look_at_all()
        self._shed(now)
        await self._window.settle()
        await self._memory.save(self.traffic, now)
        if now >= self._tidy_at:
            self._tidy_at = now + self._settings.tidy
            await self._window.tidy(now)
            self._placing.tidy(now)
            self.traffic.tidy(now)
            self._lanes = {key: lane for key, lane in self._lanes.items() if self._lane_open(key)}

    async def _recover(self, now: float) -> None:
        """At the start, and after trouble: whatever is leased to our name and is not here goes back to the queue."""
        self._generation += 1
        await self._memory.load(now)
        await self._window.settle()
        await self._window.recover(now)

    async def _add(self, taken: Taken, now: float) -> None:
        """Into the traffic; where that fails midway, the rest is given back with the next round."""
        waiting = list(reversed(taken))
        try:
            while waiting:
                lane, leased = waiting[-1]
                self._lanes[lane.lane_id] = lane
                self.traffic.add(lane, await self._let_through(lane, leased, now))
                waiting.pop()
        finally:
            for _, leased in waiting:
                self._held_up += leased

    async def _let_through(self, lane: Lane, leased: list[Leased], now: float) -> list[Leased]:
        """What breakers and warm-up allow to go now; the rest waits in the queue, or its time ran out while it waited."""
        if any(one.expires_at <= now for one in leased):  # a connection to a dead site would take a few a day
            for one in leased:
                if one.expires_at <= now:
                    self.record(too_late(one, now, self._trouble(one.site)))
            leased = [one for one in leased if one.expires_at > now]
        if not self._gate.open:
            leased, parked = self._gate.sift(lane, leased, now)
            self._window.hold_back(parked, now)
        if self._rooms.active:
            leased, parked = await self._rooms.sift(lane, leased, now)
            self._window.hold_back(parked, now)
        return leased

    def _trouble(self, domain: str) -> str:
        """The words for which the domain's site cannot be reached; empty if it can, or nobody knows."""
        place = self.traffic.places.get(domain)
        site = self.traffic.sites.get(place.site.name) if place is not None else None
        return next((pace.why for pace in site.paces.values() if pace.troubled), "") if site is not None else ""

    def _give_back(self, leased: Sequence[Leased]) -> None:
        if self._rooms.active:
            self._rooms.refund(leased)
        self._window.give_back(leased)

    def _lane_open(self, lane_id: int) -> bool:
        return lane_id in self._window.open_lanes

    def _slower(self) -> set[int]:
        """Lanes that were limited since the last round: what is held of them goes back and comes at the new pace."""
        before, self._lane_limits = self._lane_limits, self._window.open_lanes
        return {key for key, limit in self._lane_limits.items() if limit and before.get(key, limit) != limit}

    def _closing(self) -> list[Leased]:
        """What is held for the providers at which a campaign is held back since the last round."""
        found: list[Leased] = []
        for closed in self._gate.learn(self._window.closed):
            lanes = {key for key, lane in self._lanes.items() if lane.campaign_id == closed.campaign_id}
            domain = closed.provider
            found += self.traffic.drop(lambda lane_id, one: lane_id not in lanes or one.site != domain)  # noqa: B023 - called at once
        return found

    def _park_soon(self, parked: Sequence[tuple[Leased, float]]) -> None:
        self._parked += parked

    def _shed(self, now: float) -> None:
        """Park what a site cannot take soon, so that it does not fill the window of the others."""
        self.traffic.measure(now)
        parked, self._parked = self._parked + surplus(self.traffic, now), []
        if parked:
            if self._rooms.active:
                self._rooms.refund([one for one, _ in parked])
            dues = [due for _, due in parked]
            self._window.park([one for one, _ in parked], dues.__getitem__)

    def states(self) -> list[SiteState]:
        """Sources at sites as they are now, for metrics and forecasts."""
        return self.traffic.states(self.clock.now())

    @property
    def halted(self) -> bool:
        """Whether nothing new may begin: at a stop, or while the database does not take what happens."""
        return self._stopping or not self._sound or self._outcomes.late

    # -- for what goes past the queue (express.Desk) -------------------------------------------------------------------

    def ticket(self, priority: int) -> Ticket | None:
        """See `express.Desk.ticket`."""
        claim = None if self.halted else self._window.claim(priority, self.clock.now())
        return Ticket(claim, self._generation) if claim is not None else None

    def hand_over(self, ticket: Ticket, lane: Lane, leased: Sequence[Leased], answers: Answers) -> None:
        """See `express.Desk.hand_over`. After trouble the lease may be another's by now: the next round finds out."""
        if self.halted or ticket.generation != self._generation:
            self._sound = False
            self._wake.set()
            return
        self._window.adopt(lane, leased)
        self._lanes[lane.lane_id] = lane
        self._preparer.know(answers, self.clock.monotonic())
        self.traffic.add(lane, leased)
        for domain in {one.site for one in leased}:
            self._hurry(domain)

    def _hurry(self, domain: str) -> None:
        """A connection of the domain's site that is free, or has only bulk prepared; else a further one."""
        place = self.traffic.places.get(domain)
        site = self.traffic.sites.get(place.site.name) if place is not None else None
        if site is None:
            self._placing.step()
            return
        ways = [way for way in site.ways.values() if way.queue.size]
        self._connections.wake(ways)
        if any(way.queue.size for way in ways):
            self._connections.look_at(site)

    # -- for connections (attempt.Desk) -------------------------------------------------------------------------------

    def take(self, opening: Opening, count: int, *, urgent: bool = False) -> list[Leased]:
        """See `attempt.Desk.take`. Nothing while its outcome could not be stored: a `kill -9` would send it twice."""
        if self.halted:
            return []
        return self.traffic.take(opening.way, opening.pace, count, self.clock.now(), urgent=urgent)

    def overtaken(self, opening: Opening) -> bool:
        """See `attempt.Desk.overtaken`."""
        queue = opening.way.queue
        return bool(queue.size) and queue.priority < BULK

    def patience(self, opening: Opening) -> float:
        """See `attempt.Desk.patience`."""
        return self.traffic.patience(opening.way, opening.pace, self.clock.now(), self._settings.idle)

    def put_back(self, opening: Opening, leased: Sequence[Leased]) -> None:
        """See `attempt.Desk.put_back`."""
        for one in leased:
            lane = self._lanes.get(one.lane_id)
            if lane is None:
                self._held_up.append(one)
            else:
                self.traffic.put_back(opening.way, opening.pace, lane, one, self.clock.now())

    def moved(self, way: Way) -> None:
        """See `attempt.Desk.moved`."""
        waiting = way.queue.take(way.queue.size)
        for domain in {one.site for one in waiting} | {way.domain}:
            self.traffic.displace(domain)
        for lane_id, group in groupby(waiting, key=lambda one: one.lane_id):
            lane = self._lanes.get(lane_id)
            if lane is None:
                self._held_up += group
            else:
                self.traffic.add(lane, group)
        self._placing.step()

    def tell(self, change: Change) -> None:
        """See `attempt.Desk.tell`."""
        self._memory.tell(change)
        words = "a site is suspended for an address" if change.until else "a site takes mail of an address again"
        self.log.warning(words, site=change.site, source=change.source, why=change.why, answer=change.answer)
        self._wake.set()

    def admit(self, leased: Leased) -> bool:
        """See `attempt.Desk.admit`."""
        if self.clock.now() >= leased.leased_until:
            self._window.let_go([leased.envelope_id])
            return False
        if leased.lane_id not in self._window.open_lanes:
            self._held_up.append(leased)  # to the store with the next round; the schedule would offer it again at once
            return False
        return True

    def reached(self, opening: Opening) -> None:
        """See `attempt.Desk.reached`."""
        self.traffic.reached(opening)
        self._connections.look_at(opening.way.site)

    async def prepare(self, leased: Sequence[Leased], *, patience: float) -> Prepared:
        """See `attempt.Desk.prepare`."""
        known = self._preparer.answered(leased, self.clock.monotonic())
        if known is not None:
            return known
        return await self._preparer.ask(leased, patience=patience)

    def make(self, recipe: Recipe, done: Done) -> None:
        """See `attempt.Desk.make`. What is ready-made needs no turn at the press."""
        if recipe.draft is None:
            done(self._press.now(recipe))
        else:
            self._press.want(recipe, done)

    def record(self, outcome: Outcome, opening: Opening | None = None) -> None:
        """See `attempt.Desk.record`."""
        way = (opening.way.site.name, opening.source.address) if opening is not None else None
        self._settings.book.count(outcome.fact, way)
        self._outcomes.add(outcome)

    def trouble(self, error: Temporary) -> None:
        """See `attempt.Desk.trouble`."""
        self._sound = False
        if not self._waits:  # once, however long it lasts
            self.log.warning("delivery waits", why=error.public)
        self._waits = True

    def _committed(self, group: list[Outcome]) -> None:
        self._window.let_go(outcome.envelope_id for outcome in group)
        if self._window.hungry:
            self._wake.set()

    # -- the end ------------------------------------------------------------------------------------------------------

    async def _stop(self) -> None:
        self._stopping = True
        await self._placing.stop()
        await self._connections.stop(self._settings.stop_patience)
        self._rooms.refund(self.traffic.drop_lanes(lambda _: False))
        await self._rooms.give_back()
        await self._outcomes.flush()
        await self._memory.save(self.traffic, self.clock.now(), all_of_it=True)
        await self._window.leave(self.clock.now())
