"""Import: files of any encoding and delimiter, rows checked, the refused kept with line and reason."""

import csv
import gzip

import pytest

from lettershop.base.errors import Invalid
from lettershop.marketing.contacts import (
    ContactImport,
    FileNotUnderstood,
    NoConsentBasis,
    check,
    describe,
    guess_delimiter,
    guess_encoding,
    map_header,
    typed,
)
from lettershop.store import contacts, subscriptions, workspaces


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12", 12), ("-3.5", -3.5), ("0", 0), ("007", "007"), ("+49 30", "+49 30"), ("1e5", "1e5"), ("yes", True), ("FALSE", False),
        ("2026-01-31", "2026-01-31"), ("31.1.2026", "2026-01-31"), ("2026-02-31", "2026-02-31"), ("1234567890123456", "1234567890123456"),
        ("Köln", "Köln"), ("", ""), ("1.", "1."),
    ],
)  # fmt: skip
def test_kinds_of_values(cell, value):
    assert typed(cell) == value and type(typed(cell)) is type(value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso8859-15"])
def test_encodings_are_recognised(encoding):
    text = "email,name,city\n" + "".join(f"p{n}@a.example,Jürgen Müßig,Köln in Übersee\n" for n in range(50))
    raw = text.encode(encoding)
    assert raw.decode(guess_encoding(raw)) == text


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [("email,name", ","), ("email;name;x", ";"), ("email\tname", "\t"), ('"a,b;c"|x', "|"), ("email", ",")],
)
def test_delimiters_are_guessed(header, delimiter):
    assert guess_delimiter(header) == delimiter


def test_headers_are_mapped():
    cells = ["E-Mail", "Vorname", "Last Name", "Größe (cm)", "", "2nd", "Vorname"]
    assert map_header(cells) == ["email", "first_name", "last_name", "größe_cm", "column_5", "_2nd", "first_name_7"]
    with pytest.raises(FileNotUnderstood, match="No column"):
        map_header(["name", "city"])


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "is empty"), ("nobody", "has no @"), ("a@@b.example", "@"), ("a b@c.example", "SPACE"), ("a@", "after the @"),
        ("@b.example", "before the @"), ("a..b@c.example", "two periods"), ("ü@b.example", "Internationalized"),
    ],
)  # fmt: skip
def test_bad_addresses_are_refused_in_words(address, words):
    with pytest.raises(Invalid) as refused:
        check(["email"], [address])
    assert words in refused.value.public


def test_a_row_becomes_a_contact():
    contact = check(["email", "first_name", "last_name", "n"], [" Ann@BÜCHER.example ", "Ann", "Lee", "3"])
    assert (contact.email, contact.email_key) == ("Ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example")
    assert (contact.name, contact.attributes) == ("Ann Lee", {"first_name": "Ann", "last_name": "Lee", "n": 3})


async def run(store, clock, path, **more):
    workspace = await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    values = {"workspace_id": workspace, "list_name": "News", "basis": "opted in", **more}
    return workspace, await ContactImport(store.main, clock).run(path, **values)


async def test_good_rows_are_taken_and_bad_ones_kept(store, clock, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text(
        'email;name;n\na@x.example;"Lee; Ann";1\nbroken;B;2\nb@x.example;B\n\nc@x.example;"two\nlines";3\nC@X.example;C;4\n'
    )
    seen = []
    workspace, result = await run(store, clock, path, progress=lambda done, total: seen.append((done, total)))
    assert (result.rows, result.created, result.unchanged, result.refused, result.joined) == (5, 2, 1, 2, 2)
    with (tmp_path / "people.rejected.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["line", "reason", "email", "name", "n"],
            ["3", "The address has no @.", "broken", "B", "2"],
            ["4", "2 columns instead of 3.", "b@x.example", "B"],
        ]
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)
    found = await store.main.read(contacts.page, workspace)
    assert [(contact.name, contact.attributes["n"]) for contact in found] == [("Lee; Ann", 1), ("C", 4)]
    assert [entry.subscribed for entry in await store.main.read(subscriptions.lists_of, workspace)] == [2]
    assert describe(result)["examples"][0] == {"line": 3, "reason": "The address has no @."}


async def test_a_compressed_file_and_a_file_of_many_batches(store, clock, tmp_path):
    path = tmp_path / "people.csv.gz"
    path.write_bytes(gzip.compress(b"email\n" + b"".join(b"p%d@x.example\n" % n for n in range(2500))))
    _, result = await run(store, clock, path)
    assert (result.created, result.refused, result.rejected_file) == (2500, 0, None)


async def test_bytes_that_are_no_text_are_refused_not_corrupted(store, clock, tmp_path):
    path = tmp_path / "people.csv"
    path.write_bytes(b"email,name\n" + b"a@x.example,Ann\n" * 6000 + b"b@x.example,M\xfcller\n")
    _, result = await run(store, clock, path)
    assert result.refused == 1 and "not valid in the encoding" in result.examples[0].reason


async def test_no_import_without_consent_or_from_nothing(store, clock, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("email\na@x.example\n")
    with pytest.raises(NoConsentBasis):
        await run(store, clock, path, basis=" ")
    for bad in (tmp_path / "missing.csv", tmp_path):
        with pytest.raises(FileNotUnderstood):
            await run(store, clock, bad)
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(FileNotUnderstood):
        await run(store, clock, tmp_path / "empty.csv")
