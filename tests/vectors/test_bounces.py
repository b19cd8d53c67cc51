"""Real bounces, complaints and automatic answers (Sisimai's set of mails), read from ../shared/vectors.

The floors are what we reach; raise them when it gets better. `hard` differs by meaning in places: Sisimai calls an
account that was closed soft, we call it dead.
"""

import csv
from collections import defaultdict

import pytest

from lettershop.mail.bounces import understand
from lettershop.wire.message import headers
from lettershop.wire.message.addresses import mailboxes

KINDS = {"feedback": ("complaint",), "vacation": ("auto-reply",), "delivered": ("ordinary",)}
FAILED = ("bounce", "delay")


@pytest.fixture(scope="module")
def cases(vectors):
    """(rows of a file, its bytes, what we say of it)."""
    rows = defaultdict(list)
    with (vectors / "bounces" / "expected.tsv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            rows[row["file"]].append(row)
    found = []
    for name, expected in rows.items():
        data = (vectors / "bounces" / "eml" / name).read_bytes()
        found.append((expected, data, understand(data)))
    return found


def share(marks: list[bool]) -> float:
    return sum(marks) / len(marks)


def test_they_are_recognised(cases):
    marks = [found.kind in KINDS.get(rows[0]["reason"], FAILED) for rows, _, found in cases]
    assert share(marks) >= 0.99, f"{sum(marks)} of {len(marks)}"


def test_what_is_called_a_delay_is_still_being_tried(cases):
    """Sisimai has no kind of its own for warnings; these say that attempts go on."""
    delays = [rows for rows, _, found in cases if found.kind == "delay"]
    assert len(delays) <= 0.02 * len(cases)
    assert all(row["hardbounce"] == "0" for rows in delays for row in rows)


def test_the_recipients_are_found(cases):
    """As many as there are, none of them who sent the report or got it (but where the sample itself mixes them up)."""
    marks = []
    for rows, data, found in cases:
        if found.kind == "auto-reply":
            continue
        own = {m.address.lower() for m in mailboxes(headers.parse(data).get("To") or "")}
        addresses = [person.address for person in found.recipients]
        marks.append(len(addresses) == len(rows) and all("@" in one and one.lower() not in own for one in addresses))
    assert share(marks) >= 0.98, f"{sum(marks)} of {len(marks)}"


def pairs(cases):
    """(expected row, our recipient) of every bounce."""
    for rows, _, found in cases:
        if rows[0]["reason"] in KINDS:
            continue
        for index, row in enumerate(rows):
            yield row, found.recipients[index] if index < len(found.recipients) else None


def test_hard_and_soft(cases):
    marks = [person is not None and person.hard == (row["hardbounce"] == "1") for row, person in pairs(cases)]
    assert share(marks) >= 0.97, f"{sum(marks)} of {len(marks)}"


def test_status_codes(cases):
    """Codes like 5.0.911 are Sisimai's own inventions for mails that have none."""
    marks = [
        person is not None and person.status == row["dsn"] for row, person in pairs(cases) if ".0.9" not in row["dsn"]
    ]
    assert share(marks) >= 0.98, f"{sum(marks)} of {len(marks)}"


def test_reply_codes(cases):
    marks = [person is not None and person.code == int(row["reply"]) for row, person in pairs(cases) if row["reply"]]
    assert share(marks) >= 0.98, f"{sum(marks)} of {len(marks)}"


def test_what_is_no_bounce_is_never_taken_for_one(vectors):
    files = sorted((vectors / "bounces" / "not").iterdir())
    assert files
    assert [understand(file.read_bytes()).kind for file in files] == ["ordinary"] * len(files)
