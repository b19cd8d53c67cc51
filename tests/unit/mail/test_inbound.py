"""Mail from others: who may write to whom, what is put on top, and that 250 comes after the commit."""

import pytest
from sqlalchemy import select

from lettershop.base.facts import MessageReceived, Unsubscribed
from lettershop.mail.accounts import Accounts, NewAccount
from lettershop.mail.authenticate import Authenticator
from lettershop.mail.inbound import GREYLISTED, MAILBOX_FULL, Inbound, Policy
from lettershop.mail.passwords import Passwords, stored_key
from lettershop.mail.tokens import Recipient, Tokens
from lettershop.net.zones import ZoneResolver
from lettershop.store import mailboxes
from lettershop.store.blobs import BlobsUnavailable, open_blobs
from lettershop.store.schema_mail import mail_facts, messages
from lettershop.wire.address import Address
from lettershop.wire.smtp import replies
from lettershop.wire.smtp.events import Client, Envelope, MailFrom, RcptTo

TOKENS = Tokens(b"k" * 32)
CLIENT = Client("192.0.2.25", 4711, helo="mx.sender.example", esmtp=True, tls="TLSv1.3")
SENDER = MailFrom(Address.parse("ann@sender.example"))
ZONE = """
sender.example. 60 IN TXT "v=spf1 ip4:192.0.2.25 -all"
_dmarc.sender.example. 60 IN TXT "v=DMARC1; p=reject"
strict.example. 60 IN TXT "v=spf1 -all"
_dmarc.strict.example. 60 IN TXT "v=DMARC1; p=reject"
_dmarc.careful.example. 60 IN TXT "v=DMARC1; p=quarantine"
"""
MESSAGE = b"From: Ann <ann@sender.example>\r\nTo: bob@b.example\r\nSubject: Hi\r\n\r\nHello\r\n"


@pytest.fixture
async def blobs(tmp_path, clock):
    opened = open_blobs(f"file://{tmp_path}/blobs", clock)
    yield opened
    await opened.close()


@pytest.fixture
async def inbound(store, blobs, clock):
    accounts = Accounts(store.mail, Passwords(clock), clock)
    await accounts.add_domain("b.example")
    new = [("bob", None, False), ("full", 0, False), ("shy", None, True)]
    await accounts.add_many([NewAccount(f"{n}@b.example", stored_key("x"), quota=q, greylist=g) for n, q, g in new])
    resolver = ZoneResolver.parse(ZONE)
    policy = Policy("mx.b.example", greylist_delay=60)
    return Inbound(store.mail, blobs, Authenticator(resolver, clock, "mx.b.example"), TOKENS, clock, policy)


def to(*names: str) -> tuple[RcptTo, ...]:
    return tuple(RcptTo(Address.parse(name)) for name in names)


async def facts(store) -> list[tuple[str, int | None]]:
    rows = await store.mail.read(lambda conn: conn.execute(select(mail_facts.c.kind, mail_facts.c.contact_id)).all())
    return [tuple(row) for row in rows]


async def in_mailbox(store, name: str, address: str) -> list[str]:
    """The blobs in a mailbox."""

    def look(conn):
        from lettershop.store import accounts

        account = accounts.account_by_address(conn, address)
        box = mailboxes.mailbox_by_name(conn, account.id, name)
        return list(conn.scalars(select(messages.c.blob).where(messages.c.mailbox_id == box.id)))

    return await store.mail.read(look)


@pytest.mark.parametrize(
    ("address", "reply"),
    [
        ("bob@b.example", replies.RECIPIENT_OK),
        ("nobody@b.example", replies.NO_SUCH_MAILBOX),
        ("bob@elsewhere.example", replies.RELAY_DENIED),
        ("full@b.example", MAILBOX_FULL),
    ],
)
async def test_who_may_be_written_to(inbound, address, reply):
    assert await inbound.accept_recipient(CLIENT, SENDER, to(address)[0]) == reply


async def test_greylisting_lets_the_second_try_in(inbound, clock):
    recipient = to("shy@b.example")[0]
    assert await inbound.accept_recipient(CLIENT, SENDER, recipient) == GREYLISTED
    clock.advance(59)
    assert await inbound.accept_recipient(CLIENT, SENDER, recipient) == GREYLISTED
    clock.advance(2)
    neighbour = Client("192.0.2.99", 1, helo="mx2.sender.example")
    assert await inbound.accept_recipient(neighbour, SENDER, recipient) == replies.RECIPIENT_OK


async def test_a_message_is_stored_with_its_trace_on_top(inbound, store, blobs):
    forged = b"Authentication-Results: mx.b.example; dkim=pass header.d=bank.example\r\n" + MESSAGE
    assert await inbound.deliver(Envelope(CLIENT, SENDER, to("bob@b.example")), forged) == replies.ACCEPTED
    (key,) = await in_mailbox(store, "INBOX", "bob@b.example")
    stored = (await blobs.get(key)).decode()
    assert stored.startswith("Return-Path: <ann@sender.example>\r\nAuthentication-Results: mx.b.example;")
    assert "spf=pass" in stored and "dmarc=pass" in stored and "bank.example" not in stored
    assert "Received: from mx.sender.example ([192.0.2.25])\r\n\tby mx.b.example with ESMTPS" in stored
    assert stored.endswith(MESSAGE.decode())
    assert await facts(store) == [(MessageReceived.__name__, None)]


async def test_one_message_to_two_people_is_two_rows_of_one_blob(inbound, store):
    envelope = Envelope(CLIENT, SENDER, to("bob@b.example", "shy@b.example"))
    assert (await inbound.deliver(envelope, MESSAGE)).positive
    assert await in_mailbox(store, "INBOX", "bob@b.example") == await in_mailbox(store, "INBOX", "shy@b.example")


async def test_dmarc_reject_is_refused_and_quarantine_goes_to_junk(inbound, store):
    strict = MESSAGE.replace(b"sender.example", b"strict.example")
    reply = await inbound.deliver(Envelope(CLIENT, SENDER, to("bob@b.example")), strict)
    assert (reply.code, reply.enhanced) == (550, "5.7.1")
    careful = MESSAGE.replace(b"sender.example", b"careful.example")
    assert (await inbound.deliver(Envelope(CLIENT, SENDER, to("bob@b.example")), careful)).positive
    assert len(await in_mailbox(store, "Junk", "bob@b.example")) == 1
    assert await in_mailbox(store, "INBOX", "bob@b.example") == []


async def test_mail_to_the_unsubscribe_address_is_a_fact_and_no_message(inbound, store):
    address = f"unsubscribe+{TOKENS.seal(Recipient(1, 2, 3))}@b.example"
    assert (await inbound.deliver(Envelope(CLIENT, SENDER, to(address)), MESSAGE)).positive
    assert await facts(store) == [(Unsubscribed.__name__, 3)]


async def test_what_cannot_be_stored_is_not_acknowledged(inbound, store, blobs, monkeypatch):
    async def full(data: bytes) -> str:
        raise BlobsUnavailable("The message could not be stored.")

    monkeypatch.setattr(blobs, "put", full)
    with pytest.raises(BlobsUnavailable):
        await inbound.deliver(Envelope(CLIENT, SENDER, to("bob@b.example")), MESSAGE)
    assert await in_mailbox(store, "INBOX", "bob@b.example") == []


async def test_what_goes_in_circles_is_refused(inbound):
    message = b"Received: from a by b; x\r\n" * 101 + MESSAGE
    reply = await inbound.deliver(Envelope(CLIENT, SENDER, to("bob@b.example")), message)
    assert reply == replies.TOO_MANY_HOPS
