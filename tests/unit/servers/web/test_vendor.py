"""The pins of the front-end files: exact, with their hashes, without any address."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[4]


def test_the_lock_file_names_no_host():
    text = (ROOT / "package-lock.json").read_text()
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert all("integrity" in package for name, package in packages.items() if name)


def test_pins_are_exact():
    pins = json.loads((ROOT / "package.json").read_text())["dependencies"]
    assert all(version[0].isdigit() for version in pins.values())
