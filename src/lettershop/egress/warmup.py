"""Warm-up: how much a provider is sent a day from an address or a domain that it does not know yet. [pure]

    yesterday's figures > `review` > a step on, the same step again, or back > today's room > ... > no limit any more

A step is a day's messages to one provider. It goes on only when the day before was really used and went well: people
opened, followed links or answered (machines do not count), few addresses were dead, hardly anybody complained. Days
without mail neither help nor harm until a week has passed; then reputation fades. Days are UTC days, by number.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lettershop.base.config import Warmup
from lettershop.egress.breakers import GO, STOP, Counts, Rules, judge
from lettershop.store.warmups import Figures, Key, StoredStage

DAY = 86_400.0
EVERYWHERE = "*"
USED = 0.8
"""A day counts as used if this share of its room was answered for good."""
TO_TELL = 50
"""Delivered messages with a pixel or links below which their opens say nothing."""
FADING, FADED = 7, 30
"""Days without mail that cost a step each time, and after which it starts again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What the operator wants warmed up, and how. `steps`: messages a day to one provider; `providers` have their own."""

    sources: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    steps: tuple[int, ...] = (50,)
    providers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    least_engaged: float = 0.02
    rules: Rules = field(default_factory=Rules)

    @property
    def active(self) -> bool:
        """Whether anything is warmed up."""
        return bool(self.sources or self.domains)

    def covers(self, source: str, domain: str) -> bool:
        """Whether mail of this sending domain from this address is limited."""
        return bool({source, EVERYWHERE} & self.sources or {domain, EVERYWHERE} & self.domains)

    def curve(self, provider: str) -> tuple[int, ...]:
        """The steps for a provider."""
        return self.providers.get(provider, self.steps)


@dataclass(frozen=True, slots=True)
class Day:
    """What a day brought: people. `tracked` are delivered messages whose opens can be seen."""

    delivered: int = 0
    bounced_hard: int = 0
    complained: int = 0
    tracked: int = 0
    opened: int = 0
    clicked: int = 0
    replied: int = 0

    @property
    def engaged(self) -> int:
        """People who did something, at least."""
        return max(self.opened, self.clicked, self.replied)


@dataclass(frozen=True, slots=True)
class Stage:
    """How far it is: the step of `day`, what was handed out that day; `ended`: there is no limit any more."""

    step: int = 0
    day: int = 0
    handed_out: int = 0
    ended: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """Steps to go (negative: back), and why in plain words."""

    move: int
    why: str


def day_of(at: float) -> int:
    """The number of the UTC day."""
    return int(at // DAY)


def review(day: Day, room: int, plan: Plan) -> Review:
    """What a day's figures mean for the next one."""
    verdict = judge(Counts(day.delivered, day.bounced_hard, 0, day.complained), plan.rules)
    if verdict.level > GO:
        what = "bounced for good" if verdict.cause == "bounces" else "were complained about"
        share = f"{verdict.count / verdict.of:.2%}".replace("%", " %")
        return Review(-2 if verdict.level == STOP else -1, f"{share} {what}: a smaller day follows.")
    answered = day.delivered + day.bounced_hard
    if answered < USED * room:
        return Review(0, f"Only {answered:,} of {room:,} were sent: the step is repeated.")
    if day.tracked >= TO_TELL and day.engaged < plan.least_engaged * day.tracked:
        return Review(0, f"Only {day.engaged:,} of {day.tracked:,} people did anything with it: the step is repeated.")
    return Review(1, f"{answered:,} were sent and went well.")


def advance(stage: Stage, last: Day, today: int, plan: Plan, provider: str) -> Stage:
    """The stage of `today`; `last` is what the day of `stage` brought."""
    if stage.ended or today <= stage.day:
        return stage
    curve = plan.curve(provider)
    idle = today - stage.day - 1
    if idle >= FADED:
        return Stage(0, today, why=f"Nothing was sent for {idle} days: it starts again.")
    found = review(last, curve[min(stage.step, len(curve) - 1)], plan)
    step = stage.step + found.move - idle // FADING
    if step >= len(curve):
        return Stage(len(curve), today, ended=True, why="It is warm.")
    why = found.why if idle < FADING else f"{found.why} Nothing was sent for {idle} days since."
    return Stage(max(0, step), today, why=why)


def room(stage: Stage, plan: Plan, provider: str, *, ahead: int = 0) -> int | None:
    """A day's messages to the provider, `ahead` days later if every day goes well; None: no limit."""
    curve = plan.curve(provider)
    if stage.ended or stage.step + ahead >= len(curve):
        return None
    return curve[stage.step + ahead]


def left(stage: Stage, plan: Plan, provider: str) -> int | None:
    """What may still be handed out on the stage's day; None: no limit."""
    most = room(stage, plan, provider)
    return None if most is None else max(0, most - stage.handed_out)


def hand_out(stage: Stage, wanted: int, plan: Plan, provider: str) -> tuple[Stage, int]:
    """Take from the day's room what there is of `wanted`."""
    free = left(stage, plan, provider)
    got = wanted if free is None else min(wanted, free)
    return replace(stage, handed_out=stage.handed_out + got), got


def ends_on(stage: Stage, plan: Plan, provider: str) -> int | None:
    """The first day without a limit, if every day until then is used and goes well; None: it has ended."""
    return None if stage.ended else stage.day + len(plan.curve(provider)) - stage.step


def plan_of(told: Warmup, rules: Rules) -> Plan:
    """The plan as the configuration tells it; what is too much follows the circuit breakers."""
    return Plan(
        frozenset(told.sources), frozenset(name.lower() for name in told.domains), tuple(told.steps),
        {name: tuple(steps) for name, steps in told.providers.items()}, told.least_engaged, rules,
    )  # fmt: skip


def decide(
    plan: Plan, key: Key, stored: StoredStage, brought: Figures, wanted: int, today: int
) -> tuple[StoredStage, int]:
    """For `store.warmups.hand_out`: the stage from now on, and how many of the wanted may go."""
    before = Stage(stored.step, stored.day, stored.handed_out, stored.ended, stored.why)
    stage = advance(before, Day(*brought), today, plan, key[2])
    stage, got = hand_out(stage, wanted, plan, key[2])
    return StoredStage(stage.step, stage.day, stage.handed_out, stage.ended, stage.why, stored.started_at), got
