"""A password reset while a newsletter runs at full speed: from acceptance to hand-over, by submission and by the API.

    python -m benchmarks.transactional [--people 20000] [--rate 20]

The real `lettershop serve` with a worker per core sends a campaign to a sink in another process. Meanwhile a client hands in
`rate` messages a second by submission (one connection, logged in, TLS) and as many over the API (one connection); every
second one goes to a domain that the newsletter is going to as well. A message's figure: when the sink has its last dot, less when our
250 or 202 was there. Before it the same without a campaign, for comparison.
"""

import argparse
import asyncio
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import quantiles

import aiosmtplib
import httpx2
import uvloop

from benchmarks import newsletter
from benchmarks.campaign import ask, person, spawn
from lettershop.app.house import open_house
from lettershop.base.config import load
from lettershop.marketing.campaigns import Draft
from lettershop.store import contacts, subscriptions, workspaces
from lettershop.store.subscriptions import Consent

TOML = """
[server]
hostname = "mail.brand.example"
data_dir = "{folder}/data"
workers = {workers}
log_level = "error"
[listen]
smtp = []
submission = ["127.0.0.1:{submission}"]
submissions = []
imap = []
imaps = []
pop3 = []
pop3s = []
http = ["127.0.0.1:{http}"]
https = []
[web]
public_url = "http://127.0.0.1:{http}"
[database]
url = "sqlite:///{folder}/data/lettershop.db"
[dns]
zone_files = ["{folder}/internet.zone"]
[delivery]
routes = {{ "*" = "smtp://127.0.0.1:{sink}" }}
[delivery.breakers]
enabled = false
"""
PASSWORD = "correct horse battery staple"
QUIET_SECONDS, PATIENCE = 3.0, 240.0
BODY = "Somebody asked for a new password. If it was you: https://brand.example/reset/4711\r\n" * 12


def free_port() -> int:
    """A port of loopback that nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return opened.getsockname()[1]


async def stage(config, people: int) -> tuple[int, str]:
    """Sender, account, people, a draft; the campaign's number and a token."""
    async with open_house(config) as house:
        now, workspace = house.clock.now(), await house.first_workspace()
        await house.accounts.add_domain("brand.example", workspace_id=workspace)
        await house.accounts.add("app@brand.example", PASSWORD)
        await house.main_db.write(
            workspaces.ensure_brand, workspace, name="Brand", from_name="Brand", from_address="news@brand.example",
            at=now, postal_address="1 Harbour Street, Porttown",
        )  # fmt: skip
        everybody = await house.main_db.write(subscriptions.ensure_list, workspace, "Everybody", now)
        for start in range(0, people, 1000):
            group = [person(n) for n in range(start, min(start + 1000, people))]
            consent = Consent("express", "benchmark", "import")
            await house.main_db.write(contacts.take, workspace, everybody, group, consent, now)
        draft = Draft(
            name="Spring", subject=newsletter.SUBJECT, brand="Brand", html=newsletter.html(), list_name="Everybody"
        )
        campaign = await house.need_marketing().campaigns.create(workspace, draft)
        return campaign, (await house.api_tokens.create(workspace, "bench", ["all"])).secret


async def start(config, campaign: int) -> None:
    """The moment at which the newsletter starts."""
    async with open_house(config) as house:
        await house.need_marketing().campaigns.start(campaign)


@contextmanager
def serving(file: Path):
    """`lettershop serve`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lettershop", "serve", "--config", str(file)], stdout=subprocess.PIPE
    )
    try:
        ready, _, _ = select.select([process.stdout], [], [], 90)
        assert ready and process.stdout.readline() == b"ready\n", "the server did not start"
        yield
    finally:
        process.terminate()
        process.wait(60)


def recipient(way: str, number: int) -> str:
    """Every second one at a domain of the newsletter."""
    return f"tx-{way}-{number}@{('s1.example', 'elsewhere.example')[number % 2]}"


class Client:
    """Hands in messages and notes when each was accepted."""

    def __init__(self, rate: float) -> None:
        self.accepted: dict[str, float] = {}
        self.took: list[float] = []
        self._rate = rate
        self._number = 0

    def note(self, address: str, began: float) -> None:
        self.accepted[address] = time.time()
        self.took.append(time.time() - began)

    async def pace(self, way: str, hand_in, stop: asyncio.Event) -> None:
        """One message every 1/rate s; one that is late does not delay the next ones' moments."""
        loop, due = asyncio.get_running_loop(), asyncio.get_running_loop().time()
        while not stop.is_set():
            self._number += 1
            began, address = time.time(), recipient(way, self._number)
            await hand_in(address)
            self.note(address, began)
            due = max(due + 1 / self._rate, loop.time() - 1.0)
            await asyncio.sleep(max(0.0, due - loop.time()))

    @asynccontextmanager
    async def submission(self, port: int):
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=True, validate_certs=False) as smtp:
            await smtp.login("app@brand.example", PASSWORD)

            async def hand_in(address: str) -> None:
                data = f"From: app@brand.example\r\nTo: {address}\r\nSubject: Your new password\r\n\r\n{BODY}"
                await smtp.sendmail("app@brand.example", [address], data)

            yield hand_in

    @asynccontextmanager
    async def api(self, port: int, token: str):
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers) as http:

            async def hand_in(address: str) -> None:
                message = {"from": {"address": "app@brand.example"}, "to": [{"address": address}],
                           "subject": "Your new password", "text": BODY}  # fmt: skip
                answer = await http.post("/api/v1/messages", json=message)
                assert answer.status_code in (200, 201, 202), answer.text

            yield hand_in

    async def run(self, ports: tuple[int, int], token: str, stop: asyncio.Event) -> None:
        async with self.submission(ports[0]) as smtp, self.api(ports[1], token) as api:
            await asyncio.gather(self.pace("smtp", smtp, stop), self.pace("api", api, stop))


def milliseconds(values: list[float]) -> dict[str, float]:
    """Of the spread: middle, 19 of 20, 99 of 100, worst."""
    cuts = quantiles(values, n=100)
    return {name: round(1000 * value, 1) for name, value in
            (("p50", cuts[49]), ("p95", cuts[94]), ("p99", cuts[98]), ("max", max(values)))}  # fmt: skip


def spread(client: Client, marks: dict[str, float]) -> dict[str, object]:
    """Of one run, by way and of all."""
    assert set(client.accepted) <= set(marks), "a message is missing"
    late = {address: max(0.0, marks[address] - at) for address, at in client.accepted.items()}
    ways = {way: [value for address, value in late.items() if f"-{way}-" in address] for way in ("smtp", "api")}
    return {"messages": len(late), "hand_over_ms": milliseconds(list(late.values())),
            **{f"hand_over_ms_{way}": milliseconds(values) for way, values in ways.items()},
            "accept_ms": milliseconds(client.took)}  # fmt: skip


async def _count(sink) -> dict[str, float]:
    return json.loads(await asyncio.to_thread(ask, sink, "count"))


async def _all_there(sink, client: Client) -> dict[str, float]:
    until = time.monotonic() + 20.0
    while not set(client.accepted) <= set(marks := json.loads(await asyncio.to_thread(ask, sink, "marks"))):
        assert time.monotonic() < until, "a message did not come"
        await asyncio.sleep(0.2)
    return marks


async def measure(config, sink, campaign: int, told, ports: tuple[int, int], token: str) -> dict[str, object]:
    """Quiet, then beside the newsletter from its 500th to its last message."""
    figures: dict[str, object] = {}
    stop, quiet = asyncio.Event(), Client(told.rate)
    task = asyncio.create_task(quiet.run(ports, token, stop))
    await asyncio.sleep(QUIET_SECONDS)
    stop.set()
    await task
    figures["quiet"] = spread(quiet, await _all_there(sink, quiet))
    await start(config, campaign)
    begun, before = time.time(), int((await _count(sink))["taken"])
    while (await _count(sink))["taken"] < before + 500:
        assert time.time() < begun + PATIENCE, "the campaign does not start"
        await asyncio.sleep(0.02)
    stop, busy = asyncio.Event(), Client(told.rate)
    task = asyncio.create_task(busy.run(ports, token, stop))
    first = time.time()
    while (taken := (await _count(sink))["taken"] - before - len(busy.accepted)) < told.people * 0.97:
        assert time.time() < begun + PATIENCE, "the campaign does not end"
        await asyncio.sleep(0.05)
    rate = (taken - 500) / (time.time() - first)
    stop.set()
    await task
    return {"campaign_per_second": round(rate), **figures, "busy": spread(busy, await _all_there(sink, busy))}


def run(told: argparse.Namespace) -> dict[str, object]:
    """The whole benchmark."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder, sink = Path(name), spawn("benchmarks.sink")
        port, ports = sink.stdout.readline().strip(), (free_port(), free_port())
        text = TOML.format(folder=folder, workers=told.workers, sink=port, submission=ports[0], http=ports[1])
        (folder / "data").mkdir()
        (folder / "internet.zone").write_text("")
        (folder / "lettershop.toml").write_text(text)
        config = load(text, {})
        campaign, token = asyncio.run(stage(config, told.people))
        with serving(folder / "lettershop.toml"):
            found = uvloop.run(measure(config, sink, campaign, told, ports, token))
        ask(sink, "stop")
        sink.wait(10)
    return {"benchmark": "transactional", "people": told.people, "rate": told.rate, **found,
            "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1)}  # fmt: skip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=20.0, help="messages a second, each way")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    print(json.dumps(run(parser.parse_args()), indent=1))


if __name__ == "__main__":
    main()
