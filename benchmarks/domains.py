"""A campaign to 10,000 receiving domains, of which some are dead, some slow, some refuse: what the healthy ones lose by it.

    python -m benchmarks.domains [--domains 10000] [--bad 0.2] [--people 4] [--processes 2]

Two runs: first the healthy domains alone, then all. Every domain has its own MX host, so each is a site of its own; the
figure is the time until the healthy ones have all their messages, second run to first. Signed with Ed25519 and short.

The bad ones in equal parts: nobody listens; the host is silent (SYN dropped by a full queue); it greets nobody; it answers
each command after two seconds; it refuses at the greeting (554); it refuses every recipient (550).
"""

import argparse
import asyncio
import json
import os
import resource
import socket
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from benchmarks.campaign import Keys, ask, begin, spawn
from benchmarks.million import HTML, SEED, multiply
from benchmarks.sink import Sink
from lettershop.app.worker import calm_collector
from lettershop.base.clock import SystemClock
from lettershop.egress.engine import Engine
from lettershop.egress.settings import Settings
from lettershop.egress.site import Routes
from lettershop.mail.tokens import Tokens
from lettershop.marketing.campaigns import Campaigns
from lettershop.marketing.send import CampaignSource
from lettershop.net.zones import ZoneResolver
from lettershop.store.migrate import MAIL, MAIN, open_half
from lettershop.workers.campaigns import CampaignWorker
from lettershop.workers.outbound import Outbound
from lettershop.workers.singleton import Singleton

HEALTHY, BAD = "127.0.1.1", ("127.0.1.2", "127.0.1.3", "127.0.1.4", "127.0.1.5", "127.0.1.6", "127.0.1.7")
"""Loopback addresses: healthy; not there, silent, without greeting, slow, 554 at the greeting, 550 at RCPT."""
PATIENCE = 600.0


# -- the receivers -----------------------------------------------------------------------------------------------------


class Mute(asyncio.Protocol):
    """Takes the connection and says nothing."""


class Unfriendly(asyncio.Protocol):
    """554 at the greeting (RFC 5321 3.1)."""

    def connection_made(self, transport):
        transport.write(b"554 no mail from you\r\n")
        transport.close()


class Nobody(Sink):
    """Knows no recipient."""

    def data_received(self, data):
        verbs = [line[:4].upper() for line in data.split(b"\r\n") if line]
        answers = {b"RCPT": b"550 5.1.1 no such user\r\n", b"DATA": b"503 no recipient\r\n", b"QUIT": b"221 bye\r\n"}
        self._transport.write(b"".join(answers.get(verb, b"250 ok\r\n") for verb in verbs))


class Slow(Sink):
    """Answers after two seconds."""

    counted = False

    def data_received(self, data):
        asyncio.get_running_loop().call_later(2.0, self._later, data)

    def _later(self, data):
        taken, first, last = Sink.taken, Sink.first, Sink.last
        super().data_received(data)
        Sink.taken, Sink.first, Sink.last = taken, first, last


async def receivers() -> None:
    """All of them on one port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, HEALTHY, 0, backlog=1000)
    port = server.sockets[0].getsockname()[1]
    for kind, host in zip((Mute, Slow, Unfriendly, Nobody), BAD[2:], strict=True):
        await loop.create_server(kind, host, port, backlog=1000)
    full = socket.socket()
    full.bind((BAD[1], port))
    full.listen(0)
    fillers = [socket.socket() for _ in range(8)]
    for one in fillers:
        one.setblocking(False)
        one.connect_ex((BAD[1], port))
    print(port, flush=True)
    while (await loop.run_in_executor(None, sys.stdin.readline)).strip() == "count":
        print(json.dumps({"taken": Sink.taken, "first": Sink.first, "last": Sink.last}), flush=True)


# -- an engine process -------------------------------------------------------------------------------------------------


def zone(domains: int, bad: int) -> ZoneResolver:
    """Every domain with an MX of its own; `bad` ones, evenly among the others, at the bad addresses in turn."""
    records = {}
    for n in range(domains):
        number = n * bad // domains  # of the bad ones up to here
        good = number == (n + 1) * bad // domains
        records[f"d{n}.example", "MX"] = [f"10 mx.d{n}.example"]
        records[f"mx.d{n}.example", "A"] = [HEALTHY if good else BAD[number % len(BAD)]]
    return ZoneResolver.of(records)


async def engine_process(folder: Path, number: int, processes: int, port: int, domains: int, bad: int) -> None:
    """As in `benchmarks.campaign`, by MX."""
    clock, url, public = SystemClock(), f"sqlite:///{folder}/bench.db", "https://mail.brand.example"
    main, mail = open_half(url, MAIN), open_half(url, MAIL)
    made = CampaignSource(main, Keys((folder / "key.pem").read_bytes()), Tokens(b"k" * 32), clock, public)
    routes = Routes(zone(domains, bad), clock, hostname="out.brand.example", port=port)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    engine = Engine(
        main, made, made, routes, clock, Settings("out.brand.example", f"bench/{number}", workers=processes)
    )
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    before = resource.getrusage(resource.RUSAGE_SELF)
    tasks = [asyncio.create_task(Outbound(engine).run(stop))]
    if number == 0:
        worker = CampaignWorker(main, Campaigns(main, mail, clock, public), clock, expire=86_400)
        tasks.append(
            asyncio.create_task(Singleton(main, clock, worker.step, name="campaigns", owner="bench").run(stop))
        )
    await loop.run_in_executor(None, sys.stdin.readline)
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    print(json.dumps({"cpu": used, "memory_mb": after.ru_maxrss // 1024}), flush=True)
    stop.set()
    await asyncio.gather(*tasks)


# -- the runs ----------------------------------------------------------------------------------------------------------


def run(domains: int, bad: int, people: int, processes: int) -> dict[str, object]:
    """One campaign; the time until the healthy domains have all."""
    from benchmarks.campaign import stage  # noqa: PLC0415 - its engine is not ours

    healthy = (domains - bad) * people
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        recipients = domains * people
        campaign = asyncio.run(stage(folder, SEED, "ed25519", HTML))
        multiply(folder, recipients, domains)
        sink = spawn("benchmarks.domains", "--part", "receivers")
        port = sink.stdout.readline().strip()
        parts = [
            spawn("benchmarks.domains", "--part", "engine", "--folder", name, "--number", str(number), "--port", port,
                  "--processes", str(processes), "--domains", str(domains), "--bad", str(bad / domains))
            for number in range(processes)
        ]  # fmt: skip
        for engine in parts:
            assert ask(engine, "go") == "ready\n"
        asyncio.run(begin(folder, campaign))
        started = time.time()
        while (told := json.loads(ask(sink, "count")))["taken"] < healthy and time.time() < started + PATIENCE:
            time.sleep(0.1)
        used = [json.loads(ask(engine, "stop")) for engine in parts]
        ask(sink, "stop")
        for process in (*parts, sink):
            process.wait(60)
    return {
        "benchmark": "domains", "domains": domains, "bad": bad, "recipients": recipients, "healthy": healthy,
        "taken": told["taken"], "seconds": round(told["last"] - started, 2),
        "healthy_per_second": round(told["taken"] / (told["last"] - started)),
        "cpu_seconds": round(sum(one["cpu"] for one in used), 2), "memory_mb": [one["memory_mb"] for one in used],
        "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--domains", type=int, default=10_000)
    parser.add_argument("--bad", type=float, default=0.2, help="share of the domains")
    parser.add_argument("--people", type=int, default=4, help="in each domain")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--part", choices=["receivers", "engine"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--number", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    told = parser.parse_args()
    bad = round(told.domains * told.bad)
    if told.part == "receivers":
        uvloop.run(receivers())
        return
    if told.part == "engine":
        calm_collector()
        uvloop.run(engine_process(told.folder, told.number, told.processes, told.port, told.domains, bad))
        return
    alone = run(told.domains - bad, 0, told.people, told.processes)
    together = run(told.domains, bad, told.people, told.processes)
    together["slower"] = round(together["seconds"] / alone["seconds"], 3)
    for result in (alone, together):
        print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
