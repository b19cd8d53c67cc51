"""Soft bounces suppress by the stated rule only; bounces after acceptance change the figures and keep them consistent."""

import pytest
from sqlalchemy import insert

from lettershop.base.facts import Bounced, BounceReported, Delivered
from lettershop.marketing import analytics
from lettershop.marketing.analytics import Patience
from lettershop.store import factlog, suppressions
from lettershop.store.database import append_facts
from lettershop.store.schema_delivery import DELIVERED, envelopes
from lettershop.store.schema_mail import mail_facts
from lettershop.store.schema_main import brands, campaigns, contacts, facts, workspaces

DAY = 86_400.0
START = 1_800_000_000.0
RULE = Patience(3, 5)


def stage(tx):
    tx.conn.execute(insert(workspaces), {"id": 1, "name": "w", "created_at": 0.0})
    brand = {"id": 1, "workspace_id": 1, "name": "b", "from_name": "", "from_address": "", "created_at": 0.0}
    tx.conn.execute(insert(brands), brand)
    campaign = {"workspace_id": 1, "brand_id": 1, "state": "sending", "subject": "", "html": "", "tree": {}, "created_at": 0.0,
                "started_at": START, "recipients": 1}  # fmt: skip
    person = {"id": 1, "workspace_id": 1, "email": "a@b.example", "email_key": "a@b.example", "domain": "b.example",
              "attributes": {}, "created_at": 0.0, "updated_at": 0.0}  # fmt: skip
    tx.conn.execute(insert(contacts), person)
    for number in range(1, 9):
        tx.conn.execute(insert(campaigns), {"id": number, "name": f"c{number}", **campaign})
        times = {"due_at": START, "created_at": START, "expires_at": START + 9e9}
        row = {"id": number, "lane_id": 1, "campaign_id": number, "contact_id": 1, "site": "b.example", **times}
        tx.conn.execute(insert(envelopes), {**row, "state": DELIVERED, "finished_at": START + number * DAY})


def head(number, after=0.0):
    at = START + number * DAY + after
    return {"at": at, "workspace_id": 1, "campaign_id": number, "contact_id": 1, "envelope_id": number}


def soft(number, reason="mailbox-full"):
    said = {
        "site": "b.example",
        "mx": "mx",
        "code": 452,
        "text": "full",
        "reason": reason,
        "hard": False,
        "address": "a@b.example",
    }
    return Bounced(**head(number), **said)


def delivered(number):
    return Delivered(**head(number), site="b.example", mx="mx", code=250, text="ok")


def came_back(number, *, hard=False, reason="mailbox-full"):
    return BounceReported(**head(number, 60.0), address="a@b.example", status="5.2.2", hard=hard, reason=reason)


@pytest.fixture
async def told(store):
    """A function that lets the consumer count facts, each in a batch of its own."""
    await store.main.write(stage)

    async def tell(*happened, patience=RULE):
        for fact in happened:
            late = isinstance(fact, BounceReported)
            log, database, table = ("mail_facts", store.mail, mail_facts) if late else ("facts", store.main, facts)
            await database.write(lambda tx, table=table, fact=fact: append_facts(tx.conn, table, [fact]))
            since = await store.main.read(factlog.position, analytics.CONSUMER, log)
            batch = await database.read(factlog.read_since, log, since, 100)
            await store.main.write(analytics.consume, log, since, batch, None, None, patience)
        found = await store.main.read(suppressions.suppressed, 1, ["a@b.example"])
        return found["a@b.example"].reason if found else ""

    return tell


async def test_so_many_in_a_row_over_so_many_days(told):
    assert await told(soft(1), soft(4)) == ""
    assert await told(soft(7)) == "soft-bounces"


async def test_not_in_too_few_days(told):
    assert await told(soft(1), soft(2), soft(3), soft(5)) == ""
    assert await told(soft(6)) == "soft-bounces"


async def test_a_delivery_between_begins_anew(told):
    assert await told(soft(1), soft(2), delivered(3), soft(7), soft(8)) == ""


async def test_what_concerns_us_does_not_count(told):
    assert await told(*(soft(number, "reputation") for number in range(1, 9))) == ""


async def test_never_means_never(told):
    assert await told(*(soft(number) for number in range(1, 9)), patience=Patience(0, 0)) == ""


async def test_accepted_and_then_bounced_counts_though_each_was_delivered_first(told):
    happened = [fact for number in (1, 3, 7) for fact in (delivered(number), came_back(number))]
    assert await told(*happened) == "soft-bounces"


@pytest.mark.parametrize("hard", [False, True])
async def test_a_bounce_after_acceptance_moves_the_recipient_from_delivered_to_bounced(store, told, hard):
    reason = "unknown-user" if hard else "mailbox-full"
    await told(delivered(1), came_back(1, hard=hard, reason=reason), came_back(1, hard=hard, reason=reason))
    report = await store.main.read(analytics.report, 1)
    assert (report.sent, report.delivered, report.bounced_hard, report.bounced_soft) == (1, 0, int(hard), int(not hard))
    assert [(one.provider, one.delivered) for one in report.providers] == [("b.example", 0)]


async def test_first_soft_then_hard_is_counted_once_and_suppresses(store, told):
    assert await told(delivered(1), came_back(1), came_back(1, hard=True, reason="unknown-user")) == "hard-bounce"
    report = await store.main.read(analytics.report, 1)
    assert (report.sent, report.delivered, report.bounced_soft, report.bounced_hard) == (1, 0, 1, 0)
