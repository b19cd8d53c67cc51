"""The forecast from the database, on both engines: before the start, under way, paused, warmed up."""

import pytest

from lettershop.base.facts import Deferred, Delivered
from lettershop.egress.warmup import Plan
from lettershop.marketing.campaigns import move
from lettershop.marketing.forecast import Forecasts
from lettershop.store import breakers, campaigns, contacts, envelopes, workspaces
from lettershop.store.contacts import NewContact
from lettershop.store.envelopes import Outcome
from lettershop.store.rows import insert_one
from lettershop.store.schema_delivery import DELIVERED, QUEUED
from lettershop.store.schema_main import brands
from lettershop.store.subscriptions import Consent


class NoKeys:
    async def signers(self, domain):
        return []


def service(store, clock, plan=None):
    return Forecasts(store.main, NoKeys(), clock, plan or Plan(), sources=[], cores=1)


async def campaign_for(store, clock, **people):
    def make(tx):
        now = clock.now()
        workspace = workspaces.ensure_workspace(tx, "Shop", now)
        new = [
            NewContact(f"p{n}@{site}.example", f"p{n}@{site}.example", f"{site}.example", "", {})
            for site, count in people.items() for n in range(count)
        ]  # fmt: skip
        contacts.take(tx, workspace, None, new, Consent("express", "x", "import"), now)
        brand = insert_one(
            tx.conn,
            brands,
            workspace_id=workspace,
            name="B",
            from_name="B",
            from_address="n@brand.example",
            created_at=now,
        )
        return campaigns.create(tx, workspace, brand, at=now, name="n", subject="s", html="<p>", tree={}, list_id=None)

    return await store.main.write(make)


async def start(store, clock, key, *, delivered=0, deferred=0, seconds=10.0):
    """Queue everybody; some are answered over so many seconds."""

    def begin(tx):
        now = clock.now()
        campaigns.move(tx, key, "sending", only_from=("draft",), at=now, started_at=now)
        rows = [(contact.id, contact.domain) for contact in contacts.page(tx.conn, 1, limit=10_000)]
        envelopes.enqueue_recipes(
            tx, workspace_id=1, campaign_id=key, rows=rows, now=now, due_at=now, expires_at=now + 1e6
        )

    await store.main.write(begin)

    def answer(tx):
        lanes, _ = envelopes.open_lanes(tx.conn, clock.now())
        [leased] = envelopes.lease(tx, "w", clock.now(), clock.now() + 60, [(lanes[0].lane_id, delivered + deferred)])
        for number, one in enumerate(leased):
            at = clock.now() + seconds * number / len(leased)
            head = {
                "at": at,
                "campaign_id": key,
                "envelope_id": one.envelope_id,
                "site": one.site,
                "mx": "m",
                "text": "x",
            }
            if number < delivered:
                outcome = Outcome(one.envelope_id, DELIVERED, at, fact=Delivered(**head, code=250))
            else:
                fact = Deferred(**head, code=451, reason="greylisted")
                outcome = Outcome(one.envelope_id, QUEUED, at, due_at=clock.now() + 900, fact=fact)
            envelopes.finish(tx, [outcome])

    if delivered + deferred:
        await store.main.write(answer)
        clock.advance(seconds)


async def test_a_draft_at_unknown_receivers_is_unknown(store, clock):
    key = await campaign_for(store, clock, a=30, b=10)
    found = await service(store, clock).of(key)
    assert found.waiting == 40 and found.latest is None and "a.example (40 of 40 people)" in found.words
    assert [(site.site, site.waiting) for site in found.sites] == [("a.example", 30), ("b.example", 10)]


async def test_under_way_it_goes_by_what_was_measured(store, clock):
    key = await campaign_for(store, clock, a=400)
    await start(store, clock, key, delivered=100, seconds=10.0)
    found = await service(store, clock).of(key)
    assert found.waiting == 300 and found.earliest < clock.now() + 30 < found.latest
    await store.main.write(move, key, "pause", clock.now())
    paused = await service(store, clock).of(key)
    assert paused.latest is None and paused.held_by == "paused"


async def test_what_was_put_off_is_told(store, clock):
    key = await campaign_for(store, clock, a=160)
    await start(store, clock, key, delivered=140, deferred=20)
    found = await service(store, clock).of(key)
    assert found.held_by == "retries" and found.latest == pytest.approx(clock.now() + 890, abs=1)


async def test_a_breaker_makes_it_unknown(store, clock):
    key = await campaign_for(store, clock, a=400)
    await start(store, clock, key, delivered=100)
    await store.main.write(
        breakers.trip, key, "a.example", level=2, scope="provider", cause="bounces", words="Too many bounced.",
        at=clock.now(), per_second=None,
    )  # fmt: skip
    found = await service(store, clock).of(key)
    assert found.latest is None and "Too many bounced." in found.words


async def test_a_slow_lane_is_the_pace_of_all(store, clock):
    key = await campaign_for(store, clock, a=400)
    await start(store, clock, key, delivered=100)
    await store.main.write(
        breakers.trip, key, "", level=1, scope="campaign", cause="bounces", words="It goes slowly.",
        at=clock.now(), per_second=None,
    )  # fmt: skip
    await store.main.write(breakers.slow_lanes, key, 0.1)
    found = await service(store, clock).of(key)
    assert found.held_by == "breaker" and found.earliest == pytest.approx(clock.now() + 3000)


async def test_warm_up_is_counted_in_days(store, clock):
    key = await campaign_for(store, clock, a=400)
    await start(store, clock, key, delivered=100)
    found = await service(store, clock, Plan(domains=frozenset({"brand.example"}), steps=(50, 100, 200, 400))).of(key)
    assert found.held_by == "warm-up" and "3 days" in found.words


async def test_it_is_remembered_for_a_moment(store, clock):
    key = await campaign_for(store, clock, a=40)
    forecasts = service(store, clock)
    first = await forecasts.of(key)
    assert await forecasts.of(key) is first
    clock.advance(11)
    assert await forecasts.of(key) is not first
