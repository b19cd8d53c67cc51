"""Figures of many campaigns, and what is usual."""

import pytest

from lettershop.base.errors import NotFound
from lettershop.marketing.breakdown import Breakdowns
from lettershop.store import analytics, campaigns, subscriptions, workspaces
from lettershop.store.analytics import Changes


@pytest.fixture
async def shop(store):
    """Five campaigns started one after the other, three to a list; one of another workspace."""

    def build(tx):
        mine, other = (workspaces.ensure_workspace(tx, name, 1.0) for name in ("mine", "other"))
        news = subscriptions.ensure_list(tx, mine, "News", 1.0)
        changes = Changes()
        keys = []
        for number, (workspace, list_id) in enumerate(
            [(mine, news), (mine, news), (mine, None), (mine, news), (other, None)]
        ):
            brand = workspaces.ensure_brand(tx, workspace, name="B", from_name="B", from_address="b@b.example", at=1.0)
            key = campaigns.create(
                tx, workspace, brand, at=1.0, name=f"C{number}", subject="S", html="x", tree={}, list_id=list_id
            )
            assert campaigns.move(tx, key, "sending", only_from=("draft",), at=2.0, started_at=10.0 + number)
            for what, count in (
                ("delivered", 100),
                ("bounced_hard", 25),
                ("opened", 10 * (number + 1)),
                ("clicked", number),
            ):
                changes.counters[key, what, "", ""] = count
            keys.append(key)
        analytics.apply(tx, changes)
        return mine, other, news, keys

    return await store.main.write(build)


async def test_a_campaign_beside_the_median_of_those_before_it(store, shop):
    mine, _, _, keys = shop
    desk = Breakdowns(store.main)
    found = await desk.of_campaign(mine, keys[3])
    assert (found.compared, found.usual.opened, found.usual.clicked, found.usual.delivered) == (3, 0.2, 0.01, 0.8)
    assert (found.rates.opened, found.rates.clicked) == (0.4, 0.03)
    first = await desk.of_campaign(mine, keys[0])
    assert (first.compared, first.usual.opened, first.rates.opened) == (0, 0.0, 0.1)


async def test_campaigns_of_a_list_and_of_the_workspace_together(store, shop):
    mine, other, news, _ = shop
    desk = Breakdowns(store.main)
    listed = await desk.of_list(mine, news)
    assert (listed.campaigns, listed.sent, listed.delivered, listed.opened) == (3, 375, 300, 70)
    assert listed.rates.opened == 70 / 300
    everything = await desk.of_workspace(mine)
    assert (everything.campaigns, everything.opened, everything.clicked) == (4, 100, 6)
    assert (await desk.of_workspace(other)).opened == 50


async def test_other_workspaces_see_nothing(store, shop):
    mine, other, news, keys = shop
    desk = Breakdowns(store.main)
    for asked in (desk.of_campaign(other, keys[0]), desk.rows(other, keys[0]), desk.of_list(other, news)):
        with pytest.raises(NotFound):
            await asked
    assert ("clicked", "", "", 1) in await desk.rows(mine, keys[1])
