"""Cohorts and segments of a report equal a recount, person by person, on both engines."""

import random
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, update

from lettershop.base.errors import NotFound
from lettershop.marketing.cohorts import Groups, edges
from lettershop.marketing.segment_desk import Segments
from lettershop.store import campaigns, contacts, subscriptions, workspaces
from lettershop.store.contacts import NewContact
from lettershop.store.schema_delivery import BOUNCED, DELIVERED, EXPIRED, QUEUED, WITHHELD, envelopes
from lettershop.store.schema_main import contacts as people
from lettershop.store.schema_main import engagements
from lettershop.store.subscriptions import Consent

DAY = 86_400.0
PEOPLE = 300
MOMENTS = (
    "opened_at",
    "clicked_at",
    "replied_at",
    "unsubscribed_at",
    "complained_at",
    "bounced_at",
    "machine_opened_at",
)


def at(year, month, day):
    return datetime(year, month, day, tzinfo=UTC).timestamp()


def test_months_begin_on_the_first_and_weeks_on_monday():
    now = at(2026, 3, 11) + 5000  # a Wednesday
    assert edges("month", 4, now) == [at(2025, 12, 1), at(2026, 1, 1), at(2026, 2, 1), at(2026, 3, 1), at(2026, 4, 1)]
    assert edges("week", 2, now) == [at(2026, 3, 2), at(2026, 3, 9), at(2026, 3, 16)]


@pytest.fixture
async def told(store, clock):
    """(workspace, other workspace, campaign, what was made up of each person)."""
    dice, now = random.Random(7), clock.now()
    first = edges("month", 5, now)[0]

    def build(tx):
        mine, other = (workspaces.ensure_workspace(tx, name, 1.0) for name in ("mine", "other"))
        news = subscriptions.ensure_list(tx, mine, "News", 1.0)
        brand = workspaces.ensure_brand(tx, mine, name="B", from_name="B", from_address="b@b.example", at=1.0)
        keys = [
            campaigns.create(tx, mine, brand, at=1.0, name=name, subject="S", html="x", tree={}, list_id=news)
            for name in ("one", "two")
        ]
        new = [
            NewContact(f"p{n}@x.example", f"p{n}@x.example", "x.example", "", {"orders": n % 4}) for n in range(PEOPLE)
        ]
        contacts.take(tx, mine, news, new, Consent("express", "a test", "import"), now)
        ids = [row[0] for row in tx.conn.execute(people.select().with_only_columns(people.c.id).order_by(people.c.id))]
        stories = []
        for number, contact in enumerate(ids):
            joined = first - 20 * DAY + dice.random() * (now - first + 20 * DAY)
            tx.conn.execute(update(people).where(people.c.id == contact).values(created_at=joined))
            for which, key in enumerate(keys):
                envelope = 1000 + 2 * number + which
                state = dice.choice([DELIVERED] * 6 + [BOUNCED, EXPIRED, WITHHELD, QUEUED])
                finished = joined + dice.random() * (now - joined)
                row = {
                    "id": envelope, "lane_id": 1, "workspace_id": mine, "campaign_id": key, "contact_id": contact, "site": "x.example",
                    "state": state, "due_at": 0.0, "created_at": 0.0, "expires_at": 9e9, "finished_at": finished,
                }  # fmt: skip
                tx.conn.execute(insert(envelopes).values(**row))
                did = {name: finished + dice.random() * 40 * DAY for name in MOMENTS if dice.random() < 0.3}
                if state == DELIVERED and did:
                    tx.conn.execute(
                        insert(engagements).values(envelope_id=envelope, campaign_id=key, contact_id=contact, **did)
                    )
                stories.append((contact, number % 4, joined, key, state, finished, did if state == DELIVERED else {}))
        return mine, other, keys[0], stories

    return await store.main.write(build)


@pytest.mark.parametrize("by", ["month", "week"])
async def test_cohorts_equal_a_recount(store, clock, told, by):
    mine, other, _, stories = told
    bounds = edges(by, 5, clock.now())

    def period(moment):
        return next((n for n in range(5) if bounds[n] <= moment < bounds[n + 1]), None)

    for cohort in await Groups(store.main, clock).cohorts(mine, by, 5):
        index = bounds.index(cohort.start)
        own = [story for story in stories if period(story[2]) == index]
        assert cohort.people == len({story[0] for story in own})
        assert [one.number for one in cohort.periods] == list(range(5 - index))
        for one in cohort.periods:
            here = index + one.number
            got = {s[0] for s in own if s[4] == DELIVERED and "bounced_at" not in s[6] and period(s[5]) == here}
            assert one.delivered == len(got)
            for what in ("opened", "clicked", "replied", "unsubscribed"):
                done = {s[0] for s in own if period(s[6].get(f"{what}_at", 0.0)) == here}
                assert getattr(one, what) == len(done)
    assert sum(one.people for one in await Groups(store.main, clock).cohorts(other, by, 5)) == 0


async def test_a_campaign_among_a_segment_equals_a_recount(store, clock, told):
    mine, other, campaign, stories = told
    segment = await Segments(store.main, clock).create(mine, "Some", "orders >= 2")
    desk = Groups(store.main, clock)
    found = await desk.of_segment(mine, campaign, segment.id)
    own = [story for story in stories if story[1] >= 2 and story[3] == campaign]
    returned = [story for story in own if "bounced_at" in story[6]]
    states = [story[4] for story in own]
    assert (found.members, found.recipients) == (PEOPLE // 2, len(own))
    assert found.delivered == states.count(DELIVERED) - len(returned)
    assert found.bounced == states.count(BOUNCED) + states.count(EXPIRED) + len(returned)
    assert (found.withheld, found.queued) == (states.count(WITHHELD), states.count(QUEUED))
    for what, moment in (
        ("opened", "opened_at"), ("opened_by_machine", "machine_opened_at"), ("clicked", "clicked_at"),
        ("replied", "replied_at"), ("unsubscribed", "unsubscribed_at"), ("complained", "complained_at"),
    ):  # fmt: skip
        assert getattr(found, what) == sum(moment in story[6] for story in own), what
    for asked in (desk.of_segment(other, campaign, segment.id), desk.of_segment(mine, campaign, 99)):
        with pytest.raises(NotFound):
            await asked
