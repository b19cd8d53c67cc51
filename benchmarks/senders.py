"""Processor time per message of who sends mail, to the same sink: we with an Ed25519 key, and those who only push bytes.

    python -m benchmarks.senders [--messages 4000]

We render, sign and keep books of every message of a campaign. Postfix's `smtp-source` sends one ready-made message again and
again (Debian package postfix, or SMTP_SOURCE=/path), aiosmtplib a ready-made one over connections that stay open,
nodemailer too (`npm ci`, which set-up does). Who is not installed is named so. Figure: ours divided by smtp-source's.
"""

import argparse
import asyncio
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import aiosmtplib
import uvloop

from benchmarks.campaign import ask, run, spawn

SIZE, CONNECTIONS, ROUNDS = 30_000, 20, 3
MISSING = "not installed"
NODE = """
const mail = require("nodemailer"), [port, count, size, connections] = process.argv.slice(1).map(Number);
const raw = Buffer.from("An ordinary line of an ordinary newsletter.\\r\\n".repeat(700).slice(0, size - 2) + "\\r\\n");
const pool = mail.createTransport({host: "127.0.0.1", port, pool: true, maxConnections: connections, maxMessages: 1e9,
  ignoreTLS: true});
const before = process.cpuUsage();
Promise.all(Array.from({length: count}, () => pool.sendMail({envelope: {from: "a@a.example", to: "b@b.example"}, raw})))
  .then(() => { const used = process.cpuUsage(before); console.log((used.user + used.system) / count); pool.close(); });
"""


def with_smtp_source(port: str, messages: int) -> float | str:
    """Postfix's own load generator; its connections stay open too."""
    program = os.environ.get("SMTP_SOURCE") or shutil.which(
        "smtp-source", path=f"{os.defpath}:/usr/sbin:/usr/local/sbin"
    )
    if not program:
        return MISSING
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [program, "-d", "-s", str(CONNECTIONS), "-l", str(SIZE), "-m", str(messages), "-f", "a@a.example",
         "-t", "b@b.example", f"127.0.0.1:{port}"], check=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / messages * 1e6


def with_aiosmtplib(port: str, messages: int) -> float:
    """In a process of its own, on uvloop."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.senders", "--aiosmtplib", port, "--messages", str(messages)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return float(done.stdout)


async def _pool(port: int, messages: int) -> float:
    data = (b"An ordinary line of an ordinary newsletter.\r\n" * 700)[: SIZE - 2] + b"\r\n"

    async def one(count: int) -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as client:
            for _ in range(count):
                await client.sendmail("a@a.example", ["b@b.example"], data)

    before = time.process_time()
    await asyncio.gather(*(one(messages // CONNECTIONS) for _ in range(CONNECTIONS)))
    return (time.process_time() - before) / (messages // CONNECTIONS * CONNECTIONS) * 1e6


def with_nodemailer(port: str, messages: int) -> float | str:
    """Pooled, raw."""
    node = shutil.which("node")
    if not node or not Path("node_modules/nodemailer").exists():
        return MISSING
    arguments = [port, str(messages), str(SIZE), str(CONNECTIONS)]
    return float(subprocess.run([node, "-e", NODE, *arguments], capture_output=True, text=True, check=True).stdout)


def least(figures: list[float | str]) -> float | str:
    """The best of the rounds: the others were disturbed."""
    numbers = [figure for figure in figures if not isinstance(figure, str)]
    return round(min(numbers)) if numbers else MISSING


def compare(messages: int) -> dict[str, object]:
    """All of them in turns, several times."""
    told: dict[str, list[float | str]] = {"ours": [], "smtp_source": [], "aiosmtplib": [], "nodemailer": []}
    sink = spawn("benchmarks.sink")
    port = sink.stdout.readline().strip()
    for _ in range(ROUNDS):
        told["ours"].append(float(run(messages, os.cpu_count() or 1, "campaign", "ed25519")["cpu_us_per_message"]))
        told["smtp_source"].append(with_smtp_source(port, messages))
        told["aiosmtplib"].append(with_aiosmtplib(port, messages // 4))
        told["nodemailer"].append(with_nodemailer(port, messages // 4))
    ask(sink, "stop")
    best = {f"{name}_us_per_message": least(figures) for name, figures in told.items()}
    ours, source = best["ours_us_per_message"], best["smtp_source_us_per_message"]
    ratio = MISSING if isinstance(source, str) else round(ours / source, 2)
    return {"benchmark": "ed25519", "size": SIZE, "messages": messages, **best, "ours_to_smtp_source": ratio,
            "load": round(os.getloadavg()[0], 1)}  # fmt: skip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=4000)
    parser.add_argument("--aiosmtplib", type=int, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.aiosmtplib is not None:
        print(uvloop.run(_pool(told.aiosmtplib, told.messages)))
        return
    print(json.dumps(compare(told.messages), indent=1))


if __name__ == "__main__":
    main()
