"""`lettershop privacy`: what is held on a person, and its erasure."""

from typing import Annotated, Any

import orjson
import typer

from lettershop.app.house import House
from lettershop.cli.context import ConfigFile, run

commands = typer.Typer(no_args_is_help=True, help="What is held on a person, and its erasure.")

Address = Annotated[str, typer.Argument(help="The person's address.")]
Workspace = Annotated[str, typer.Option(help="The workspace; without it, the first one.")]


async def _workspace(house: House, name: str) -> int:
    return await house.ensure_workspace(name) if name else await house.first_workspace()


@commands.command("export")
def export(address: Address, config: ConfigFile = None, workspace: Workspace = "") -> None:
    """Print everything that is held on an address, as JSON (GDPR 15 and 20)."""

    async def work(house: House) -> dict[str, Any]:
        return await house.need_marketing().privacy.export(await _workspace(house, workspace), address)

    print(orjson.dumps(run(config, work), option=orjson.OPT_INDENT_2).decode())


@commands.command("erase")
def erase(
    address: Address,
    config: ConfigFile = None,
    workspace: Workspace = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Erase a person for good (GDPR 17). Only a keyed hash stays, so that no import brings the address back."""
    if not yes:
        typer.confirm(f"Erase everything held on {address}? This cannot be undone.", abort=True)

    async def work(house: House) -> int:
        return await house.need_marketing().privacy.erase(await _workspace(house, workspace), address)

    print(
        f"Erased: {address}." if run(config, work) else f"Nothing was held on {address}; an import will leave it out."
    )
