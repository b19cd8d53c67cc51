"""Files between upload and import: kept, looked at, begun once, thrown away, tidied; on both databases."""

import gzip
import io
from pathlib import Path

import pytest

from lettershop.marketing.contacts import ContactImport, ImportUnknown, NoConsentBasis
from lettershop.marketing.import_rows import ImportOptions
from lettershop.marketing.import_run import ImportNotReady
from lettershop.marketing.table_file import FileNotUnderstood
from lettershop.marketing.uploads import KEPT, Uploads
from lettershop.store import contacts, lists, subscriptions, workspaces

FILE = "Mail;Notiz;;Größe\nann@a.example;x;1;170\nbo@b.example;y;2;180\n".encode("cp1252")


async def desk(store, clock, folder):
    jobs = ContactImport(store.main, clock, folder=folder)
    workspace = await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    return workspace, jobs, Uploads(store.main, clock, jobs, folder)


def files(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("upload-"))


async def test_a_file_waits_is_looked_at_and_taken_in(store, clock, tmp_path):
    workspace, jobs, uploads = await desk(store, clock, tmp_path)
    packed = io.BytesIO(gzip.compress(FILE))
    job = await uploads.keep(workspace, packed, file_name="people.csv.gz", by="ann")
    assert (job.state, job.file_name, job.by, job.size) == ("uploaded", "people.csv.gz", "ann", len(packed.getvalue()))
    assert not await jobs.step(), "nobody has said what it is"
    found = await uploads.headings(workspace, job.id)
    assert [(one.key, one.text, one.guess) for one in found] == [
        ("Mail", "Mail", "email"), ("Notiz", "Notiz", "notiz"), ("column_3", "", "column_3"), ("Größe", "Größe", "größe"),
    ]  # fmt: skip
    assert found[3].samples == ("170", "180")
    columns = {"Notiz": "-", "column_3": "rank", "Größe": "size_cm"}
    seen = await uploads.look(workspace, job.id, columns)
    assert ([column.target for column in seen.columns], seen.good) == (["email", "-", "rank", "size_cm"], 2)
    with pytest.raises(NoConsentBasis):
        await uploads.begin(workspace, job.id, ImportOptions("Fair", " ", columns=columns))
    with pytest.raises(FileNotUnderstood):
        await uploads.begin(workspace, job.id, ImportOptions("Fair", "said so", columns={"Mail": "-"}))
    assert await store.main.read(subscriptions.list_named, workspace, "Fair") is None
    clock.advance(3600)
    await uploads.begin(workspace, job.id, ImportOptions("Fair", "said so", columns=columns))
    with pytest.raises(ImportNotReady):
        await uploads.begin(workspace, job.id, ImportOptions("Fair", "said so", columns=columns))
    with pytest.raises(ImportNotReady):
        await uploads.drop(workspace, job.id)
    while await jobs.step():
        pass
    done = await jobs.get(workspace, job.id)
    assert (done.state, done.created, done.basis, done.started_at) == ("done", 2, "said so", clock.now())
    people = await store.main.read(contacts.page, workspace)
    assert sorted((one.email, one.attributes["size_cm"], one.attributes["rank"]) for one in people) == [
        ("ann@a.example", 170, 1), ("bo@b.example", 180, 2),
    ]  # fmt: skip
    assert [row.name for row in await store.main.read(lists.page, workspace, after=0, limit=9)] == ["Fair"]
    assert files(tmp_path) == []


async def test_what_is_no_table_is_not_kept(store, clock, tmp_path):
    workspace, jobs, uploads = await desk(store, clock, tmp_path)
    for content in (b"", b"\n\n", gzip.compress(FILE)[:20]):
        with pytest.raises(FileNotUnderstood):
            await uploads.keep(workspace, io.BytesIO(content), file_name="x", by="")
    assert (files(tmp_path), await jobs.page(workspace)) == ([], [])


async def test_a_file_is_thrown_away_by_its_own_workspace_only_and_tidied_after_a_week(store, clock, tmp_path):
    workspace, jobs, uploads = await desk(store, clock, tmp_path)
    first = await uploads.keep(workspace, io.BytesIO(FILE), file_name="a", by="")
    for deed in (uploads.headings, uploads.drop):
        with pytest.raises(ImportUnknown):
            await deed(workspace + 1, first.id)
    await uploads.drop(workspace, first.id)
    old = await uploads.keep(workspace, io.BytesIO(FILE), file_name="b", by="")
    begun = await uploads.keep(workspace, io.BytesIO(FILE), file_name="c", by="")
    await uploads.begin(workspace, begun.id, ImportOptions("", "said so"))
    clock.advance(KEPT + 1)
    fresh = await uploads.keep(workspace, io.BytesIO(FILE), file_name="d", by="")
    assert [job.id for job in await jobs.page(workspace)] == [fresh.id, begun.id]
    assert Path(old.file).name not in files(tmp_path)
    assert len(files(tmp_path)) == 2
