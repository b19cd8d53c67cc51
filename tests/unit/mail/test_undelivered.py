"""Senders are told of given-up messages: once a message, in words and in fields, and again after a crash with the same id."""

import pytest

from lettershop.base.errors import Temporary
from lettershop.base.facts import Bounced, Delivered, Withheld
from lettershop.mail.bounces import understand
from lettershop.mail.undelivered import Undelivered
from lettershop.store import stored, wishes
from lettershop.store.blobs import open_blobs
from lettershop.wire.message import headers

ORIGINAL = (
    b"Received: from laptop\r\n\tby mx.b.example with ESMTPSA;\r\n\tMon, 1 Jan 2024 00:00:00 +0000\r\n"
    b"From: Ann <ann@b.example>\r\nTo: x@gone.example\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Message-ID: <m1@b.example>\r\n\r\nSecret words\r\n"
)


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
    return Undelivered(store.main, blobs, clock, post, hostname="mx.b.example")


async def queue(store, blobs, clock, *addresses, mail_from="ann@b.example"):
    blob = await blobs.put(ORIGINAL)

    def write(tx):
        return stored.enqueue_stored(
            tx, workspace_id=None, mail_from=mail_from, blob=blob, size=len(ORIGINAL), now=clock.now(),
            expires_at=clock.now() + 9, recipients=[(address, address.partition("@")[2]) for address in addresses],
        ).ids  # fmt: skip

    return await store.main.write(write)


def bounced(clock, envelope, address, **more):
    values = {
        "code": 550, "text": "5.1.1 No such user", "reason": "unknown-user", "hard": True,
        "mx": "mx.gone.example", "advice": "The address does not exist.", **more,
    }  # fmt: skip
    return Bounced(at=clock.now(), envelope_id=envelope, site="gone.example", address=address, **values)


async def tell(store, *facts):
    await store.main.write(lambda tx: [tx.fact(fact) for fact in facts])


async def test_a_bounced_message_is_reported_to_its_sender_and_once(store, blobs, clock, post, service):
    [envelope] = await queue(store, blobs, clock, "x@gone.example")
    await tell(store, bounced(clock, envelope, "x@gone.example"))
    assert await service.step() is False
    await service.step()
    [(recipient, message)] = post.taken
    assert recipient == "ann@b.example"
    found = understand(message)
    assert (found.kind, found.message_id) == ("bounce", "m1@b.example")
    [person] = found.recipients
    assert (person.address, person.status, person.hard, person.reason) == (
        "x@gone.example",
        "5.1.1",
        True,
        "unknown-user",
    )
    assert b"Secret words" not in message
    assert b"The address does not exist." in message


async def test_recipients_of_one_message_share_a_notification(store, blobs, clock, post, service):
    one, two = await queue(store, blobs, clock, "x@gone.example", "y@gone.example")
    await tell(store, bounced(clock, one, "x@gone.example"), bounced(clock, two, "y@gone.example"))
    await service.step()
    assert [person.address for person in understand(post.taken[0][1]).recipients] == [
        "x@gone.example",
        "y@gone.example",
    ]
    assert len(post.taken) == 1


async def test_what_was_not_delivered_for_our_own_reasons_is_told_too(store, blobs, clock, post, service):
    [envelope] = await queue(store, blobs, clock, "x@gone.example")
    await tell(store, Withheld(at=clock.now(), envelope_id=envelope, reason="suppressed"))
    await service.step()
    assert b"must not be written to" in post.taken[0][1].replace(b"=\r\n", b"")


async def test_nobody_is_told_of_reports_campaigns_and_successes(store, blobs, clock, post, service):
    [report] = await queue(store, blobs, clock, "x@gone.example", mail_from="")
    [fine] = await queue(store, blobs, clock, "x@gone.example")
    await tell(
        store, bounced(clock, report, "x@gone.example"),
        Delivered(at=clock.now(), envelope_id=fine, site="gone.example", mx="mx", code=250, text="ok"),
        bounced(clock, fine, "x@gone.example", campaign_id=1),
    )  # fmt: skip
    await service.step()
    assert post.taken == []


async def test_what_could_not_be_handed_over_comes_again_with_the_same_message_id(store, blobs, clock, post, service):
    [envelope] = await queue(store, blobs, clock, "x@gone.example")
    await tell(store, bounced(clock, envelope, "x@gone.example"))
    post.fails = 1
    with pytest.raises(Temporary):
        await service.step()
    await service.step()
    first = headers.parse(post.taken[0][1]).get("Message-ID")
    crashed = Undelivered(store.main, blobs, clock, post, hostname="mx.b.example")
    await store.main.write(lambda tx: tx.conn.exec_driver_sql("UPDATE fact_cursors SET position = 0"))
    await crashed.step()
    assert [headers.parse(message).get("Message-ID") for _, message in post.taken] == [first, first]


async def test_a_lost_blob_still_leaves_a_notification(store, clock, post, service, blobs):
    def write(tx):
        return stored.enqueue_stored(
            tx, workspace_id=None, mail_from="ann@b.example", blob="2024-01-01-gone:0:10", size=1, now=clock.now(),
            expires_at=clock.now() + 9, recipients=[("x@gone.example", "gone.example")],
        ).ids  # fmt: skip

    [envelope] = await store.main.write(write)
    await tell(store, bounced(clock, envelope, "x@gone.example"))
    await service.step()
    assert understand(post.taken[0][1]).recipients[0].address == "x@gone.example"


# -- what the sender asked for (RFC 3461) ----------------------------------------------------------------------------------


async def wish(store, envelope, **said):
    await store.main.write(wishes.add, [(envelope, wishes.Wish(**said))])


def taken(clock, envelope, *, mx="mx.a.example", relayed=True):
    return Delivered(
        at=clock.now(), envelope_id=envelope, site="a.example", mx=mx, code=250, text="ok", relayed=relayed
    )


@pytest.mark.parametrize(("notify", "told"), [("NEVER", 0), ("SUCCESS,DELAY", 0), ("FAILURE", 1), ("", 1)])
async def test_failures_are_told_to_who_did_not_say_otherwise(store, blobs, clock, post, service, notify, told):
    [envelope] = await queue(store, blobs, clock, "x@gone.example")
    await wish(store, envelope, notify=notify, envid="order 7", orcpt="rfc822;X@gone.example")
    await tell(store, bounced(clock, envelope, "x@gone.example"))
    await service.step()
    assert len(post.taken) == told
    if told:
        message = post.taken[0][1]
        assert b"Original-Envelope-Id: order 7\r\n" in message
        assert b"Original-Recipient: rfc822;X@gone.example\r\n" in message


@pytest.mark.parametrize(("mx", "action"), [("mx.a.example", "relayed"), ("local", "delivered")])
async def test_success_is_told_where_nobody_else_does(store, blobs, clock, post, service, mx, action):
    [envelope] = await queue(store, blobs, clock, "x@a.example")
    await wish(store, envelope, notify="SUCCESS")
    await tell(store, taken(clock, envelope, mx=mx))
    await service.step()
    [(_, message)] = post.taken
    assert f"Action: {action}\r\nStatus: 2.0.0\r\n".encode() in message
    assert understand(message).kind != "bounce"


async def test_success_is_not_told_where_the_next_server_does(store, blobs, clock, post, service):
    [envelope] = await queue(store, blobs, clock, "x@a.example")
    await wish(store, envelope, notify="SUCCESS")
    await tell(store, taken(clock, envelope, relayed=False))
    await service.step()
    assert post.taken == []


async def test_the_whole_message_comes_back_if_it_was_asked_for(store, blobs, clock, post, service):
    [envelope] = await queue(store, blobs, clock, "x@gone.example")
    await wish(store, envelope, ret="FULL")
    await tell(store, bounced(clock, envelope, "x@gone.example"))
    await service.step()
    message = post.taken[0][1]
    assert b"Content-Type: message/rfc822" in message
    assert b"Secret words" in message
