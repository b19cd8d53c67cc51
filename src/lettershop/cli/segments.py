"""`lettershop segment`: who a condition selects."""

from typing import Annotated

import typer

from lettershop.app.house import House
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.marketing.audience import Preview, preview

commands = typer.Typer(no_args_is_help=True, help="Segments: people selected by conditions.")


@commands.callback()
def _group() -> None:
    """Segments: people selected by conditions."""


@commands.command("preview")
def preview_(
    expression: Annotated[str, typer.Argument(help="""Like: plan = "pro" and orders > 2 and in list "Newsletter".""")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Say how many people a segment has, and show the first few."""

    async def work(house: House) -> Preview:
        workspace = await house.first_workspace()
        return await house.main_db.read(preview, workspace, expression, house.clock.now())

    found = run(config, work)
    if as_json:
        print_json(
            {"count": found.count, "first": [{"email": c.email, "attributes": c.attributes} for c in found.first]}
        )
        return
    print(f"{found.count} people.")
    rows = [(c.email, c.name, ", ".join(f"{k}={v}" for k, v in list(c.attributes.items())[:5])) for c in found.first]
    print_rows(
        "The first", ["address", "name", "attributes"], rows, "Nobody fits. Check the names of attributes and lists."
    )
