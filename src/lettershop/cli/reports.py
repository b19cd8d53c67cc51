"""`lettershop report`: how much is recorded of what readers do, and verdicts computed again."""

from dataclasses import asdict

import typer

from lettershop.app.house import House
from lettershop.cli.campaigns import number_of
from lettershop.cli.context import AsJson, ConfigFile, print_json, run
from lettershop.marketing.recompute import Recomputed
from lettershop.marketing.recompute import recompute as judge_again
from lettershop.marketing.tracking import MODES, USUAL
from lettershop.store import tracking as tracking_rows

commands = typer.Typer(no_args_is_help=True, help="What is recorded of readers, and verdicts computed again.")


@commands.command("recompute")
def recompute(
    which: str = typer.Argument("", help="Number or name of a campaign; all if none is named."),
    config: ConfigFile = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """Judge every open and click again, by the rules of this version: person or machine. Figures follow."""

    async def work(house: House) -> Recomputed:
        number = await number_of(house, which) if which else None
        return await judge_again(house.main_db, number)

    found = run(config, work)
    if as_json:
        print_json(asdict(found))
    else:
        print(f"{found.hits:,} opens and clicks judged, {found.changed:,} differently than before.")


@commands.command("tracking")
def tracking(
    mode: str = typer.Argument("", help=f"{', '.join(MODES)}; left out: print which one holds."),
    config: ConfigFile = None, as_json: AsJson = False,
) -> None:  # fmt: skip
    """How much is recorded of opens and clicks, where a campaign does not say otherwise. It holds at once, for mail already sent too."""
    if mode and mode not in MODES:
        raise typer.BadParameter(f"There are {', '.join(MODES)}.")

    async def work(house: House) -> str:
        workspace = await house.first_workspace()
        if mode:
            await house.main_db.write(tracking_rows.set_mode, workspace, mode)
        return await house.main_db.read(tracking_rows.mode_of, workspace) or USUAL

    found = run(config, work)
    if as_json:
        print_json({"tracking": found})
    else:
        print(found)
