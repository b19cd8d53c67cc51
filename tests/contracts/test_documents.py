"""The documents: their links lead somewhere, decisions have their three parts, what they name exists."""

import re
from pathlib import Path

import pytest
from tests.contracts.source import PACKAGE, ROOT, report

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
ROOMS = sorted(path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").exists())
NAMED = re.compile(rf"`((?:{'|'.join(ROOMS)})(?:\.[a-z_0-9]+)+)")

LATER: set[str] = set()
"""Made by `make screens`; a clone may be looked at before that."""


def test_links_lead_somewhere() -> None:
    found = []
    for document in DOCUMENTS:
        for target in LINK.findall(document.read_text()):
            there = (document.parent / target).resolve()
            if "://" not in target and not there.exists() and str(there.relative_to(ROOT)) not in LATER:
                found.append(f"{document.relative_to(ROOT)} links to {target}")

    assert not found, report(found)


def test_modules_that_documents_name_exist() -> None:
    found = []
    for document in DOCUMENTS:
        for name in NAMED.findall(document.read_text()):
            if not name.endswith(".example") and not module_exists(name):
                found.append(f"{document.relative_to(ROOT)} names {name}")

    assert not found, report(found)


def module_exists(name: str) -> bool:
    """room.module, room.package.module, or something in one of them; the words of a setting or command are none of ours."""
    parts = name.split(".")
    return any(
        (PACKAGE / "/".join(parts[:end])).with_suffix(".py").exists() or (PACKAGE / "/".join(parts[:end])).is_dir()
        for end in range(2, len(parts) + 1)
    )


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_says_context_decision_and_consequences_briefly(path: Path) -> None:
    text = path.read_text()

    assert re.match(rf"# {path.stem[:4]} \w", text)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert text.count("\n") <= 40


def test_decisions_are_numbered_without_gaps() -> None:
    assert [int(path.stem[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_every_document_is_reached() -> None:
    """From the README, in any number of steps."""
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        seen.add(document)
        targets = {(document.parent / target).resolve() for target in LINK.findall(document.read_text())}
        waiting += [target for target in targets - seen if target.suffix == ".md" and target.exists()]

    assert sorted(str(path.relative_to(ROOT)) for path in set(DOCUMENTS) - seen) == []
