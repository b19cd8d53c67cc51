"""What may not stand in any file of the repository: where packages are fetched from, and anything but pins in requirements."""

import re
import subprocess
from pathlib import Path

import pytest
from tests.contracts.source import ROOT, report, tracked_files

INDEX_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"), ("yarnpkg", "com"),
        ("crates", "io"), ("rubygems", "org"), ("golang", "org"), ("conda", "anaconda"), ("deb", "debian"),
        ("jsdelivr", "net"), ("unpkg", "com"), ("cdnjs", "cloudflare"),
    )
)  # fmt: skip
"""Written in parts, so that this file does not hold what it forbids."""

PIN = re.compile(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[A-Za-z0-9.]+( ; .+)?")


def test_no_file_names_a_package_index() -> None:
    """Whoever builds says where packages come from; a clone must work behind any mirror."""
    found = []
    for path in tracked_files():
        data = path.read_bytes()
        found += [f"{path.relative_to(ROOT)} names {host}" for host in INDEX_HOSTS if host.encode() in data]

    assert not found, report(found)


def test_no_lock_file_records_a_download() -> None:
    locks = [path for path in tracked_files() if path.name.endswith((".lock", "-lock.json", "-lock.yaml"))]

    found = [str(path) for path in locks if re.search(rb'"resolved"|https?://|\burl *=', path.read_bytes())]

    assert not found, report(found)


@pytest.mark.parametrize("name", ["runtime.txt", "dev.txt"])
def test_requirements_are_pins_and_nothing_else(name: str) -> None:
    lines = [line for line in (ROOT / "requirements" / name).read_text().splitlines() if line]

    assert lines
    assert [line for line in lines if not PIN.fullmatch(line)] == []


def test_what_runs_is_what_was_tested() -> None:
    """Every pin of the runtime stands in the development set with the same version."""
    runtime, dev = (set((ROOT / "requirements" / name).read_text().splitlines()) for name in ("runtime.txt", "dev.txt"))

    assert runtime - dev == set()


def test_nothing_generated_or_private_is_tracked() -> None:
    found = [
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if {"vendor", "node_modules", "scratch", ".venv"} & set(path.parts)
        or path.suffix in (".pem", ".key", ".db", ".pyc")
    ]

    assert not found, report(found)


def test_ci_runs_what_the_readme_says() -> None:
    script = ROOT / ".ci" / "run"

    assert "make test" in script.read_text()
    assert subprocess.run(["/bin/sh", "-n", script], check=False).returncode == 0
    assert Path(script).stat().st_mode & 0o111
