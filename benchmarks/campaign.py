"""A campaign from start to acceptance: the real engine, source, store and SMTP, against a sink in another process.

    python -m benchmarks.campaign [--messages 6000] [--processes 2] [--source campaign|ready] [--key rsa|ed25519]

Figure: messages per second of processor time of all our processes (expansion, leases, rendering, RSA-2048 signature,
SMTP, outcomes, facts), divided by the RSA-2048 signatures per second of processor time that `openssl speed` makes in the
same run. `--source ready` hands over ready-made unsigned messages instead: what then remains is the engine itself.
"""

import argparse
import asyncio
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import uvloop
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from benchmarks import newsletter
from lettershop.app.worker import calm_collector
from lettershop.base.clock import SystemClock
from lettershop.egress.engine import Engine
from lettershop.egress.message import Recipe
from lettershop.egress.settings import Settings
from lettershop.egress.site import Routes
from lettershop.mail.tokens import Tokens
from lettershop.marketing.campaigns import Campaigns
from lettershop.marketing.send import CampaignSource
from lettershop.net.zones import ZoneResolver
from lettershop.store import campaigns, contacts, subscriptions, workspaces
from lettershop.store.contacts import NewContact
from lettershop.store.migrate import MAIL, MAIN, open_half, upgrade
from lettershop.store.subscriptions import Consent
from lettershop.wire.trust.dkim.sign import Signer
from lettershop.workers.campaigns import CampaignWorker
from lettershop.workers.outbound import Outbound
from lettershop.workers.singleton import Singleton

DOMAIN, SITES = "brand.example", 4
PATIENCE = 90.0


@dataclass(frozen=True)
class Keys:
    """The one key of the benchmark's domain."""

    pem: bytes

    async def signers(self, domain):
        return [Timed(domain, "bench", load_pem_private_key(self.pem, None))]


class Timed(Signer):
    """Notes what the signatures alone cost: both then suffer alike from whatever else the machine does."""

    seconds = 0.0

    def _sign(self, data):
        before = time.thread_time()
        signature = super()._sign(data)
        Timed.seconds += time.thread_time() - before
        return signature


class Ready:
    """Ready-made messages of the same size."""

    def __init__(self):
        self._data = (b"An ordinary line of an ordinary newsletter.\r\n" * 700)[:29_998] + b"\r\n"

    async def prepare(self, leased):
        return [
            Recipe(one.envelope_id, f"news@{DOMAIN}", f"p{one.contact_id}@{one.site}", self._make) for one in leased
        ]

    def _make(self):
        return self._data


# -- an engine process -------------------------------------------------------------------------------------------------


async def engine_process(folder: Path, number: int, processes: int, source: str, port: int) -> None:
    """One of our processes: deliver from "go" until standard input ends; then print what it cost."""
    clock, url = SystemClock(), f"sqlite:///{folder}/bench.db"
    main, mail = open_half(url, MAIN), open_half(url, MAIL)
    keys = Keys((folder / "key.pem").read_bytes())
    public = "https://mail.brand.example"
    made = Ready() if source == "ready" else CampaignSource(main, keys, Tokens(b"k" * 32), clock, public)
    routes = Routes(ZoneResolver.of({}), clock, hostname="out.brand.example", fixed={"*": f"smtp://127.0.0.1:{port}"})
    settings = Settings("out.brand.example", f"bench/{number}", connections=max(1, 20 // processes))
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    engine = Engine(main, made, made, routes, clock, settings)
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    before, threads = resource.getrusage(resource.RUSAGE_SELF), thread_seconds()
    tasks = [asyncio.create_task(Outbound(engine).run(stop))]
    if number == 0:
        worker = CampaignWorker(main, Campaigns(main, mail, clock, public), clock, expire=86_400)
        turns = Singleton(main, clock, worker.step, name="campaigns", owner="bench")
        tasks.append(asyncio.create_task(turns.run(stop)))
    await loop.run_in_executor(None, sys.stdin.readline)
    after = resource.getrusage(resource.RUSAGE_SELF)
    shares = {name: seconds - threads.get(name, 0.0) for name, seconds in thread_seconds().items()}
    stop.set()
    await asyncio.gather(*tasks)
    used = {"user": after.ru_utime - before.ru_utime, "system": after.ru_stime - before.ru_stime}
    print(
        json.dumps({**used, "rsa": Timed.seconds, "threads": shares, "memory_mb": after.ru_maxrss // 1024}), flush=True
    )
    await asyncio.gather(main.close(), mail.close())


def thread_seconds() -> dict[str, float]:
    """Processor time of this process by what its threads do (Linux)."""
    seconds: dict[str, float] = {}
    for thread in threading.enumerate():
        name = thread.name.partition("-")[0]
        spent = int(Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text().split()[0]) / 1e9
        seconds[name] = seconds.get(name, 0.0) + spent
    return seconds


# -- staging -----------------------------------------------------------------------------------------------------------


async def stage(folder: Path, messages: int, kind: str = "rsa", html: str = "") -> int:
    """A database with a campaign that may start; its id."""
    url, now = f"sqlite:///{folder}/bench.db", time.time()
    await upgrade(url)
    main = open_half(url, MAIN)
    rsa_key = kind == "rsa"
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048) if rsa_key else Ed25519PrivateKey.generate()
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    workspace = await main.write(workspaces.ensure_workspace, "Bench", now)
    brand = await main.write(
        workspaces.ensure_brand, workspace, name="Brand", from_name="Brand", from_address=f"news@{DOMAIN}",
        at=now, postal_address="1 Harbour Street, Porttown",
    )  # fmt: skip
    everybody = await main.write(subscriptions.ensure_list, workspace, "Everybody", now)
    consent = Consent("express", "benchmark", "import")
    for start in range(0, messages, 1000):
        people = [person(n) for n in range(start, min(start + 1000, messages))]
        await main.write(contacts.take, workspace, everybody, people, consent, now)
    campaign = await main.write(
        campaigns.create, workspace, brand, at=now, name="Spring", subject=newsletter.SUBJECT, html=html or newsletter.html(),
        text="", preheader="", tree={}, list_id=everybody,
    )  # fmt: skip
    await main.close()
    return campaign


def person(n: int) -> NewContact:
    """The n-th recipient."""
    address, site = f"p{n}@s{n % SITES}.example", f"s{n % SITES}.example"
    return NewContact(address, address, site, f"Ann {n}", newsletter.attributes(n))


async def begin(folder: Path, campaign: int) -> None:
    """The moment at which the campaign starts."""
    main = open_half(f"sqlite:///{folder}/bench.db", MAIN)
    now = time.time()
    await main.write(campaigns.move, campaign, "sending", only_from=("draft",), at=now, started_at=now)
    await main.close()


def openssl_rate(cores: int = 1, seconds: int = 2) -> float:
    """RSA-2048 signatures per second of processor time, by `openssl speed` on one core, or on several at once."""
    several = ["-multi", str(cores)] if cores > 1 else []
    run = subprocess.run(
        ["openssl", "speed", *several, "-seconds", str(seconds), "rsa2048"], capture_output=True, text=True, check=True
    )
    match = re.search(r"^rsa 2048 bits\s+\S+\s+\S+\s+([\d.]+)", run.stdout, re.MULTILINE)
    assert match, run.stdout
    return float(match[1]) / cores


def spawn(*arguments: str) -> subprocess.Popen[str]:
    """A process of the benchmark that is spoken to by lines."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def ask(process: subprocess.Popen[str], line: str) -> str:
    """Say a line, read a line."""
    assert process.stdin and process.stdout
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return process.stdout.readline()


def engines_for(folder: Path, port: str, processes: int, source: str = "campaign") -> list[subprocess.Popen[str]]:
    """The engine processes, told to begin."""
    engines = [
        spawn("benchmarks.campaign", "--engine", str(number), "--folder", str(folder), "--port", port,
              "--source", source, "--processes", str(processes))
        for number in range(processes)
    ]  # fmt: skip
    for engine in engines:
        assert ask(engine, "go") == "ready\n"
    return engines


def run(messages: int, processes: int, source: str, kind: str = "rsa") -> dict[str, object]:
    """The whole benchmark; the figures."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        campaign = asyncio.run(stage(folder, messages, kind))
        rates = [openssl_rate()]
        sink = spawn("benchmarks.sink")
        port = sink.stdout.readline().strip()
        engines = engines_for(folder, port, processes, source)
        asyncio.run(begin(folder, campaign))
        started = time.time()
        while (taken := json.loads(ask(sink, "count")))["taken"] < messages and time.time() < started + PATIENCE:
            time.sleep(0.05)
        time.sleep(0.2)  # the last outcomes are committed
        used = [json.loads(ask(engine, "stop")) for engine in engines]
        ask(sink, "stop")
        for process in (*engines, sink):
            process.wait(10)
        rates.append(openssl_rate())
        busy = openssl_rate(processes)
    return {"key": kind} | figures(messages, processes, source, taken, used, started, sum(rates) / len(rates), busy)


def figures(messages, processes, source, taken, used, started, signatures, busy) -> dict[str, object]:
    """From what was measured to what is told. `signatures`: of one core alone; `busy`: of one while all sign."""
    cpu = sum(one["user"] + one["system"] for one in used)
    wall = taken["last"] - started
    per_cpu_second = taken["taken"] / cpu
    rsa = sum(one["rsa"] for one in used)
    return {
        "benchmark": "campaign", "source": source, "messages": messages, "taken": taken["taken"], "processes": processes,
        "wall_seconds": round(wall, 2), "per_second": round(taken["taken"] / wall),
        "cpu_us_per_message": round(cpu / taken["taken"] * 1e6), "per_cpu_second": round(per_cpu_second),
        "us_by_thread": {
            name: round(sum(one["threads"].get(name, 0.0) for one in used) / taken["taken"] * 1e6)
            for name in ("MainThread", "write", "read")
        },
        "rsa_us_per_message": round(rsa / taken["taken"] * 1e6), "ratio_in_process": round(rsa / cpu, 3),
        "system_share": round(sum(one["system"] for one in used) / cpu, 2), "sink_us_per_message": round(taken["cpu"] / messages * 1e6),
        "openssl_rsa2048_per_second": round(signatures), "ratio": round(per_cpu_second / signatures, 3),
        "openssl_all_cores_per_core": round(busy), "ratio_all_cores": round(per_cpu_second / busy, 3),
        "wall_ratio": round(taken["taken"] / wall / (signatures * (os.cpu_count() or 1)), 3),
        "memory_mb": [one["memory_mb"] for one in used], "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=6000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--source", choices=["campaign", "ready"], default="campaign")
    parser.add_argument("--key", choices=["rsa", "ed25519"], default="rsa")
    parser.add_argument("--engine", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--port", type=int, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.engine is not None:
        calm_collector()
        uvloop.run(engine_process(told.folder, told.engine, told.processes, told.source, told.port))
        return
    print(json.dumps(run(told.messages, told.processes, told.source, told.key), indent=1))


if __name__ == "__main__":
    main()
