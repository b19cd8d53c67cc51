"""What commands share: the configuration file, running one coroutine on the house, printing rows or JSON."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, is_dataclass
from getpass import getuser
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
import typer
from click import get_current_context
from rich.console import Console
from rich.table import Table

from lettershop.app.house import House, open_house
from lettershop.base.config import Config, load
from lettershop.base.errors import ConfigError

T = TypeVar("T")

DEFAULT_FILE = Path("lettershop.toml")

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config", help="The configuration file.", envvar="LETTERSHOP_CONFIG", show_default="lettershop.toml"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def read_config(file: Path | None) -> Config:
    """The configuration; without a file named and none in this folder, the defaults and the environment."""
    path = file or DEFAULT_FILE
    if not path.exists():
        if file is not None:
            raise ConfigError(f"There is no configuration file {path}.", remedy="Make one with: lettershop init")
        return load("", os.environ, source="the environment")
    return load(path.read_text(encoding="utf-8"), os.environ, source=str(path))


def run(file: Path | None, work: Callable[[House], Awaitable[T]]) -> T:
    """Open the house, do the work, close it."""

    async def inside() -> T:
        async with open_house(read_config(file)) as house:
            done = await work(house)
            if command := acting_command():
                await house.audit.note(None, "shell", user_name(), command)
            return done

    return asyncio.run(inside())


READING = frozenset({
    "list", "count", "show", "sites", "check", "dns", "tls-results", "look", "imports", "export", "attributes", "preview",
    "journey", "mailboxes", "report", "forecast", "runs", "deliveries", "audit", "shaping", "route", "inspect", "simulate", "demo",
})  # fmt: skip
"""Commands, by their last word, that change nothing."""


def acting_command() -> str:
    """The command that runs, by its words and without what was given to it; empty if it only looks."""
    context = get_current_context(silent=True)
    path = context.command_path if context is not None else ""
    words = path.split()[1:]
    while words and words[0] in ("-m", "lettershop"):
        words = words[1:]
    return "" if not words or words[-1] in READING else " ".join(words)


def user_name() -> str:
    """Who sits at the shell."""
    try:
        return getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def print_json(value: Any) -> None:
    """One JSON document on one line; dataclasses become objects."""
    print(orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode())


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(type(value).__name__)


def print_rows(title: str, headings: Sequence[str], rows: Sequence[Sequence[Any]], empty: str) -> None:
    """A table for people, or a sentence that says what to do when there is nothing."""
    if not rows:
        print(empty)
        return
    table = Table(title=title, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table)
