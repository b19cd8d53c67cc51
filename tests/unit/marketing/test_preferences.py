"""What people choose holds: topics, pace, pause; and data and erasure need their own mailbox."""

import re

import pytest

from lettershop.mail.tokens import Recipient, Tokens
from lettershop.marketing.preferences import Preferences, TooManyMails, Wanted
from lettershop.store import campaigns, contacts, preferences, subscriptions, suppressions, workspaces
from lettershop.store.contacts import NewContact
from lettershop.store.preferences import DAY, Pace
from lettershop.store.rows import insert_one
from lettershop.store.schema_main import campaigns as campaign_rows
from lettershop.store.schema_main import contacts as contact_rows
from lettershop.store.subscriptions import Consent

ANN = NewContact("ann@shop.example", "ann@shop.example", "shop.example", "Ann", {})


class FakeMessages:
    """Keeps what is sent."""

    def __init__(self):
        self.letters = []

    async def send(self, workspace_id, letter):
        self.letters.append(letter)


class FakePrivacy:
    """Keeps who was erased."""

    def __init__(self):
        self.gone = []

    async def export(self, workspace_id, address):
        return {"contacts": [{"email": address}]}

    async def erase(self, workspace_id, address):
        self.gone.append((workspace_id, address))


class Shop:
    """A workspace with Ann on one of three lists, and the token in her mail."""


@pytest.fixture
async def shop(store, clock):
    made, now = Shop(), clock.now()
    made.store, made.clock, made.messages, made.privacy = store, clock, FakeMessages(), FakePrivacy()
    made.workspace = await store.main.write(workspaces.ensure_workspace, "Shop", now)
    brand = await store.main.write(
        lambda tx: workspaces.ensure_brand(
            tx,
            made.workspace,
            name="Shop",
            from_name="Shop",
            from_address="news@shop.example",
            at=now,
            postal_address="1 St",
        )
    )
    made.news, made.trade = [
        await store.main.write(subscriptions.ensure_list, made.workspace, name, now, public=True)
        for name in ("News", "Trade")
    ]
    made.staff = await store.main.write(subscriptions.ensure_list, made.workspace, "Staff", now)
    await store.main.write(contacts.take, made.workspace, made.news, [ANN], Consent("express", "till", "import"), now)
    made.ann = await store.main.read(contacts.by_key, made.workspace, ANN.email_key)
    made.campaign = await store.main.write(
        lambda tx: insert_one(
            tx.conn, campaign_rows, workspace_id=made.workspace, brand_id=brand, name="C", state="done", subject="S",
            html="x", tree={}, created_at=now, list_id=made.news,
        )
    )  # fmt: skip
    tokens = Tokens(b"k" * 32)
    made.token = tokens.seal(Recipient(made.campaign, 1, made.ann.id))
    made.service = Preferences(store.main, tokens, made.messages, made.privacy, clock, "https://shop.example")
    return made


async def names_on(shop):
    view = await shop.service.view(shop.token)
    return {topic.name for topic in view.topics if topic.on}


async def reached(shop):
    campaign = await shop.store.main.read(campaigns.by_id, shop.campaign)
    found = await shop.store.main.read(
        lambda conn: campaigns.audience(conn, campaign, None, shop.clock.now(), after=0, limit=10)
    )
    return [row[0] for row in found]


async def test_the_page_shows_public_topics_and_changes_nothing(shop):
    view = await shop.service.view(shop.token)
    assert [(topic.name, topic.on) for topic in view.topics] == [("News", True), ("Trade", False)]
    assert (view.brand, view.address, view.stopped) == ("Shop", "a…n@shop.example", False)
    assert await shop.service.view("nonsense") is None
    assert not await shop.service.save("nonsense", Wanted(frozenset()), "")


async def test_topics_are_joined_and_left_by_ones_own_word(shop):
    assert await shop.service.save(shop.token, Wanted(frozenset({shop.trade, shop.staff, 999})), "192.0.2.1")
    assert await names_on(shop) == {"Trade"}, "a list that is not public cannot be chosen"
    await shop.service.save(shop.token, Wanted(frozenset({shop.news, shop.trade})), "192.0.2.1")
    assert await names_on(shop) == {"News", "Trade"}, "who has left comes back by their own word"


async def test_who_left_everything_comes_back_with_a_topic_but_a_complaint_stays(shop):
    key = (shop.workspace, ANN.email_key)
    await shop.store.main.write(lambda tx: suppressions.add(tx, *key, "unsubscribed", at=1.0))
    assert (await shop.service.view(shop.token)).stopped
    await shop.service.save(shop.token, Wanted(frozenset()), "")
    assert (await shop.service.view(shop.token)).stopped
    await shop.service.save(shop.token, Wanted(frozenset({shop.news})), "")
    assert not (await shop.service.view(shop.token)).stopped
    await shop.store.main.write(lambda tx: suppressions.add(tx, *key, "complaint", at=1.0))
    await shop.service.save(shop.token, Wanted(frozenset({shop.news})), "")
    assert (await shop.service.view(shop.token)).stopped


async def test_a_pause_and_a_pace_keep_campaigns_away_and_end(shop):
    news = frozenset({shop.news})
    assert await reached(shop) == [shop.ann.id]
    await shop.service.save(shop.token, Wanted(news, pause_days=30), "")
    assert await reached(shop) == []
    await shop.service.save(shop.token, Wanted(news), "")
    assert await reached(shop) == [], "the pause stays unless something is said of it"
    shop.clock.advance(31 * DAY)
    assert await reached(shop) == [shop.ann.id]
    last = shop.clock.now()
    await shop.store.main.write(
        lambda tx: tx.conn.execute(contact_rows.update().values(last_delivered_at=last)) and None
    )
    await shop.service.save(shop.token, Wanted(news, every_days=7), "")
    assert await reached(shop) == []
    shop.clock.advance(7 * DAY + 1)
    assert await reached(shop) == [shop.ann.id]
    await shop.service.save(shop.token, Wanted(news, pause_days=90), "")
    await shop.service.save(shop.token, Wanted(news, pause_days=0), "")
    assert await shop.store.main.read(preferences.pace_of, shop.ann.id) == Pace(None, 0)


async def test_tracking_is_said_or_left(shop):
    await shop.service.save(shop.token, Wanted(frozenset({shop.news}), tracking=False), "")
    await shop.service.save(shop.token, Wanted(frozenset({shop.news})), "")
    assert (await shop.service.view(shop.token)).tracking is False


async def test_data_and_erasure_go_through_the_mailbox(shop):
    assert not await shop.service.ask(shop.token, "nonsense", "en")
    assert await shop.service.ask(shop.token, "data", "de")
    assert await shop.service.ask(shop.token, "erase", "en")
    first, second = shop.messages.letters
    assert first.to[0].address == "ann@shop.example"
    assert "Ihre Daten" in first.subject
    data_key, erase_key = (re.search(r"/p/request/(\w+)", letter.text)[1] for letter in (first, second))
    assert (await shop.service.opened(data_key)).kind == "data"
    assert not await shop.service.erase(data_key), "a link to see is none to erase"
    assert await shop.service.data(erase_key) is None
    assert (await shop.service.data(data_key))["contacts"][0]["email"] == "ann@shop.example"
    assert shop.privacy.gone == []
    assert await shop.service.erase(erase_key)
    assert shop.privacy.gone == [(shop.workspace, "ann@shop.example")]
    shop.clock.advance(DAY + 1)
    assert await shop.service.opened(data_key) is None


async def test_nobody_is_flooded(shop):
    for _ in range(3):
        await shop.service.ask(shop.token, "data", "en")
    with pytest.raises(TooManyMails):
        await shop.service.ask(shop.token, "erase", "en")
    assert len(shop.messages.letters) == 3
