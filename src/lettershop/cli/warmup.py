"""`lettershop warmup`: how far new addresses and domains are, what may go today, and when it ends."""

from dataclasses import asdict

import typer

from lettershop.app.house import House
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.egress.breakers import rulebook
from lettershop.egress.warmup import plan_of
from lettershop.mail.warming import Line, Warming

commands = typer.Typer(no_args_is_help=True, help="Warm-up of new egress addresses and sending domains.")


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
    return await Warming(
        house.main_db, house.clock, plan_of(delivery.warmup, rulebook(delivery.breakers).usual)
    ).lines()
