"""The stage of the demo: a folder of its own, a configuration on free loopback ports, a zone file, and the real server.

Everything the demo's server knows it is told as an operator would tell it: `lettershop.toml`, domains with the records
that `lettershop domain dns` prints, accounts, an imported CSV. The zone file is what the world's name servers would say.
"""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from lettershop.app.house import House
from lettershop.base.config import ENVIRONMENT_PREFIX, Config, load
from lettershop.base.errors import Temporary
from lettershop.cli.demo.readers import Ports
from lettershop.insight.dnsrecords import Record, domain_records, host_records, zone_text
from lettershop.mail.accounts import NewAccount

SENDER = "brand.example"
SENDER_HOST = "mail.brand.example"
FROM = "letters@brand.example"
REPLIES = "hello@brand.example"
COMPLAINTS = "fbl@brand.example"
RECEIVERS = ("inbox.example", "freemail.example", "office.example")
START_PATIENCE = 60.0
STOP_PATIENCE = 30.0

TOML = """# The demo's own configuration, made by `lettershop demo`.
[server]
hostname = "{host}"
data_dir = "{folder}/data"
log_level = "warning"

[listen]
smtp = ["127.0.0.1:{smtp}"]
submission = ["127.0.0.1:{submission}"]
submissions = []
imap = ["127.0.0.1:{imap}"]
imaps = []
pop3 = ["127.0.0.1:{pop3}"]
pop3s = []
http = ["127.0.0.1:{http}"]

[web]
public_url = "http://127.0.0.1:{http}"

[dns]
zone_files = ["{folder}/internet.zone"]

[delivery]
smtp_port = {smtp}
source_addresses = ["127.0.0.1"]
retry = [2, 3, 4, 5]
expire = 32

[delivery.breakers]  # three of the thousand readers complain: elsewhere the rest would go out slowly
enabled = false

[mail]
greylist_delay = 1.5
"""


class DemoFailed(Temporary):
    """The demo's server did not start or stop as it should."""

    code = "demo-failed"


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demo plays."""

    folder: Path
    config_file: Path
    config: Config
    ports: Ports


def build(folder: Path, workers: int) -> Stage:
    """Write the configuration on free ports."""
    names = ("smtp", "submission", "imap", "http", "pop3")
    free = dict(zip(names, _free_ports(len(names)), strict=True))
    text = TOML.format(folder=folder, host=SENDER_HOST, **free).replace(
        "[listen]", f"workers = {workers}\n\n[listen]", 1
    )
    file = folder / "lettershop.toml"
    file.write_text(text, encoding="utf-8")
    (folder / "internet.zone").write_text("", encoding="utf-8")
    ports = Ports(free["smtp"], free["submission"], free["imap"], free["http"])
    return Stage(folder, file, load(text, environment()), ports)


def environment() -> dict[str, str]:
    """The environment without the operator's own settings; only another database or blob store may be named."""
    kept = tuple(f"{ENVIRONMENT_PREFIX}{section}__" for section in ("DATABASE", "BLOBS"))
    return {k: v for k, v in os.environ.items() if not k.startswith(ENVIRONMENT_PREFIX) or k.startswith(kept)}


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


async def host_domains(house: House, stage: Stage, workspace_id: int) -> None:
    """Host the sender's and the receivers' domains and publish their records."""
    records = host_records(SENDER_HOST, ["127.0.0.1"])
    for name in (SENDER, *RECEIVERS):
        sends = name == SENDER
        await house.accounts.add_domain(name, workspace_id=workspace_id if sends else None)
        exchanger = SENDER_HOST if sends else f"mx.{name}"
        records += domain_records(name, exchanger, await house.accounts.keys(name))
        if not sends:
            records.append(Record(exchanger, "A", "127.0.0.1", "Where this receiver takes mail."))
    (stage.folder / "internet.zone").write_text(zone_text(records), encoding="utf-8")


async def open_mailboxes(house: House, addresses: Sequence[str]) -> dict[str, str]:
    """A mailbox for every reader that exists, and the sender's own; the passwords by address.

    Local parts that start with "gone." exist nowhere, "later." has greylisting on, "full." has no room.
    """
    passwords: dict[str, str] = {}
    new = []
    for address in [REPLIES, *addresses]:
        local = address.partition("@")[0]
        if local.startswith("gone."):
            continue
        passwords[address], stored = house.passwords.generate()
        quota = 0 if local.startswith("full.") else None
        new.append(NewAccount(address, stored, quota=quota, greylist=local.startswith("later.")))
    await house.accounts.add_many(new)
    return passwords


@contextmanager
def server(stage: Stage) -> Iterator[None]:
    """The real server, `lettershop serve`, in processes of its own; stopped gently in the end."""
    log = (stage.folder / "server.log").open("wb")
    process = subprocess.Popen(  # noqa: S603  (our own program)
        [sys.executable, "-m", "lettershop", "serve", "--config", str(stage.config_file)],
        stdout=subprocess.PIPE, stderr=log, env={**environment(), "PYTHONUNBUFFERED": "1"}, start_new_session=True,
    )  # fmt: skip
    try:
        _await_ready(process, stage)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def _await_ready(process: "subprocess.Popen[bytes]", stage: Stage) -> None:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_PATIENCE)
    if not ready or process.stdout.readline().strip() != b"ready":
        raise DemoFailed("The server did not start.", remedy=f"Its log is {stage.folder}/server.log.")
