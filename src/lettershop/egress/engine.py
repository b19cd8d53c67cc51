"""The delivery engine of one process: takes leases, opens connections, brings outcomes home.

    round: lease (window) -> schedule by site -> a connection (attempt) where the site's pace allows one more
    connections: schedule -> source -> wire -> outcomes -> one commit -> room in the window -> next round

A round runs when mail is queued in this process (`wake`), when the window has room again, else every `poll` seconds. It is
also the moment at which a held or cancelled campaign is noticed. `run` returns after a graceful stop: what is on the
wire is finished, everything else given back.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from lettershop.base.clock import Clock
from lettershop.base.config import Config
from lettershop.base.errors import Temporary
from lettershop.base.log import Logger, get_logger
from lettershop.egress.attempt import Attempt, Dialler
from lettershop.egress.breakers import rulebook
from lettershop.egress.classify import Rules, load, shipped
from lettershop.egress.gate import Gate
from lettershop.egress.lease import Window
from lettershop.egress.message import Leased, MessageSource, Recipe
from lettershop.egress.outcomes import Outcomes
from lettershop.egress.pace import Limits, Pace
from lettershop.egress.prepare import Prepared, Preparer
from lettershop.egress.press import Done, Press
from lettershop.egress.rooms import Rooms
from lettershop.egress.schedule import Schedule
from lettershop.egress.site import Routes
from lettershop.egress.warmup import Plan, plan_of
from lettershop.net.dial import Timeouts
from lettershop.store.database import Database
from lettershop.store.envelopes import Lane, Outcome
from lettershop.wire.smtp.outgoing import Settings as SmtpSettings


@dataclass(frozen=True, slots=True)
class Settings:
    """Seconds and counts. `owner` names this process in leases, the same after a restart; `connections` and
    `messages_per_connection` are for one site and this process alone."""

    hostname: str
    owner: str
    retry: Sequence[float] = (300.0, 900.0, 1800.0, 3600.0)
    connections: int = 10
    messages_per_connection: int = 100
    all_connections: int = 200
    window: int = 1000
    lease_for: float = 900.0
    poll: float = 0.25
    tidy: float = 2.0
    idle: float = 2.0
    stop_patience: float = 10.0
    timeouts: Timeouts | None = None
    tls: ssl.SSLContext | None = None
    source_address: str | None = None
    rules: Rules = field(default_factory=shipped)
    workers: int = 1
    warmup: Plan = field(default_factory=Plan)

    @classmethod
    def of(cls, config: Config, *, owner: str, workers: int, tls: ssl.SSLContext | None) -> "Settings":
        """From the configuration; what is meant for all workers together is divided among them."""
        delivery = config.delivery
        return cls(
            hostname=config.server.hostname,
            owner=owner,
            retry=tuple(delivery.retry),
            connections=max(1, -(-delivery.connections // workers)),
            messages_per_connection=delivery.messages_per_connection,
            tls=tls,
            source_address=delivery.source_addresses[0] if delivery.source_addresses else None,
            rules=load(delivery.bounce_rules),
            workers=workers,
            warmup=plan_of(delivery.warmup, rulebook(delivery.breakers).usual),
        )


class Engine:
    """One per process; see the module. Implements `attempt.Desk`."""

    def __init__(
        self, db: Database, campaigns: MessageSource | None, stored: MessageSource, routes: Routes, clock: Clock,
        settings: Settings,
    ) -> None:  # fmt: skip
        self.clock = clock
        self.routes = routes
        self.delays = settings.retry
        self.rules = settings.rules
        self.idle = settings.idle
        self.log: Logger = get_logger("egress")
        self.dialler = Dialler(
            SmtpSettings(settings.hostname, tls="may" if settings.tls else "never"),
            settings.tls, settings.timeouts, settings.source_address,
        )  # fmt: skip
        self._settings = settings
        self._preparer = Preparer(campaigns, stored)
        self._press = Press(clock)
        self._limits = Limits(settings.connections, settings.messages_per_connection)
        self._window = Window(db, settings.owner, size=settings.window, lease_for=settings.lease_for)
        self._outcomes = Outcomes(db, self._committed, self.log)
        self._schedule = Schedule()
        self._gate = Gate(settings.workers)
        self._rooms = Rooms(db, settings.warmup, settings.source_address or "", workers=settings.workers)
        self._lane_limits: Mapping[int, float | None] = {}
        self._lanes: dict[int, Lane] = {}
        self._held_up: list[Leased] = []  # taken from connections because their lane was closed
        self._paces: dict[str, Pace] = {}
        self._attempts: dict[Attempt, tuple[str, asyncio.Task[None]]] = {}
        self._wake = asyncio.Event()
        self._unreached = 0  # connections to sites that were not reached before
        self._stopping = False
        self._tidy_at = 0.0

    def wake(self) -> None:
        """New mail was queued in this process: look at once."""
        self._wake.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop` is set; returns when all leases are finished or given back."""
        watcher = asyncio.create_task(self._on_stop(stop))
        recovered = False
        while not stop.is_set():
            try:
                if not recovered:
                    recovered = await self._window.recover(self.clock.now()) >= 0
                await self._round()
            except Temporary as error:
                self.log.warning("delivery waits", why=error.public)
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
        taken = await self._window.take(now)
        held_up, self._held_up = self._held_up, []
        slower = self._slower()
        held_up += self._schedule.drop(lambda lane_id: self._lane_open(lane_id) and lane_id not in slower)
        await self._give_back(held_up + self._closing())
        for lane, leased in taken:
            self._lanes[lane.lane_id] = lane
            self._schedule.add(lane, await self._let_through(lane, leased, now))
        self._dispatch(now)
        await self._shed(now)
        if now >= self._tidy_at:
            self._tidy_at = now + self._settings.tidy
            await self._window.tidy(now)
            self._forget_paces(now)
            self._lanes = {key: lane for key, lane in self._lanes.items() if self._lane_open(key)}

    async def _let_through(self, lane: Lane, leased: list[Leased], now: float) -> list[Leased]:
        """What breakers and warm-up allow to go now; the rest waits in the queue."""
        if not self._gate.open:
            leased, parked = self._gate.sift(lane, leased, now)
            await self._window.hold_back(parked, now)
        if self._rooms.active:
            leased, parked = await self._rooms.sift(lane, leased, now)
            await self._window.hold_back(parked, now)
        return leased

    async def _give_back(self, leased: Sequence[Leased]) -> None:
        if self._rooms.active:
            self._rooms.refund(leased)
        await self._window.give_back(leased)

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
            lanes = [key for key, lane in self._lanes.items() if lane.campaign_id != closed.campaign_id]
            found += self._schedule.drop_at(closed.provider, frozenset(lanes).__contains__)
        return found

    def _dispatch(self, now: float) -> None:
        """Open connections where there is mail and the pace allows it; the most urgent sites first."""
        for attempt in list(self._attempts):
            attempt.wake()
        most = self._settings.all_connections
        for site, waiting in self._schedule.sites():
            pace = self._pace(site, now)
            for _ in range(min(pace.room(now), pace.worth(waiting))):
                # sites that may be dead get half of the connections: they hold them until a time-out
                if len(self._attempts) >= most or (not pace.reached and self._unreached >= most // 2):
                    break
                self._open(site, pace)

    def _open(self, site: str, pace: Pace) -> None:
        attempt = Attempt(self, site, pace)
        pace.open += 1
        self._unreached += not pace.reached
        task = asyncio.create_task(attempt.run(), name=f"to {site}")
        self._attempts[attempt] = (site, task)
        doubtful = not pace.reached
        task.add_done_callback(lambda done: self._closed(attempt, pace, doubtful, done))

    def _closed(self, attempt: Attempt, pace: Pace, doubtful: bool, task: asyncio.Task[None]) -> None:
        site, _ = self._attempts.pop(attempt)
        pace.open -= 1
        self._unreached -= doubtful
        if not task.cancelled() and task.exception() is not None:
            self.log.error("a connection failed within", site=site, exc_info=task.exception())
            pace.unreachable(self.clock.now(), "internal error")
        self.reached()

    async def _shed(self, now: float) -> None:
        """Park what a site cannot take soon, so that it does not fill the window of the others."""
        for site, waiting in list(self._schedule.sites()):
            pace = self._pace(site, now)
            pace.measure(now)
            surplus = pace.surplus(waiting, now)
            if surplus:
                shed = self._schedule.shed(site, surplus)
                if self._rooms.active:
                    self._rooms.refund(shed)
                await self._window.park(shed, partial(pace.due, now=now))

    def _pace(self, site: str, now: float) -> Pace:
        pace = self._paces.get(site)
        if pace is None:
            pace = self._paces[site] = Pace(self._limits, self.delays, now)
        return pace

    def _forget_paces(self, now: float) -> None:
        for site in [site for site, pace in self._paces.items() if pace.forgettable(now)]:
            if not self._schedule.waiting(site):
                del self._paces[site]

    # -- for connections (attempt.Desk) -------------------------------------------------------------------------------

    def take(self, site: str, count: int) -> list[Leased]:
        """See `attempt.Desk.take`."""
        return [] if self._stopping else self._schedule.take(site, count)

    def put_back(self, leased: Sequence[Leased]) -> None:
        """See `attempt.Desk.put_back`."""
        for one in leased:
            lane = self._lanes.get(one.lane_id)
            if lane is None:
                self._held_up.append(one)
            else:
                self._schedule.add(lane, [one])

    def admit(self, leased: Leased) -> bool:
        """See `attempt.Desk.admit`."""
        if self.clock.now() >= leased.leased_until:
            self._window.let_go([leased.envelope_id])
            return False
        if leased.lane_id not in self._window.open_lanes:
            self._held_up.append(leased)  # to the store with the next round; the schedule would offer it again at once
            return False
        return True

    def reached(self) -> None:
        """See `attempt.Desk.reached`."""
        if not self._stopping:
            self._dispatch(self.clock.now())

    async def prepare(self, leased: Sequence[Leased], *, patience: float) -> Prepared:
        """See `attempt.Desk.prepare`."""
        return await self._preparer.ask(leased, patience=patience)

    def make(self, recipe: Recipe, done: Done) -> None:
        """See `attempt.Desk.make`."""
        self._press.want(recipe, done)

    def record(self, outcome: Outcome) -> None:
        """See `attempt.Desk.record`."""
        self._outcomes.add(outcome)

    def _committed(self, group: list[Outcome]) -> None:
        self._window.let_go(outcome.envelope_id for outcome in group)
        if self._window.hungry:
            self._wake.set()

    # -- the end ------------------------------------------------------------------------------------------------------

    async def _stop(self) -> None:
        self._stopping = True
        for attempt, (_, task) in list(self._attempts.items()):
            if not attempt.leave():
                task.cancel()
        tasks = [task for _, task in self._attempts.values()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self._settings.stop_patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._rooms.refund(self._schedule.drop(lambda _: False))
        await self._rooms.give_back()
        await self._outcomes.flush()
        await self._window.recover(self.clock.now())
