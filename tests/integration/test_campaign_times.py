"""Campaigns paced, at everybody's own time, again and again, and once more: from the service to the queue."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from lettershop.mail.accounts import Accounts
from lettershop.mail.passwords import Passwords
from lettershop.marketing.blocks import BlockKnown, Blocks
from lettershop.marketing.campaigns import CampaignInvalid, Campaigns, Draft, MoveNotAllowed
from lettershop.marketing.design import design_of
from lettershop.marketing.recurrence import Repeat
from lettershop.marketing.render import compile_design
from lettershop.store import breakers, campaigns, contacts, envelopes, forecasts, subscriptions, workspaces
from lettershop.store.contacts import NewContact
from lettershop.store.envelopes import Outcome
from lettershop.store.schema_delivery import DELIVERED, lanes
from lettershop.store.schema_delivery import envelopes as table
from lettershop.store.schema_main import contacts as people
from lettershop.store.schema_main import engagements
from lettershop.store.subscriptions import Consent
from lettershop.workers.campaigns import CampaignWorker

HTML = '<p>{{ postal_address }} <a href="{{ unsubscribe_url }}">Leave</a></p>'
ZONES = ["Asia/Tokyo", "Europe/Berlin", "America/New_York", "", "nonsense"]
START = datetime(2026, 7, 1, 0, tzinfo=UTC).timestamp()
DAY = 86_400.0


@pytest.fixture
async def shop(store, clock):
    clock.advance(START - clock.now())
    accounts = Accounts(store.mail, Passwords(clock), clock)
    workspace = await store.main.write(workspaces.ensure_workspace, "W", 1.0)
    await accounts.add_domain("b.example", workspace_id=workspace)
    brand = {"name": "B", "from_name": "B", "from_address": "b@b.example", "postal_address": "1 Street"}
    await store.main.write(workspaces.ensure_brand, workspace, at=1.0, **brand)
    news = await store.main.write(subscriptions.ensure_list, workspace, "News", 1.0)
    people = [
        NewContact(
            f"p{n}@r.example", f"p{n}@r.example", "r.example", "", {"timezone": ZONES[n % 5]} if n % 5 != 3 else {}
        )
        for n in range(50)
    ]
    await store.main.write(contacts.take, workspace, news, people, Consent("express", "a test", "import"), START)
    return Campaigns(store.main, store.mail, clock, "https://m.example")


DRAFT = Draft(name="C", subject="S", brand="B", html=HTML, list_name="News")


async def spread(store, campaign_id):
    """How many are due when."""
    return await store.main.read(lambda conn: conn.execute(
        select(table.c.due_at, table.c.created_at, table.c.expires_at).where(table.c.campaign_id == campaign_id)
    ).all())  # fmt: skip


async def pace(store):
    return await store.main.read(lambda conn: conn.scalars(select(lanes.c.per_second)).all())


async def run(worker):
    while await worker.step():
        pass
    await worker.step()


async def test_a_paced_campaign_is_spread_and_its_lane_is_limited(store, clock, shop):
    key = await shop.create(1, replace(DRAFT, hourly=120))
    worker = CampaignWorker(store.main, shop, clock, expire=60.0)
    await shop.start(key)
    await run(worker)
    rows = await spread(store, key)
    assert Counter(row.due_at - START for row in rows) == {0: 10, 300: 10, 600: 10, 900: 10, 1200: 10}
    assert all(row.created_at == row.due_at and row.expires_at == row.due_at + 60 for row in rows)
    assert await pace(store) == [pytest.approx(120 / 3600)]

    await shop.throttle(key, 60, by="ann")
    assert {round(row.due_at - START) for row in await spread(store, key)} == {0, 600, 1200, 1800, 2400}
    assert await pace(store) == [pytest.approx(60 / 3600)]
    await shop.throttle(key, 0)
    assert {row.due_at for row in await spread(store, key)} == {START} and await pace(store) == [None]
    await shop.throttle(key, 100)
    assert await pace(store) == [pytest.approx(100 / 3600)]
    assert all(row.expires_at >= START + 60 + 0.5 * 3600 for row in await spread(store, key))


async def test_a_breaker_slows_down_further_and_lets_the_own_pace_stand(store, clock, shop):
    key = await shop.create(1, replace(DRAFT, hourly=3600))
    await shop.start(key)
    await run(CampaignWorker(store.main, shop, clock, expire=60.0))
    await store.main.write(breakers.slow_lanes, key, 0.5)
    assert await pace(store) == [0.5]
    await store.main.write(breakers.slow_lanes, key, 5.0)
    assert await pace(store) == [1.0]
    await store.main.write(breakers.slow_lanes, key, None)
    assert await pace(store) == [1.0]


async def test_at_everybodys_own_time(store, clock, shop):
    planned = datetime(2026, 7, 2, 7, tzinfo=UTC).timestamp()  # nine in Berlin
    key = await shop.create(1, replace(DRAFT, local_zone="Europe/Berlin"))
    await shop.schedule(key, planned)
    worker = CampaignWorker(store.main, shop, clock, expire=60.0)
    clock.advance(18 * 3600.0)
    await run(worker)
    assert (await shop.get(key)).state == "scheduled"
    clock.advance(3600.0)  # nine in Kiritimati
    await run(worker)
    assert (await shop.get(key)).state == "sending"
    hours = Counter((row.due_at - planned) / 3600 for row in await spread(store, key))
    assert hours == {-7: 10, 0: 30, 6: 10}
    assert await store.main.read(forecasts.last_due, key) == planned + 6 * 3600


async def test_who_reads_our_mail_does_not_get_it_before_their_own_time(store, clock, shop):
    planned = START + 2 * DAY
    key = await shop.create(1, replace(DRAFT, local_zone="UTC"))
    await shop.schedule(key, planned)
    await store.main.write(lambda tx: tx.conn.execute(update(people).values(last_opened_at=clock.now())))
    clock.advance(planned - clock.now() - 3600.0)
    await run(CampaignWorker(store.main, shop, clock, expire=60.0, covered=lambda _: True))
    rows = await spread(store, key)
    assert len(rows) == 50 and min(row.due_at for row in rows) >= clock.now()
    assert max(row.due_at for row in rows) == planned + 4 * 3600


async def test_each_run_of_a_recurring_campaign_is_a_campaign(store, clock, shop):
    key = await shop.create(1, replace(DRAFT, utm={"source": "news"}))
    await shop.repeat(key, Repeat(2, "day", START + 3600, until=START + 5 * DAY), by="ann")
    worker = CampaignWorker(store.main, shop, clock, expire=60.0)
    await run(worker)
    assert await store.main.read(campaigns.runs_of, key) == []
    clock.advance(3601.0)
    await run(worker)
    await run(worker)
    (first,) = await store.main.read(campaigns.runs_of, key)
    assert (first.name, first.state, first.recipients, first.utm) == ("C 2026-07-01", "sending", 50, {"source": "news"})
    series = await shop.get(key)
    assert (series.state, series.scheduled_at, series.recipients) == ("recurring", START + 3600 + 2 * DAY, 0)
    clock.advance(4 * DAY)  # one moment was missed: the last one counts
    await run(worker)
    second, _ = await store.main.read(campaigns.runs_of, key)
    assert second.name == "C 2026-07-05" and (await shop.get(key)).state == "done"


async def test_a_run_that_may_not_be_sent_waits_as_a_draft_and_the_series_goes_on(store, clock, shop):
    key = await shop.create(1, DRAFT)
    await shop.repeat(key, Repeat(1, "week", START + 60))
    await shop.change(key, replace(DRAFT, html="<p>no way out</p>"))
    clock.advance(61.0)
    await run(CampaignWorker(store.main, shop, clock, expire=60.0))
    (made,) = await store.main.read(campaigns.runs_of, key)
    assert made.state == "draft" and (await shop.get(key)).scheduled_at == START + 60 + 7 * DAY
    await shop.unschedule(key)
    clock.advance(8 * DAY)
    await run(CampaignWorker(store.main, shop, clock, expire=60.0))
    assert len(await store.main.read(campaigns.runs_of, key)) == 1


async def test_once_more_to_whom_it_reached_and_who_did_not_open(store, clock, shop):
    key = await shop.create(1, replace(DRAFT, segment='email contains "r.example"'))
    await shop.start(key)
    with pytest.raises(MoveNotAllowed):
        await shop.resend(key, "Again?")
    worker = CampaignWorker(store.main, shop, clock, expire=60.0)
    await run(worker)
    open_lanes, _ = await store.main.read(envelopes.open_lanes, clock.now())
    ((*taken,),) = await store.main.write(
        envelopes.lease, "me", clock.now(), clock.now() + 9, [(open_lanes[0].lane_id, 100)]
    )

    def happened(tx):
        done = [Outcome(one.envelope_id, DELIVERED if n < 40 else 3, clock.now()) for n, one in enumerate(taken)]
        envelopes.finish(tx, done)
        columns = ["opened_at"] * 5 + ["clicked_at"] * 5 + ["machine_opened_at"] * 5
        for one, column in zip(taken, columns, strict=False):
            row = {
                "envelope_id": one.envelope_id,
                "campaign_id": key,
                "contact_id": one.contact_id,
                column: clock.now(),
            }
            tx.conn.execute(engagements.insert().values(**row))

    await store.main.write(happened)
    await run(worker)
    assert (await shop.get(key)).state == "done"
    again = await shop.resend(key, "Again?")
    made = await shop.get(again)
    assert (made.state, made.subject, made.resend_of, made.html) == ("draft", "Again?", key, HTML)
    await shop.start(again)
    await run(worker)
    assert (await shop.get(again)).recipients == 30
    asked = await store.main.read(
        lambda conn: set(conn.scalars(select(table.c.contact_id).where(table.c.campaign_id == again)))
    )
    assert asked == {one.contact_id for one in taken[10:40]}


async def test_a_started_campaign_is_made_of_what_was_there_when_it_started(store, clock, shop):
    kept = Blocks(store.main, clock)
    layout = await kept.create(
        1, "Letter", {"html": f"<h1>{{{{ brand_motto }}}}</h1>{{{{ content }}}}{HTML}", "layout": True}
    )
    brand = {"name": "B", "from_name": "B", "from_address": "b@b.example", "postal_address": "1 Street"}
    await store.main.write(workspaces.ensure_brand, 1, at=1.0, settings={"motto": "First"}, **brand)
    variants = {"de": {"html": "Hallo", "subject": "Hallo"}, "fr-CA": {"subject": "Bonjour"}}
    key = await shop.create(1, replace(DRAFT, html="Hello", format="markdown", layout="Letter", variants=variants))
    assert [one.code for one in await shop.check(key) if one.severity == "error"] == []

    async def design():
        campaign = await shop.get(key)
        return await store.main.read(design_of, campaign, "https://m.example")

    before = await design()
    assert "<p>Hello</p>" in before.html and "<p>Hallo</p>" in before.variants["de"]["html"] and before.format == "html"
    await store.main.write(workspaces.ensure_brand, 1, at=1.0, settings={"motto": "Second"}, **brand)
    assert (await design()).settings == {"motto": "Second"}
    await shop.start(key)
    await kept.change(1, layout.id, {"html": "{{ content }} changed"})
    await store.main.write(workspaces.ensure_brand, 1, at=1.0, settings={}, **brand)
    after = await design()
    assert after == replace(before, settings={"motto": "Second"}, untracked=[], files=[], kept=True)
    assert compile_design(after).links == compile_design(before).links
    await kept.remove(1, layout.id)
    draft = await shop.create(1, DRAFT)
    with pytest.raises(CampaignInvalid):
        await shop.change(draft, replace(DRAFT, layout="Letter"))
    assert await design() == after


async def test_a_draft_whose_block_is_gone_says_so(store, clock, shop):
    kept = Blocks(store.main, clock)
    block = await kept.create(1, "foot", {"html": HTML})
    with pytest.raises(BlockKnown):
        await kept.create(1, "foot", {"html": ""})
    key = await shop.create(1, replace(DRAFT, html="<p>x</p>{% include 'foot' %}"))
    assert [one.code for one in await shop.check(key)] == []
    await kept.remove(1, block.id)
    assert {one.code for one in await shop.check(key)} >= {"template"}


async def test_sent_now_it_goes_now_although_it_was_planned_for_later(store, clock, shop):
    key = await shop.create(1, replace(DRAFT, local_zone="UTC"))
    await shop.schedule(key, START + 9 * DAY)
    await shop.start(key)
    await run(CampaignWorker(store.main, shop, clock, expire=60.0))
    assert {row.due_at for row in await spread(store, key)} == {START, START + 4 * 3600}


async def test_the_check_points_out_who_has_no_time_zone(store, shop):
    key = await shop.create(1, replace(DRAFT, local_zone="UTC", segment='email contains "r.example"'))
    found = {one.code: one.words for one in await shop.check(key)}
    assert found == {"local-time": "10 of 50 recipients have no time zone; they get it by the clock of UTC."}
    await shop.change(key, DRAFT)
    assert await shop.check(key) == []
