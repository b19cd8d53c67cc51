"""Every RFC that the source cites stands in docs/rfc/index.toml, with how far it is followed and where."""

import re
import tomllib
from collections.abc import Iterator

import pytest
from tests.contracts.source import PACKAGE, ROOT, modules, report

CITED = re.compile(r"\bRFCs? (\d{3,5}(?:(?:, | and | or )(?:RFC )?\d{4,5}\b(?!\.))*)")
STATUSES = {"done", "partly", "not", "background"}


def citations() -> Iterator[tuple[str, str]]:
    """(number, "file:line") of every citation; "RFC 1870, 6152" is two."""
    for module in modules():
        for number, line in enumerate(module.text.splitlines(), 1):
            for match in CITED.finditer(line):
                for cited in re.findall(r"\d{3,5}", match[1]):
                    yield cited, f"{module.path.relative_to(ROOT)}:{number}"


@pytest.fixture(scope="module")
def index() -> dict[str, dict[str, object]]:
    return tomllib.loads((ROOT / "docs/rfc/index.toml").read_text())


def test_every_cited_rfc_is_listed(index: dict[str, dict[str, object]]) -> None:
    found = [f"{where} cites RFC {number}" for number, where in citations() if number not in index]

    assert not found, report(found)


def test_the_list_says_how_far_and_where(index: dict[str, dict[str, object]]) -> None:
    found = []
    for number, entry in index.items():
        status, where = entry.get("status"), entry.get("where", [])
        if status not in STATUSES or not entry.get("title"):
            found.append(f"{number}: a title and a status of {sorted(STATUSES)} are needed")
        if status in ("partly", "not") and not entry.get("note"):
            found.append(f"{number}: {status} needs a note")
        if (status in ("done", "partly")) != bool(where) and status != "background":
            found.append(f"{number}: {status} and where = {where}")
        assert isinstance(where, list)
        found += [f"{number}: there is no {path}" for path in where if not (PACKAGE / path).exists()]

    assert not found, report(found)


def test_a_list_of_numbers_is_taken_apart() -> None:
    assert (
        CITED.search("the parameters of RFC 1870, 6152, 6531 and 4954, dot-stuffing (4.5.2)")[1]
        == "1870, 6152, 6531 and 4954"
    )
    assert CITED.search("RFC 5321 4.5.3.1.7")[1] == "5321"
    assert CITED.search("RFC 3501 and RFC 9051 6.1")[1] == "3501 and RFC 9051"
