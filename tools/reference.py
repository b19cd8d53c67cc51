"""Writes docs/reference/ from the code: settings, facts, commands. `--check` says whether what is there is true.

Nothing in those files is written by hand; tests/contracts/test_reference.py holds them to the code.
"""

import sys
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import typer.main
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from lettershop.base.config import ENVIRONMENT_PREFIX, Listener, sections
from lettershop.base.facts import KINDS, Fact

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
HEAD = "<!-- Written by tools/reference.py. Do not edit. -->\n\n"


def documents() -> dict[str, str]:
    """File name -> text."""
    return {"configuration.md": configuration(), "facts.md": facts(), "cli.md": commands()}


# -- settings ----------------------------------------------------------------------------------------------------------


def configuration() -> str:
    """Every section and key of lettershop.toml."""
    lines = [
        f"{HEAD}# Configuration\n",
        "One TOML file, `lettershop.toml`; every key has a default. "
        f"`{ENVIRONMENT_PREFIX}SECTION__KEY` in the environment overrides a key. "
        "An unknown key is an error that names the nearest known one.\n",
    ]
    for name, model in sections():
        lines += [f"## [{name}]\n", f"{one_line(model.__doc__ or '')}\n"]
        lines += ["| key | type | default | meaning |", "| --- | --- | --- | --- |"]
        lines += [setting(key, info) for key, info in model.model_fields.items()]
        lines.append("")
    return "\n".join(lines)


def setting(key: str, info: FieldInfo) -> str:
    """One row of a section's table."""
    value = info.get_default(call_default_factory=True)
    default = toml({} if isinstance(value, BaseModel) else value)
    return f"| `{key}` | {cell(kind(info.annotation))}{cell(bounds(info))} | `{cell(default)}` | {cell(info.description or '')} |"


def kind(annotation: Any) -> str:
    """A type in the words of a TOML file."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is Listener:
        return '"address:port"'
    if origin is list:
        return f"list of {kind(arguments[0])}"
    if origin is dict:
        return f"table of {kind(arguments[1])}"
    if origin is tuple:
        return f"[{', '.join(kind(argument) for argument in arguments)}]"
    if origin is Annotated:
        return kind(arguments[0])
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    if isinstance(annotation, type):
        return {str: "string", int: "integer", float: "number", bool: "true or false", SecretStr: "string"}.get(
            annotation, annotation.__name__
        )
    if all(isinstance(argument, str) for argument in arguments):
        return " or ".join(f'"{argument}"' for argument in arguments)
    if {getattr(argument, "__name__", "") for argument in arguments} == {"IPv4Network", "IPv6Network"}:
        return "network"
    return " or ".join(kind(argument) for argument in arguments)


def bounds(info: FieldInfo) -> str:
    """The limits of a number."""
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    found = [
        f"{sign} {getattr(limit, name)}"
        for limit in info.metadata
        for name, sign in signs.items()
        if getattr(limit, name, None) is not None
    ]
    return f", {', '.join(found)}" if found else ""


def toml(value: Any) -> str:
    """A default as it would stand in the file."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(toml(item) for item in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}" = {toml(item)}' for key, item in value.items()) + "}"
    return f'"{value}"' if isinstance(value, str) else str(value)


# -- facts -------------------------------------------------------------------------------------------------------------


def facts() -> str:
    """Every kind of fact with its fields."""
    lines = [
        f"{HEAD}# Facts\n",
        "A fact is a row that says what was observed. It is written in the transaction that changes the state, is never "
        "changed, and is read in order by consumers. Fields may be added, never renamed.\n",
        f"Every fact has {', '.join(f'`{name}`' for name in Fact.HEAD)}; the ids are null where they make no sense. "
        "Times are seconds since the epoch, UTC.\n",
    ]
    for name, fact in KINDS.items():
        own = [field for field in fields(fact) if field.name not in Fact.HEAD]
        lines += [f"## {name}\n", f"{one_line(fact.__doc__ or '')}\n"]
        lines += ["| field | type | default |", "| --- | --- | --- |", *(fact_field(field) for field in own), ""]
    return "\n".join(lines)


def fact_field(field: Field[Any]) -> str:
    """One row of a fact's table."""
    written = getattr(field.type, "__name__", str(field.type)).replace("|", "or")
    default = "" if field.default is MISSING else f"`{toml(field.default) if field.default is not None else 'null'}`"
    return f"| `{field.name}` | {written} | {default} |"


# -- commands ----------------------------------------------------------------------------------------------------------


def commands() -> str:
    """Every command with its arguments and options, as the program itself knows them."""
    from lettershop.cli.program import program  # noqa: PLC0415  (settings and facts need no command line)

    root = typer.main.get_command(program)
    lines = [f"{HEAD}# Commands\n", "`lettershop --help` and `--help` behind every command say the same.\n"]
    for path, command in leaves(root, ()):
        lines += [f"## lettershop {' '.join(path)}\n", f"{one_line(command.help or '')}\n"]
        rows = [row for parameter in command.params if (row := parameter_row(parameter))]
        if rows:
            lines += ["| argument or option | default | meaning |", "| --- | --- | --- |", *rows, ""]
    return "\n".join(lines)


def leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The commands that do something, in the order in which help lists them."""
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, child in inner.items():
        if not child.hidden:
            yield from leaves(child, (*path, name))


def parameter_row(parameter: Any) -> str:
    """One row of a command's table; "" for what is not shown."""
    if getattr(parameter, "hidden", False) or parameter.name == "help":
        return ""
    is_argument = getattr(parameter, "param_type_name", "") == "argument"
    many = "…" if parameter.nargs == -1 or getattr(parameter, "multiple", False) else ""
    if is_argument:
        name = f"{(parameter.metavar or parameter.name).upper()}{many}"
    else:
        name = ", ".join((*parameter.opts, *parameter.secondary_opts)) + many
    return f"| `{name}` | {cell(default_of(parameter))} | {cell(one_line(getattr(parameter, 'help', '') or ''))} |"


def default_of(parameter: Any) -> str:
    """What counts where nothing is said."""
    if parameter.required:
        return "required"
    shown = getattr(parameter, "show_default", None)
    if isinstance(shown, str):
        return f"`{shown}`"
    value = parameter.default
    if isinstance(value, Enum):
        value = value.value
    plain = isinstance(value, str | int | float | Path) and not isinstance(value, bool)
    return f"`{value}`" if plain and value != "" else ""


# -- words -------------------------------------------------------------------------------------------------------------


def one_line(text: str) -> str:
    """Text without its line breaks."""
    return " ".join(text.split())


def cell(text: str) -> str:
    """Text within a Markdown table."""
    return text.replace("|", "\\|")


def main() -> int:
    """Write the files, or with --check tell which are not what the code says."""
    found = documents()
    if "--check" in sys.argv:
        stale = [name for name, text in found.items() if not same(FOLDER / name, text)]
        print("\n".join(f"docs/reference/{name} is stale; run: .venv/bin/python tools/reference.py" for name in stale))
        return bool(stale)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in found.items():
        (FOLDER / name).write_text(text)
    return 0


def same(path: Path, text: str) -> bool:
    """Whether a file holds this text."""
    return path.exists() and path.read_text() == text


if __name__ == "__main__":
    sys.exit(main())
