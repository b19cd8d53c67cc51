"""Senders are told that a message takes longer: once a recipient, in words and in fields."""

import pytest

from lettershop.base.errors import Temporary
from lettershop.base.facts import Deferred
from lettershop.mail.bounces import understand
from lettershop.mail.delayed import Delayed
from lettershop.store import envelopes, stored, wishes
from lettershop.store.blobs import open_blobs
from lettershop.store.envelopes import Outcome
from lettershop.store.schema_delivery import DELIVERED, QUEUED

AFTER = 3600.0
ORIGINAL = b"From: Ann <ann@b.example>\r\nSubject: Offer\r\nMessage-ID: <m1@b.example>\r\n\r\nSecret words\r\n"


class Post:
    """Takes notifications; can fail."""

    def __init__(self):
        self.taken, self.fails = [], 0

    async def __call__(self, recipient, message):
        if self.fails:
            self.fails -= 1
            raise Temporary("not now")
        self.taken.append((recipient, message))


@pytest.fixture
async def blobs(tmp_path, clock):
    blobs = open_blobs(f"file://{tmp_path}/blobs", clock)
    yield blobs
    await blobs.close()


@pytest.fixture
def post():
    return Post()


@pytest.fixture
def service(store, blobs, clock, post):
    return Delayed(store.main, blobs, clock, post, hostname="mx.b.example", after=AFTER)


async def queue(store, blobs, clock, *addresses, mail_from="ann@b.example", expire=86_400.0, due_in=0.0):
    blob = await blobs.put(ORIGINAL)

    def write(tx):
        due = clock.now() + due_in
        return stored.enqueue_stored(
            tx, workspace_id=None, mail_from=mail_from, blob=blob, size=len(ORIGINAL), now=clock.now(), due_at=due,
            expires_at=due + expire, recipients=[(address, address.partition("@")[2]) for address in addresses],
        ).ids  # fmt: skip

    return await store.main.write(write)


async def put_off(store, clock, envelope_id, state=QUEUED):
    now = clock.now()
    fact = Deferred(at=now, envelope_id=envelope_id, site="slow.example", mx="mx.slow.example", code=451,
                    text="4.7.1 Greylisted", reason="greylisted", retry_at=now + 60)  # fmt: skip
    outcome = Outcome(envelope_id, state, now, due_at=now + 60, fact=fact if state == QUEUED else None)
    await store.main.write(envelopes.finish, [outcome])


async def test_told_once_after_the_time_with_the_last_answer_and_the_end(store, blobs, clock, post, service):
    [envelope] = await queue(store, blobs, clock, "x@slow.example")
    await put_off(store, clock, envelope)
    await service.step()
    assert post.taken == []
    clock.advance(AFTER)
    await service.step()
    clock.advance(AFTER)
    await service.step()
    [(recipient, message)] = post.taken
    assert recipient == "ann@b.example"
    found = understand(message)
    assert (found.kind, found.message_id) == ("delay", "m1@b.example")
    assert [(one.address, one.status) for one in found.recipients] == [("x@slow.example", "4.7.1")]
    assert b"Action: delayed\r\n" in message
    assert b"Will-Retry-Until: " in message
    assert b"Secret words" not in message


async def test_what_arrived_or_has_no_sender_or_is_not_due_is_not_told(store, blobs, clock, post, service):
    [fine] = await queue(store, blobs, clock, "x@fast.example")
    await queue(store, blobs, clock, "x@slow.example", mail_from="")
    await queue(store, blobs, clock, "x@later.example", due_in=2 * AFTER)
    await queue(store, blobs, clock, "x@short.example", expire=AFTER / 2)
    await put_off(store, clock, fine, DELIVERED)
    clock.advance(AFTER)
    await service.step()
    assert post.taken == []


async def test_recipients_of_one_message_share_a_warning_and_the_untried_are_told_too(
    store, blobs, clock, post, service
):
    one, _ = await queue(store, blobs, clock, "x@slow.example", "y@dead.example")
    await put_off(store, clock, one)
    clock.advance(AFTER)
    await service.step()
    [(_, message)] = post.taken
    assert {one.address for one in understand(message).recipients} == {"x@slow.example", "y@dead.example"}
    assert b"x@slow.example\r\nAction: delayed\r\nStatus: 4.7.1\r\n" in message
    assert b"y@dead.example\r\nAction: delayed\r\nStatus: 4.4.1\r\n" in message


async def test_a_warning_that_could_not_be_left_comes_later_and_once(store, blobs, clock, post, service):
    await queue(store, blobs, clock, "x@slow.example")
    clock.advance(AFTER)
    post.fails = 1
    with pytest.raises(Temporary):
        await service.step()
    await service.step()
    await service.step()
    assert len(post.taken) == 1


async def test_nobody_is_told_where_it_is_turned_off(store, blobs, clock, post):
    await queue(store, blobs, clock, "x@slow.example")
    clock.advance(AFTER)
    assert await Delayed(store.main, blobs, clock, post, hostname="mx.b.example", after=0).step() is False
    assert post.taken == []


@pytest.mark.parametrize(("notify", "told"), [("NEVER", 0), ("SUCCESS,FAILURE", 0), ("DELAY", 1), ("", 1)])
async def test_who_does_not_want_to_know_is_not_told(store, blobs, clock, post, service, notify, told):
    [envelope] = await queue(store, blobs, clock, "x@slow.example")
    await store.main.write(wishes.add, [(envelope, wishes.Wish(notify=notify, envid="7"))])
    clock.advance(AFTER + 1)
    await service.step()
    assert len(post.taken) == told
    assert all(b"Original-Envelope-Id: 7\r\n" in message for _, message in post.taken)
