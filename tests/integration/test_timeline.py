"""A contact's timeline: both logs by their moments, each entry once, however large the pages are; on both engines."""

import random

import pytest
from sqlalchemy import insert

from lettershop.marketing.views import ContactDesk
from lettershop.store import contacts, subscriptions, workspaces
from lettershop.store.contacts import NewContact
from lettershop.store.schema_mail import mail_facts
from lettershop.store.schema_main import facts
from lettershop.store.subscriptions import Consent

MAIN, MAIL = 40, 560


@pytest.fixture
async def told(store, clock):
    """(workspace, contact, what happened); moments rise neither with the ids nor are they all different."""
    dice, now = random.Random(3), clock.now()

    def build(tx):
        workspace = workspaces.ensure_workspace(tx, "W", 1.0)
        news = subscriptions.ensure_list(tx, workspace, "News", 1.0)
        ann = NewContact("ann@r.example", "ann@r.example", "r.example", "", {})
        contacts.take(tx, workspace, news, [ann], Consent("express", "a test", "import"), now)
        contact = contacts.by_key(tx.conn, workspace, "ann@r.example").id
        return workspace, contact

    workspace, contact = await store.main.write(build)
    await store.main.write(lambda tx: tx.conn.execute(facts.delete()))
    moments = [now - dice.randrange(200) for _ in range(MAIN + MAIL)]

    def rows(kind, at, data):
        return [
            {"at": one, "kind": kind, "workspace_id": workspace, "contact_id": contact, "data": data(n)}
            for n, one in enumerate(at)
        ]

    def opened(n):
        return {"user_agent": "", "ip": "", "headers": str(n), "method": "GET"}

    def replied(n):
        return {"address": "ann@r.example", "mailbox_id": 1, "message_id": n, "subject": str(n)}

    main, came = rows("Opened", moments[:MAIN], opened), rows("Replied", moments[MAIN:], replied)
    await store.main.write(lambda tx: tx.conn.execute(insert(facts), main))
    await store.mail.write(lambda tx: tx.conn.execute(insert(mail_facts), came))
    return workspace, contact, moments


@pytest.mark.parametrize("limit", [1, 7, 50, 700])
async def test_each_entry_comes_once_and_newest_first(store, clock, told, limit):
    workspace, contact, moments = told
    desk, found, before = ContactDesk(store.main, store.mail, clock), [], None
    while page := await desk.timeline(workspace, contact, before=before, limit=limit):
        assert len(page) <= limit
        found += page
        before = page[-1].place
    assert len({row.place for row in found}) == len(found) == MAIN + MAIL
    assert [row.at for row in found] == sorted(moments, reverse=True)
    assert sum(row.kind == "Opened" for row in found) == MAIN


async def test_where_the_row_is_gone_nothing_more_comes(store, clock, told):
    workspace, contact, _ = told
    desk = ContactDesk(store.main, store.mail, clock)
    assert await desk.timeline(workspace, contact, before=2 * 10**9, limit=5) == []
