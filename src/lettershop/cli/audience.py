"""`lettershop audience`: people into a workspace and out of it; their attributes."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from lettershop.app.house import House
from lettershop.app.worker import calm_collector
from lettershop.base.errors import Invalid
from lettershop.cli.context import AsJson, ConfigFile, print_json, print_rows, run
from lettershop.marketing.export import Form
from lettershop.marketing.import_rows import ImportOptions
from lettershop.marketing.import_run import FilePreview, ImportResult, describe

commands = typer.Typer(no_args_is_help=True, help="People: import, export, their attributes.")

File = Annotated[Path, typer.Argument(help="A CSV file with a header line; one column is the address.", exists=True)]
Columns = Annotated[
    list[str] | None,
    typer.Option(
        "--column", help='What a column is: "HEADING=email", name, tags, an attribute, or "-" to leave it out.'
    ),
]


@commands.callback()
def _group() -> None:
    """People: import, export, their attributes."""


@commands.command("import")
def import_(
    file: File,
    list_name: Annotated[str, typer.Option("--list", help="The list that they join; made if it is not there.")],
    basis: Annotated[str, typer.Option(help="On what ground they may be written to, in words; kept as proof.")],
    implied: Annotated[bool, typer.Option("--implied", help="The consent is implied, not express (CASL).")] = False,
    expires: Annotated[
        int | None, typer.Option(help="Days after which the consent ends.", show_default="730 if implied")
    ] = None,
    rule: Annotated[
        str, typer.Option(help="People who are there: add leaves them, update writes values, overwrite also clears.")
    ] = "update",
    column: Columns = None,
    tag: Annotated[list[str] | None, typer.Option(help="A tag for everybody in the file.")] = None,
    refuse: Annotated[
        list[str] | None, typer.Option(help="Refuse addresses that are: typo, disposable, role, no-mx.")
    ] = None,
    mx: Annotated[bool, typer.Option("--mx", help="Flag domains without a mail server.")] = False,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Import a CSV file; refused rows go to FILE.rejected.csv with line number and reason."""
    options = ImportOptions(
        list_name, basis, "implied" if implied else "express", expires, rule, _columns(column), tuple(tag or ()),
        tuple(refuse or ()), mx,
    )  # fmt: skip

    async def work(house: House) -> ImportResult:
        calm_collector()
        workspace = await house.first_workspace()
        with file_progress(f"Importing {file.name}", quiet=as_json) as progress:
            return await house.need_marketing().imports.run(
                file, workspace_id=workspace, options=options, progress=progress, by="command"
            )

    result = run(config, work)
    if as_json:
        print_json(describe(result))
        return
    _tell(result, list_name)


def _tell(result: ImportResult, list_name: str) -> None:
    print(
        f"{result.created} new, {result.updated} changed, {result.unchanged} as they were; {result.joined} joined {list_name}."
    )
    print(f"Import {result.import_id}; lettershop audience undo {result.import_id} takes it back.")
    if result.refused:
        print(f"{result.refused} rows were refused; see {result.rejected_file}:")
        for row in result.examples:
            print(f"  line {row.line}: {row.reason}")
    if result.flagged:
        print("Taken, but odd: " + ", ".join([f"{count} {flag}" for flag, count in sorted(result.flagged.items())]))
        for odd in result.flag_examples:
            meant = f", likely {odd.suggestion}" if odd.suggestion else ""
            print(f"  line {odd.line}: {odd.address} ({odd.flag}{meant})")


def _columns(said: list[str] | None) -> dict[str, str]:
    found = {}
    for entry in said or []:
        heading, equals, target = entry.rpartition("=")
        if not equals:
            raise Invalid(f"A column is told as HEADING=TARGET, not {entry!r}.")
        found[heading] = target
    return found


@commands.command("look")
def look(file: File, column: Columns = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Show what an import would make of the first thousand rows; nothing is written."""

    async def work(house: House) -> FilePreview:
        workspace = await house.first_workspace()
        return await house.need_marketing().imports.preview(file, workspace_id=workspace, columns=_columns(column))

    found = run(config, work)
    if as_json:
        print_json(found)
        return
    print(f"{found.encoding}, apart by {found.delimiter!r}; {found.good} of the first {found.rows} rows are good.")
    rows = [(c.heading, c.target, c.kind, ", ".join(c.samples[:3])) for c in found.columns]
    print_rows("Columns", ["heading", "is", "kind", "for example"], rows, "")
    for row in found.refused:
        print(f"  line {row.line}: {row.reason}")


@commands.command("imports")
def imports(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the imports, newest first."""

    async def work(house: House) -> list[dict[str, object]]:
        found = await house.need_marketing().imports.page(await house.first_workspace())
        return [
            {"id": job.id, "file": job.file_name, "state": job.state, "rows": job.rows, "created": job.created,
             "updated": job.updated, "refused": job.refused, "error": job.error} for job in found
        ]  # fmt: skip

    found = run(config, work)
    if as_json:
        print_json(found)
        return
    headings = ["id", "file", "state", "rows", "created", "updated", "refused", "error"]
    print_rows("Imports", headings, [tuple(row.values()) for row in found], "Nothing was imported yet.")


@commands.command("undo")
def undo(
    number: Annotated[int, typer.Argument(help="The number of the import.")],
    config: ConfigFile = None,
) -> None:
    """Take back a whole import: who came with it and was never written to goes, who was changed is as before."""

    async def work(house: House) -> None:
        await house.need_marketing().imports.undo(await house.first_workspace(), number)

    run(config, work)
    print(f"Import {number} is undone.")


@commands.command("export")
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; .gz compresses. Without it, standard output.")] = None,
    segment: Annotated[str, typer.Option(help="Only these people, in words.")] = "",
    list_name: Annotated[str, typer.Option("--list", help="Only those subscribed to this list.")] = "",
    form: Annotated[Form, typer.Option("--format", help="csv, or jsonl with consents and kinds of values.")] = "csv",
    config: ConfigFile = None,
) -> None:
    """Write everything about the people: CSV that can be imported again, or JSON lines."""

    async def work(house: House) -> int:
        workspace, exports = await house.first_workspace(), house.need_marketing().exports
        if file is not None:
            return await exports.to_file(file, workspace, form=form, segment=segment, list_name=list_name)
        async for piece in exports.lines(workspace, form=form, segment=segment, list_name=list_name):
            sys.stdout.buffer.write(piece)
        return 0

    count = run(config, work)
    if file is not None:
        print(f"{count} people written to {file}.")


@commands.command("attributes")
def attributes_(config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the attributes of people and their kinds."""

    async def work(house: House) -> list[tuple[str, str, str]]:
        found = await house.need_marketing().attributes.of_workspace(await house.first_workspace())
        return [(entry.name, entry.kind, "declared" if entry.declared else "learned") for entry in found]

    rows = run(config, work)
    if as_json:
        print_json([{"name": name, "kind": kind, "from": origin} for name, kind, origin in rows])
        return
    print_rows("Attributes", ["name", "kind", "from"], rows, "There are no attributes yet; an import brings them.")


@commands.command("attribute")
def attribute(
    name: Annotated[str, typer.Argument(help="The attribute.")],
    kind: Annotated[str, typer.Option(help="text, number, date, boolean or list.")],
    config: ConfigFile = None,
) -> None:
    """Declare what kind an attribute has; values that are there are rewritten, or the reason is said."""

    async def work(house: House) -> int:
        return await house.need_marketing().attributes.declare(await house.first_workspace(), name, kind)

    print(f"{name} is a {kind}; {run(config, work)} values were rewritten.")


@contextmanager
def file_progress(words: str, *, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A bar over the bytes of a file, on standard error; a function to move it on."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet) as progress:
        task = progress.add_task(words, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
