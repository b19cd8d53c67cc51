"""Previews and tests of a campaign: made by the campaign's own code for one person, marked, and without consequences."""

import email
import email.policy
import re

import pytest

from lettershop.base.errors import Invalid
from lettershop.mail.accounts import Accounts
from lettershop.mail.authenticate import Authenticator
from lettershop.mail.inbound import Inbound, Policy
from lettershop.mail.passwords import Passwords
from lettershop.mail.sign import MessageSigner
from lettershop.mail.submission import StoredSource, Submission
from lettershop.mail.tokens import Tokens
from lettershop.marketing.campaigns import Campaigns, CampaignUnknown, Draft
from lettershop.marketing.public import PublicActions
from lettershop.marketing.subscribers import NoSuchSubscriber
from lettershop.marketing.trial import MOST, TooManyAddresses, Trials
from lettershop.net.zones import ZoneResolver
from lettershop.store import campaigns, contacts, envelopes, subscriptions, workspaces
from lettershop.store.blobs import open_blobs
from lettershop.store.contacts import NewContact
from lettershop.store.subscriptions import Consent

URL = "https://mail.brand.example"
HTML = """<p>Dear {{ first_name | default("reader") }}, <a href="https://brand.example/shop">look</a>.</p>
<p>.a line with a dot</p><p>{{ postal_address }} <a href="{{ unsubscribe_url }}">Leave</a></p>"""


class Desk:
    """A campaign with one subscriber, and what was queued."""

    def __init__(self, store, clock, trials, source, workspace, campaign, ann):
        self.store, self.clock, self.trials = store, clock, trials
        self.workspace, self.campaign, self.ann = workspace, campaign, ann
        self._source = source

    async def mails(self):
        lanes, _ = await self.store.main.read(envelopes.open_lanes, self.clock.now())
        shares = [(lane.lane_id, 100) for lane in lanes]
        taken = await self.store.main.write(envelopes.lease, "me", self.clock.now(), self.clock.now() + 60, shares)
        recipes = await self._source.prepare([one for share in taken for one in share])
        return [(one.address, email.message_from_bytes(one.make(), policy=email.policy.SMTP)) for one in recipes]


@pytest.fixture
async def desk(store, clock, tmp_path):
    now, accounts = clock.now(), Accounts(store.mail, Passwords(clock), clock)
    workspace = await store.main.write(workspaces.ensure_workspace, "W", now)
    await accounts.add_domain("brand.example", workspace_id=workspace)
    await store.main.write(
        workspaces.ensure_brand, workspace, name="Brand", from_name="Brand", from_address="news@brand.example", at=now,
        postal_address="1 Street, Town",
    )  # fmt: skip
    news = await store.main.write(subscriptions.ensure_list, workspace, "News", now)
    ann = NewContact("ann@r.example", "ann@r.example", "r.example", "Ann", {"first_name": "Ännchen"})
    await store.main.write(contacts.take, workspace, news, [ann], Consent("express", "a test", "import"), now)
    found = await store.main.read(contacts.by_key, workspace, "ann@r.example")
    blobs = open_blobs(f"file://{tmp_path}/blobs", clock)
    authenticator = Authenticator(ZoneResolver.parse(""), clock, "mx.brand.example")
    tokens = Tokens(b"k" * 32)
    inbound = Inbound(store.mail, blobs, authenticator, tokens, clock, Policy("mx.brand.example"))
    submission = Submission(
        store.mail,
        store.main,
        blobs,
        inbound,
        MessageSigner(store.mail),
        clock,
        hostname="mx.brand.example",
        expire=9_000,
    )
    draft = Draft(
        name="Spring", subject="Hello {{ first_name | default('you') }}", brand="Brand", html=HTML, list_name="News"
    )
    campaign = await Campaigns(store.main, store.mail, clock, URL).create(workspace, draft)
    trials = Trials(store.main, submission, tokens, clock, URL)
    yield Desk(store, clock, trials, StoredSource(store.main, blobs), workspace, campaign, found.id)
    await blobs.close()


async def test_a_preview_is_the_message_as_that_person_gets_it(desk):
    found = await desk.trials.preview(desk.workspace, desk.campaign, desk.ann)
    assert (found.subject, found.sender, found.person) == (
        "Hello Ännchen", "Brand <news@brand.example>", "ann@r.example",
    )  # fmt: skip
    assert "Dear Ännchen" in found.html
    assert "Dear Ännchen" in found.text
    assert found.bytes > len(found.html)
    assert 'href="https://brand.example/shop"' in found.html, "not by way of a counter"


async def test_without_a_person_the_fall_backs_show(desk):
    found = await desk.trials.preview(desk.workspace, desk.campaign)
    assert (found.subject, found.person) == ("Hello you", "")
    assert "Dear reader" in found.text


async def test_a_test_goes_to_whom_it_should_marked_and_signed(desk):
    sent = await desk.trials.send(desk.workspace, desk.campaign, ["me@else.example", "you@else.example"], desk.ann)
    assert sent == ["me@else.example", "you@else.example"]
    mails = dict(await desk.mails())
    assert set(mails) == set(sent)
    mail = mails["me@else.example"]
    assert (mail["Subject"], mail["To"]) == ("[Test] Hello Ännchen", "Ann <me@else.example>")
    assert "d=brand.example" in mail["DKIM-Signature"].replace(" ", "")
    assert ".a line with a dot" in mail.get_body(("html",)).get_content()


async def test_nobody_is_unsubscribed_by_a_test_and_nothing_is_counted(desk):
    await desk.trials.send(desk.workspace, desk.campaign, ["me@else.example"], desk.ann)
    [(_, mail)] = await desk.mails()
    [token] = set(re.findall(rf"{URL}/u/([\w-]+)", mail["List-Unsubscribe"]))
    actions = PublicActions(desk.store.main, Tokens(b"k" * 32), desk.clock, URL)
    assert await actions.unsubscribe_view(token) is None
    await actions.unsubscribe(token, "one-click")
    assert await desk.store.main.read(subscriptions.statuses, desk.ann) == {"News": "subscribed"}
    assert (await desk.store.main.read(campaigns.by_id, desk.campaign)).state == "draft"
    assert await desk.store.main.read(envelopes.counts, desk.campaign) == {}


@pytest.mark.parametrize("to", [[], [f"a{n}@r.example" for n in range(MOST + 1)]])
async def test_a_test_is_for_a_few(desk, to):
    with pytest.raises(TooManyAddresses):
        await desk.trials.send(desk.workspace, desk.campaign, to)


async def test_what_is_not_there_or_no_address_is_said(desk):
    with pytest.raises(Invalid):
        await desk.trials.send(desk.workspace, desk.campaign, ["nobody"])
    with pytest.raises(CampaignUnknown):
        await desk.trials.preview(desk.workspace + 1, desk.campaign)
    with pytest.raises(NoSuchSubscriber):
        await desk.trials.preview(desk.workspace, desk.campaign, 999)


async def test_the_message_shows_how_many_followed_each_link(desk):
    page = await desk.trials.warmed(desk.workspace, desk.campaign, {1: 12}, 300)
    assert "12 · 4.0 %" in page
    assert 'href="#"' in page
    assert "/c/" not in page
    assert page.count("·") == 1, "the link of unsubscribing is not counted"
    with pytest.raises(CampaignUnknown):
        await desk.trials.warmed(desk.workspace + 1, desk.campaign, {}, 0)
