"""Reads the table of receivers' limits: the one that ships with the program, under the operator's own ([delivery] shaping)."""

from importlib.resources import files
from pathlib import Path

from lettershop.base.config import Delivery
from lettershop.base.errors import ConfigError
from lettershop.egress.shaping import Shaping, Sheets, build, read

NAME = "shaping.toml"


def shipped() -> Sheets:
    """The table that ships with the program."""
    return read((files("lettershop.egress") / NAME).read_text("utf-8"), source=NAME)


def load(delivery: Delivery) -> Shaping:
    """The table that counts; figures of [delivery] are the default row's. Raises ConfigError."""
    table = build(shipped(), _own(delivery.shaping)) if delivery.shaping else build(shipped())
    given = {"connections": delivery.connections, "messages_per_connection": delivery.messages_per_connection}
    return table.with_default(**{key: value for key, value in given.items() if value is not None})


def _own(path: str) -> Sheets:
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"delivery.shaping: {path} cannot be read.") from error
    return read(text, source=path)
