"""What is held on a person is told whole; erasing leaves figures and a keyed hash, and no import brings the address back."""

from sqlalchemy import select, text

from lettershop.base.facts import Bounced
from lettershop.marketing.contacts import ContactImport
from lettershop.marketing.privacy import Privacy
from lettershop.store import columnar, contacts, people, subscriptions, workspaces
from lettershop.store.contacts import NewContact
from lettershop.store.schema_main import facts
from lettershop.store.subscriptions import Consent

ANN = NewContact("Ann@shop.example", "ann@shop.example", "shop.example", "Ann", {"city": "Oslo"})
BOB = NewContact("bob@shop.example", "bob@shop.example", "shop.example", "Bob", {})


async def stage(store, clock):
    workspace = await store.main.write(workspaces.ensure_workspace, "Shop", clock.now())
    news = await store.main.write(subscriptions.ensure_list, workspace, "News", clock.now())
    consent = Consent("express", "at the till", "import")
    await store.main.write(contacts.take, workspace, news, [ANN, BOB], consent, clock.now())
    ann = await store.main.read(contacts.by_key, workspace, ANN.email_key)
    bounced = Bounced(
        at=clock.now(), workspace_id=workspace, contact_id=ann.id, site="shop.example", mx="mx", code=550,
        text="550 <ann@shop.example> unknown", reason="unknown-user", hard=True, address="ann@shop.example",
    )  # fmt: skip
    await store.main.write(lambda tx: tx.fact(bounced))
    return workspace, ann


async def test_everything_about_a_person_is_told(store, clock):
    workspace, _ = await stage(store, clock)

    held = await Privacy(store.main, clock).export(workspace, "ANN@shop.example")

    assert [row["name"] for row in held["contacts"]] == ["Ann"]
    assert [row["basis"] for row in held["consents"]] == ["at the till"]
    assert {row["kind"] for row in held["events"]} >= {"Bounced", "ContactChanged"}
    assert "bob" not in repr(held)


async def test_nothing_of_an_erased_person_is_left_in_any_table(store, clock):
    workspace, ann = await stage(store, clock)

    await store.main.write(columnar.fold, workspace, all_of_it=True)
    assert await Privacy(store.main, clock).erase(workspace, "ann@shop.example") == 1
    await store.main.write(columnar.fold, workspace, all_of_it=True)  # `workers` do it every moment

    def everything(conn):
        return "".join(
            repr(conn.execute(text(f'SELECT * FROM "{table}"')).all()) for table in facts.metadata.tables
        ).lower()

    found = await store.main.read(everything)
    assert "ann@" not in found
    assert "oslo" not in found
    assert "bob@shop.example" in found
    kinds = await store.main.read(
        lambda conn: list(conn.scalars(select(facts.c.kind).where(facts.c.contact_id == ann.id)))
    )
    assert "Bounced" in kinds, "figures of campaigns stay as they were"
    assert await store.main.read(people.count, workspace, {}, clock.now()) == 1


async def test_an_import_leaves_the_erased_out_and_says_so(store, clock, tmp_path):
    workspace, _ = await stage(store, clock)
    await Privacy(store.main, clock).erase(workspace, "ann@shop.example")
    file = tmp_path / "people.csv"
    file.write_text("email,name\nann@shop.example,Ann\ncy@shop.example,Cy\n")

    result = await ContactImport(store.main, clock).run(
        file, workspace_id=workspace, list_name="News", basis="old file", kind="express"
    )

    assert (result.created, result.refused) == (1, 1)
    assert "erased" in result.examples[0].reason
    assert await store.main.read(contacts.by_key, workspace, "ann@shop.example") is None
