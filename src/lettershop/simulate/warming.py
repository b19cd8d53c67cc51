"""Warm-up inside a simulation: the rooms of `egress.warmup`, day by day, fed by what modelled people did. [pure]"""

from collections import Counter

from lettershop.egress.warmup import DAY, Day, Plan, Stage, advance, day_of, hand_out, room
from lettershop.simulate.result import WarmupDay


class Warming:
    """The stages by site; `now` is an absolute time, days are UTC days."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.days: list[WarmupDay] = []
        self._stages: dict[str, Stage] = {}
        self._brought: dict[str, dict[str, float]] = {}  # opens and complaints are shares of people
        self._promised: Counter[tuple[str, int]] = Counter()

    @property
    def active(self) -> bool:
        """Whether there is a warm-up."""
        return self.plan.active

    def admits(self, site: str, now: float) -> bool:
        """Whether the day has room for one more."""
        stage, got = hand_out(self._stage(site, day_of(now)), 1, self.plan, site)
        self._stages[site] = stage
        return bool(got)

    def refund(self, site: str) -> None:
        """It did not go after all."""
        stage = self._stages[site]
        self._stages[site] = Stage(stage.step, stage.day, max(0, stage.handed_out - 1), stage.ended, stage.why)

    def later(self, site: str, now: float) -> float:
        """The first day whose room is not promised yet."""
        stage, ahead = self._stages[site], 0
        while True:
            ahead += 1
            most = room(stage, self.plan, site, ahead=ahead)
            if most is None or self._promised[site, stage.day + ahead] < most:
                self._promised[site, stage.day + ahead] += 1
                return (stage.day + ahead) * DAY

    def happened(self, site: str, **counts: float) -> None:
        """Add to the day's figures."""
        brought = self._brought.setdefault(site, {})
        for what, count in counts.items():
            brought[what] = brought.get(what, 0.0) + count

    def _stage(self, site: str, today: int) -> Stage:
        stage = self._stages.get(site)
        if stage is None:
            return Stage(day=today)
        if stage.day == today or stage.ended:
            return stage
        brought = self._brought.pop(site, {})
        figures = Day(**{what: int(count) for what, count in brought.items()})
        most = room(stage, self.plan, site)
        after = advance(stage, figures, today, self.plan, site)
        self.days.append(WarmupDay(stage.day, site, most or 0, figures.delivered + figures.bounced_hard, after.why))
        return after
