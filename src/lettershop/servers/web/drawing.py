"""Geometry of the drawings that the server makes: funnels and bars as plain SVG coordinates. [pure]

No style attribute is needed anywhere: the policy forbids them. A chart never stands alone; the template puts its
figures beside it as text.
"""

from collections.abc import Sequence
from dataclasses import dataclass

LEAST = 1.6
"""Height in per cent below which a stage that is not empty would vanish."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a funnel: `part` is its share of the first stage (0 to 1), `step` of the stage before."""

    key: str
    label: str
    count: int
    part: float
    step: float
    left: float  # half of the height at the left edge, 0 to 50
    right: float

    @property
    def path(self) -> str:
        """The stage in a box of 100 by 100: a smooth band from its own height to the next one's."""
        top, bottom = 50 - self.left, 50 + self.left
        next_top, next_bottom = 50 - self.right, 50 + self.right
        return (
            f"M0 {top:.2f}C55 {top:.2f} 55 {next_top:.2f} 100 {next_top:.2f}"
            f"V{next_bottom:.2f}C55 {next_bottom:.2f} 55 {bottom:.2f} 0 {bottom:.2f}Z"
        )

    @property
    def width(self) -> str:
        """The stage as the width of a bar, in per cent."""
        return f"{max(self.part * 100, 0.8 if self.count else 0):.2f}%"


def funnel(stages: Sequence[tuple[str, str, int]]) -> list[Stage]:
    """The stages (key, label, count) with their shares and bands."""
    if not stages:
        return []
    whole = stages[0][2]
    halves = [_half(count, whole) for _, _, count in stages]
    drawn = []
    for position, (key, label, count) in enumerate(stages):
        before = stages[position - 1][2] if position else whole
        right = halves[min(position + 1, len(stages) - 1)]
        drawn.append(Stage(key, label, count, _ratio(count, whole), _ratio(count, before), halves[position], right))
    return drawn


def bar(part: float, whole: float) -> str:
    """A width in per cent for a bar; something is never drawn as nothing."""
    if not whole or not part:
        return "0"
    return f"{min(100.0, max(100 * part / whole, 0.8)):.2f}%"


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a stacked bar: where it starts and how wide it is, in per cent."""

    key: str
    label: str
    count: int
    start: str
    width: str


def stacked(parts: Sequence[tuple[str, str, int]]) -> list[Segment]:
    """Parts (key, label, count) beside each other, together 100 per cent; empty ones are left out."""
    whole = sum(count for _, _, count in parts)
    segments, start = [], 0.0
    for key, label, count in parts:
        if count:
            width = 100 * count / whole
            segments.append(Segment(key, label, count, f"{start:.3f}%", f"{width:.3f}%"))
            start += width
    return segments


@dataclass(frozen=True, slots=True)
class Gauge:
    """A rate against two thresholds on a line of 100: `level` is good, watch or bad."""

    rate: float
    watch: float
    limit: float
    level: str
    mark: str
    watch_at: str
    limit_at: str


def gauge(rate: float, watch: float, limit: float) -> Gauge:
    """The line ends a third beyond the limit."""
    end = limit * 4 / 3
    level = "bad" if rate >= limit else "watch" if rate >= watch else "good"
    place = [f"{100 * min(value / end, 1.0):.2f}%" for value in (rate, watch, limit)]
    return Gauge(rate, watch, limit, level, *place)


def _half(count: int, whole: int) -> float:
    if not count or not whole:
        return 0.4
    return 50 * max(LEAST / 100, min(count / whole, 1.0))


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
