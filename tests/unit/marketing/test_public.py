"""What links do: events in shared commits, consent to tracking, no token but ours."""

import asyncio

import pytest

from lettershop.base.facts import Clicked, Opened
from lettershop.mail.tokens import Recipient, Tokens
from lettershop.marketing import analytics
from lettershop.marketing.consent import OptIns
from lettershop.marketing.design import design_of
from lettershop.marketing.public import EventLog, PublicActions, Signals, masked
from lettershop.store import campaigns, contacts, factlog, subscriptions, tracking, workspaces
from lettershop.store.contacts import NewContact
from lettershop.store.subscriptions import Consent

TOKENS = Tokens(b"k" * 32)
HTML = '<a href="https://s.example/?n={{ name }}">x</a>{{ name }} <a href="{{ unsubscribe_url }}">u</a>'


@pytest.fixture
async def actions(store, clock):
    """Actions on a campaign for everybody with one recipient."""
    workspace = await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    brand = await store.main.write(
        workspaces.ensure_brand, workspace, name="B", from_name="B", from_address="b@b.example", at=1.0
    )
    row = NewContact("p@a.example", "p@a.example", "a.example", "Ann & Bob", {})
    await store.main.write(contacts.take, workspace, None, [row], Consent("express", "x", "import"), 1.0)
    key = await store.main.write(campaigns.create, workspace, brand, at=1.0, name="C", subject="S", html=HTML, tree={})
    await store.main.write(campaigns.set_links, key, [(1, "https://s.example/?n={{ name }}", "x")])
    return PublicActions(store.main, TOKENS, clock, "https://m.example")


def kinds(conn):
    return [type(entry.fact) for entry in factlog.of_campaign(conn, 1)]


async def test_many_events_share_commits(store, actions):
    token = TOKENS.seal(Recipient(1, 5, 1))
    results = await asyncio.gather(*(actions.opened(token, Signals("agent")) for _ in range(300)))
    assert all(results) and len(await store.main.read(factlog.of_campaign, 1)) == 300


async def test_a_failed_commit_reaches_those_who_wait_and_nobody_else(clock):
    class Broken:
        broken = True

        async def write(self, work, batch):
            await asyncio.sleep(0)
            if self.broken:
                raise OSError("disk full")

    database = Broken()
    log = EventLog(database)
    with pytest.raises(OSError, match="disk full"):
        await log.add(Opened(at=1.0))
    database.broken = False
    await log.add(Opened(at=2.0))


PHONE = Signals(
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148", "203.0.113.7", "accept-language: en", "GET"
)
TARGET = "https://s.example/?n=Ann%20%26%20Bob"


async def test_consent_to_tracking_is_asked_when_the_pixel_or_link_is(store, actions):
    token = TOKENS.seal(Recipient(1, 5, 1))
    await actions.allow_tracking(token, False)
    assert await actions.opened(token, PHONE)
    assert await actions.followed(token, 1, PHONE) == TARGET
    assert await store.main.read(kinds) == []
    await actions.allow_tracking(token, True)
    assert await actions.opened(token, PHONE)
    assert await actions.followed(token, 1, PHONE) == TARGET
    assert await store.main.read(kinds) == [Opened, Clicked]


@pytest.mark.parametrize("where", ["workspace", "campaign"])
@pytest.mark.parametrize(
    ("mode", "word", "recorded"),
    [
        ("individual", None, "by name"), ("individual", True, "by name"), ("individual", False, "nothing"),
        ("consented", None, "how many"), ("consented", True, "by name"), ("consented", False, "nothing"),
        ("aggregate", None, "how many"), ("aggregate", True, "how many"), ("aggregate", False, "nothing"),
        ("none", None, "nothing"), ("none", True, "nothing"), ("none", False, "nothing"),
    ],
)  # fmt: skip
async def test_what_is_recorded_by_mode_and_by_word(store, actions, where, mode, word, recorded):
    if where == "workspace":
        await store.main.write(tracking.set_mode, 1, mode)
    else:  # goes before the workspace's
        await store.main.write(tracking.set_mode, 1, "none" if mode != "none" else "individual")
        await store.main.write(campaigns.change, 1, tracking=mode)
    await store.main.write(contacts.set_tracking, 1, word, 1.0)
    token = TOKENS.seal(Recipient(1, 5, 1))
    assert await actions.opened(token, PHONE)
    assert await actions.followed(token, 1, PHONE) == TARGET
    logged = await store.main.read(factlog.of_campaign, 1)
    facts = [entry.fact for entry in logged]
    if recorded == "nothing":
        assert facts == []
        return
    assert [type(fact) for fact in facts] == [Opened, Clicked]
    if recorded == "by name":
        assert {(f.contact_id, f.envelope_id, f.ip, f.machine) for f in facts} == {(1, 5, PHONE.ip, None)}
        return
    for fact in facts:
        assert (fact.contact_id, fact.envelope_id, fact.ip, fact.user_agent, fact.headers) == (None, None, "", "", "")
        assert fact.at % 3600 == 0 and fact.machine is False
    await store.main.write(analytics.consume, "facts", 0, await store.main.read(factlog.read_since, "facts", 0, 100))
    report = await store.main.read(analytics.report, 1)
    assert (report.anonymous_opens, report.anonymous_clicks, report.opened, report.clicked) == (1, 1, 0, 0)
    assert [(link.people, link.hits) for link in report.links] == [(0, 1)]


async def test_of_an_erased_person_nothing_is_recorded_but_links_still_lead_on(store, actions):
    await store.main.write(campaigns.set_links, 1, [(1, "https://s.example/", "x")])
    token = TOKENS.seal(Recipient(1, 5, 99))
    assert await actions.opened(token, PHONE)
    assert await actions.followed(token, 1, PHONE) == "https://s.example/"
    assert await store.main.read(kinds) == []


async def test_without_tracking_a_message_has_neither_pixel_nor_tracked_links(store, actions):
    def made(conn):
        campaign = campaigns.by_id(conn, 1)
        return design_of(conn, campaign, "https://m.example")

    await store.main.write(tracking.set_mode, 1, "none")
    design = await store.main.read(made)
    assert (design.track_opens, design.track_clicks) == (False, False)
    await store.main.write(campaigns.change, 1, tracking="aggregate")
    design = await store.main.read(made)
    assert (design.track_opens, design.track_clicks) == (True, True)


async def test_tokens_that_are_not_ours_do_nothing(store, actions):
    foreign = Tokens(b"x" * 32).seal(Recipient(1, 5, 1))
    for token in (foreign, "", "ü", "a" * 500, TOKENS.seal(Recipient(99, 5, 1))):
        assert not await actions.opened(token, Signals())
        assert await actions.followed(token, 1, Signals()) is None
        assert await actions.unsubscribe_view(token) is None
        assert await actions.web_version(token) is None
    assert not await actions.unsubscribe(foreign, "page")
    assert await store.main.read(kinds) == []


async def test_the_page_shows_without_changing_and_the_button_changes(store, actions):
    token = TOKENS.seal(Recipient(1, 5, 1))
    view = await actions.unsubscribe_view(token)
    assert (view.brand, view.list_name, view.address, view.done) == ("B", "", "…@a.example", False)
    assert await actions.unsubscribe(token, "one-click")
    assert (await actions.unsubscribe_view(token)).done
    assert await actions.resubscribe(token)
    assert not await actions.resubscribe(token)
    assert not (await actions.unsubscribe_view(token)).done


async def test_the_web_version_is_made_for_the_person(actions):
    html = await actions.web_version(TOKENS.seal(Recipient(1, 5, 1)))
    assert "Ann &amp; Bob" in html and "https://m.example/u/" in html


@pytest.mark.parametrize(("address", "shown"), [("anna@x.example", "a…a@x.example"), ("al@x.example", "…@x.example")])
def test_masked(address, shown):
    assert masked(address) == shown


async def test_a_double_opt_in_is_confirmed_by_its_page(store, actions, clock):
    news = await store.main.write(subscriptions.ensure_list, 1, "News", 1.0, public=True)
    asked = await OptIns(store.main, clock).request(1, news, "p@a.example")
    seen = await actions.confirm_view(asked.key)
    assert (seen.list_name, seen.address, seen.done) == ("News", masked("p@a.example"), False)
    assert (await actions.confirm(asked.key, "192.0.2.1", "Browser")).done
    assert await store.main.read(subscriptions.statuses, asked.contact_id) == {"News": "subscribed"}
    assert await actions.confirm("nonsense") is None and await actions.confirm_view("") is None
