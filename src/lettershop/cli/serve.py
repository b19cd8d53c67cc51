"""`lettershop serve`: the server."""

import asyncio
import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

from lettershop.app.house import give_back_leases, prepare_storage
from lettershop.app.mail import certificate_files
from lettershop.app.worker import Shared, run_worker
from lettershop.base.clock import SystemClock
from lettershop.base.config import ROLES, Config, Role, load
from lettershop.base.errors import ConfigError
from lettershop.cli.context import DEFAULT_FILE, ConfigFile, read_config
from lettershop.egress.board import Board
from lettershop.egress.meters import Meters
from lettershop.supervisor import Supervisor, addresses, be_alone, bind, raise_file_limit, workers_of

HERE = """
[listen]
smtp = ["127.0.0.1:2525"]
submission = ["127.0.0.1:2587"]
submissions = ["127.0.0.1:2465"]
imap = ["127.0.0.1:2143"]
imaps = ["127.0.0.1:2993"]
pop3 = ["127.0.0.1:2110"]
pop3s = ["127.0.0.1:2995"]
http = ["127.0.0.1:8080"]
"""
"""What `make serve` runs on where there is no lettershop.toml: loopback, ports that need no root, ./data."""

LISTENERS: dict[Role, tuple[str, ...]] = {
    "smtp": ("smtp",), "submission": ("submission", "submissions"), "imap": ("imap", "imaps"), "pop3": ("pop3", "pop3s"),
    "web": ("http", "https"), "delivery": (), "scheduler": (),
}  # fmt: skip
"""Which entries of [listen] belong to a role."""


def serve(
    config: ConfigFile = None,
    roles: Annotated[str, typer.Option(help="What this machine does, separated by commas.")] = ",".join(ROLES),
    here: Annotated[
        bool, typer.Option("--here", help="Loopback ports that need no root, unless lettershop.toml says otherwise.")
    ] = False,
) -> None:
    """Run the server until it is told to stop; prints `ready` when every listener accepts."""
    settings = load(HERE, os.environ) if here and config is None and not DEFAULT_FILE.exists() else read_config(config)
    sys.exit(run(settings, parse_roles(roles)))


def parse_roles(text: str) -> tuple[Role, ...]:
    """The roles of --roles; raises ConfigError."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in get_args(Role)]
    if unknown or not names:
        raise ConfigError(
            f"There is no role {', '.join(unknown) or 'named'}.", remedy=f"Roles are: {', '.join(ROLES)}."
        )
    return cast(tuple[Role, ...], tuple(names))


def run(config: Config, roles: tuple[Role, ...]) -> int:
    """Supervise the workers; the exit code."""
    raise_file_limit()
    workers = workers_of(config)
    data = Path(config.server.data_dir)
    data.mkdir(parents=True, exist_ok=True)
    alone = be_alone(data / "delivery.lock") if "delivery" in roles else None
    certificate_files(config, SystemClock())  # made before the workers fork, so that no two make one
    asyncio.run(_prepare(config, workers))
    listeners = {name: getattr(config.listen, name) for role in roles for name in LISTENERS[role]}
    sockets = bind(listeners, workers)

    def ready() -> None:
        for service, where in addresses(sockets[0]).items():
            print(f"{service:<12} {', '.join(where)}", file=sys.stderr)
        print("ready", flush=True)

    worker = partial(run_worker, config, roles, shared=Shared(Board(workers), Meters(workers)))
    try:
        return Supervisor(worker, sockets).run(ready)
    finally:
        if alone is not None:
            alone.close()


async def _prepare(config: Config, workers: int) -> None:
    """The newest schema; and what workers held that were killed with their supervisor goes back to the queue."""
    await prepare_storage(config)
    await give_back_leases(config, range(workers))
