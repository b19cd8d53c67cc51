"""`lettershop block`: layouts and blocks that campaigns and templates share."""

from pathlib import Path
from typing import Annotated

import typer

from lettershop.app.house import House
from lettershop.base.errors import NotFound
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.marketing.blocks import NoSuchBlock
from lettershop.store import blocks as rows
from lettershop.store.blocks import BlockRow

commands = typer.Typer(no_args_is_help=True, help="Layouts and blocks: content that campaigns and templates share.")

ENDINGS = {".mjml": "mjml", ".md": "markdown", ".markdown": "markdown"}
Name = Annotated[str, typer.Argument(help="Its name.")]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(f"{path} cannot be read as UTF-8 text.") from error


@commands.command("put")
def put(
    name: Name,
    file: Annotated[Path, typer.Argument(help="Its HTML, MJML (.mjml) or Markdown (.md).")],
    text: Annotated[Path | None, typer.Option("--text", help="What it is in written text parts.")] = None,
    layout: Annotated[
        bool, typer.Option("--layout", help="It stands round bodies: they are its {{ content }}.")
    ] = False,
    config: ConfigFile = None,
) -> None:
    """Keep a block, or bring it up to date; {% include "NAME" %} puts it in."""
    content = {
        "html": _read(file), "text": _read(text) if text else "", "layout": layout,
        "format": ENDINGS.get(file.suffix.lower(), "html"),
    }  # fmt: skip

    async def work(house: House) -> None:
        blocks, workspace = house.need_marketing().blocks, await house.first_workspace()
        try:
            found = await blocks.named(workspace, name)
        except NoSuchBlock:
            await blocks.create(workspace, name, content)
        else:
            await blocks.change(workspace, found.id, content)

    run(config, work)
    print(f"{'Layout' if layout else 'Block'} {name} is kept.")


@commands.command("list")
def list_(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List layouts and blocks."""

    async def work(house: House) -> list[BlockRow]:
        return await house.main_db.read(rows.of_workspace, await house.first_workspace())

    found = run(config, work)
    if as_json:
        print_json(found)
        return
    table = [(row.name, "layout" if row.layout else "block", row.format, len(row.html)) for row in found]
    print_rows("Layouts and blocks", ["name", "kind", "format", "characters"], table, "None yet.")


@commands.command("remove")
def remove(name: Name, config: ConfigFile = None) -> None:
    """Delete one; campaigns that have started keep what they are made of."""

    async def work(house: House) -> None:
        blocks, workspace = house.need_marketing().blocks, await house.first_workspace()
        await blocks.remove(workspace, (await blocks.named(workspace, name)).id)

    run(config, work)
    print(f"{name} is removed.")
