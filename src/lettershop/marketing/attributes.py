"""Typed attributes of people: what kinds there are, how a cell is read as one, how a kind is learned from cells. [pure]

    text     anything                      number   12, -3.5 (no leading zero or plus: those are text)
    date     2026-01-31 or 31.1.2026       boolean  true, false, yes, no
    list     texts, in a file apart by ; | or ,

A kind is declared by a person, or learned from the whole of the first file that has the column: the narrowest that all
cells fit. From then on a value of another kind is refused by name, so that no segment silently misses people.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from lettershop.base.errors import Invalid

KINDS = ("text", "number", "date", "boolean", "list")
Value = str | int | float | bool | list[str]

_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)|(\d{1,2})\.(\d{1,2})\.(\d{4})")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,10})?")
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}


class NotOfItsKind(Invalid):
    """The value does not fit the attribute's kind."""

    code = "attribute-kind"


def _number(cell: str) -> int | float:
    if _NUMBER.fullmatch(cell) is None:
        raise ValueError
    return float(cell) if "." in cell else int(cell)


def _flag(cell: str) -> bool:
    if cell.lower() not in _FLAGS:
        raise ValueError
    return _FLAGS[cell.lower()]


def _day(cell: str) -> str:
    match = _DATE.fullmatch(cell)
    if match is None:
        raise ValueError
    year, month, day = (match[1], match[2], match[3]) if match[1] else (match[6], match[5], match[4])
    return date(int(year), int(month), int(day)).isoformat()


def words_of(cell: str) -> list[str]:
    """The texts of a list in a cell, each once; apart by the first of ; | , that is there."""
    apart = next((sign for sign in ";|," if sign in cell), ";")
    return list(dict.fromkeys(word for part in cell.split(apart) if (word := part.strip())))


READ: dict[str, Callable[[str], Value]] = {
    "text": lambda cell: cell, "number": _number, "date": _day, "boolean": _flag, "list": words_of,
}  # fmt: skip
"""A cell that is not empty as a value of each kind; raises ValueError."""


def misfit(name: str, kind: str, value: object) -> NotOfItsKind:
    """The error that says which attribute wants what."""
    return NotOfItsKind(
        f"{name} is a {kind}, and {str(value)[:40]!r} is none.",
        remedy=f"Correct it, or make {name} text: lettershop audience attribute {name} --kind text",
    )


def checked(name: str, kind: str, value: object) -> Value:
    """A value as JSON has it (from the API) in the attribute's kind; raises NotOfItsKind."""
    if kind == "list" and isinstance(value, list) and all(isinstance(word, str) for word in value):
        return list(dict.fromkeys(value))
    if kind == "boolean" and isinstance(value, bool):
        return value
    if kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if kind in ("text", "date") and isinstance(value, str):
        try:
            return READ[kind](value)
        except ValueError as error:
            raise misfit(name, kind, value) from error
    raise misfit(name, kind, value)


def kind_of(value: object) -> str:
    """The kind of a value that nobody declared."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list):
        return "list"
    return "date" if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value) else "text"


class Learner:
    """The narrowest kind that all cells of a column fit: boolean, number, date, else text."""

    def __init__(self) -> None:
        self._still: list[str] = ["boolean", "number", "date"]
        self._seen = False

    def see(self, cells: Iterable[str]) -> None:
        """Look at more cells; empty ones say nothing."""
        for cell in cells:
            if not self._still:
                return
            if cell:
                self._seen = True
                self._still = [kind for kind in self._still if _fits(kind, cell)]

    @property
    def kind(self) -> str:
        """What it is as far as was seen."""
        return self._still[0] if self._seen and self._still else "text"


def _fits(kind: str, cell: str) -> bool:
    try:
        READ[kind](cell)
    except ValueError:
        return False
    return True


def as_text(value: Any) -> str:
    """A value as a cell of an export, so that it comes back as the same when it is imported."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        words = [str(word).replace(";", ",") for word in value]
        return words[0] + ";" if len(words) == 1 and {",", "|"} & set(words[0]) else ";".join(words)
    return str(value)
