"""The key that seals what the database keeps for us: a file beside it, made at the first start, never in it."""

import os
from pathlib import Path

from lettershop.base.clock import Clock
from lettershop.base.config import Config
from lettershop.base.errors import ConfigError
from lettershop.mail.sealing import KEY_SIZE


def key_of(config: Config, clock: Clock) -> bytes:
    """Read it, or make it, readable for its owner alone. Raises ConfigError if the file is no key."""
    path = Path(config.security.key_file or Path(config.server.data_dir) / "secrets.key")
    if not path.exists():
        _make(path, clock.token(KEY_SIZE))
    try:
        key = bytes.fromhex(path.read_text().strip())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} cannot be read as a key: {error}.", remedy="Put it back from a backup.") from error
    if len(key) != KEY_SIZE:
        raise ConfigError(f"{path} holds no key of {KEY_SIZE} bytes.", remedy="Put it back from a backup.")
    return key


def _make(path: Path, key: bytes) -> None:
    """Whole or not at all: several processes may start at once, and the first one's key counts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
