"""What a batch of counting writes, on both engines."""

from lettershop.store import analytics, contacts, workspaces
from lettershop.store.analytics import Changes, Engagement
from lettershop.store.contacts import NewContact
from lettershop.store.subscriptions import Consent


async def test_counters_add_up_and_rows_are_replaced(store):
    changes = Changes(
        engagements={1: Engagement(1, 7, 5, opened_at=3.0)},
        counters={(7, "opened", "", ""): 2, (7, "opened", "provider", "a.example"): 2, (7, "waiting", "", ""): -1, (7, "zero", "", ""): 0},
        followed={(1, 2): 3.0},
        samples={(7, "unknown-user", True): ("550 no", "check it")},
    )  # fmt: skip
    await store.main.write(analytics.apply, changes)
    changes.engagements[1].opened_at = 4.0
    await store.main.write(analytics.apply, changes)
    rows = await store.main.read(analytics.rows, 7)
    assert sorted(rows) == [
        ("opened", "", "", 4), ("opened", "provider", "a.example", 4), ("waiting", "", "", -2),
    ]  # fmt: skip
    assert await store.main.read(analytics.totals, [7, 8]) == {7: {"opened": 4, "waiting": -2}, 8: {}}
    assert await store.main.read(analytics.samples, 7) == {("unknown-user", True): ("550 no", "check it")}
    known = await store.main.read(analytics.background, envelope_ids={1, 2}, campaign_ids={7})
    assert known.engagements[1].opened_at == 4.0 and known.hits == {} and known.campaigns == {}


async def test_moments_never_go_back(store):
    workspace = await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    row = NewContact("p@a.example", "p@a.example", "a.example", "", {})
    await store.main.write(contacts.take, workspace, None, [row], Consent("express", "x", "import"), 1.0)
    (contact,) = await store.main.read(contacts.page, workspace)
    for at in (5.0, 3.0):
        await store.main.write(analytics.apply, Changes(moments={(contact.id, "last_opened_at"): at}))
    assert (await store.main.read(contacts.by_id, contact.id)).last_opened_at == 5.0
