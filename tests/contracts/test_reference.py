"""docs/reference/ says what the code says; it is written by tools/reference.py."""

import ast

import pytest
from pydantic import BaseModel
from tests.contracts.source import ROOT, modules, report
from tools import reference

from lettershop.base.config import Config
from lettershop.base.facts import KINDS, Fact

AHEAD: dict[str, str] = {}
"""Settings that are accepted and change nothing, each with its reason."""

FOLDER = ROOT / "docs" / "reference"
WRITTEN = {"configuration.md": reference.configuration, "facts.md": reference.facts, "cli.md": reference.commands}


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_the_reference_is_what_the_code_says(name: str) -> None:
    written = (FOLDER / name).read_text() if (FOLDER / name).exists() else ""

    assert written == WRITTEN[name](), f"docs/reference/{name} is stale; run: .venv/bin/python tools/reference.py"


def test_every_setting_is_described() -> None:
    found = []
    for name, section in Config.model_fields.items():
        model = section.annotation
        assert isinstance(model, type) and issubclass(model, BaseModel)
        found += [f"{name} has no docstring"] if not model.__doc__ else []
        found += [
            f"{name}.{key} has no description" for key, info in model.model_fields.items() if not info.description
        ]

    assert not found, report(found)


def test_every_fact_is_registered() -> None:
    """A fact that `restore` does not know would stop its consumer."""
    assert {kind.__name__ for kind in Fact.__subclasses__()} == set(KINDS)


def test_every_command_says_what_it_does() -> None:
    headings = reference.commands().split("\n## ")[1:]

    assert headings
    assert not [section.splitlines()[0] for section in headings if not section.splitlines()[2].strip()]


def test_every_fact_is_told_by_somebody() -> None:
    """A kind that nobody writes is a promise that nobody keeps."""
    made = {
        name.rpartition(".")[2]
        for module in modules()
        if module.name != "base.facts"
        for _, name in module.calls()
        if name.rpartition(".")[2] in KINDS
    }

    assert set(KINDS) - made == set()


def test_every_setting_is_read() -> None:
    """A key that changes nothing is worse than none."""
    read = {
        node.attr
        for module in modules()
        if module.name != "base.config"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute)
    }
    keys = {
        f"{name}.{key}"
        for name, section in Config.model_fields.items()
        if name != "listen"  # by name: getattr(config.listen, service)
        for key in getattr(section.annotation, "model_fields", {})
    }
    derived = {"database.url": "database_url", "blobs.url": "blobs_url"}

    assert {key for key in keys if derived.get(key, key.partition(".")[2]) not in read} == set(AHEAD)
