"""The real `lettershop serve` in processes of its own, and ways to kill parts of it."""

import os
import random
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

TOML = """
[server]
hostname = "mail.brand.example"
data_dir = "{folder}/data"
workers = {workers}
log_level = "error"

[listen]
smtp = ["127.0.0.1:{smtp}"]
submission = ["127.0.0.1:{submission}"]
submissions = ["127.0.0.1:{submissions}"]
imap = ["127.0.0.1:{imap}"]
imaps = []
pop3 = ["127.0.0.1:{pop3}"]
pop3s = []
http = ["127.0.0.1:{http}"]
https = []

[web]
public_url = "http://127.0.0.1:{http}"

[database]
url = "{database}"

[dns]
zone_files = ["{folder}/internet.zone"]

[delivery]
routes = {{ "inbox.example" = "smtp://127.0.0.1:{receiver}" }}
retry = [1, 2]
connections = 20
expire = 3600

[delivery.breakers]
enabled = false
"""
SERVICES = ("smtp", "submission", "submissions", "imap", "pop3", "http")


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def configured(
    folder: Path, *, workers: int, database: str = "", receiver: int = 9
) -> tuple[Path, str, dict[str, int]]:
    """A configuration on free loopback ports: its file, its text, the ports by service."""
    ports = dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
    database = database or f"sqlite:///{folder}/data/lettershop.db"
    text = TOML.format(folder=folder, workers=workers, database=database, receiver=receiver, **ports)
    (folder / "data").mkdir()
    (folder / "internet.zone").write_text("")
    (folder / "lettershop.toml").write_text(text)
    return folder / "lettershop.toml", text, ports


class Server:
    """`lettershop serve`."""

    def __init__(self, config_file: Path) -> None:
        self._file = config_file
        self.process = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lettershop", "serve", "--config", str(self._file)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        ready, _, _ = select.select([self.process.stdout], [], [], 90)
        assert ready and self.process.stdout.readline() == b"ready\n", "the server did not start"

    def workers(self) -> list[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text().split()]

    def memory(self) -> int:
        """Bytes of all its processes that no other has."""
        return sum(_private(pid) for pid in [self.process.pid, *self.workers()])

    def kill_a_worker(self, dice: random.Random) -> None:
        with suppress(ProcessLookupError):
            if alive := self.workers():
                os.kill(dice.choice(alive), signal.SIGKILL)

    def kill_supervisor(self) -> None:
        """Alone: its workers are told to stop, and the next server starts meanwhile."""
        self.process.kill()
        self._bury()
        self.start()

    def kill_all(self) -> None:
        self.stop()
        self.start()

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self._bury()

    def _bury(self) -> None:
        self.process.wait()
        self.process.stdout.close()


def _private(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) * 1024
