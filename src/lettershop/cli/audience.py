"""`lettershop audience`: people into a workspace."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from lettershop.app.house import House
from lettershop.cli.context import AsJson, ConfigFile, print_json, run
from lettershop.marketing.import_run import ImportResult, describe

commands = typer.Typer(no_args_is_help=True, help="People: import.")


@commands.callback()
def _group() -> None:
    """People: import."""


@commands.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="A CSV file with a header line; one column is the address.", exists=True)
    ],
    list_name: Annotated[str, typer.Option("--list", help="The list that they join; made if it is not there.")],
    basis: Annotated[str, typer.Option(help="On what ground they may be written to, in words; kept as proof.")],
    implied: Annotated[bool, typer.Option("--implied", help="The consent is implied, not express (CASL).")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Import a CSV file; refused rows go to FILE.rejected.csv with line number and reason."""

    async def work(house: House) -> ImportResult:
        workspace = await house.first_workspace()
        with file_progress(f"Importing {file.name}", quiet=as_json) as progress:
            return await house.need_marketing().imports.run(
                file, workspace_id=workspace, list_name=list_name, basis=basis,
                kind="implied" if implied else "express", progress=progress,
            )  # fmt: skip

    result = run(config, work)
    if as_json:
        print_json(describe(result))
        return
    print(
        f"{result.created} new, {result.updated} changed, {result.unchanged} as they were; {result.joined} joined {list_name}."
    )
    if result.refused:
        print(f"{result.refused} rows were refused; see {result.rejected_file}:")
        for row in result.examples:
            print(f"  line {row.line}: {row.reason}")


@contextmanager
def file_progress(words: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A bar over the bytes of a file, on standard error; a function to move it on."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as progress:
        task = progress.add_task(words, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
