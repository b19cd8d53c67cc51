"""One connection to one site, from the look-up of its hosts to QUIT.

    route -> dial -> { a handful from the schedule -> prepare -> made by the press -> pipelined -> answers } -> QUIT

The connection asks for envelopes only when it stands, and renders a message only when the pipeline has room for it: two
are on the wire, a third waits behind them. What is on the wire when the connection dies is tried again; if its dot was
out, it may come twice (RFC 5321 4.5.5 leaves no other choice). What was not begun goes back to the schedule untried.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Protocol

from lettershop.base.errors import Temporary
from lettershop.base.facts import Bounced, Deferred
from lettershop.base.log import Logger
from lettershop.egress.approach import Arrival, Hall, approach
from lettershop.egress.aside import send_elsewhere
from lettershop.egress.message import Leased, Recipe, outgoing
from lettershop.egress.pace import Pace, handful
from lettershop.egress.press import Done
from lettershop.egress.unsent import ready_ones
from lettershop.egress.verdict import Answer, judge, not_made
from lettershop.egress.ways import Opening
from lettershop.net.dial import Result, SmtpConnection
from lettershop.store.envelopes import Outcome
from lettershop.wire.smtp.outgoing import Lost, tls_not_kept
from lettershop.wire.smtp.transcript import bounded, remark

URGENT_TOGETHER = 8
"""Urgent envelopes that overtake those that are prepared, at once."""
LEAVE_PATIENCE = 5.0
FRESH = 1.0
"""Seconds after which the source is asked again: a person may have left, a campaign may have been changed."""
STALLED = 0.5
"""Seconds without an answer after which a connection hardly counts among those that a process may have."""
AHEAD, SLOW = 2, 0.2
"""Messages made ahead, so that every answer finds the next one; one alone where a message takes longer than `SLOW`."""


class Desk(Hall, Protocol):
    """What a connection needs of the engine."""

    log: Logger

    def overtaken(self, opening: Opening) -> bool:
        """Whether urgent mail waits for this way."""

    def patience(self, opening: Opening) -> float:
        """Seconds that a connection without anything to send may stay."""

    def admit(self, leased: Leased) -> bool:
        """Whether it may go this moment; if not (its campaign is held, the lease ran out), it is the desk's again."""

    def reached(self, opening: Opening) -> None:
        """A connection stands: more may follow."""

    def make(self, recipe: Recipe, done: Done) -> None:
        """Have the message made; see `press.Press.want`."""

    def record(self, outcome: Outcome, opening: Opening | None = None) -> None:
        """Store this soon; `opening`: of the connection on which it was tried."""


class Attempt:
    """See the module. `run` never raises but for cancellation."""

    def __init__(self, desk: Desk, opening: Opening) -> None:
        self._desk = desk
        self.opening = opening
        self._site = opening.way.site.name
        self._pace: Pace = opening.pace
        self._limit: asyncio.Timeout | None = None  # of the try to connect that is under way
        self._arrival: Arrival
        self._connection: SmtpConnection
        self._served: set[str] = set()  # domains
        self._tls = ""
        self._prepared: deque[tuple[Leased, Recipe, float]] = deque()  # and when the source was asked
        self._posted = 0
        self._answered = 0
        self._making = 0  # at the press
        self._on_wire = 0
        self._seconds = 0.0  # a message, lately
        self._last = 0.0
        self._low = 0  # prepared messages left when the next handful is asked for
        self._leaving = False
        self._fetching: asyncio.Task[None] | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._for_others: list[tuple[Leased, Recipe, Answer]] = []  # what this host may not have (RFC 8689 4.2.1)
        self._errand: asyncio.Task[None] | None = None
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def wake(self) -> None:
        """There may be mail for the site again; something to do for a connection that idles."""
        if self._idle_timer is not None:
            if self.opening.way.queue.size:  # else its time runs on: others may want its place at the site
                self._pump()
        elif self._may_overtake and self._desk.overtaken(self.opening):
            self._overtake()

    @property
    def _may_overtake(self) -> bool:
        prepared = bool(self._last and self._prepared) and self._fetching is None
        return prepared and self._connection.room() > -URGENT_TOGETHER

    @property
    def idle(self) -> bool:
        """Whether it stands without anything to send."""
        return self._idle_timer is not None and not self._leaving and not self.opening.way.queue.size

    def give_up(self) -> None:
        """Stop trying to connect: it counts as a failure."""
        if self._limit is not None and not self._last:
            self._limit.reschedule(0.0)

    def stalled(self, now: float) -> bool:
        """Whether it stands and only waits for an answer, for long by now. `now` of the monotonic clock."""
        asked = self._on_wire or self._over.done()
        return bool(self._last and asked) and now - self._last > STALLED

    @property
    def leaving(self) -> bool:
        """Whether it takes nothing more."""
        return self._leaving

    def leave(self) -> bool:
        """Finish what is on the wire, then go; False if there is no connection yet."""
        self._leaving = True
        if self._last:
            self._pump()
        return bool(self._last)

    async def run(self) -> None:
        """The whole life of the connection; the caller has counted it in `pace.open` and discounts it afterwards."""
        arrival = await approach(self._desk, self.opening, partial(setattr, self, "_limit"))
        if arrival is None:
            return
        self._arrival = arrival
        self._connection = connection = arrival.connection
        self._desk.reached(self.opening)
        self._tls = connection.tls.version if connection.tls else ""
        self._last = self._desk.clock.monotonic()
        try:
            self._pump()
            await self._over
        finally:
            self._pace.standing -= 1
            await self._end()

    # -- messages ---------------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        """Keep the pipeline full; ask for more in time; notice the end."""
        self._stop_idling()
        connection = self._connection
        ahead = AHEAD if self._seconds < SLOW else 1
        stale = self._desk.clock.monotonic() - FRESH
        while self._prepared and self._making < connection.room(ahead) and not self._leaving:
            leased, recipe, asked = self._prepared.popleft()
            if asked < stale:
                self._desk.put_back(self.opening, [leased])
            elif self._desk.admit(leased):
                self._making += 1
                self._desk.make(recipe, partial(self._made, leased, recipe))
        if connection.closed:
            self._leaving = True
        if self._leaving:
            if not (self._on_wire or self._making or self._over.done()):
                self._over.set_result(None)
        elif self._fetching is None and len(self._prepared) <= self._low:
            self._fetch()

    def _fetch(self) -> None:
        left = self._left
        if left <= 0:
            self._leaving = not (self._prepared or self._making)
            if self._leaving:
                self._pump()
            return
        if not self._desk.overtaken(self.opening) and self._pace.give(self._desk.clock.now()):
            self.leave()
            return
        count = handful(self._seconds)
        self._low = count // 2
        taken = self._desk.take(self.opening, min(left, count))
        if taken:
            self._fetching = asyncio.get_running_loop().create_task(self._prepare(taken))
        elif not (self._on_wire or self._making or self._prepared):
            self._idle()

    @property
    def _left(self) -> int:
        """How many more messages this connection may carry."""
        most = self.opening.way.site.row.messages_per_connection
        return most - self._posted - self._making - len(self._prepared)

    def _idle(self) -> None:
        """Wait for mail, or for the next message that the rate allows; or make room."""
        seconds = self._desk.patience(self.opening)
        loop = asyncio.get_running_loop()
        waits = bool(self.opening.way.queue.size)
        self._idle_timer = loop.call_later(seconds, self._pump if waits and seconds else self.leave)

    def _overtake(self) -> None:
        taken = self._desk.take(self.opening, min(max(1, self._left), URGENT_TOGETHER), urgent=True)
        if taken:
            self._fetching = asyncio.get_running_loop().create_task(self._prepare(taken, first=True))

    async def _prepare(self, taken: list[Leased], *, first: bool = False) -> None:
        why = self._pace.why if self._pace.troubled else ""
        patience = 0.0 if first else len(self._prepared) * self._seconds / 2
        asked = self._desk.clock.monotonic()
        try:
            found = await ready_ones(self._desk, taken, why, patience)
            if first and not self._leaving:
                self._go_first(found)
            else:
                self._prepared.extend((leased, recipe, asked) for leased, recipe in found)
        except Temporary as error:  # our own trouble: no attempt, and no reason to hurry
            self._desk.trouble(error)
            self._desk.put_back(self.opening, taken)
            self._leaving = True
        except Exception as error:
            self._desk.log.exception("messages could not be prepared", site=self._site)
            now = self._desk.clock.now()
            for leased in taken:
                self._desk.record(not_made(leased, leased.address or "", error, now, self._desk.retries))
        finally:
            self._fetching = None
        self._pump()
        self.wake()

    def _go_first(self, found: Sequence[tuple[Leased, Recipe]]) -> None:
        """Before what waits in the pipeline, whether there is room or not."""
        for leased, recipe in reversed(found):
            if self._desk.admit(leased):
                self._making += 1
                self._desk.make(recipe, partial(self._made, leased, recipe, first=True))

    def _made(self, leased: Leased, recipe: Recipe, data: bytes | Exception, *, first: bool = False) -> None:
        self._making -= 1
        if self._over.done() or self._connection.closed:
            self._desk.put_back(self.opening, [leased])
            self._pump()
            return
        try:
            self._post(leased, recipe, data, first=first)
        except Exception as error:
            self._desk.log.warning("a message could not be made", envelope=leased.envelope_id, error=repr(error))
            now = self._desk.clock.now()
            self._desk.record(not_made(leased, recipe.address, error, now, self._desk.retries))
            self._pump()

    def _post(self, leased: Leased, recipe: Recipe, data: bytes | Exception, *, first: bool) -> None:
        if isinstance(data, Exception):
            raise data
        self._posted += 1
        self._on_wire += 1
        self._served.add(leased.site)
        try:
            self._connection.submit(
                outgoing(recipe, data, dsn=self._knows_dsn),
                partial(self._on_result, leased, recipe),
                first=first,
            )
        except Exception:
            self._posted -= 1
            self._on_wire -= 1
            raise

    @property
    def _knows_dsn(self) -> bool:
        return "DSN" in self._connection.capabilities.names

    def _on_result(self, leased: Leased, recipe: Recipe, result: Result) -> None:
        self._on_wire -= 1
        try:
            self._take_result(leased, recipe, result)
            self._pump()
        except Exception:  # the envelope stays leased until its lease runs out
            self._desk.log.exception("an answer could not be dealt with", site=self._site, envelope=leased.envelope_id)
            self._connection.abort("internal error")
            self._pump()

    def _take_result(self, leased: Leased, recipe: Recipe, result: Result) -> None:
        if isinstance(result, Lost):
            self._on_lost(leased, recipe, result)
            return
        self._measure()
        reply = result.reply
        relayed = "SUCCESS" in recipe.dsn[1] and not self._knows_dsn
        talk = self._talk(result.dialogue) if result.dialogue else ""
        host = self._arrival.hop.host
        answer = Answer(reply.code, reply.enhanced, reply.text, result.stage, host, self._tls, talk, relayed)
        if result.local and self._arrival.others and tls_not_kept(result):
            self._for_others.append((leased, recipe, answer))
            self._go_elsewhere()
        else:
            self._record(leased, recipe, answer)

    def _go_elsewhere(self) -> None:
        if self._errand is None and self._for_others and not self._over.cancelled():
            self._errand = asyncio.get_running_loop().create_task(self._offer_to_others())

    async def _offer_to_others(self) -> None:
        refused, self._for_others = self._for_others, []
        try:
            await send_elsewhere(self._desk, self._desk.dialler, self._arrival.others, self.opening.source, refused)
        except Exception:  # the envelopes stay leased until their leases run out
            self._desk.log.exception("other hosts could not be asked", site=self._site)
        self._errand = None
        self._go_elsewhere()

    def _talk(self, dialogue: str) -> str:
        """The whole session as far as it concerns this message."""
        return bounded("\n".join((*self._arrival.tried, self._connection.opening, dialogue)))

    def _on_lost(self, leased: Leased, recipe: Recipe, lost: Lost) -> None:
        """A connection that answered nothing at all counts as an attempt, else the same would happen again at once."""
        if not lost.in_doubt and self._answered:
            self._desk.put_back(self.opening, [leased])
            return
        if not self._answered:
            self._pace.unreachable(self._desk.clock.now(), lost.why)
        self._answered += 1
        talk = self._talk(lost.dialogue or remark(lost.why))
        words = f"Lost the connection: {lost.why}"
        self._record(leased, recipe, Answer(451, "4.4.2", words, lost.stage, self._arrival.hop.host, self._tls, talk))

    def _measure(self) -> None:
        now = self._desk.clock.monotonic()
        passed, self._last = now - self._last, now
        self._seconds = passed if not self._answered else 0.8 * self._seconds + 0.2 * passed
        self._answered += 1

    def _record(self, leased: Leased, recipe: Recipe, answer: Answer) -> None:
        now = self._desk.clock.now()
        outcome = judge(leased, recipe.address, answer, now, self._desk.retries, self._desk.rules)
        if answer.stage == "dot" and answer.code < 300:
            change = self._pace.accepted(now)
        else:
            reason = outcome.fact.reason if isinstance(outcome.fact, Deferred | Bounced) else ""
            change = self._pace.refused(now, reason, answer.line, answer.code)
        if change is not None:
            self._desk.tell(change)
        self._desk.record(outcome, self.opening)

    async def _end_errand(self) -> None:
        """Other hosts have their time; not so if we are to stop: what they did not get waits until its lease runs out."""
        while self._errand is not None:
            if self._over.cancelled():
                self._errand.cancel()
                return
            await asyncio.wait([self._errand])

    # -- the end ----------------------------------------------------------------------------------------------------

    def _stop_idling(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None

    async def _end(self) -> None:
        self._leaving = True
        self._stop_idling()
        if self._fetching is not None:
            await asyncio.wait([self._fetching])
        await self._end_errand()
        self._desk.put_back(self.opening, [leased for leased, _, _ in self._prepared])
        self._prepared.clear()
        arrival = self._arrival
        if arrival.found:
            domains = self._served or {self.opening.way.domain}
            self._desk.dialler.results.ended(
                domains, arrival.hop, arrival.address, self.opening.source.address, self._connection
            )
        if self._on_wire:  # cancelled: the patience at a stop is over
            self._connection.abort("stopping")
            return
        try:
            async with asyncio.timeout(LEAVE_PATIENCE):
                await self._connection.close()
        except TimeoutError:
            self._connection.abort()
