"""Export that comes back as it was, and attributes whose kind is changed with all values."""

import gzip

import orjson
import pytest

from lettershop.marketing.attribute_desk import Attributes, KindNotPossible
from lettershop.marketing.contacts import ContactImport
from lettershop.marketing.export import PeopleExport
from lettershop.marketing.import_rows import ImportOptions
from lettershop.store import attributes, contacts, workspaces

HEADER = "email,name,tags,orders,since,vip,interests,phone\n"
ROWS = (
    'a@x.example,"Lee, ""Ann""",vip;new,3,2026-01-31,yes,golf;tea,+49 30 1\n'
    "b@x.example,=2+2,,-4.5,,no,,-x\n"
    "c@x.example,Größe,,,,,,\n"
)


@pytest.fixture
async def place(store, clock, tmp_path):
    workspace = await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    await Attributes(store.main, clock).declare(workspace, "interests", "list")
    path = tmp_path / "people.csv"
    path.write_text(HEADER + ROWS)
    await ContactImport(store.main, clock).run(path, workspace_id=workspace, options=ImportOptions("News", "opted in"))
    return workspace


def told(found):
    return [(c.email, c.name, c.tags, c.attributes) for c in found]


async def test_what_goes_out_as_csv_comes_back_as_it_was(store, clock, tmp_path, place):
    path = tmp_path / "out.csv.gz"
    assert await PeopleExport(store.main, clock).to_file(path, place) == 3
    assert b"'=2+2" in gzip.decompress(path.read_bytes()) and b"'+49 30 1" in gzip.decompress(path.read_bytes())
    other = await store.main.write(workspaces.ensure_workspace, "Other", 1.0)
    for known in await store.main.read(attributes.of_workspace, place):
        await Attributes(store.main, clock).declare(other, known.name, known.kind)
    leave_out = ("id", "lists", "consent", "tracking_consent", "created_at")
    leave_out += tuple(f"last_{what}_at" for what in ("delivered", "opened", "clicked", "replied", "wrote"))
    options = ImportOptions("Back", "moved", columns=dict.fromkeys(leave_out, "-"))
    result = await ContactImport(store.main, clock).run(path, workspace_id=other, options=options)
    assert (result.created, result.refused) == (3, 0)
    there = await store.main.read(contacts.page, place)
    assert told(await store.main.read(contacts.page, other)) == told(there)
    assert there[0].attributes["interests"] == ["golf", "tea"] and there[0].tags == ("new", "vip")


async def test_json_lines_have_lists_and_proofs_and_a_segment_bounds_them(store, clock, place):
    pieces = [piece async for piece in PeopleExport(store.main, clock).lines(place, form="jsonl", segment="orders > 0")]
    (row,) = [orjson.loads(line) for line in b"".join(pieces).splitlines()]
    assert row["email"] == "a@x.example" and row["lists"]["News"]["status"] == "subscribed"
    assert [(entry["kind"], entry["basis"]) for entry in row["consents"]] == [("express", "opted in")]


async def test_a_kind_is_changed_with_all_values_or_not_at_all(store, clock, place):
    desk = Attributes(store.main, clock)
    with pytest.raises(KindNotPossible, match="phone cannot be a number"):
        await desk.declare(place, "phone", "number")
    assert (await store.main.read(attributes.kinds, place))["phone"] == "text"
    assert await desk.declare(place, "orders", "text") == 2
    assert [c.attributes.get("orders") for c in await store.main.read(contacts.page, place)] == ["3", "-4.5", None]
    assert await desk.declare(place, "orders", "number") == 2
    assert [c.attributes.get("orders") for c in await store.main.read(contacts.page, place)] == [3, -4.5, None]
