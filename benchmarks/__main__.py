"""Runs the benchmarks one after the other and prints a table: `python -m benchmarks [NAME…]`.

Each is a module of its own that prints JSON objects; they are kept in `benchmarks/results/NAME.json`.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
BENCHMARKS = {
    "campaign": ("benchmarks.campaign",),
    "engine": ("benchmarks.campaign", "--source", "ready", "--messages", "10000"),
    "ed25519": ("benchmarks.senders",),
    "million": ("benchmarks.million",),
    "domains": ("benchmarks.domains",),
    "smtp_transport": ("benchmarks.smtp_transport",),
    "people": ("benchmarks.people",),
    "reports": ("benchmarks.reports",),
    "tracking": ("benchmarks.tracking",),
    "transactional": ("benchmarks.transactional",),
}


def objects(text: str) -> list[dict[str, object]]:
    """The JSON objects of a benchmark's output, one after the other."""
    decoder, found = json.JSONDecoder(), []
    while text := text.lstrip():
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:]
    return found


def run(name: str) -> list[dict[str, object]]:
    """Run one benchmark and keep its results."""
    done = subprocess.run([sys.executable, "-m", *BENCHMARKS[name]], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{name} failed:\n{done.stderr}")
    results = objects(done.stdout)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(results, indent=1) + "\n")
    return results


def show(name: str, results: list[dict[str, object]]) -> None:
    """A result as a small table: one line a figure, one column a run."""
    print(f"\n{name}")
    width = max(len(key) for result in results for key in result)
    for key in results[0]:
        cells = "".join(f"{result.get(key, '')!s:>16}" for result in results)
        print(f"  {key:<{width}}{cells}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    names = parser.parse_args().names or list(BENCHMARKS)
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"no benchmark {unknown[0]}; there are {', '.join(BENCHMARKS)}")
    for name in names:
        show(name, run(name))


if __name__ == "__main__":
    main()
