"""`lettershop media`: pictures and files for campaigns."""

from pathlib import Path
from typing import Annotated

import typer

from lettershop.app.house import House
from lettershop.base.errors import NotFound
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.store.media import Medium

commands = typer.Typer(no_args_is_help=True, help="Pictures and files for campaigns.")


def read_file(path: Path) -> bytes:
    """Its bytes; raises NotFound."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path} cannot be read.") from error


@commands.command("add")
def add(
    files: Annotated[list[Path], typer.Argument(help="PNG, JPEG, GIF, WebP, or any file to attach.")],
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Keep files; their addresses stand in the answer."""
    read = [(path.name, read_file(path)) for path in files]

    async def work(house: House) -> list[tuple[Medium, str]]:
        media, workspace = house.need_marketing().media, await house.first_workspace()
        found = [await media.upload(workspace, name, data) for name, data in read]
        return [(one, media.url(one)) for one in found]

    kept = run(config, work)
    if as_json:
        print_json(
            [{"id": one.id, "name": one.name, "content_type": one.content_type, "url": url} for one, url in kept]
        )
        return
    for one, url in kept:
        print(f"{one.id}  {one.name}  {one.content_type}  {url}")


@commands.command("list")
def list_(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the newest."""

    async def work(house: House) -> list[tuple[Medium, str]]:
        media, workspace = house.need_marketing().media, await house.first_workspace()
        return [(one, media.url(one)) for one in await media.page(workspace)]

    found = run(config, work)
    if as_json:
        print_json(
            [{"id": one.id, "name": one.name, "content_type": one.content_type, "url": url} for one, url in found]
        )
        return
    table = [
        (one.id, one.name, f"{one.width} x {one.height}" if one.width else one.content_type, one.size, url)
        for one, url in found
    ]
    print_rows("Media", ["number", "name", "what", "bytes", "address"], table, "None yet.")


@commands.command("remove")
def remove(number: Annotated[int, typer.Argument(help="Its number.")], config: ConfigFile = None) -> None:
    """Take one out: its address leads nowhere any more, also in mail that was sent."""

    async def work(house: House) -> None:
        await house.need_marketing().media.remove(await house.first_workspace(), number)

    run(config, work)
    print("It is removed.")
