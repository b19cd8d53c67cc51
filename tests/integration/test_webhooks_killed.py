"""A server that is killed again and again while events leave: each reaches its address, under one id, signed; and each is
in the log files once."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lettershop.app.house import open_house
from lettershop.base.config import load
from lettershop.base.facts import Bounced
from lettershop.wire.webhook import verify

CONFIG = """
[server]
hostname = "mail.brand.example"
data_dir = "{folder}"
workers = 2
[listen]
smtp = []
submission = []
submissions = []
imap = []
imaps = []
pop3 = []
pop3s = []
http = []
[dns]
zone_files = ["{folder}/internet.zone"]
[facts]
folder = "{folder}/facts"
[webhooks]
allow_networks = ["127.0.0.0/8"]
"""


@pytest.fixture
def receiver():
    """An address that takes events; some only at the second try."""
    heard: list[tuple[dict[str, str], bytes, int]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            seen = {headers["webhook-id"] for headers, _, _ in heard}
            number = int(json.loads(body)["data"]["text"])
            status = 500 if number % 97 == 0 and self.headers["webhook-id"] not in seen else 200
            heard.append((dict(self.headers), body, status))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], heard
    server.shutdown()
    server.server_close()


async def make(config, port):
    async with open_house(config) as house:
        return await house.webhooks.create(
            await house.first_workspace(), "shop", f"http://hooks.example:{port}/in", ["Bounced"]
        )


async def happen(config, workspace, numbers):
    async with open_house(config) as house:
        await house.main_db.write(
            lambda tx: [
                tx.fact(
                    Bounced(
                        at=house.clock.now(), workspace_id=workspace, site="x", mx="", code=550, text=str(number),
                        reason="unknown-user", hard=True, address="a@x.example",
                    )
                )
                for number in numbers
            ]
            and None
        )  # fmt: skip


@pytest.fixture
def serve():
    """Starts servers; whatever happens, none is left."""
    running = []

    def start(file):
        process = subprocess.Popen(
            [sys.executable, "-m", "lettershop", "serve", "--config", str(file), "--roles", "scheduler"],
            stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        running.append(process)
        ready, _, _ = select.select([process.stdout], [], [], 60)
        assert ready
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in running:
        if process.poll() is None:
            end(process, signal.SIGKILL)


def end(process, how):
    os.killpg(process.pid, how)
    process.wait(60)
    process.stdout.close()


@pytest.mark.timeout(300)
def test_no_event_is_lost(receiver, serve, tmp_path):
    port, heard = receiver
    (tmp_path / "internet.zone").write_text("hooks.example. 60 IN A 127.0.0.1\n")
    file = tmp_path / "lettershop.toml"
    file.write_text(CONFIG.format(folder=tmp_path))
    config = load(file.read_text(), {}, source=str(file))
    hook = asyncio.run(make(config, port))
    for turn in range(4):
        asyncio.run(happen(config, hook.workspace_id, range(turn * 500, turn * 500 + 500)))
        process, before = serve(file), len(heard)
        until = time.monotonic() + 60
        while len(heard) < before + 60 and time.monotonic() < until:
            time.sleep(0.005)
        end(process, signal.SIGKILL)
    process = serve(file)

    def taken():
        return {headers["webhook-id"]: body for headers, body, status in list(heard) if status == 200}

    until = time.monotonic() + 120
    while len(taken()) < 2000 and time.monotonic() < until:
        time.sleep(0.1)
    end(process, signal.SIGTERM)

    lines = [json.loads(line) for file in sorted(tmp_path.glob("facts/*.jsonl")) for line in file.open()]
    assert [int(line["data"]["text"]) for line in lines] == list(range(2000))
    assert sorted(int(json.loads(body)["data"]["text"]) for body in taken().values()) == list(range(2000))
    assert len({(headers["webhook-id"], body) for headers, body, _ in heard}) == 2000, "one id, one event"
    for headers, body, _ in heard:
        args = (headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"], body)
        assert verify(hook.secret, *args, now=float(headers["webhook-timestamp"]))
