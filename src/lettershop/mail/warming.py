"""How far the warm-up of new addresses and domains is, for people: step, today's room, the day on which it ends."""

from dataclasses import dataclass
from datetime import UTC, datetime

from lettershop.base.clock import Clock
from lettershop.egress.warmup import DAY, Plan, Stage, advance, day_of, ends_on, room
from lettershop.egress.warmup import Day as Brought
from lettershop.store import warmups
from lettershop.store.database import Database
from lettershop.store.warmups import Key, StoredStage


@dataclass(frozen=True, slots=True)
class Line:
    """One provider of one address and domain. `room` None: no limit any more; `ends` if every day is used and goes well."""

    source: str
    domain: str
    provider: str
    step: int
    steps: int
    room: int | None
    handed_out: int
    ends: str | None
    why: str


class Warming:
    """One object per process, on the main half."""

    def __init__(self, db: Database, clock: Clock, plan: Plan) -> None:
        self._db = db
        self._clock = clock
        self._plan = plan

    async def lines(self) -> list[Line]:
        """Every warm-up that has begun."""
        today = day_of(self._clock.now())
        stages = await self._db.read(warmups.stages)
        brought = await self._db.read(warmups.last_days, {key: stage.day for key, stage in stages.items()})
        return [self._line(key, row, Brought(*brought[key]), today) for key, row in stages.items()]

    def _line(self, key: Key, row: StoredStage, brought: Brought, today: int) -> Line:
        before = Stage(row.step, row.day, row.handed_out, row.ended, row.why)
        stage = advance(before, brought, today, self._plan, key[2])
        end = ends_on(stage, self._plan, key[2])
        ends = None if end is None else datetime.fromtimestamp(end * DAY, UTC).date().isoformat()
        steps = len(self._plan.curve(key[2]))
        return Line(*key, stage.step, steps, room(stage, self._plan, key[2]), stage.handed_out, ends, stage.why)
