"""Contacts, lists and consent on both engines."""

import pytest
from sqlalchemy import Connection, select

from lettershop.store import campaigns, contacts, subscriptions, suppressions, workspaces
from lettershop.store.contacts import NewContact, Taken
from lettershop.store.schema_main import consents, facts
from lettershop.store.schema_main import contacts as table
from lettershop.store.subscriptions import Consent

OPT_IN = Consent("express", "ticked the box", "import")


def person(number, name="", **attributes):
    return NewContact(f"P{number}@A.example", f"p{number}@a.example", "a.example", name, attributes)


def kinds(conn: Connection) -> list[tuple[str, str]]:
    return [
        (row.kind, row.data.get("what") or row.data.get("how"))
        for row in conn.execute(select(facts).order_by(facts.c.id))
    ]


def proofs(conn: Connection) -> list[tuple[str, str]]:
    return [(row.kind, row.source) for row in conn.execute(select(consents).order_by(consents.c.id))]


@pytest.fixture
async def place(store):
    """(workspace, list)"""
    workspace = await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    return workspace, await store.main.write(subscriptions.ensure_list, workspace, "News", 1.0)


async def test_taking_people_in_makes_updates_and_joins(store, place):
    workspace, news = place
    take = contacts.take
    assert await store.main.write(take, workspace, news, [person(1, "A", n=1), person(2)], OPT_IN, 2.0) == Taken(
        2, 0, 2
    )
    assert await store.main.write(take, workspace, news, [person(1, "", n=2, m=3), person(2)], OPT_IN, 3.0) == Taken(
        0, 1, 0
    )
    first = await store.main.read(contacts.by_key, workspace, "p1@a.example")
    assert (first.name, first.attributes, first.updated_at) == ("A", {"n": 2, "m": 3}, 3.0)
    assert await store.main.read(kinds) == [
        ("ContactChanged", "created"),
        ("ContactChanged", "created"),
        ("ContactChanged", "updated"),
    ]
    assert await store.main.read(proofs) == [("express", "import")] * 2
    assert await store.main.read(contacts.count, workspace, list_id=news) == 2


async def test_an_import_never_puts_back_who_has_left(store, place):
    workspace, news = place
    await store.main.write(contacts.take, workspace, news, [person(1)], OPT_IN, 2.0)
    (contact,) = await store.main.read(contacts.page, workspace)
    assert await store.main.write(subscriptions.unsubscribe, contact.id, news, how="page", at=3.0)
    assert not await store.main.write(subscriptions.unsubscribe, contact.id, news, how="page", at=4.0)
    assert (await store.main.write(contacts.take, workspace, news, [person(1)], OPT_IN, 5.0)).joined == 0
    assert await store.main.read(subscriptions.statuses, contact.id) == {"News": "unsubscribed"}
    assert await store.main.read(subscriptions.has_left, contact.id, news)
    again = Consent("express", "pressed subscribe", "page")
    assert await store.main.write(subscriptions.resubscribe, contact.id, news, consent=again, at=6.0)
    assert not await store.main.write(subscriptions.resubscribe, contact.id, news, consent=again, at=7.0)
    assert not await store.main.read(subscriptions.has_left, contact.id, news)
    assert await store.main.read(proofs) == [("express", "import"), ("withdrawn", "page"), ("express", "page")]


async def test_without_a_list_leaving_means_the_ledger_and_only_an_own_word_undoes_it(store, place):
    workspace, _ = place
    await store.main.write(contacts.take, workspace, None, [person(1), person(2)], OPT_IN, 2.0)
    one, two = await store.main.read(contacts.page, workspace)
    await store.main.write(subscriptions.unsubscribe, one.id, None, how="one-click", at=3.0)
    await store.main.write(suppressions.add, workspace, two.email_key, "complaint", at=3.0)
    assert await store.main.read(suppressions.count, workspace) == {"unsubscribed": 1, "complaint": 1}
    assert await store.main.write(subscriptions.resubscribe, one.id, None, consent=OPT_IN, at=4.0)
    assert not await store.main.write(subscriptions.resubscribe, two.id, None, consent=OPT_IN, at=4.0)
    assert await store.main.read(suppressions.count, workspace) == {"complaint": 1}


async def test_pages_and_search(store, place):
    workspace, news = place
    people = [person(number, f"Name {number}") for number in range(1, 8)]
    await store.main.write(contacts.take, workspace, news, people, OPT_IN, 2.0)
    first = await store.main.read(contacts.page, workspace, limit=4)
    second = await store.main.read(contacts.page, workspace, after=first[-1].id, limit=4)
    assert [contact.email for contact in [*first, *second]] == [f"P{number}@A.example" for number in range(1, 8)]
    (found,) = await store.main.read(contacts.page, workspace, search="NAME 3")
    assert found.email_key == "p3@a.example"
    assert await store.main.read(contacts.count, workspace, search="%") == 0
    assert [entry.subscribed for entry in await store.main.read(subscriptions.lists_of, workspace)] == [7]


async def test_who_does_not_want_to_be_tracked(store, place):
    workspace, _ = place
    await store.main.write(contacts.take, workspace, None, [person(1), person(2), person(3)], OPT_IN, 2.0)
    one, two, three = await store.main.read(contacts.page, workspace)
    await store.main.write(contacts.set_tracking, one.id, False, 3.0)
    await store.main.write(contacts.set_tracking, two.id, True, 3.0)
    query = select(table.c.tracking_consent).order_by(table.c.id)
    assert await store.main.read(lambda conn: list(conn.scalars(query))) == [False, True, None]
    assert three.id > two.id > one.id


async def test_workspaces_do_not_see_each_other(store, place):
    workspace, news = place
    other = await store.main.write(workspaces.ensure_workspace, "Other", 1.0)
    await store.main.write(contacts.take, workspace, news, [person(1)], OPT_IN, 2.0)
    await store.main.write(contacts.take, other, None, [person(1)], OPT_IN, 2.0)
    assert len(await store.main.read(contacts.page, workspace)) == len(await store.main.read(contacts.page, other)) == 1
    await store.main.write(suppressions.add, other, "p1@a.example", "manual", at=3.0)
    assert await store.main.read(campaigns.audience_size, workspace, news, None, 9.0) == 1
    assert await store.main.read(campaigns.audience_size, other, None, None, 9.0) == 0


async def test_brands_are_made_once_and_kept_up_to_date(store, place):
    workspace, _ = place
    values = {"name": "B", "from_name": "B", "from_address": "b@b.example", "at": 1.0}
    first = await store.main.write(workspaces.ensure_brand, workspace, **values)
    second = await store.main.write(workspaces.ensure_brand, workspace, **values, postal_address="Road 1")
    assert first == second
    assert (await store.main.read(workspaces.brand, first)).postal_address == "Road 1"
    assert await store.main.write(workspaces.ensure_workspace, "W", 9.0) == workspace
