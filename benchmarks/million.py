"""A campaign to very many: how soon the first message is there, how much memory it takes, whether it gets slower.

    python -m benchmarks.million [--recipients 60000] [--processes 2]

The issue's figure is for 1,000,000 recipients (`--recipients 1000000`); the default is small. Signed with Ed25519 and short
(1 KB), so that queue, leases, outcomes and facts are what is measured. Rates are those of the first and the last tenth,
the first tenth counted from the first delivery.
"""

import argparse
import asyncio
import json
import os
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchmarks.campaign import ask, begin, engines_for, spawn, stage

HTML = (
    '<html><body><p>{{ first_name }}, the spring is here in {{ city }}.</p><p><a href="https://shop.brand.example/">Look'
    '</a></p><p>{{ postal_address }} <a href="{{ unsubscribe_url }}">Unsubscribe</a></p></body></html>'
)
SEED = 1000
"""People who come in as an import would bring them; the others are their copies, or staging would take longer than sending."""

STALLED = 60.0
"""Seconds without a message after which the run is given up."""


def multiply(folder: Path, people: int, domains: int = 0) -> None:
    """Copy the staged people, each with an address of its own; in so many domains `dN.example`, or in the staged four."""
    with closing(sqlite3.connect(folder / "bench.db")) as db, db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(contacts)") if row[1] != "id"]
        domain = f"'d' || (n.i % {domains}) || '.example'" if domains else "'s' || (n.i % 4) || '.example'"
        own = dict.fromkeys(("email", "email_key"), f"'p' || n.i || '@' || {domain}") | {"domain": domain}
        db.execute(
            f"""WITH RECURSIVE n(i) AS (SELECT {SEED} UNION ALL SELECT i + 1 FROM n WHERE i < {people - 1})
            INSERT INTO contacts (id, {", ".join(columns)})
            SELECT n.i + 1, {", ".join(own.get(name, f"c.{name}") for name in columns)}
            FROM n JOIN contacts c ON c.id = 1 + n.i % {SEED}"""
        )
        if domains:
            staged = "'p' || id || '@d' || ((id - 1) % :domains) || '.example'"
            db.execute(
                f"""UPDATE contacts SET email = {staged}, email_key = {staged},
                domain = 'd' || ((id - 1) % :domains) || '.example' WHERE id <= {SEED}""",
                {"domains": domains},
            )
        db.execute(
            f"""INSERT INTO subscriptions (list_id, contact_id, status, changed_at)
            SELECT s.list_id, c.id, s.status, s.changed_at FROM contacts c, subscriptions s
            WHERE c.id > {SEED} AND s.contact_id = 1"""
        )


def watch(sink, recipients: int) -> list[tuple[float, int]]:
    """When how many were taken, until all are."""
    seen = [(time.time(), 0)]
    while seen[-1][1] < recipients and time.time() < seen[-1][0] + STALLED:
        time.sleep(0.1)
        taken = json.loads(ask(sink, "count"))["taken"]
        if taken > seen[-1][1]:
            seen.append((time.time(), taken))
    return seen


def rate(seen: list[tuple[float, int]], low: int, high: int) -> float:
    """Messages a second between the `low`-th and the `high`-th."""
    part = [(at, taken) for at, taken in seen if low <= taken <= high]
    return (part[-1][1] - part[0][1]) / (part[-1][0] - part[0][0]) if len(part) > 1 else 0.0


def run(recipients: int, processes: int) -> dict[str, object]:
    """The whole benchmark; the figures."""
    with tempfile.TemporaryDirectory(prefix="bench") as name:
        folder = Path(name)
        campaign = asyncio.run(stage(folder, min(SEED, recipients), "ed25519", HTML))
        if recipients > SEED:
            multiply(folder, recipients)
        sink = spawn("benchmarks.sink")
        engines = engines_for(folder, sink.stdout.readline().strip(), processes)
        started = time.time()
        asyncio.run(begin(folder, campaign))
        seen = watch(sink, recipients)
        told = json.loads(ask(sink, "count"))
        used = [json.loads(ask(engine, "stop")) for engine in engines]
        ask(sink, "stop")
        for process in (*engines, sink):
            process.wait(30)
    tenth = recipients // 10
    first, last = rate(seen, 1, tenth), rate(seen, recipients - tenth, recipients)
    cpu = sum(one["user"] + one["system"] for one in used)
    return {
        "benchmark": "million", "recipients": recipients, "taken": told["taken"], "processes": processes,
        "first_delivery_seconds": round(told["first"] - started, 2), "wall_seconds": round(told["last"] - started, 1),
        "per_second": round(told["taken"] / (told["last"] - started)), "cpu_us_per_message": round(cpu / recipients * 1e6),
        "first_tenth_per_second": round(first), "last_tenth_per_second": round(last),
        "last_to_first": round(last / first, 2) if first else 0.0,
        "memory_mb": [one["memory_mb"] for one in used], "memory_mb_all": sum(one["memory_mb"] for one in used),
        "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipients", type=int, default=60_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    told = parser.parse_args()
    print(json.dumps(run(told.recipients, told.processes), indent=1))


if __name__ == "__main__":
    main()
