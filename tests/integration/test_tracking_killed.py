"""kill -9 of the whole server while opens and clicks come in: every one that was answered is there."""

import asyncio
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter

import httpx2
import pytest

from lettershop.app.house import open_house
from lettershop.base.config import load
from lettershop.base.facts import Clicked, Opened
from lettershop.mail.tokens import Recipient
from lettershop.store import campaigns, contacts, factlog, workspaces
from lettershop.store.contacts import NewContact
from lettershop.store.subscriptions import Consent

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
http = ["127.0.0.1:{port}"]
[database]
url = "sqlite:///{folder}/t.db"
[blobs]
url = "file://{folder}/blobs"
"""
PHONE = {"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148", "accept-language": "en"}
CALLERS = 6
KILLS = 3
ENOUGH = 100
"""Answers before the server is killed."""


async def stage(config):
    """A sent campaign with a link, to one person; its number and the person's."""
    async with open_house(config) as house:
        workspace, main = await house.first_workspace(), house.main_db
        brand = await main.write(
            workspaces.ensure_brand, workspace, name="B", from_name="B", from_address="b@brand.example", at=1.0
        )
        row = NewContact("p@a.example", "p@a.example", "a.example", "P", {})
        await main.write(contacts.take, workspace, None, [row], Consent("express", "x", "import"), 1.0)
        (person,) = await main.read(contacts.page, workspace)
        key = await main.write(campaigns.create, workspace, brand, at=1.0, name="C", subject="S", html="x", tree={})
        await main.write(campaigns.set_links, key, [(1, "https://s.example/", "x")])
        return key, person.id, house.tokens


async def recorded(config, campaign):
    """How often each envelope's pixel and link stand in the log."""
    async with open_house(config) as house:
        await house.marketing.folding.end()  # what the killed ones left behind
        found = await house.main_db.read(factlog.of_campaign, campaign)
    return Counter((entry.fact.envelope_id, type(entry.fact)) for entry in found)


class Callers:
    """Threads that ask for pixels and links, each address once, and note what was answered."""

    def __init__(self, base, seal):
        self._base, self._seal, self._numbers = base, seal, iter(range(1, 10**9))
        self._lock, self._stop, self._threads = threading.Lock(), threading.Event(), []
        self.answered: set[tuple[int, type]] = set()

    def start(self):
        self._stop.clear()
        self._threads = [threading.Thread(target=self._call) for _ in range(CALLERS)]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _call(self):
        with httpx2.Client(base_url=self._base, headers=PHONE, timeout=20) as client:
            while not self._stop.is_set():
                with self._lock:
                    number = next(self._numbers)
                token = self._seal(number)
                try:
                    if client.get(f"/o/{token}.gif").status_code == 200:
                        self.answered.add((number, Opened))
                    if client.get(f"/c/{token}/1").status_code == 302:
                        self.answered.add((number, Clicked))
                except httpx2.HTTPError:
                    return


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.mark.timeout(240)
def test_what_was_answered_is_recorded(tmp_path):
    port = free_port()
    file = tmp_path / "lettershop.toml"
    file.write_text(CONFIG.format(folder=tmp_path, port=port))
    config = load(file.read_text(), {}, source=str(file))
    campaign, person, tokens = asyncio.run(stage(config))
    callers = Callers(f"http://127.0.0.1:{port}", lambda number: tokens.seal(Recipient(campaign, number, person)))
    for kill in range(1, KILLS + 1):
        process = subprocess.Popen(
            [sys.executable, "-m", "lettershop", "serve", "--config", str(file)],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            ready, _, _ = select.select([process.stdout], [], [], 60)
            assert ready and process.stdout.readline() == b"ready\n"
            callers.start()
            until = time.monotonic() + 45
            while len(callers.answered) < ENOUGH * kill and time.monotonic() < until:
                time.sleep(0.01)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
            callers.stop()
    assert len(callers.answered) >= ENOUGH * KILLS
    found = asyncio.run(recorded(config, campaign))
    assert callers.answered <= found.keys()
    assert max(found.values()) == 1
