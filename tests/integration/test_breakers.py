"""Circuit breakers from the counted fact to the queue, on both engines: slow down, pause, tell, resume by a person."""

import pytest
from sqlalchemy import select, update

from lettershop.base.facts import Bounced, Complained, Delivered
from lettershop.egress.breakers import Rulebook, Rules
from lettershop.egress.gate import Gate
from lettershop.egress.lease import Window
from lettershop.marketing.analytics import Analytics
from lettershop.marketing.campaigns import Campaigns, MoveNotAllowed
from lettershop.store import breakers, campaigns, envelopes, factlog, queue, workspaces
from lettershop.store.database import Transaction
from lettershop.store.rows import insert_one
from lettershop.store.schema_main import brands

SITE, OTHER = "a.example", "b.example"


class House:
    """Running campaigns without content, and facts as the engine and the mail server would write them."""

    def __init__(self, store, clock):
        self.store, self.clock = store, clock
        self.service = Campaigns(store.main, store.mail, clock, "https://x.example")
        self.analytics = Analytics(store.main, store.mail, Rulebook(campaigns={"Calm": Rules(enabled=False)}))
        self.workspace_id = 0

    async def begin(self, name="News", sender="news@brand.example", people=400):
        def make(tx: Transaction) -> int:
            now = self.clock.now()
            self.workspace_id = workspaces.ensure_workspace(tx, "Shop", now)
            brand = insert_one(
                tx.conn,
                brands,
                workspace_id=self.workspace_id,
                name=name,
                from_name="Shop",
                from_address=sender,
                created_at=now,
            )
            key = campaigns.create(
                tx, self.workspace_id, brand, at=now, name=name, subject="s", html="<p>", tree={}, list_id=None
            )
            campaigns.move(tx, key, "sending", only_from=("draft",), at=now, started_at=now)
            rows = [(index + 1, SITE if index % 2 else OTHER) for index in range(people)]
            envelopes.enqueue_recipes(
                tx,
                workspace_id=self.workspace_id,
                campaign_id=key,
                rows=rows,
                now=now,
                due_at=now,
                expires_at=now + 1e6,
            )
            return key

        return await self.store.main.write(make)

    async def happen(self, campaign_id, *, delivered=0, bounced=0, complained=0, site=SITE):
        self.clock.advance(10.0)
        waiting = await self.store.main.read(_at, campaign_id, site)
        assert len(waiting) >= delivered + bounced

        def tell(tx: Transaction) -> None:
            for number in range(delivered + bounced):
                head = {"at": self.clock.now(), "workspace_id": self.workspace_id, "campaign_id": campaign_id,
                        "contact_id": None, "envelope_id": waiting[number], "site": site, "mx": "mx"}  # fmt: skip
                if number < delivered:
                    tx.fact(Delivered(**head, code=250, text="ok"))
                else:
                    tx.fact(Bounced(**head, code=550, text="no", reason="unknown-user", hard=True, address="x@y"))
                tx.conn.execute(_finish(waiting[number]))
                if number < complained:
                    tx.fact(
                        Complained(
                            at=self.clock.now(), campaign_id=campaign_id, envelope_id=waiting[number], address="x@y"
                        )
                    )

        await self.store.main.write(tell)
        while await self.analytics.step():
            pass

    async def state(self, campaign_id):
        return (await self.service.get(campaign_id)).state

    async def told(self, campaign_id):
        facts = await self.store.main.read(factlog.of_campaign, campaign_id, "BreakerTripped")
        return [(entry.fact.level, entry.fact.scope, entry.fact.cause) for entry in facts]

    async def window(self):
        window = Window(self.store.main, "w", size=5000, lease_for=60)
        return window, await window.take(self.clock.now())


def _at(conn, campaign_id, site):
    c = envelopes.envelopes.c
    return list(conn.scalars(select(c.id).where(c.campaign_id == campaign_id, c.site == site, c.state == 0)))


def _finish(key):
    return update(envelopes.envelopes).where(envelopes.envelopes.c.id == key).values(state=2)


@pytest.fixture
def house(store, clock):
    return House(store, clock)


async def test_too_many_bounces_slow_down_then_pause_and_a_person_resumes(house):
    campaign = await house.begin(people=800)
    await house.happen(campaign, delivered=95, bounced=4)
    await house.happen(campaign, delivered=95, bounced=4, site=OTHER)
    assert await house.told(campaign) == []
    await house.happen(campaign, delivered=10, bounced=3)
    assert await house.told(campaign) == [("slow", "campaign", "bounces")]
    assert await house.state(campaign) == "sending"
    _, taken = await house.window()
    assert sum(len(leased) for _, leased in taken) == 1  # a tenth of seven a second: not the whole window

    await house.happen(campaign, bounced=15, site=OTHER)
    assert await house.told(campaign) == [("slow", "campaign", "bounces"), ("stop", "campaign", "bounces")]
    assert await house.state(campaign) == "paused"
    report = await house.analytics.report(campaign)
    assert "held back" in report.breakers[0].words and report.breakers[0].level == "stop"
    assert report.breakers[0].words.startswith(f"{report.bounced_hard / report.sent:.2%}".replace("%", " %"))

    await house.service.resume(campaign, by="ann")
    assert await house.state(campaign) == "sending"
    assert (await house.analytics.report(campaign)).breakers == ()
    await house.happen(campaign, delivered=100, bounced=2)  # what was seen counts no more
    assert await house.state(campaign) == "sending" and len(await house.told(campaign)) == 2
    await house.happen(campaign, delivered=20, bounced=18)
    assert await house.state(campaign) == "paused"


async def test_complaints_pause_although_they_come_late(house):
    campaign = await house.begin(people=2400)
    await house.happen(campaign, delivered=1100)
    await house.happen(campaign, delivered=5, complained=2)
    assert await house.told(campaign) == []
    await house.happen(campaign, delivered=5, complained=2)
    assert await house.told(campaign) == [("stop", "campaign", "complaints")]
    assert await house.state(campaign) == "paused"


async def test_one_bad_provider_is_held_back_alone(house):
    campaign = await house.begin(people=4000)
    await house.happen(campaign, delivered=1500, site=OTHER)
    await house.happen(campaign, delivered=85, bounced=15)
    assert await house.told(campaign) == [("stop", "provider", "bounces")]
    assert await house.state(campaign) == "sending"

    gate = Gate()
    window, taken = await house.window()
    gate.learn(window.closed)
    [(lane, leased)] = taken
    go, parked = gate.sift(lane, leased, house.clock.now())
    assert {one.site for one in go} == {OTHER} and {one.leased.site for one in parked} == {SITE}
    window.hold_back(parked, house.clock.now())
    await window.settle()
    assert len(window) == len(go)
    held = parked[0].leased.envelope_id
    waiting = await house.store.main.read(queue.show, held)
    assert waiting.due_at > house.clock.now() and "a.example" in waiting.answer and waiting.attempts == 0

    await house.service.resume(campaign)
    assert (await house.store.main.read(queue.show, held)).due_at == house.clock.now()
    assert await house.store.main.read(breakers.closed) == []
    assert await house.state(campaign) == "sending"


async def test_campaigns_of_a_sending_domain_count_together(house):
    """None of them has a sample of its own that would do."""
    first, second = await house.begin("One"), await house.begin("Two")
    stranger = await house.begin("Three", sender="news@other.example")
    await house.happen(first, delivered=80, bounced=9)
    await house.happen(second, delivered=88, bounced=8)
    assert await house.told(first) == await house.told(second) == [("slow", "domain", "bounces")]
    await house.happen(second, delivered=1, bounced=9)
    assert await house.state(first) == await house.state(second) == "paused"
    assert await house.state(stranger) == "sending" and await house.told(stranger) == []
    await house.service.resume(first)
    await house.happen(first, delivered=40, bounced=1)
    assert await house.state(first) == "sending"


async def test_a_campaign_may_have_rules_of_its_own(house):
    campaign = await house.begin("Calm")
    await house.happen(campaign, delivered=20, bounced=150)
    assert await house.told(campaign) == [] and await house.state(campaign) == "sending"


async def test_resuming_what_nothing_holds_is_refused(house):
    campaign = await house.begin()
    with pytest.raises(MoveNotAllowed):
        await house.service.resume(campaign)


async def test_processes_share_the_slow_pace(house):
    campaign = await house.begin(people=600)
    await house.store.main.write(breakers.slow_lanes, campaign, 4.0)
    total = 0
    windows = [Window(house.store.main, name, size=1000, lease_for=60) for name in ("w1", "w2")]
    for _ in range(40):
        house.clock.advance(0.25)
        for window in windows:
            total += sum(len(leased) for _, leased in await window.take(house.clock.now()))
    assert 36 <= total <= 48  # four a second for ten seconds, and a first burst
