"""Mail from our own users: who may send as whom, what is completed and signed, what goes into the queue."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from lettershop.egress.message import Recipe, Withhold
from lettershop.mail.accounts import Accounts, NewAccount
from lettershop.mail.authenticate import Authenticator
from lettershop.mail.gateway import Gateway
from lettershop.mail.inbound import Inbound, Policy
from lettershop.mail.passwords import Passwords, stored_key
from lettershop.mail.sign import MessageSigner
from lettershop.mail.submission import NOT_YOURS, StoredSource, Submission
from lettershop.mail.tokens import Tokens
from lettershop.net.zones import ZoneResolver
from lettershop.store import envelopes, suppressions, undelivered
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


@pytest.mark.parametrize(
    ("author", "taken"),
    [
        (b"Bob <bob@b.example>", True),
        (b"sales@b.example", True),
        (b"Eve <eve@b.example>", False),
        (b"bob@b.example, eve@b.example", False),
        (b"boss@bank.example", False),
        (b"not an address", False),
    ],
)
async def test_from_must_name_the_one_who_logged_in(desk, author, taken):
    submission, _, bob = desk
    envelope = Envelope(client(bob), mail_from("bob@b.example"), to("eve@b.example"))
    message = MESSAGE.replace(b"Bob <bob@b.example>", author)
    assert (await submission.deliver(envelope, message) == replies.ACCEPTED) == taken


@pytest.mark.parametrize(("wish", "seconds"), [(b"", 100), (b"Lettershop-Expires: 10m\r\n", 600)])
async def test_a_message_says_how_long_it_is_worth_trying(desk, store, clock, wish, seconds):
    submission, source, bob = desk
    envelope = Envelope(client(bob), mail_from("bob@b.example"), to("ann@a.example"))
    assert await submission.deliver(envelope, wish + MESSAGE) == replies.ACCEPTED
    (leased,) = await lease(store, clock.now())
    assert leased.expires_at == clock.now() + seconds
    (recipe,) = await source.prepare([leased])
    assert b"lettershop-expires" not in recipe.make().lower()


async def test_a_wish_that_cannot_be_kept_is_refused_with_words(desk, store, clock):
    submission, _, bob = desk
    envelope = Envelope(client(bob), mail_from("bob@b.example"), to("ann@a.example"))
    reply = await submission.deliver(envelope, b"Lettershop-Expires: yesterday\r\n" + MESSAGE)
    assert (reply.code, reply.enhanced) == (550, "5.6.0")
    assert "10m" in reply.text
    assert await lease(store, clock.now()) == []


async def test_a_trusted_network_may_relay_without_logging_in_and_nobody_else(desk):
    submission, _, _ = desk
    relay = Submission(
        submission._mail_db, submission._main_db, submission._blobs, submission._inbound, submission._signer,
        submission._clock, hostname="mx.b.example", expire=100, login_required=False,
    )  # fmt: skip
    gateway = Gateway(submission._inbound, relay, [ip_network("192.0.2.0/24")])
    sender, away = mail_from("cron@b.example"), to("ann@a.example")
    inside, outside = client(None), replace(client(None), ip="198.51.100.1")
    assert await gateway.accept_sender(inside, sender) == replies.SENDER_OK
    assert await gateway.accept_recipient(inside, sender, away[0]) == replies.RECIPIENT_OK
    assert await gateway.deliver(Envelope(inside, sender, away), MESSAGE) == replies.ACCEPTED
    assert await gateway.accept_recipient(outside, sender, away[0]) == replies.RELAY_DENIED


async def test_a_suppressed_recipient_is_withheld(desk, store, clock):
    submission, source, bob = desk
    envelope = Envelope(client(bob), mail_from("bob@b.example"), to("Ann@a.example"))
    await submission.deliver(envelope, MESSAGE)
    await store.main.write(suppressions.add, suppressions.EVERYBODY, "ann@a.example", "manual", at=clock.now())
    (answer,) = await source.prepare(await lease(store, clock.now()))
    assert isinstance(answer, Withhold) and answer.reason == "suppressed"


async def test_what_goes_in_circles_is_refused(desk):
    submission, _, bob = desk
    envelope = Envelope(client(bob), mail_from("bob@b.example"), to("ann@a.example"))
    message = b"Received: from a by b; x\r\n" * 101 + MESSAGE
    assert await submission.deliver(envelope, message) == replies.TOO_MANY_HOPS


async def test_what_the_sender_wants_to_be_told_goes_with_the_message(desk, store, clock):
    submission, source, bob = desk
    sender = replace(mail_from("bob@b.example"), ret="HDRS", envid="Q=7")
    recipient = RcptTo(Address.parse("ann@a.example"), frozenset({"SUCCESS", "DELAY"}), "rfc822;Ann+x@a.example")
    assert await submission.deliver(Envelope(client(bob), sender, (recipient,)), MESSAGE) == replies.ACCEPTED
    (recipe,) = await source.prepare(await lease(store, clock.now()))
    assert recipe.dsn == (" RET=HDRS ENVID=Q+3D7", " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Ann+2Bx@a.example")


async def test_who_said_nothing_has_no_parameters(desk, store, clock):
    submission, source, bob = desk
    await submission.deliver(Envelope(client(bob), mail_from("bob@b.example"), to("ann@a.example")), MESSAGE)
    (recipe,) = await source.prepare(await lease(store, clock.now()))
    assert recipe.dsn == ("", "")


async def test_success_of_who_is_here_is_a_fact_if_it_is_asked_for(desk, store, clock):
    submission, _, bob = desk
    asked = RcptTo(Address.parse("eve@b.example"), frozenset({"SUCCESS"}))
    envelope = Envelope(client(bob), mail_from("bob@b.example"), (asked,))
    assert await submission.deliver(envelope, MESSAGE) == replies.ACCEPTED
    assert await lease(store, clock.now()) == []
    [person], _ = await store.main.read(undelivered.read_since, 0, 10)
    assert (person.address, person.mail_from, person.fact.mx, person.fact.relayed) == (
        "eve@b.example", "bob@b.example", "local", True,
    )  # fmt: skip


@pytest.mark.parametrize(("field", "tls", "kept"), [
    (b"", "", ""), (b"", "require", "require"), (b"TLS-Required: No\r\n", "", "optional"),
    (b"TLS-Required: No\r\n", "require", "require"), (b"tls-required:  no \r\n", "", "optional"),
    (b"TLS-Required: Yes\r\n", "", ""), (b"TLS-Required: No\r\nTLS-Required: No\r\n", "", ""),
])  # fmt: skip
async def test_what_the_sender_says_of_tls_is_kept_with_the_message(desk, store, clock, field, tls, kept):
    """RFC 8689 3 and 4.1."""
    submission, source, bob = desk
    sender = replace(mail_from("bob@b.example"), tls=tls)
    envelope = Envelope(client(bob), sender, to("ann@a.example"))
    assert await submission.deliver(envelope, field + MESSAGE) == replies.ACCEPTED
    leased = await lease(store, clock.now())
    assert [recipe.tls for recipe in await source.prepare(leased)] == [kept]
