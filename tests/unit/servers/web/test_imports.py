"""Imports on the screen: a file uploaded, its columns named, looked at, begun, dropped, undone; on staged services."""

import gzip

import pytest

FILE = b"E-Mail;Vorname;Bestellungen\nann@a.example;Ann;3\nbo@b.example;Bo;7\nnobody;X;1\n"


def upload(client, content=FILE, name="people.csv"):
    return client.post("/imports", data={"csrf": client.csrf}, files={"file": (name, content)})


def test_a_file_is_kept_and_its_columns_are_shown(signed_in):
    client = signed_in()
    answer = upload(client, gzip.compress(FILE), "people.csv.gz")
    assert answer.headers["location"] == "/imports/4"
    page = client.get("/imports/4").text
    for words in (
        "people.csv.gz",
        "Vorname",
        "bo@b.example",
        'value="first_name"',
        "Of the first 3 rows",
        "<b>2</b> are good",
    ):
        assert words in page
    assert "number" in page


def test_the_form_shows_what_would_become_of_other_columns(signed_in):
    client = signed_in()
    upload(client)
    said = {"csrf": client.csrf, "way-1": "email", "way-2": "name", "way-3": "attribute", "attribute-3": "bought"}
    page = client.post("/imports/4/look", data=said).text
    assert "bought: number" in page
    assert "first_name" not in page.split('id="preview"')[1]
    twice = client.post("/imports/4/look", data={**said, "way-2": "email"}).text
    assert "Two columns are the address" in twice
    none = client.post("/imports/4/look", data={**said, "way-1": "-"}).text
    assert "No column holds the address" in none


def test_it_begins_only_with_a_ground_and_remembers_what_was_written(signed_in):
    client = signed_in()
    upload(client)
    said = {
        "csrf": client.csrf, "way-1": "email", "way-2": "attribute", "attribute-2": "given", "way-3": "-", "list_name": "Fair",
        "rule": "overwrite", "kind": "implied", "expires": "90", "tags": "fair, vip", "refuse": ["typo", "role"],
    }  # fmt: skip
    refused = client.post("/imports/4/begin", data={**said, "basis": " "})
    assert refused.status_code == 403
    assert "needs the ground" in refused.text
    assert 'value="Fair"' in refused.text
    assert 'value="given"' in refused.text
    begun = client.post("/imports/4/begin", data={**said, "basis": "left a card"})
    assert begun.headers["location"] == "/imports/4?done=begun"
    _, number, options = client.stage.imports.told[-1]
    assert number == 4
    assert options.columns == {"Vorname": "given", "Bestellungen": "-"}
    told = (
        options.basis,
        options.list_name,
        options.rule,
        options.kind,
        options.expires_days,
        options.tags,
        options.refuse,
    )
    assert told == ("left a card", "Fair", "overwrite", "implied", 90, ("fair", "vip"), ("typo", "role"))
    assert client.post("/imports/3/begin", data={**said, "basis": "x", "expires": "soon"}).status_code == 400


def test_progress_asks_for_itself_until_it_is_done(signed_in):
    client = signed_in()
    assert 'hx-get="/imports/2"' in client.get("/imports/2").text
    assert "hx-get" not in client.get("/imports/1").text
    assert 'hx-get="/imports"' in client.get("/imports").text


def test_refused_rows_are_a_file_and_an_import_is_taken_back_after_a_question(signed_in):
    client = signed_in()
    page = client.get("/imports/1").text
    assert "Take this import back?" in page
    assert "20,106 people" in page
    file = client.get("/imports/1/rejected.csv")
    assert file.headers["content-disposition"].startswith("attachment")
    assert file.text.startswith("line,reason")
    client.post("/imports/1/undo", data={"csrf": client.csrf})
    assert client.stage.imports.jobs[1].state == "undoing"
    client.post("/imports/3/drop", data={"csrf": client.csrf})
    assert 3 not in client.stage.imports.jobs


def test_what_is_no_file_is_told(signed_in):
    client = signed_in()
    assert "No file was chosen." in client.post("/imports", data={"csrf": client.csrf}).text
    assert upload(client, b"").status_code == 400
    assert client.post("/imports", files={"file": ("x.csv", FILE)}).status_code == 403


def test_a_file_may_be_large_but_not_too_large(signed_in):
    client = signed_in(upload_limit=4 * 2**20)
    more = FILE + b"c@c.example;C;1\n" * 150_000
    assert len(more) > 2**21
    assert upload(client, more).status_code == 303
    assert client.post("/lists/make", data={"csrf": client.csrf, "name": "x" * 2**21}).status_code == 413
    assert upload(client, more * 2).status_code == 413


@pytest.mark.parametrize("role", ["analyst", "inbox agent", "postmaster"])
def test_who_may_not_write_contacts_may_not_import(signed_in, role):
    client = signed_in(role=role)
    assert client.get("/imports").status_code == 403
    assert upload(client).status_code == 403
    assert len(client.stage.imports.jobs) == 3
