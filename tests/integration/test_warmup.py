"""Warm-up on both engines: rooms shared by processes, days that go well and badly, engaged people first."""

import pytest

from lettershop.base.facts import Bounced, Clicked, Delivered, Opened
from lettershop.egress.breakers import Rulebook, Rules
from lettershop.egress.lease import Window
from lettershop.egress.rooms import Rooms
from lettershop.egress.warmup import DAY, Plan
from lettershop.marketing.analytics import Analytics
from lettershop.marketing.campaigns import Campaigns
from lettershop.store import campaigns, contacts, envelopes, queue, warmups, workspaces
from lettershop.store.contacts import NewContact
from lettershop.store.database import Transaction
from lettershop.store.envelopes import Outcome
from lettershop.store.rows import insert_one
from lettershop.store.schema_delivery import BOUNCED, DELIVERED
from lettershop.store.schema_main import brands
from lettershop.store.subscriptions import Consent
from lettershop.workers.campaigns import CampaignWorker

PLAN = Plan(frozenset(), frozenset({"brand.example"}), (20, 40, 80, 160), {})
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class House:
    def __init__(self, store, clock):
        self.store, self.clock = store, clock
        clock.advance(DAY - clock.now() % DAY + 3600)  # one in the morning
        service = Campaigns(store.main, store.mail, clock, "https://x.example")
        self.analytics = Analytics(store.main, store.mail, Rulebook(Rules(enabled=False)), PLAN)
        self.worker = CampaignWorker(
            store.main, service, clock, expire=3 * DAY, covered=lambda domain: PLAN.covers("", domain)
        )
        self.rooms = self.process()

    def process(self, **other):
        return Rooms(self.store.main, PLAN, "192.0.2.1", **other)

    async def begin(self, people, *, sender="news@brand.example", moments=None):
        """A campaign for so many people at one provider; `moments` by position: what they last did."""

        def make(tx: Transaction) -> int:
            now = self.clock.now()
            workspace = workspaces.ensure_workspace(tx, "Shop", now)
            new = [NewContact(f"p{n}@a.example", f"p{n}@a.example", "a.example", "", {}) for n in range(people)]
            contacts.take(tx, workspace, None, new, Consent("express", "x", "import"), now)
            for position, values in (moments or {}).items():
                tx.conn.execute(
                    contacts.contacts.update()
                    .where(contacts.contacts.c.email_key == f"p{position}@a.example")
                    .values(values)
                )
            brand = insert_one(
                tx.conn,
                brands,
                workspace_id=workspace,
                name=f"{sender} {now}",
                from_name="S",
                from_address=sender,
                created_at=now,
            )
            key = campaigns.create(
                tx, workspace, brand, at=now, name="n", subject="s", html="<p>", tree={}, list_id=None
            )
            campaigns.move(tx, key, "sending", only_from=("draft",), at=now, started_at=now)
            return key

        return await self.store.main.write(make)

    async def expand(self):
        while await self.worker.step():
            pass

    async def go(self, rooms=None, owner="w", size=5000):
        """What one process may send now; the rest is set aside."""
        window, now = Window(self.store.main, owner, size=size, lease_for=60), self.clock.now()
        going = []
        for lane, leased in await window.take(now):
            go, parked = await (rooms or self.rooms).sift(lane, leased, now)
            window.hold_back(parked, now)
            await window.settle()
            going += go
        return going

    async def deliver(self, going, *, bounced=0, opened=0):
        def finish(tx: Transaction) -> None:
            now = self.clock.now()
            for number, one in enumerate(going):
                head = {"at": now, "campaign_id": one.campaign_id, "contact_id": one.contact_id,
                        "envelope_id": one.envelope_id}  # fmt: skip
                dead = number < bounced
                fact = (
                    Bounced(**head, site=one.site, mx="m", code=550, text="no", reason="x", hard=True, address="a")
                    if dead
                    else Delivered(**head, site=one.site, mx="m", code=250, text="ok")
                )
                envelopes.finish(tx, [Outcome(one.envelope_id, BOUNCED if dead else DELIVERED, now, fact=fact)])
            for one in going[bounced : bounced + opened]:
                tx.fact(
                    Opened(at=now + 600, campaign_id=one.campaign_id, contact_id=one.contact_id,
                           envelope_id=one.envelope_id, user_agent=FIREFOX)
                )  # fmt: skip

        await self.store.main.write(finish)
        while await self.analytics.step():
            pass

    async def stage(self):
        stages = await self.store.main.read(warmups.stages)
        return stages["192.0.2.1", "brand.example", "a.example"]


@pytest.fixture
def house(store, clock):
    return House(store, clock)


async def test_a_list_larger_than_the_day_goes_out_over_days(house):
    campaign = await house.begin(150)
    await house.expand()
    sent = []
    for _ in range(4):
        going = await house.go()
        sent.append(len(going))
        await house.deliver(going, opened=len(going) // 4)
        assert await house.go() == []  # the day is full
        house.clock.advance(DAY)
    assert sent == [20, 40, 80, 10]
    counts = await house.store.main.read(envelopes.counts, campaign)
    assert counts == {"delivered": 150}
    assert (await house.stage()).step == 3


async def test_what_waits_says_why_lives_on_and_is_not_old(house):
    campaign = await house.begin(70)
    await house.expand()
    first = await house.go()
    waiting = await house.store.main.read(queue.list_waiting, queue.Filter(campaign_id=campaign))
    held = [one for one in waiting if one.state == "queued"]
    assert len(first) == 20 and len(held) == 50
    assert all("a.example gets 20 messages a day" in one.answer and one.attempts == 0 for one in held)
    midnight = house.clock.now() - house.clock.now() % DAY
    assert sorted({int((one.due_at - midnight) // DAY) for one in held}) == [1, 2]  # forty, then the rest
    assert all(one.expires_at - one.due_at == pytest.approx(3 * DAY, abs=1) for one in held)
    assert all(one.created_at == one.due_at for one in held)


async def test_a_day_that_went_badly_is_followed_by_a_smaller_one(house):
    await house.begin(500)
    await house.expand()
    for _ in range(3):
        going = await house.go()
        await house.deliver(going, opened=5)
        house.clock.advance(DAY)
    assert len(going) == 80
    going = await house.go()
    assert len(going) == 160
    await house.deliver(going, bounced=20)
    house.clock.advance(DAY)
    assert len(await house.go()) == 40
    assert "bounced for good" in (await house.stage()).why


async def test_a_day_that_was_not_used_is_repeated(house):
    await house.begin(10)
    await house.expand()
    await house.deliver(await house.go(), opened=5)
    house.clock.advance(DAY)
    await house.begin(100)
    await house.expand()
    assert len(await house.go()) == 20
    assert (await house.stage()).why == "Only 10 of 20 were sent: the step is repeated."


async def test_processes_share_the_day_and_what_is_not_used_comes_back(house):
    await house.begin(100)
    await house.expand()
    one, two = house.process(workers=2), house.process(workers=2)
    first = await house.go(one, "one", size=15)
    second = await house.go(two, "two", size=85)
    assert (len(first), len(second)) == (15, 5)
    one.refund(first[:6])
    await one.give_back()
    await house.store.main.write(envelopes.release, "one", [entry.envelope_id for entry in first[:6]])
    assert len(await house.go(two, "two")) == 6
    assert (await house.stage()).handed_out == 20


async def test_others_are_not_held_back(house):
    await house.begin(100, sender="news@old.example")
    await house.expand()
    assert len(await house.go()) == 100 and await house.store.main.read(warmups.stages) == {}


async def test_retries_have_had_their_room(house):
    campaign = await house.begin(20)
    await house.expand()
    going = await house.go()
    again = [Outcome(one.envelope_id, 0, house.clock.now(), due_at=house.clock.now()) for one in going]
    await house.store.main.write(envelopes.finish, again)
    assert len(await house.go()) == 20
    assert (await house.store.main.read(envelopes.counts, campaign)) == {"leased": 20}


async def test_engaged_people_go_first_and_machines_do_not_count(house):
    now = house.clock.now()
    await house.begin(
        1500,
        moments={
            1400: {"last_replied_at": now - 5 * DAY}, 900: {"last_clicked_at": now - DAY},
            3: {"last_opened_at": now - 2 * DAY}, 5: {"last_opened_at": now - 200 * DAY},
        },
    )  # fmt: skip
    await house.worker.step()
    assert await house.go() == []  # the later ones are not in the queue yet
    await house.expand()
    going = await house.go()
    names = await house.store.main.read(lambda conn: {one.id: one.email for one in contacts.page(conn, 1, limit=2000)})
    assert [names[one.contact_id] for one in going[:4]] == [f"p{n}@a.example" for n in (1400, 900, 3, 5)]
    scanner = [
        Clicked(at=house.clock.now() + 1, campaign_id=one.campaign_id, contact_id=one.contact_id,
                envelope_id=one.envelope_id, link=1, user_agent="bot", method="HEAD")
        for one in going
    ]  # fmt: skip
    await house.deliver(going)
    await house.store.main.write(lambda tx: [tx.fact(fact) for fact in scanner])
    while await house.analytics.step():
        pass
    key = ("192.0.2.1", "brand.example", "a.example")
    day = (await house.stage()).day
    figures = await house.store.main.read(warmups.last_days, {key: day})
    assert dict(zip(warmups.COUNTED, figures[key], strict=True)) == {
        "delivered": 20, "tracked": 20, "bounced_hard": 0, "complained": 0, "opened": 0, "clicked": 0, "replied": 0,
    }  # fmt: skip


async def test_domains_of_one_provider_share_its_room_and_its_figures(house):
    """People are counted by recipient domain; the provider that takes their mail is known where it leaves."""
    house.rooms = house.process(provider_of=lambda site: "big")
    await house.begin(150)
    await house.expand()
    going = await house.go()
    await house.deliver(going, opened=5)
    house.clock.advance(DAY)
    assert (len(going), len(await house.go())) == (20, 40)
    stages = await house.store.main.read(warmups.stages)
    assert list(stages) == [("192.0.2.1", "brand.example", "big")] and "20 were sent" in next(iter(stages.values())).why
    assert await house.store.main.read(warmups.providers, "brand.example") == {"a.example": "big"}
