"""`lettershop report`: figures over campaigns, and their verdicts computed again."""

from dataclasses import asdict

import typer

from lettershop.app.house import House
from lettershop.cli.campaigns import number_of
from lettershop.cli.context import AsJson, ConfigFile, print_json, run
from lettershop.marketing.recompute import Recomputed
from lettershop.marketing.recompute import recompute as judge_again

commands = typer.Typer(no_args_is_help=True, help="Reports over campaigns; verdicts computed again.")


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
