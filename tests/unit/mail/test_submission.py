"""Mail from our own users: who may send as whom, what is completed and signed, what goes into the queue."""

import pytest

from lettershop.egress.message import Recipe, Withhold
from lettershop.mail.accounts import Accounts, NewAccount
from lettershop.mail.authenticate import Authenticator
from lettershop.mail.inbound import Inbound, Policy
from lettershop.mail.passwords import Passwords, stored_key
from lettershop.mail.sign import MessageSigner
from lettershop.mail.submission import NOT_YOURS, StoredSource, Submission
from lettershop.mail.tokens import Tokens
from lettershop.net.zones import ZoneResolver
from lettershop.store import envelopes, suppressions
from lettershop.store.blobs import open_blobs
from lettershop.wire.address import Address
from lettershop.wire.sasl import Principal
from lettershop.wire.smtp import replies
from lettershop.wire.smtp.events import Client, Envelope, MailFrom, RcptTo

MESSAGE = b"From: Bob <bob@b.example>\r\nTo: ann@a.example\r\nSubject: Hi\r\n\r\nHello\r\n.dot\r\n"


@pytest.fixture
async def desk(store, tmp_path, clock):
    accounts = Accounts(store.mail, Passwords(clock), clock)
    await accounts.add_domain("b.example")
    await accounts.add_many([NewAccount(f"{name}@b.example", stored_key("x")) for name in ("bob", "eve")])
    await accounts.alias("sales@b.example", "bob@b.example")
    blobs = open_blobs(f"file://{tmp_path}/blobs", clock)
    authenticator = Authenticator(ZoneResolver.parse(""), clock, "mx.b.example")
    inbound = Inbound(store.mail, blobs, authenticator, Tokens(b"k" * 32), clock, Policy("mx.b.example"))
    yield (
        Submission(
            store.mail,
            store.main,
            blobs,
            inbound,
            MessageSigner(store.mail),
            clock,
            hostname="mx.b.example",
            expire=100,
        ),
        StoredSource(store.main, blobs),
        (await accounts.get("bob@b.example")).id,
    )
    await blobs.close()


def mail_from(address: str) -> MailFrom:
    return MailFrom(Address.parse(address))


def to(*names: str) -> tuple[RcptTo, ...]:
    return tuple(RcptTo(Address.parse(name)) for name in names)


def client(account: int | None) -> Client:
    principal = Principal(account, "bob@b.example") if account else None
    return Client("192.0.2.7", 1, helo="laptop", esmtp=True, tls="TLSv1.3", principal=principal)


@pytest.mark.parametrize(
    ("address", "reply"),
    [
        ("bob@b.example", replies.SENDER_OK),
        ("SALES@b.example", replies.SENDER_OK),
        ("eve@b.example", NOT_YOURS),
        ("bob@elsewhere.example", NOT_YOURS),
    ],
)
async def test_one_sends_as_oneself_only(desk, address, reply):
    submission, _, bob = desk
    assert await submission.accept_sender(client(bob), mail_from(address)) == reply
    assert await submission.accept_sender(client(None), mail_from(address)) == replies.LOGIN_REQUIRED


async def test_a_slip_in_a_local_address_is_told_at_once(desk):
    submission, _, bob = desk
    sender = mail_from("bob@b.example")
    assert await submission.accept_recipient(client(bob), sender, to("eva@b.example")[0]) == replies.NO_SUCH_MAILBOX
    assert await submission.accept_recipient(client(bob), sender, to("eva@a.example")[0]) == replies.RECIPIENT_OK


async def lease(store, now: float):
    lanes, _ = await store.main.read(envelopes.open_lanes, now)
    shares = [(lane.lane_id, 10) for lane in lanes]
    taken = await store.main.write(envelopes.lease, "me", now, now + 60, shares)
    return [one for share in taken for one in share]


async def test_remote_recipients_are_queued_signed_and_local_ones_get_it_at_once(desk, store, clock):
    submission, source, bob = desk
    recipients = to("ann@a.example", "eve@b.example")
    envelope = Envelope(client(bob), mail_from("bob@b.example"), recipients)
    assert await submission.deliver(envelope, MESSAGE) == replies.ACCEPTED
    (leased,) = await lease(store, clock.now())
    assert (leased.address, leased.site) == ("ann@a.example", "a.example")
    (recipe,) = await source.prepare([leased])
    assert isinstance(recipe, Recipe) and recipe.mail_from == "bob@b.example"
    wire = recipe.make()
    assert wire.startswith(b"DKIM-Signature: ") and b"\r\nMessage-ID: <" in wire and b"\r\nDate: " in wire
    assert wire.endswith(b"Hello\r\n..dot\r\n")


async def test_a_suppressed_recipient_is_withheld(desk, store, clock):
    submission, source, bob = desk
    envelope = Envelope(client(bob), mail_from("bob@b.example"), to("Ann@a.example"))
    await submission.deliver(envelope, MESSAGE)
    await store.main.write(suppressions.add, suppressions.EVERYBODY, "ann@a.example", "manual", at=clock.now())
    (answer,) = await source.prepare(await lease(store, clock.now()))
    assert isinstance(answer, Withhold) and answer.reason == "suppressed"
