"""Campaign rows on both engines: moves, audience, links, and what the sending engine asks."""

import pytest

from lettershop.store import campaigns, contacts, predicates, subscriptions, suppressions, workspaces
from lettershop.store.campaigns import Standing, StoredLink
from lettershop.store.contacts import NewContact
from lettershop.store.subscriptions import Consent

OPT_IN = Consent("express", "ticked the box", "import")


@pytest.fixture
async def campaign(store):
    """A draft for a list of five, of whom the second has left and the third is suppressed."""
    workspace = await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    news = await store.main.write(subscriptions.ensure_list, workspace, "News", 1.0)
    brand = await store.main.write(
        workspaces.ensure_brand, workspace, name="B", from_name="B", from_address="b@b.example", at=1.0
    )
    people = [NewContact(f"p{n}@a.example", f"p{n}@a.example", "a.example", "", {"n": n}) for n in range(1, 6)]
    await store.main.write(contacts.take, workspace, news, people, OPT_IN, 1.0)
    found = await store.main.read(contacts.page, workspace)
    await store.main.write(subscriptions.unsubscribe, found[1].id, news, how="page", at=2.0)
    await store.main.write(suppressions.add, 0, "p3@a.example", "manual", at=2.0)
    key = await store.main.write(
        campaigns.create, workspace, brand, at=1.0, name="C", subject="S", html="H", tree={}, list_id=news
    )
    return await store.main.read(campaigns.by_id, key)


async def test_a_move_names_where_it_may_come_from(store, campaign):
    assert not await store.main.write(campaigns.move, campaign.id, "paused", only_from=["sending"], at=2.0)
    assert await store.main.write(campaigns.move, campaign.id, "sending", only_from=["draft"], at=2.0, started_at=2.0)
    assert (await store.main.read(campaigns.by_id, campaign.id)).started_at == 2.0
    assert not await store.main.write(campaigns.change, campaign.id, subject="late"), "its content is fixed now"
    assert [c.id for c in await store.main.read(campaigns.under_way, "sending")] == [campaign.id]


async def test_each_change_is_a_new_version(store, campaign):
    assert await store.main.write(campaigns.change, campaign.id, subject="new")
    changed = await store.main.read(campaigns.by_id, campaign.id)
    assert (changed.subject, changed.version) == ("new", campaign.version + 1)


async def test_the_audience_leaves_out_who_must_not_be_written_to(store, campaign):
    rows = await store.main.read(campaigns.audience, campaign, None, 9.0, after=0, limit=10)
    assert len(rows) == 3 and {domain for _, domain in rows} == {"a.example"}
    assert await store.main.read(campaigns.audience, campaign, None, 9.0, after=rows[1][0], limit=10) == rows[2:]
    where = predicates.where({"op": ">", "field": "n", "value": 4}, store.main.dialect, 0.0)
    assert await store.main.read(campaigns.audience_size, campaign.workspace_id, campaign.list_id, where, 9.0) == 1
    assert await store.main.read(campaigns.without_consent, campaign.workspace_id, campaign.list_id, None) == 0


async def test_whose_consent_is_over_is_left_out(store, campaign):
    about = campaign.workspace_id, campaign.list_id, None
    implied = Consent("implied", "bought something", "import", expires_at=100.0)
    late = NewContact("q@a.example", "q@a.example", "a.example", "", {})
    await store.main.write(contacts.take, *about[:2], [late], implied, 1.0)
    assert len(await store.main.read(campaigns.audience, campaign, None, 99.0, after=0, limit=10)) == 4
    assert len(await store.main.read(campaigns.audience, campaign, None, 101.0, after=0, limit=10)) == 3
    assert await store.main.read(campaigns.audience_size, *about, 101.0) == 3
    assert [await store.main.read(campaigns.audience_lapsed, *about, at) for at in (99.0, 101.0)] == [0, 1]
    assert dict(await store.main.read(campaigns.audience_sites, *about, 101.0)) == {"a.example": 3}
    assert await store.main.read(campaigns.without_consent, *about) == 0
    await store.main.write(contacts.take, *about[:2], [late], Consent("express", "asked for it", "form"), 101.0)
    assert await store.main.read(campaigns.audience_lapsed, *about, 200.0) == 0
    assert len(await store.main.read(campaigns.audience, campaign, None, 200.0, after=0, limit=10)) == 4


async def test_one_read_tells_the_engine_everything(store, campaign):
    people = await store.main.read(contacts.page, campaign.workspace_id)
    ids = [contact.id for contact in people]
    standings, found = await store.main.read(campaigns.for_sending, [(campaign.id, campaign.list_id, [*ids, 10_000])])
    assert standings == {campaign.id: Standing(campaign.id, "draft", 1)}
    assert [(found[campaign.id][key].status, found[campaign.id][key].suppressed) for key in ids[:3]] == [
        ("subscribed", None), ("unsubscribed", None), ("subscribed", "manual"),
    ]  # fmt: skip
    assert found[campaign.id].keys() == set(ids)


async def test_links_are_replaced(store, campaign):
    await store.main.write(
        campaigns.set_links, campaign.id, [(1, "https://a.example", "A"), (2, "https://b.example", "")]
    )
    await store.main.write(campaigns.set_links, campaign.id, [(1, "https://c.example", "C")])
    assert await store.main.read(campaigns.links_of, campaign.id) == [StoredLink(1, "https://c.example", "C")]


async def test_found_by_name_newest_first(store, campaign):
    more = {"at": 5.0, "name": "C", "subject": "second", "html": "H", "tree": {}}
    key = await store.main.write(campaigns.create, campaign.workspace_id, campaign.brand_id, **more)
    assert (await store.main.read(campaigns.by_name, campaign.workspace_id, "C")).id == key
    assert [c.id for c in await store.main.read(campaigns.page, campaign.workspace_id)] == [key, campaign.id]
    assert [c.id for c in await store.main.read(campaigns.page, campaign.workspace_id, before=key)] == [campaign.id]
