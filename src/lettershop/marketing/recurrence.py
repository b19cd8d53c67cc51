"""A campaign that comes again: every so many days, weeks or months at the same time of day. [pure]

The moments are counted from the first one by the wall clock of a zone, so nine o'clock stays nine o'clock over changes of
summer time, and the 31st is the last day of shorter months.
"""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from lettershop.base.errors import Invalid
from lettershop.marketing.pacing import known_zone

UNITS = {"day": 1, "week": 7, "month": 0}
MOST = 366


class RepeatInvalid(Invalid):
    """A campaign cannot come again like this."""

    code = "repeat-invalid"


@dataclass(frozen=True, slots=True)
class Repeat:
    """Every so many units from `first` on, not after `until`."""

    every: int
    unit: str
    first: float
    zone: str = "UTC"
    until: float | None = None

    def to_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)

    @classmethod
    def from_json(cls, tree: Mapping[str, Any]) -> "Repeat | None":
        """As it was stored; None if the campaign does not come again."""
        return cls(**tree) if tree else None

    def check(self) -> None:
        """Raises RepeatInvalid, ZoneUnknown."""
        if self.unit not in UNITS or not 1 <= self.every <= MOST:
            raise RepeatInvalid(f"Every {self.every} {self.unit} is no rule.", remedy="Say: every 2 week.")
        known_zone(self.zone)
        if self.until is not None and self.until < self.first:
            raise RepeatInvalid("It would end before it begins.")

    def moment(self, number: int) -> float:
        """The moment of the run after `number` runs."""
        first = datetime.fromtimestamp(self.first, known_zone(self.zone))
        if self.unit != "month":
            later = first.replace(tzinfo=None) + timedelta(days=number * self.every * UNITS[self.unit])
        else:
            year, month = divmod(first.year * 12 + first.month - 1 + number * self.every, 12)
            day = min(first.day, monthrange(year, month + 1)[1])
            later = first.replace(tzinfo=None, year=year, month=month + 1, day=day)
        return later.replace(tzinfo=first.tzinfo, fold=0).timestamp()

    def after(self, at: float) -> float | None:
        """The first moment after `at`; None if there is none."""
        if at < self.first:
            return self.first
        days = {"day": 1.0, "week": 7.0, "month": 31.0}[self.unit] * self.every
        number = max(0, int((at - self.first) / 86_400 / days) - 1)
        while (found := self.moment(number)) <= at:
            number += 1
        return found if self.until is None or found <= self.until else None

    def latest(self, at: float) -> float:
        """The last moment that is not after `at`, which is not before the first."""
        days = {"day": 1.0, "week": 7.0, "month": 31.0}[self.unit] * self.every
        number = max(0, int((at - self.first) / 86_400 / days) - 1)
        while self.moment(number + 1) <= at:
            number += 1
        return self.moment(number)
