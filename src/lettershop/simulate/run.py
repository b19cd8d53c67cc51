"""Runs a scenario: the traffic of `egress.traffic` against modelled receivers, on a virtual clock. [pure]

    round: backlog -> warm-up -> Traffic.add -> openings -> connections; what cannot go soon back to the backlog
    connection: take a handful -> as long as latency and our own speed need -> answers -> Pace -> again, or leave

What is modelled is the world and the database; how many connections, which envelope next, how fast, when again, when to
slow down is decided by the code that sends (`egress.traffic`, `egress.pace`, `egress.verdict`, `egress.warmup`,
`egress.breakers`). Time jumps from event to event; a handful of messages is one event.
"""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count

from lettershop.base.facts import Bounced, Deferred
from lettershop.egress.breakers import GO, STOP, Counts, judge, words
from lettershop.egress.breakers import Rules as BreakerRules
from lettershop.egress.classify import shipped
from lettershop.egress.message import Leased
from lettershop.egress.pace import handful
from lettershop.egress.parking import surplus
from lettershop.egress.retries import Retries
from lettershop.egress.shaping import Shaping
from lettershop.egress.sources import Pools
from lettershop.egress.traffic import Traffic
from lettershop.egress.verdict import Answer
from lettershop.egress.verdict import judge as judge_answer
from lettershop.egress.warmup import Plan
from lettershop.egress.ways import Opening
from lettershop.simulate.backlog import Backlog
from lettershop.simulate.people import Home, People
from lettershop.simulate.result import Event, Result
from lettershop.simulate.scenario import Scenario
from lettershop.simulate.warming import Warming
from lettershop.store.envelopes import BULK, Lane
from lettershop.store.schema_delivery import BOUNCED, QUEUED

EPOCH = 1_800_057_600.0
"""A midnight (2027-01-16, UTC); what day it is makes no difference."""
WINDOW = 1000
POLL, IDLE, TIDY = 0.25, 2.0, 60.0
FAILED_TOGETHER = 8
EXPIRED = Answer(451, "4.4.7", "The time ran out.", "connect")
LOOK = 1.0
"""Seconds between two looks at what cannot go soon, and at the breakers."""


class Connection:
    """A connection under way. `home` is the domain it was opened for."""

    __slots__ = ("home", "idled", "opening", "posted", "seconds")

    def __init__(self, opening: Opening, home: Home) -> None:
        self.opening = opening
        self.home = home
        self.posted = 0
        self.seconds = 0.0
        self.idled = False


class Simulation:
    """One run; see the module. `progress(now, settled)` is called now and then."""

    def __init__(
        self, scenario: Scenario, shaping: Shaping, *, progress: Callable[[float, int], None] | None = None
    ) -> None:
        self._told = scenario
        self._begin = EPOCH + scenario.begins
        self._end = self._begin + scenario.days * 86_400
        self._people = People(scenario.receiver, scenario.retry)
        self._backlog = Backlog(scenario.recipients)
        self._lane = Lane(1, 1, 1, BULK)
        self._window = WINDOW * scenario.workers
        self.traffic = Traffic(shaping, Pools(), scenario.retry, most=200 * scenario.workers)
        self._warming = Warming(
            Plan(
                domains=frozenset({"*"}) if scenario.warmup.steps else frozenset(),
                steps=tuple(scenario.warmup.steps or [1]),
            )
        )
        self._rules = BreakerRules(enabled=scenario.breakers)
        self._meaning = shipped()
        self._homes: dict[str, Home] = {}
        self._events: list[tuple[float, int, Callable[[float], None]]] = []
        self._order = count()
        self._held = 0
        self._cpu_free = self._begin
        self._level: dict[str, int] = {}
        self._tidy_at = self._look_at = 0.0
        self._progress = progress
        self._round_at = self._begin
        self.result = Result(scenario.name, scenario.recipients, receivers=self._people.results)

    def run(self) -> Result:
        """Until everybody is settled, a breaker stops it, or the days are over."""
        now = self._begin
        self._at(now, self._round)
        while self._events and now < self._end and not self.result.stopped:
            now, _, happen = heappop(self._events)
            happen(now)
        settled = self._backlog.waiting == 0 and self._held == 0
        lasts = [receiver.last or 0.0 for receiver in self.result.receivers]
        self.result.seconds = max(lasts) if settled else now - self._begin
        self.result.done = settled
        self.result.warmup = self._warming.days
        return self.result

    def _at(self, when: float, happen: Callable[[float], None]) -> None:
        heappush(self._events, (when, next(self._order), happen))

    # -- a round of the engine --------------------------------------------------------------------------------------------

    def _round(self, now: float) -> None:
        if now < self._round_at:
            return  # an earlier one came between
        self._lease(now)
        self._open_all(self.traffic.openings(now), now)
        self.traffic.measure(now)
        if now >= self._look_at:
            self._look_at = now + LOOK
            for one, due in surplus(self.traffic, now):
                self._park(one, due)
            self._look(now)
        if now >= self._tidy_at:
            self._tidy_at = now + TIDY
            self.traffic.tidy(now)
            if self._progress is not None:
                self._progress(now - self._begin, self._told.recipients - self._backlog.waiting - self._held)
        self._next_round(now)

    def _next_round(self, now: float) -> None:
        """Soon while anything is held; else when the next is due."""
        following = now + POLL
        if not self._held:
            due = self._backlog.next_due()
            if due is None:
                return
            following = max(following, due)
        self._round_at = following
        self._at(following, self._round)

    def _lease(self, now: float) -> None:
        if self._held > self._window // 2:
            return
        taken = self._backlog.take(self._window - self._held, now)
        self.result.leases += len(taken)
        for number, attempts in taken:
            home = self._people.home(number)
            if home.domain not in self._homes:
                self._homes[home.domain] = home
                self.traffic.place(home.domain, " ".join(home.hosts), home.hosts, frozenset({4}))
            if not attempts and number >= 0:
                home.result.recipients += self._is_new(number)
            one = Leased(
                number, 1, 1, number, None, None, home.domain, attempts, now, self._begin,
                self._begin + self._told.expire if not self._warming.active else float("inf"), 1,
            )  # fmt: skip
            self._held += 1
            if one.expires_at <= now:
                self._settle(one, EXPIRED, now)
            else:
                self._let_in(one, home, now)

    def _is_new(self, number: int) -> bool:
        """Whether it is leased for the first time: numbers come in order."""
        new = number >= self._seen
        if new:
            self._seen = number + 1
        return new

    _seen = 0

    def _let_in(self, one: Leased, home: Home, now: float) -> None:
        if self._warming.active and not one.attempts:
            site = self.traffic.provider(home.domain)
            if not self._warming.admits(site, now):
                self._park(one, self._warming.later(site, now), refund=False)
                return
        self.traffic.add(self._lane, [one])

    def _park(self, one: Leased, due: float, *, refund: bool = True) -> None:
        home = self._homes[one.site]
        home.result.parked += 1
        if refund and self._warming.active and not one.attempts:
            self._warming.refund(self.traffic.provider(home.domain))
        self._held -= 1
        self._backlog.put(one.envelope_id, one.attempts, due)

    # -- connections ------------------------------------------------------------------------------------------------------

    def _open_all(self, openings: Sequence[Opening], now: float) -> None:
        for opening in openings:
            home = self._homes[opening.way.domain]
            took, refusal = home.receiver.connect(now - self._begin)
            home.result.connections += 1
            connection = Connection(opening, home)
            self._at(now + took, self._refused(connection, refusal) if refusal else self._stands(connection))

    def _stands(self, connection: Connection) -> Callable[[float], None]:
        def happen(now: float) -> None:
            self.traffic.reached(connection.opening)
            result = connection.home.result
            result.most_connections = max(result.most_connections, connection.home.receiver.open)
            self._open_all(self.traffic.openings(now, connection.opening.way.site), now)
            self._pump(connection, now)

        return happen

    def _refused(self, connection: Connection, refusal: str) -> Callable[[float], None]:
        """As `egress.attempt` does it: a rule may suspend the site; else it is too much, or not reached."""

        def happen(now: float) -> None:
            opening, pace = connection.opening, connection.opening.pace
            answer = _answer(refusal, "connect")
            meaning = self._meaning.classify(answer.code, answer.enhanced, answer.text, answer.stage)
            if not self._suspended(connection, pace.refused(now, meaning.reason, answer.line, answer.code)):
                if pace.standing:
                    pace.objected(now, answer.line)
                elif not pace.closed_until(now):
                    taken = self.traffic.take(opening.way, pace, FAILED_TOGETHER, now)
                    pace.unreachable(now, answer.line)
                    for one in taken:
                        self._settle(one, answer, now)
            self.traffic.closed(opening)
            self._open_all(self.traffic.openings(now, opening.way.site), now)

        return happen

    def _pump(self, connection: Connection, now: float) -> None:
        """The next handful, or the end."""
        opening = connection.opening
        left = opening.way.site.row.messages_per_connection - connection.posted
        taken: list[Leased] = []
        if left > 0:
            taken = self.traffic.take(opening.way, opening.pace, min(left, handful(connection.seconds)), now)
        if taken:
            self._send(connection, taken, now)
            return
        patience = self.traffic.patience(opening.way, opening.pace, now, IDLE) if left > 0 else 0.0
        if patience and not connection.idled:
            connection.idled = not opening.way.queue.size
            self._at(now + max(patience, 0.01), lambda then: self._pump(connection, then))
            return
        self._leave(connection, now)

    def _send(self, connection: Connection, taken: list[Leased], now: float) -> None:
        connection.idled = False
        connection.posted += len(taken)
        self._cpu_free = max(now, self._cpu_free) + len(taken) / self._told.speed
        done = max(now + len(taken) * connection.home.receiver.told.latency, self._cpu_free)
        seconds = (done - now) / len(taken)
        connection.seconds = 0.8 * connection.seconds + 0.2 * seconds if connection.seconds else seconds
        self._at(done, lambda then: self._answered(connection, taken, then))

    def _answered(self, connection: Connection, taken: list[Leased], now: float) -> None:
        home, pace = connection.home, connection.opening.pace
        refused = home.receiver.answer(taken, now - self._begin)
        accepted = len(taken) - len(refused)
        for _ in range(accepted):
            self._suspended(connection, pace.accepted(now))
        if accepted:
            self._delivered(home, accepted, now)
        over = False
        for one, text in refused:
            answer = _answer(text, "rcpt")
            reason = self._settle(one, answer, now)
            self._suspended(connection, pace.refused(now, reason, answer.line, answer.code))
            over = over or answer.code == 421
        if self._held <= self._window // 2 and self._round_at > now + 0.01:
            self._round_at = now
            self._at(now, self._round)
        if over:
            self._leave(connection, now)
        else:
            self._pump(connection, now)

    def _leave(self, connection: Connection, now: float) -> None:
        connection.home.receiver.left()
        self.traffic.closed(connection.opening)
        self._open_all(self.traffic.openings(now, connection.opening.way.site), now)

    # -- what became of them ----------------------------------------------------------------------------------------------

    def _delivered(self, home: Home, accepted: int, now: float) -> None:
        result, after = home.result, now - self._begin
        self._held -= accepted
        result.delivered += accepted
        result.minutes[int(after // 60)] += accepted
        result.last = after
        if result.first is None:
            result.first = after
        if self._warming.active:
            told = home.receiver.told
            self._warming.happened(
                self.traffic.provider(home.domain), delivered=accepted, tracked=accepted,
                opened=accepted * told.opens, complained=accepted * told.complaints,
            )  # fmt: skip

    def _settle(self, one: Leased, answer: Answer, now: float) -> str:
        """Judged as in life; the class of the answer."""
        self._held -= 1
        home = self._homes[one.site]
        outcome = judge_answer(one, "p@modelled.example", answer, now, Retries(self._told.retry), self._meaning)
        reason = outcome.fact.reason if isinstance(outcome.fact, Deferred | Bounced) else ""
        home.result.reasons[reason] += 1
        if outcome.state == QUEUED:
            home.result.deferred += 1
            self._backlog.put(one.envelope_id, one.attempts + 1, outcome.due_at or now)
            return reason
        hard = outcome.state == BOUNCED and isinstance(outcome.fact, Bounced) and outcome.fact.hard
        home.result.bounced += hard
        home.result.given_up += not hard
        home.result.last = now - self._begin
        if hard and self._warming.active:
            self._warming.happened(self.traffic.provider(home.domain), bounced_hard=1)
        return reason

    def _suspended(self, connection: Connection, change: object) -> bool:
        """Note what an operator is told."""
        until = getattr(change, "until", 0.0)
        if change is None or not until:
            return False
        at = float(getattr(change, "at", 0.0))
        result = connection.home.result
        result.suspended += until - at
        why = f"{getattr(change, 'why', '')} For {(until - at) / 60:.0f} minutes nothing more is sent there."
        self.result.events.append(Event(at - self._begin, result.name, why.strip()))
        return True

    def _look(self, now: float) -> None:
        """The circuit breakers, over all and by receiver."""
        if not self._rules.enabled:
            return
        by = {one.name: self._counts(one.name) for one in self.result.receivers}
        for name, counts in {"": sum(by.values(), Counts()), **by}.items():
            verdict = judge(counts, self._rules)
            if verdict.level == GO or verdict.level <= self._level.get(name, GO):
                continue
            self._level[name] = verdict.level
            sentence = words("provider" if name else "campaign", name or self._told.name, verdict)
            self.result.events.append(Event(now - self._begin, name, sentence))
            if verdict.level == STOP and not name:
                self.result.stopped = sentence

    def _counts(self, name: str) -> Counts:
        result = next(one for one in self.result.receivers if one.name == name)
        told = next(one for one in self._told.receiver if one.name == name)
        return Counts(result.delivered, result.bounced, result.given_up, int(result.delivered * told.complaints))


def _answer(text: str, stage: str) -> Answer:
    code, _, rest = text.partition(" ")
    enhanced, _, words_ = rest.partition(" ")
    known = enhanced[:1] in "245" and enhanced.count(".") == 2
    return Answer(int(code), enhanced if known else "", words_ if known else rest, stage)  # type: ignore[arg-type]
