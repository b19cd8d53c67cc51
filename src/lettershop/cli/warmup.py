"""`lettershop warmup`: how far new addresses and domains are, what may go today, and when it ends."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import typer

from lettershop.app.house import House
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.egress.breakers import rulebook
from lettershop.egress.warmup import DAY, Stage, advance, day_of, ends_on, plan_of, room
from lettershop.egress.warmup import Day as Brought
from lettershop.store import warmups
from lettershop.store.warmups import Key, StoredStage

commands = typer.Typer(no_args_is_help=True, help="Warm-up of new egress addresses and sending domains.")


@dataclass(frozen=True, slots=True)
class Line:
    """One provider of one address and domain. `room` null: no limit any more; `ends` if every day is used and goes well."""

    source: str
    domain: str
    provider: str
    step: int
    steps: int
    room: int | None
    handed_out: int
    ends: str | None
    why: str


@commands.command("list")
def list_(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Print each provider's step, today's room, and the date on which the warm-up ends if all goes well."""
    found = run(config, _lines)
    if as_json:
        print_json([asdict(line) for line in found])
        return
    rows = [
        (
            line.domain, line.source or "any", line.provider, f"{min(line.step + 1, line.steps)} of {line.steps}",
            "no limit" if line.room is None else f"{line.handed_out:,} of {line.room:,}", line.ends or "ended", line.why,
        )
        for line in found
    ]  # fmt: skip
    headings = ["domain", "address", "provider", "step", "today", "ends", "why"]
    print_rows("Warm-up", headings, rows, "Nothing is warmed up. Name it in [delivery.warmup].")


async def _lines(house: House) -> list[Line]:
    delivery = house.config.delivery
    plan = plan_of(delivery.warmup, rulebook(delivery.breakers).usual)
    today = day_of(house.clock.now())
    stages = await house.main_db.read(warmups.stages)
    brought = await house.main_db.read(warmups.last_days, {key: stage.day for key, stage in stages.items()})

    def line(key: Key, row: StoredStage) -> Line:
        before = Stage(row.step, row.day, row.handed_out, row.ended, row.why)
        stage = advance(before, Brought(*brought[key]), today, plan, key[2])
        end = ends_on(stage, plan, key[2])
        ends = None if end is None else datetime.fromtimestamp(end * DAY, UTC).date().isoformat()
        steps = len(plan.curve(key[2]))
        return Line(*key, stage.step, steps, room(stage, plan, key[2]), stage.handed_out, ends, stage.why)

    return [line(key, row) for key, row in stages.items()]
