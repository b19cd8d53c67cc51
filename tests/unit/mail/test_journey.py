"""One recipient's journey: what both logs say, in the order of time, in plain words."""

from dataclasses import fields

import pytest

from lettershop.base import facts
from lettershop.mail.journey import Journeys, NoSuchRecipient, tell
from lettershop.mail.queue import NotInQueue, Queue
from lettershop.store import envelopes, hits, workspaces
from lettershop.store.envelopes import Outcome
from lettershop.store.hits import KeptHit
from lettershop.store.journeys import Recorded
from lettershop.store.schema_delivery import DELIVERED, QUEUED
from lettershop.store.schema_main import contacts


@pytest.fixture
def journeys(store, clock):
    return Journeys(store.main, store.mail, Queue(store.main, clock), clock)


async def sent(store, clock):
    """A campaign of two; the first one's message is put off, delivered, opened by a machine, followed, answered."""
    now = clock.now()
    head = {"workspace_id": 1, "campaign_id": 9, "contact_id": 1, "envelope_id": 1}
    where = {"site": "one.example", "mx": "mx.one.example"}

    def write(tx):
        workspaces.ensure_workspace(tx, "W", now)
        for number, email in ((1, "Ann@one.example"), (2, "bob@two.example")):
            row = {"workspace_id": 1, "name": "", "attributes": {}, "created_at": now, "updated_at": now}
            address = {"email": email, "email_key": email.lower(), "domain": email.partition("@")[2]}
            tx.conn.execute(contacts.insert().values(id=number, **row, **address))
        envelopes.enqueue_recipes(
            tx, workspace_id=1, campaign_id=9, rows=[(1, "one.example"), (2, "two.example")], now=now, due_at=now,
            expires_at=now + 9999,
        )  # fmt: skip
        later = facts.Deferred(
            at=now + 1, **head, **where, code=451, text="4.7.1 Greylisted", reason="greylisted", retry_at=now + 61
        )
        envelopes.finish(tx, [Outcome(1, QUEUED, now + 1, answer="451", due_at=now + 61, fact=later, dialogue="C: hi")])
        there = facts.Delivered(
            at=now + 62, **head, **where, code=250, text="ok", tls="TLSv1.3", attempt=2, latency=62.0
        )
        envelopes.finish(tx, [Outcome(1, DELIVERED, now + 62, address="ann@one.example", fact=there, dialogue="")])
        for fact in (
            facts.Opened(at=now + 63, **head),
            facts.Clicked(at=now + 90, **head, link=2),
            facts.Unsubscribed(at=now + 95, workspace_id=1, campaign_id=9, contact_id=1, how="mailto"),
            facts.ContactChanged(at=now + 96, workspace_id=1, contact_id=1, what="updated"),
            facts.Delivered(
                at=now + 97, **{**head, "envelope_id": 2, "contact_id": 2}, **where, code=250, text="not ann's"
            ),
        ):
            tx.fact(fact)

    await store.main.write(write)
    opened = await store.main.read(
        lambda conn: conn.exec_driver_sql("SELECT id FROM facts WHERE kind = 'Opened'").scalar()
    )
    await store.main.write(
        hits.put, [KeptHit(opened, 1, 9, now + 63, 0, machine=True, score=0.9, reasons="proxy", device="phone")]
    )

    def came_back(tx):
        tx.fact(facts.Replied(at=now + 80, **head, address="ann@one.example", message_id=4, subject="Re: news"))
        tx.fact(facts.Unsubscribed(at=now + 94, campaign_id=9, contact_id=1, envelope_id=1, how="mailto"))
        tx.fact(facts.MessageReceived(at=now + 80, message_id=4, mailbox_id=1, sender="x", recipient="y"))

    await store.mail.write(came_back)


async def test_everything_in_one_timeline(store, clock, journeys):
    await sent(store, clock)
    clock.advance(100)
    found = await journeys.of_recipient(9, " ANN@one.example ")
    assert [step.kind for step in found.steps] == [
        "HandedOver", "Deferred", "Delivered", "Opened", "Replied", "Clicked", "Unsubscribed",
    ]  # fmt: skip
    told = {step.kind: step for step in found.steps}
    assert told["Deferred"].words == "Attempt 1: put off by mx.one.example (greylisted), to be tried again after 60 s"
    assert told["Deferred"].answer == "451 4.7.1 Greylisted"
    assert told["Delivered"].words == "Delivered to mx.one.example over TLSv1.3, at attempt 2, 62 s after the hand-over"
    assert (told["Opened"].machine, told["Opened"].words) == (True, "Opened (by a machine: proxy, phone)")
    assert told["Clicked"].machine is None
    assert told["Replied"].words == "Replied: Re: news"
    assert (found.envelope.state, found.why, found.dialogue) == ("delivered", "", "")


async def test_of_whom_it_is_asked_and_by_whom(store, clock, journeys):
    await sent(store, clock)
    waiting = await journeys.in_campaign(9, 2, workspace_id=1)
    assert waiting.why == "It is due and waits for its turn."
    with pytest.raises(NoSuchRecipient):
        await journeys.of_recipient(9, "nobody@one.example")
    with pytest.raises(NoSuchRecipient):
        await journeys.in_campaign(8, 2)
    with pytest.raises(NotInQueue):
        await journeys.of_envelope(1, workspace_id=2)
    with pytest.raises(NotInQueue):
        await journeys.of_envelope(99)


@pytest.mark.parametrize("kind", sorted(set(facts.KINDS.values()), key=lambda kind: kind.__name__))
def test_every_fact_has_words(kind):
    blank = {int: 1, float: 2.0, bool: True, str: "x"}
    values = {field.name: blank.get(field.type) for field in fields(kind)}
    step = tell(Recorded(kind(**values)))
    assert step.words
    assert step.kind == kind.__name__
