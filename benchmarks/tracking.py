"""Opens and clicks a second of one core, beside a bare uvloop HTTP protocol loop in the same run.

    python -m benchmarks.tracking [--requests 40000] [--connections 256]

`lettershop serve` with one worker, on SQLite; every open and click is on disk before it is answered. The bare loop answers
opens without a look at the request, and clicks after a check of their token. Figure: requests a second of the server's
processor time, which does not depend on what else the machine does; `…_ratio` is ours divided by the bare loop's. The aim is
0.3. `…_later_us`: microseconds of an event afterwards, when it is put into the database, judged and counted.
"""

import argparse
import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from lettershop.app.house import open_house
from lettershop.base.config import Config, load
from lettershop.mail.tokens import Recipient, Tokens
from lettershop.servers.web.tracking import PIXEL
from lettershop.store import campaigns, contacts, factlog, workspaces
from lettershop.store.contacts import NewContact
from lettershop.store.subscriptions import Consent

LISTEN = "".join(f"{name} = []\n" for name in ("smtp", "submission", "submissions", "imap", "imaps", "pop3", "pop3s"))
HEADERS = (
    "Host: m.example\r\nUser-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148\r\n"
    "Accept: image/avif,image/webp,*/*\r\nAccept-Language: en-GB,en;q=0.9\r\nConnection: keep-alive\r\n\r\n"
)
PEOPLE = 500


class Bare(asyncio.Protocol):
    """As little as an HTTP server can do."""

    ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: image/gif\r\nContent-Length: %d\r\n\r\n" % len(PIXEL) + PIXEL
    FOUND = b"HTTP/1.1 302 Found\r\nLocation: https://s.example/\r\nContent-Length: 0\r\n\r\n"
    TOKENS = Tokens(b"k" * 32)

    def connection_made(self, transport) -> None:
        """A client is there."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """An answer for each request."""
        if data.startswith(b"GET /c/"):  # a click has its token checked, as in facts/speed.md
            self.TOKENS.open(data[7 : data.index(b"/", 7)].decode())
            self._transport.write(self.FOUND)
        else:
            self._transport.write(self.ANSWER)


class Asker(asyncio.Protocol):
    """One connection: asks, waits for the answer, asks again."""

    def __init__(self, requests: list[bytes], done: "asyncio.Future[None]", status: bytes) -> None:
        self._requests, self._done, self._status, self._seen = requests, done, status, b""

    def connection_made(self, transport) -> None:
        """Begin."""
        self._transport = transport
        self._next()

    def _next(self) -> None:
        if self._requests:
            self._transport.write(self._requests.pop())
            return
        self._transport.close()
        if not self._done.done():
            self._done.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Is the answer whole?"""
        self._seen += data
        head, end, body = self._seen.partition(b"\r\n\r\n")
        if not end:
            return
        if not head.startswith(self._status) and not self._done.done():
            self._done.set_exception(RuntimeError(head.decode("latin-1")))
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(body) >= length:
            self._seen = b""
            self._next()


async def ask(port: int, requests: list[bytes], connections: int, status: bytes) -> None:
    """All requests over so many connections."""
    loop = asyncio.get_running_loop()
    done = [loop.create_future() for _ in range(connections)]
    for one in done:
        await loop.create_connection(lambda one=one: Asker(requests, one, status), "127.0.0.1", port)
    await asyncio.gather(*done)


def spent(group: int) -> float:
    """Processor seconds of all living processes of a group."""
    total = 0
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def measured(
    process: "subprocess.Popen[bytes]", port: int, requests: list[bytes], connections: int, status: bytes
) -> dict:
    """Requests a second, by the wall's clock and by the server's processor time."""
    count, cpu, begun = len(requests), spent(process.pid), time.perf_counter()
    uvloop.run(ask(port, requests, connections, status))
    return {
        "per_second": round(count / (time.perf_counter() - begun)),
        "per_cpu_second": round(count / (spent(process.pid) - cpu)),
    }


async def stage(config, messages: int) -> list[str]:
    """A campaign with a link and its people; the tokens of so many messages."""
    async with open_house(config) as house:
        workspace, main = await house.first_workspace(), house.main_db
        brand = await main.write(
            workspaces.ensure_brand, workspace, name="B", from_name="B", from_address="b@brand.example", at=1.0
        )
        rows = [NewContact(f"p{n}@a.example", f"p{n}@a.example", "a.example", "P", {}) for n in range(PEOPLE)]
        await main.write(contacts.take, workspace, None, rows, Consent("express", "x", "import"), 1.0)
        key = await main.write(campaigns.create, workspace, brand, at=1.0, name="C", subject="S", html="x", tree={})
        await main.write(campaigns.set_links, key, [(1, "https://s.example/", "x")])
        found = await main.read(contacts.page, workspace, limit=PEOPLE)
        return [
            house.tokens.seal(Recipient(key, number, found[number % PEOPLE].id)) for number in range(1, messages + 1)
        ]


def settled(config: Config, group: int, events: int) -> float:
    """Processor seconds of the server when all events are facts and counted."""

    async def counted() -> bool:
        async with open_house(config) as house:
            last = await house.main_db.read(factlog.newest, "facts")
            done = await house.main_db.read(factlog.position, "analytics", "facts")
            return last >= events and done >= last

    until = time.monotonic() + 300
    while not asyncio.run(counted()):
        if time.monotonic() > until:
            raise RuntimeError("The events are not counted.")
        time.sleep(1)
    return spent(group)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def started(arguments: list[str]) -> "subprocess.Popen[bytes]":
    """A server that has said "ready"."""
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], 60)
    if not ready or process.stdout.readline() != b"ready\n":
        raise RuntimeError("The server does not start.")
    return process


def stopped(process: "subprocess.Popen[bytes]") -> None:
    """Ends it."""
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)


async def bare(port: int) -> None:
    """The server to compare with, until it is ended."""
    server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", port)
    print("ready", flush=True)
    await server.serve_forever()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=40_000)
    parser.add_argument("--connections", type=int, default=256)
    parser.add_argument("--bare", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.bare:
        uvloop.run(bare(given.bare))
        return
    found: dict[str, object] = {"requests": given.requests, "connections": given.connections}
    with tempfile.TemporaryDirectory(prefix="lettershop-bench-") as folder:
        port, other = free_port(), free_port()
        file = Path(folder) / "lettershop.toml"
        file.write_text(
            f'[server]\nhostname = "m.example"\ndata_dir = "{folder}"\nworkers = 1\n'
            f'[listen]\n{LISTEN}http = ["127.0.0.1:{port}"]\n'
            f'[database]\nurl = "sqlite:///{folder}/t.db"\n[blobs]\nurl = "file://{folder}/blobs"\n'
        )
        config = load(file.read_text(), {}, source=str(file))
        asked = asyncio.run(stage(config, given.requests))
        paths = {"open": [f"/o/{token}.gif" for token in asked], "click": [f"/c/{token}/1" for token in asked]}
        requests = {
            name: [f"GET {path} HTTP/1.1\r\n{HEADERS}".encode() for path in made] for name, made in paths.items()
        }
        limit = started(["-m", "benchmarks.tracking", "--bare", str(other)])
        ours = started(["-m", "lettershop", "serve", "--config", str(file)])
        try:
            for number, (name, status) in enumerate((("open", b"HTTP/1.1 200"), ("click", b"HTTP/1.1 302")), 1):
                bound = measured(limit, other, requests[name] * 5, given.connections, status)
                told = measured(ours, port, requests[name], given.connections, status)
                found |= {f"bare_{name}_{what}": value for what, value in bound.items()}
                found |= {f"{name}_{what}": value for what, value in told.items()}
                found[f"{name}_ratio"] = round(told["per_cpu_second"] / bound["per_cpu_second"], 3)
                begun = spent(ours.pid)
                later = settled(config, ours.pid, number * given.requests) - begun
                found[f"{name}_later_us"] = round(later / given.requests * 1e6)
        finally:
            stopped(limit)
            stopped(ours)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
