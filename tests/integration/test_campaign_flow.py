"""The story of a campaign on both engines, with a fake delivery engine: import, segment, send, engage, report."""

import asyncio
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from sqlalchemy import Connection, select

from lettershop.base.clock import ManualClock
from lettershop.base.facts import (
    Bounced,
    BounceReported,
    Complained,
    Deferred,
    Delivered,
    Replied,
    Unsubscribed,
    Withheld,
)  # fmt: skip
from lettershop.egress.message import Recipe, Withhold
from lettershop.mail.tokens import Tokens
from lettershop.marketing import campaign_file
from lettershop.marketing.analytics import Analytics
from lettershop.marketing.campaigns import Campaigns, MoveNotAllowed
from lettershop.marketing.compliance import NotReady
from lettershop.marketing.contacts import ContactImport
from lettershop.marketing.public import PublicActions, Signals
from lettershop.marketing.send import CampaignSource
from lettershop.samples import CAMPAIGN, SUBSCRIBERS
from lettershop.store import accounts, campaigns, contacts, envelopes, subscriptions, suppressions, workspaces
from lettershop.store.database import Transaction
from lettershop.store.envelopes import Outcome
from lettershop.store.schema_delivery import BOUNCED, DELIVERED, QUEUED, WITHHELD
from lettershop.wire.trust.dkim.sign import Signer
from lettershop.workers.campaigns import CampaignWorker

URL = "https://mail.brand.example"
FIREFOX = Signals(
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "192.0.2.1", "accept-language: en"
)
SCANNER = Signals("MailGateway-LinkScanner/2.1 (bot)", "192.0.2.2", "accept: */*", "HEAD")


class Keyring:
    """One Ed25519 key for every domain."""

    def __init__(self) -> None:
        self._key = ed25519.Ed25519PrivateKey.generate()

    async def signers(self, domain):
        return [Signer(domain, "s1", self._key)]


@dataclass
class Shop:
    store: object
    clock: ManualClock
    workspace_id: int
    tokens: Tokens
    campaigns: Campaigns
    public: PublicActions
    source: CampaignSource
    worker: CampaignWorker
    analytics: Analytics

    async def read(self, query, *args, **kwargs):
        return await self.store.main.read(query, *args, **kwargs)

    async def write(self, work, *args, **kwargs):
        return await self.store.main.write(work, *args, **kwargs)

    async def expand(self):
        while await self.worker.step():
            pass

    async def count(self):
        while await self.analytics.step():
            pass
        await self.analytics.step()

    async def lease(self, limit=5000):
        lanes, _ = await self.read(envelopes.open_lanes, self.clock.now())
        now = self.clock.now()
        shares = [(lane.lane_id, limit) for lane in lanes]
        taken = await self.write(envelopes.lease, "test", now, now + 60, shares)
        return [envelope for share in taken for envelope in share]


@pytest.fixture
async def shop(store, clock, tmp_path):
    tokens = Tokens(b"k" * 32)
    service = Campaigns(store.main, store.mail, clock, URL)
    workspace_id = await store.main.write(workspaces.ensure_workspace, "Shop", clock.now())

    def domain(tx: Transaction) -> None:
        key = accounts.add_domain(tx, "brand.example", clock.now())
        accounts.add_key(tx, key, "s1", "rsa", "PEM", clock.now())

    await store.mail.write(domain)
    yield Shop(
        store, clock, workspace_id, tokens, service, PublicActions(store.main, tokens, clock, URL),
        CampaignSource(store.main, Keyring(), tokens, clock, URL),
        CampaignWorker(store.main, service, clock, expire=3600.0), Analytics(store.main, store.mail),
    )  # fmt: skip


async def imported(shop, tmp_path):
    return await ContactImport(shop.store.main, shop.clock).run(
        SUBSCRIBERS, workspace_id=shop.workspace_id, list_name="Newsletter", basis="opted in at checkout",
        rejected=tmp_path / "rejected.csv",
    )  # fmt: skip


async def drafted(shop):
    file = campaign_file.read(CAMPAIGN)
    await shop.write(workspaces.ensure_brand, shop.workspace_id, at=shop.clock.now(), **file.brand)
    return await shop.campaigns.create(shop.workspace_id, file.draft)


def people(conn: Connection, campaign_id: int) -> list[int]:
    c = envelopes.envelopes.c
    return list(conn.scalars(select(c.contact_id).where(c.campaign_id == campaign_id).order_by(c.contact_id)))


def outcome(leased, now):
    """What a receiver says to this address."""
    head = {
        "at": now, "workspace_id": leased.workspace_id, "campaign_id": leased.campaign_id,
        "contact_id": leased.contact_id, "envelope_id": leased.envelope_id,
    }  # fmt: skip
    place = {"site": leased.site, "mx": f"mx.{leased.site}"}
    fact = Delivered(**head, **place, code=250, text="ok", latency=now - leased.created_at)
    state = DELIVERED
    if leased.contact_id % 40 == 3:
        fact = Bounced(**head, **place, code=550, text="5.1.1 no such user", reason="unknown", hard=True, address="x@y")
        state = BOUNCED
    elif leased.contact_id % 40 == 7 and not leased.attempts:
        fact = Deferred(**head, **place, code=451, text="later", reason="greylisted", retry_at=now + 60)
        state = QUEUED
    return Outcome(leased.envelope_id, state, now, answer="", due_at=now + 60, fact=fact)


async def deliver(shop):
    """Everything that is due, as an engine would; the messages that were made, by contact."""
    made = {}
    leased = await shop.lease()
    answers = await shop.source.prepare(leased)
    outcomes = []
    for envelope, answer in zip(leased, answers, strict=True):
        if isinstance(answer, Withhold):
            fact = Withheld(
                at=shop.clock.now(), workspace_id=envelope.workspace_id, campaign_id=envelope.campaign_id,
                contact_id=envelope.contact_id, envelope_id=envelope.envelope_id, reason=answer.reason,
            )  # fmt: skip
            outcomes.append(Outcome(envelope.envelope_id, WITHHELD, shop.clock.now(), tried=False, fact=fact))
            continue
        assert isinstance(answer, Recipe)
        made[envelope.contact_id] = (envelope, answer, answer.make() if len(made) < 20 else b"")
        outcomes.append(outcome(envelope, shop.clock.now()))
    await shop.write(envelopes.finish, outcomes)
    return made


async def test_the_whole_story(shop, tmp_path):
    result = await imported(shop, tmp_path)
    assert (result.created, result.refused) == (1988, 12)
    lines = (tmp_path / "rejected.csv").read_text().splitlines()
    assert len(lines) == 13 and lines[1].startswith("99,The address has no @.")

    campaign_id = await drafted(shop)
    findings = await shop.campaigns.check(campaign_id)
    assert [finding for finding in findings if finding.severity == "error"] == []
    await shop.campaigns.start(campaign_id, by="ann")
    await shop.expand()
    queued = await shop.read(people, campaign_id)
    campaign = await shop.campaigns.get(campaign_id)
    assert campaign.expanded and campaign.recipients == len(queued) == len(set(queued)) > 900

    # one leaves and one is suppressed before anything is sent
    early, dead = queued[0], queued[1]
    await shop.write(
        subscriptions.unsubscribe, early, campaign.list_id, how="page", at=shop.clock.now(), campaign_id=campaign_id
    )
    contact = await shop.read(contacts.by_id, dead)
    await shop.write(suppressions.add, shop.workspace_id, contact.email_key, "manual", at=shop.clock.now())

    shop.clock.advance(2.0)
    made = await deliver(shop)
    assert early not in made and dead not in made and len(made) == len(queued) - 2
    shop.clock.advance(61.0)
    made |= await deliver(shop)
    await shop.worker.step()
    assert (await shop.campaigns.get(campaign_id)).state == "done"

    delivered = [contact_id for contact_id in made if contact_id % 40 != 3]
    token = {key: made[key][1].mail_from.removeprefix("bounce+").partition("@")[0] for key in made}
    shop.clock.advance(10.0)
    opener, clicker, machine, leaver, complainer, replier, unwilling, mailer, late = delivered[:9]
    for who in (opener, opener, clicker):
        assert await shop.public.opened(token[who], FIREFOX)
    assert await shop.public.followed(token[clicker], 1, FIREFOX) == "https://shop.brand.example/autumn"
    assert await shop.public.followed(token[clicker], 1, FIREFOX)
    assert await shop.public.followed(token[clicker], 2, FIREFOX)
    target = await shop.public.followed(token[machine], 10, SCANNER)
    assert target is not None and target.startswith("https://shop.brand.example/workshops?city=") and target.isascii()
    assert await shop.public.opened(token[machine], SCANNER)
    assert await shop.public.followed(token[clicker], 99, FIREFOX) is None
    assert not await shop.public.opened("x" * 30, FIREFOX)
    await shop.public.allow_tracking(token[unwilling], False)
    assert await shop.public.opened(token[unwilling], FIREFOX)

    view = await shop.public.unsubscribe_view(token[leaver])
    assert view is not None and not view.done and view.list_name == "Newsletter" and "…" in view.address
    assert await shop.public.unsubscribe(token[leaver], "one-click", "192.0.2.9")
    assert await shop.public.unsubscribe(token[leaver], "one-click", "192.0.2.9")
    assert (await shop.public.unsubscribe_view(token[leaver])).done

    def mail_came(tx: Transaction) -> None:
        def head(who):
            return {
                "at": shop.clock.now(),
                "campaign_id": campaign_id,
                "contact_id": who,
                "envelope_id": made[who][0].envelope_id,
            }

        tx.fact(Complained(**head(complainer), address="c@x"))
        tx.fact(Replied(**head(replier), address="r@x", message_id=1))
        tx.fact(Unsubscribed(**head(mailer), how="mailto"))
        tx.fact(BounceReported(**head(late), address="l@x", status="5.1.1", hard=True, reason="unknown"))

    await shop.store.mail.write(mail_came)
    await shop.count()
    report = await shop.analytics.report(campaign_id)
    bounced = sum(1 for contact_id in made if contact_id % 40 == 3)
    assert report.recipients == report.sent + report.withheld and report.withheld == 2 and report.queued == 0
    assert report.sent == report.delivered + report.bounced_hard + report.bounced_soft + report.waiting
    assert (report.delivered, report.bounced_hard, report.waiting) == (len(made) - bounced - 1, bounced + 1, 0)
    assert (report.opened, report.opened_by_machine, report.clicked, report.clicked_by_machine) == (2, 1, 1, 1)
    assert (report.unsubscribed, report.complained, report.replied) == (2, 1, 1)
    assert [(link.people, link.hits) for link in report.links[:3]] == [(1, 2), (1, 1), (0, 0)]
    assert report.links[9].machine_hits == 1
    assert sum(entry.sent for entry in report.providers) == report.sent
    assert 1900 < report.latency_ms.p50 < 2100 and report.latency_ms.p99 > 60_000

    # who bounced, complained or left is not written to again
    reasons = await shop.read(suppressions.count, shop.workspace_id)
    assert reasons == {"hard-bounce": bounced + 1, "complaint": 1, "manual": 1}
    second = await drafted(shop)
    await shop.campaigns.start(second)
    await shop.expand()
    again = set(await shop.read(people, second))
    assert again == set(queued) - {early, dead, leaver, complainer, mailer, late} - {c for c in made if c % 40 == 3}


async def test_a_message_is_the_same_at_a_retry_and_names_its_recipient(shop, tmp_path):
    await imported(shop, tmp_path)
    campaign_id = await drafted(shop)
    await shop.campaigns.start(campaign_id)
    await shop.expand()
    leased = (await shop.lease(limit=3))[:3]
    first = [answer.make() for answer in await shop.source.prepare(leased)]
    again = [answer.make() for answer in await shop.source.prepare(leased)]
    assert first == again and len(set(first)) == 3
    head = first[0].split(b"\r\n\r\n", 1)[0]
    for name in (b"DKIM-Signature:", b"List-Unsubscribe-Post: List-Unsubscribe=One-Click", b"List-ID:", b"Message-ID:"):
        assert name in head
    assert b"Dresden" in first[0]


async def test_pause_and_cancel_reach_what_is_leased(shop, tmp_path):
    await imported(shop, tmp_path)
    campaign_id = await drafted(shop)
    await shop.campaigns.start(campaign_id)
    await shop.expand()
    leased = await shop.lease(limit=5)
    await shop.campaigns.pause(campaign_id, by="ann")
    assert all(answer.again for answer in await shop.source.prepare(leased))
    with pytest.raises(MoveNotAllowed):
        await shop.campaigns.pause(campaign_id)
    await shop.campaigns.resume(campaign_id)
    assert all(isinstance(answer, Recipe) for answer in await shop.source.prepare(leased))
    await shop.campaigns.cancel(campaign_id)
    answers = await shop.source.prepare(leased)
    assert {(answer.reason, answer.again) for answer in answers} == {("cancelled", False)}


async def test_a_crash_while_expanding_neither_loses_nor_doubles(shop, tmp_path):
    await imported(shop, tmp_path)
    campaign_id = await drafted(shop)
    await shop.campaigns.start(campaign_id)
    await shop.worker.step()  # one piece, then the process is gone
    first = await shop.read(people, campaign_id)
    assert len(first) == 1000 or (await shop.campaigns.get(campaign_id)).expanded
    other = CampaignWorker(shop.store.main, shop.campaigns, shop.clock, expire=3600.0)
    while await other.step():
        pass
    everyone = await shop.read(people, campaign_id)
    assert len(everyone) == len(set(everyone)) == (await shop.campaigns.get(campaign_id)).recipients
    size = await shop.read(campaigns.audience_size, shop.workspace_id, None, None, shop.clock.now())
    assert first == everyone[: len(first)] and len(everyone) < size


async def test_two_consumers_count_once(shop, tmp_path):
    await imported(shop, tmp_path)
    campaign_id = await drafted(shop)
    await shop.campaigns.start(campaign_id)
    await shop.expand()
    shop.clock.advance(1.0)
    made = await deliver(shop)
    rival = Analytics(shop.store.main, shop.store.mail)
    while any(await asyncio.gather(shop.analytics.step(), rival.step(), shop.analytics.step())):
        pass
    report = await shop.analytics.report(campaign_id)
    assert report.sent == len(made)


async def test_what_the_law_asks_for_is_refused_by_name(shop, tmp_path):
    await imported(shop, tmp_path)
    file = campaign_file.read(CAMPAIGN)
    brand = {**file.brand, "postal_address": ""}
    await shop.write(workspaces.ensure_brand, shop.workspace_id, at=shop.clock.now(), **brand)
    html = file.draft.html.replace("{{ unsubscribe_url }}", "https://shop.brand.example/leave")
    draft = type(file.draft)(name="Bad", subject="", brand=file.draft.brand, html=html, list_name="Newsletter")
    campaign_id = await shop.campaigns.create(shop.workspace_id, draft)
    with pytest.raises(NotReady) as refused:
        await shop.campaigns.start(campaign_id)
    codes = {finding.code for finding in refused.value.findings if finding.severity == "error"}
    assert codes == {"postal-address", "unsubscribe-link", "subject"}
    assert (await shop.campaigns.get(campaign_id)).state == "draft"
