"""Import: files of any encoding and delimiter, rows checked, the refused kept; as a job; undone."""

import csv
import gzip

import pytest

from lettershop.base.errors import Invalid
from lettershop.marketing.audience import tree_of
from lettershop.marketing.contacts import ContactImport, ImportNotReady, ImportUnknown, NoConsentBasis
from lettershop.marketing.import_rows import ImportOptions, KindLearner, RowCheck, targets_of
from lettershop.marketing.import_run import describe
from lettershop.marketing.table_file import FileNotUnderstood, TableFile, guess_delimiter, guess_encoding, map_header
from lettershop.store import attributes, contacts, factlog, imports, people, subscriptions, views, workspaces
from lettershop.store.subscriptions import Consent


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
    cells = ["E-Mail", "Vorname", "Last Name", "Größe (cm)", "", "2nd", "Vorname", "Domain"]
    assert map_header(cells) == [
        "email", "first_name", "last_name", "größe_cm", "column_5", "_2nd", "first_name_7", "domain_name",
    ]  # fmt: skip
    with pytest.raises(FileNotUnderstood, match="No column"):
        map_header(["name", "city"])


def test_columns_can_be_named_by_hand():
    header = ["E-Mail", "Billing Mail", "Geburtstag", "Notes"]
    said = {"billing mail": "email", "geburtstag": "birthday", "Notes": "-"}
    assert targets_of(header, said) == ["email_1", "email", "birthday", "-"]
    with pytest.raises(FileNotUnderstood, match="no column size"):
        targets_of(header, {"Size": "size"})
    with pytest.raises(FileNotUnderstood, match="Two columns"):
        targets_of(header, {"notes": "x", "geburtstag": "x"})
    with pytest.raises(Invalid):
        targets_of(header, {"notes": "not a name"})
    with pytest.raises(FileNotUnderstood, match="empty"):
        targets_of([], {})


def test_a_row_becomes_a_contact():
    names = ["email", "first_name", "last_name", "n", "tags"]
    kinds = {"first_name": "text", "last_name": "text", "n": "number"}
    check = RowCheck(names, kinds, ImportOptions("", "x", tags=("all",)))
    row, odd = check.check([" Ann@BÜCHER.example ", "Ann", "Lee", "3", "a; b"])
    assert (row.email, row.email_key) == ("Ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example")
    assert (row.name, row.attributes) == ("Ann Lee", {"first_name": "Ann", "last_name": "Lee", "n": 3})
    assert (row.tags, odd) == (("all", "a", "b"), ())
    with pytest.raises(Invalid, match="n is a number"):
        check.check(["ann@x.example", "", "", "three", ""])
    with pytest.raises(Invalid, match="10000 characters"):
        check.check(["ann@x.example", "x" * 10_001, "", "3", ""])


def test_kinds_are_learned_from_all_rows():
    learner = KindLearner(["email", "n", "day", "ok", "mixed", "empty", "known"], {"known": "list"})
    learner.see([(1, ["", "1", "2026-01-31", "yes", "1", "", "1"]), (2, ["", "", "31.1.2026", "FALSE", "2", "", "2"])])
    learner.see([(3, ["", "-3.5", "", "", "x", "", "3"]), (4, ["too short"])])
    assert learner.kinds() == {"n": "number", "day": "date", "ok": "boolean", "mixed": "text", "empty": "text"}


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
    assert {contact.consent for contact in found} == {"express"}
    assert [entry.subscribed for entry in await store.main.read(subscriptions.lists_of, workspace)] == [2]
    assert describe(result)["examples"][0] == {"line": 3, "reason": "The address has no @."}
    (fact,) = [entry.fact for entry in await store.main.read(factlog.read_since, "facts", 0, 10)]
    assert (fact.kind, fact.created, fact.joined, fact.refused) == ("ContactsImported", 2, 2, 2)


async def test_a_compressed_file_and_a_file_of_many_batches(store, clock, tmp_path):
    path = tmp_path / "people.csv.gz"
    path.write_bytes(gzip.compress(b"email\n" + b"".join(b"p%d@x.example\n" % n for n in range(4500))))
    workspace, result = await run(store, clock, path)
    assert (result.created, result.refused, result.rejected_file) == (4500, 0, None)
    assert await store.main.read(people.count, workspace, tree_of('domain = "x.example"'), clock.now()) == 4500
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(FileNotUnderstood, match=r"no CSV file|too early"):
        await run(store, clock, path)


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
    for wrong in ({"rule": "replace"}, {"kind": "assumed"}, {"refuse": ("ugly",)}, {"expires_days": 0}):
        with pytest.raises(Invalid):
            ImportOptions("News", "opted in", **wrong)


PEOPLE = {"n": "Ann", "city": "Köln", "orders": 3}


@pytest.mark.parametrize(
    ("rule", "name", "attributes"),
    [
        ("add", "Ann", {"city": "Köln", "orders": 3}),
        ("update", "Anna", {"city": "Köln", "orders": 4, "plan": "pro"}),
        ("overwrite", "Anna", {"orders": 4, "plan": "pro"}),
    ],
)
async def test_what_becomes_of_people_who_are_there(store, clock, tmp_path, rule, name, attributes):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("email,name,city,orders\na@x.example,Ann,Köln,3\n")
    second.write_text("email,name,city,orders,plan\nA@x.example,Anna,,4,pro\nb@x.example,B,,,\n")
    await run(store, clock, first)
    workspace, result = await run(
        store, clock, second, options=ImportOptions("Shop", "bought", "implied", rule=rule, tags=("vip",))
    )
    ann, _ = await store.main.read(contacts.page, workspace)
    assert (ann.name, ann.attributes) == (name, attributes)
    assert ann.tags == (() if rule == "add" else ("vip",))
    assert (result.created, result.updated, result.joined) == (1, 0 if rule == "add" else 1, 2)
    assert ann.consent == "express"  # what was given stands before what is implied


async def test_implied_consent_ends_and_is_asked_for_in_segments(store, clock, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("email\na@x.example\n")
    workspace, _ = await run(store, clock, path, kind="implied")
    now = clock.now()
    for words, days, count in (("consent implied", 729, 1), ("consent implied", 731, 0), ("consent none", 731, 1)):
        assert await store.main.read(people.count, workspace, tree_of(words), now + days * 86_400) == count


async def test_a_value_of_another_kind_is_refused_from_the_second_file_on(store, clock, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("email,orders\na@x.example,3\n")
    workspace, _ = await run(store, clock, path)
    path.write_text("email,orders\nb@x.example,many\nc@x.example,4\n")
    _, result = await run(store, clock, path)
    assert (result.created, result.refused) == (1, 1)
    assert "orders is a number" in result.examples[0].reason
    assert await store.main.read(attributes.kinds, workspace) == {"orders": "number"}


async def test_suspicious_addresses_are_flagged_or_refused(store, clock, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("email\nann@gmaill.com\ninfo@x.example\nx@mailinator.com\nbob@nowhere.example\njürgen@x.example\n")

    async def has_mail(domain):
        return domain != "nowhere.example"

    workspace = await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    service = ContactImport(store.main, clock, has_mail=has_mail)
    result = await service.run(path, workspace_id=workspace, options=ImportOptions("News", "x", check_mx=True))
    assert (result.created, result.flagged) == (5, {"typo": 1, "role": 1, "disposable": 1, "no-mx": 1})
    assert result.flag_examples[0].suggestion == "ann@gmail.com"
    strict = ImportOptions("News", "x", refuse=("typo", "role", "disposable", "no-mx"))
    result = await service.run(path, workspace_id=workspace, options=strict)
    assert (result.rows, result.refused, result.unchanged) == (5, 4, 1)


async def test_a_file_can_be_looked_at_before(store, clock, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("E-Mail;Orders;Seit\na@x.example;3;2026-01-31\nbroken;4;2026-02-01\n", encoding="cp1252")
    seen = await ContactImport(store.main, clock).preview(path, workspace_id=1, columns={"Seit": "since"})
    assert [(c.heading, c.target, c.kind) for c in seen.columns] == [
        ("E-Mail", "email", ""), ("Orders", "orders", "number"), ("Seit", "since", "date"),
    ]  # fmt: skip
    assert (seen.delimiter, seen.rows, seen.good, seen.refused[0].line) == (";", 2, 1, 3)
    assert await store.main.read(imports.page, 1) == []


async def test_a_job_goes_on_where_it_was_after_a_crash(store, clock, tmp_path, monkeypatch):
    monkeypatch.setattr("lettershop.marketing.import_run.BATCH", 10)
    monkeypatch.setattr("lettershop.marketing.contacts.TURN", 1)
    path = tmp_path / "people.csv"
    path.write_text("email,n\n" + "".join(f"p{n}{'@' if n % 7 else ''}x.example,{n}\n\n" for n in range(95)))
    workspace = await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    service = ContactImport(store.main, clock, folder=tmp_path)
    number = await service.submit(workspace, path, ImportOptions("News", "opted in"), by="ada")
    assert (await service.get(workspace, number)).state == "waiting"
    for _ in range(3):
        assert await service.step()
    job = await service.get(workspace, number)
    assert (job.state, job.rows, job.by) == ("running", 15, "ada") or job.rows < 95
    again = ContactImport(store.main, clock, folder=tmp_path)  # another process: nothing of the first is known
    while await again.step():
        pass
    job = await again.get(workspace, number)
    assert (job.state, job.rows, job.taken, job.refused, job.created) == ("done", 95, 81, 14, 81)
    assert job.position == job.size == path.stat().st_size
    with (tmp_path / f"import-{number}.rejected.csv").open(newline="") as file:
        lines = list(csv.reader(file))
    assert [line[2] for line in lines[1:]] == [f"p{n}x.example" for n in range(0, 95, 7)]
    with pytest.raises(ImportUnknown):
        await service.get(workspace + 1, number)


async def test_a_job_that_cannot_be_done_says_why(store, clock, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("email\na@x.example\n")
    service = ContactImport(store.main, clock, folder=tmp_path)
    workspace = await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    number = await service.submit(workspace, path, ImportOptions("News", "opted in"))
    path.unlink()
    assert await service.step()
    job = await service.get(workspace, number)
    assert job.state == "failed" and "cannot be read" in job.error
    assert not await service.step()


async def test_undoing_takes_back_what_came_with_it_and_nothing_else(store, clock, tmp_path):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text("email,name,city,tags\nold@x.example,Old,Köln,a\nleft@x.example,Left,,\n")
    workspace, _ = await run(store, clock, first)
    news = await store.main.read(subscriptions.list_named, workspace, "News")
    _, left = await store.main.read(contacts.page, workspace)
    await store.main.write(subscriptions.unsubscribe, left.id, news, how="page", at=clock.now())
    second.write_text(
        "email,name,city,plan,tags\nold@x.example,New,Bonn,pro,b\nleft@x.example,,,free,\n"
        "gone@x.example,G,,,\nkept@x.example,K,,,\n"
    )
    _, result = await run(store, clock, second)
    assert (result.created, result.updated, result.joined) == (2, 2, 2)
    old, left, _, kept = await store.main.read(contacts.page, workspace)
    word = Consent("express", "said so on the page", "page")
    await store.main.write(subscriptions.join, workspace, None, [kept.id], word, clock.now())
    service = ContactImport(store.main, clock)
    await service.undo(workspace, result.import_id)
    old, left, kept = await store.main.read(contacts.page, workspace)
    assert (old.name, old.attributes, old.tags, left.attributes) == ("Old", {"city": "Köln"}, ("a",), {})
    assert await store.main.read(subscriptions.statuses, old.id) == {"News": "subscribed"}
    assert await store.main.read(subscriptions.statuses, left.id) == {"News": "unsubscribed"}
    assert await store.main.read(subscriptions.statuses, kept.id) == {}
    assert (kept.email, kept.consent, old.consent) == ("kept@x.example", "express", "express")
    assert [entry[3] for entry in await store.main.read(views.consents_of, kept.id)] == ["page"]
    assert (await service.get(workspace, result.import_id)).state == "undone"
    assert await store.main.read(people.count, workspace, {}, clock.now()) == 3
    with pytest.raises(ImportNotReady):
        await service.undo(workspace, result.import_id)


def test_a_file_is_read_by_lines_as_an_editor_counts_them(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text('email,note\na@x.example,"two\nlines"\n\nb@x.example,x\n')
    file = TableFile.open(path)
    rows, broken, more = file.batch(10)
    assert ([line for line, _ in rows], broken, more) == ([3, 5], [], False)
    file.close()
