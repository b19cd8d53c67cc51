"""Reads the operator's routes with their passwords, of which some lie in files of their own ([delivery] passwords)."""

from collections.abc import Mapping
from pathlib import Path

from lettershop.base.config import Delivery
from lettershop.base.errors import ConfigError
from lettershop.egress.relays import FILE, Relay, read


def load(delivery: Delivery) -> Mapping[str, tuple[Relay, ...]]:
    """The relays by recipient domain ("*": all others), in the order in which they are tried. Raises ConfigError."""
    passwords = {who: _password(who, value.get_secret_value()) for who, value in delivery.passwords.items()}
    return {domain.lower(): read(domain, route, passwords) for domain, route in delivery.routes.items()}


def _password(who: str, value: str) -> str:
    if not value.startswith(FILE):
        return value
    path = value.removeprefix(FILE)
    try:
        return Path(path).read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"delivery.passwords: {path} for {who} cannot be read.") from error
