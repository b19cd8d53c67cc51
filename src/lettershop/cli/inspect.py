"""`lettershop inspect`: what messages are: bounces, complaints, automatic answers, reports, or ordinary mail."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from lettershop.cli.context import AsJson, print_json
from lettershop.mail.bounces import Inspection, understand

STDIN = "-"

Files = Annotated[
    list[Path],
    typer.Argument(help="Messages, a file each; “-” is standard input.", metavar="FILE…", show_default=False),
]


def inspect(files: Files, as_json: AsJson = False) -> None:
    """Say what messages are, whom they are about and what to do; with --json a JSON object a line."""
    failed = False
    for file in files:
        try:
            data = sys.stdin.buffer.read() if str(file) == STDIN else file.read_bytes()
        except OSError as error:
            typer.echo(f"{file}: {error.strerror}", err=True)
            failed = True
            continue
        found = understand(data)
        if as_json:
            print_json({"file": str(file), **found.as_json()})
        else:
            print("\n".join(_lines(file, found)))
    raise typer.Exit(1 if failed else 0)


def _lines(file: Path, found: Inspection) -> Iterator[str]:
    yield f"{file}: {found.kind}" + (f" ({found.feedback})" if found.feedback else "")
    for person in found.recipients:
        codes = " ".join(str(code) for code in (person.code or "", person.status) if code)
        verdict = f"{person.reason}, {'hard' if person.hard else 'soft'}" if person.reason else ""
        yield "  " + "  ".join(part for part in (person.address, codes, verdict) if part)
        if person.diagnostic:
            yield f"    {' '.join(person.diagnostic.split())[:300]}"
    if found.advice:
        yield f"  {found.advice}"
