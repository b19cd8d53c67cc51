"""Mail from other servers: who may send what to whom, and the way of a message into a mailbox.

    accept_client > accept_sender > accept_recipient (mail.route, quota, greylisting)
    > deliver: mail.authenticate > mail.screen > Received and Authentication-Results are put on top
    > mail.returned reads it (a bounce, a complaint, a reply to a campaign?) > blobs, then one commit: message, facts > 250

The 250 is returned after both commits; what is not committed is answered with 4xx and comes again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from ipaddress import IPv4Network, IPv6Network, ip_address

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.facts import Fact, MessageReceived, Unsubscribed
from lettershop.egress.classify import Rules
from lettershop.mail.authenticate import Authenticator, AuthReport
from lettershop.mail.mailbox import describe
from lettershop.mail.returned import Returned
from lettershop.mail.route import Destination, Elsewhere, Nowhere, ToMailbox, ToService, destination
from lettershop.mail.screen import Verdict, decide
from lettershop.mail.tokens import Recipient, Tokens
from lettershop.store import accounts as account_rows
from lettershop.store import mailboxes
from lettershop.store.blobs import Blobs
from lettershop.store.database import Database, Transaction
from lettershop.wire.message.trace import goes_in_circles
from lettershop.wire.smtp import replies
from lettershop.wire.smtp.events import Client, Envelope, MailFrom, RcptTo
from lettershop.wire.smtp.replies import Reply

MAILBOX_FULL = Reply.of(452, "4.2.2", "Mailbox is full, try again later")
GREYLISTED = Reply.of(451, "4.7.1", "First mail from you to this address, try again in a moment")


@dataclass(frozen=True, slots=True)
class Policy:
    """What the operator has set."""

    hostname: str
    trusted: Sequence[IPv4Network | IPv6Network] = ()
    greylist_delay: float = 60.0
    rules: Rules | None = None


class Inbound:
    """The service behind SMTP on port 25."""

    def __init__(
        self, db: Database, blobs: Blobs, authenticator: Authenticator, tokens: Tokens, clock: Clock, policy: Policy
    ) -> None:
        self._db = db
        self._blobs = blobs
        self._authenticator = authenticator
        self._tokens = tokens
        self._clock = clock
        self._policy = policy

    async def accept_client(self, client: Client) -> Reply | None:
        """Everybody may try."""
        return None

    async def accept_sender(self, client: Client, sender: MailFrom) -> Reply:
        """Any sender may be named; what is true of it is found out when the message is there."""
        return replies.SENDER_OK

    async def accept_recipient(self, client: Client, sender: MailFrom, recipient: RcptTo) -> Reply:
        """Only for mailboxes and services of ours: an open relay is what spammers look for."""
        found = await self.find(recipient)
        if isinstance(found, Elsewhere):
            return replies.RELAY_DENIED
        if isinstance(found, Nowhere):
            return replies.NO_SUCH_MAILBOX
        if isinstance(found, ToMailbox):
            return await self._may_enter(client, sender, recipient, found)
        return replies.RECIPIENT_OK

    async def find(self, recipient: RcptTo) -> Destination:
        """Where mail for this recipient goes."""
        return await self._db.read(destination, recipient.address, self._tokens, self._policy.hostname)

    async def _may_enter(self, client: Client, sender: MailFrom, recipient: RcptTo, found: ToMailbox) -> Reply:
        if found.account.full:
            return MAILBOX_FULL
        if found.account.greylist and not self._trusted(client):
            triplet = f"{_network(client.ip)} {sender.address.domain if sender.address else ''} {recipient.address.key}"
            now = self._clock.now()
            if await self._db.write(account_rows.greylisted, triplet, now, self._policy.greylist_delay):
                return GREYLISTED
        return replies.RECIPIENT_OK

    def _trusted(self, client: Client) -> bool:
        return any(ip_address(client.ip) in network for network in self._policy.trusted)

    async def deliver(self, envelope: Envelope, data: bytes) -> Reply:
        """Check it, store it, and only then say 250."""
        if goes_in_circles(data):
            return replies.TOO_MANY_HOPS
        client, sender = envelope.client, envelope.sender
        now = self._clock.now()
        report = await self._authenticator.check(
            data, client_ip=client.ip, helo=client.helo, mail_from=str(sender.address) if sender.address else ""
        )
        verdict = decide(report)
        if verdict.refuse is not None:
            return Reply.of(550, "5.7.1", verdict.refuse.words)
        trace = self._trace(envelope, report, now)
        message = trace + self._authenticator.cleaned(data)
        await self.store(envelope.recipients, sender, message, report, verdict, now)
        return replies.ACCEPTED

    async def store(
        self,
        recipients: Sequence[RcptTo],
        sender: MailFrom,
        data: bytes,
        report: AuthReport | None,
        verdict: Verdict | None,
        now: float,
    ) -> None:
        """Put a complete message where its recipients are; returns after the commit."""
        blob = await self._blobs.put(data)
        read = describe(data)
        message = mailboxes.NewMessage(
            blob=blob, size=len(data), internal_date=now,
            envelope=read.envelope, structure=read.structure, parts=read.parts, header=read.header,
        )  # fmt: skip
        returned = Returned.read(data, self._tokens, self._policy.rules)
        places = [(recipient, await self.find(recipient)) for recipient in recipients]
        junk = verdict is not None and verdict.junk
        await self._db.write(_store, places, sender, message, returned, report, junk, now)

    def _trace(self, envelope: Envelope, report: AuthReport, now: float) -> bytes:
        """Return-Path, Received and Authentication-Results, newest on top (RFC 5321 4.4, RFC 8601 4.1)."""
        client = envelope.client
        path = f"Return-Path: <{envelope.sender.address or ''}>\r\n"
        to = f"\r\n\tfor <{envelope.recipients[0].address}>" if len(envelope.recipients) == 1 else ""
        return (
            path
            + report.header
            + f"Received: from {client.helo or 'unknown'} ([{client.ip}])\r\n\tby {self._policy.hostname} with {client.protocol}"
            + (f" ({client.tls})" if client.tls else "")
            + f"{to};\r\n\t{format_datetime(datetime.fromtimestamp(now, UTC))}\r\n"
        ).encode("utf-8")


def _store(
    tx: Transaction,
    places: Sequence[tuple[RcptTo, Destination]],
    sender: MailFrom,
    message: mailboxes.NewMessage,
    returned: Returned,
    report: AuthReport | None,
    junk: bool,
    now: float,
) -> None:
    """One message row per mailbox, and the facts that it tells, in one transaction."""
    message_id = 0
    for recipient, place in places:
        if isinstance(place, ToMailbox):
            box = _mailbox(tx.conn, place.account.id, "Junk" if junk else "INBOX")
            message_id = mailboxes.append(tx, box, message).message_id
            tx.fact(_received(message_id, box, sender, recipient, report, now))
    for fact in _told(places, returned, message_id, now):
        tx.fact(fact)


def _mailbox(conn: Connection, account_id: int, name: str) -> int:
    found = mailboxes.mailbox_by_name(conn, account_id, name) or mailboxes.mailbox_by_name(conn, account_id, "INBOX")
    if found is None:
        raise mailboxes.NoMailbox("The mailbox is gone.")
    return found.id


def _received(
    message_id: int, mailbox_id: int, sender: MailFrom, recipient: RcptTo, report: AuthReport | None, now: float
) -> Fact:
    return MessageReceived(
        at=now, message_id=message_id, mailbox_id=mailbox_id,
        sender=str(sender.address or ""), recipient=str(recipient.address),
        spf=report.spf if report else "none", dkim=report.dkim if report else "none", dmarc=report.dmarc if report else "none",
    )  # fmt: skip


def _told(places: Sequence[tuple[RcptTo, Destination]], returned: Returned, message_id: int, now: float) -> list[Fact]:
    """What the message means for a campaign: by the address it came to, else by what it quotes."""
    facts: list[Fact] = []
    for _, place in places:
        if isinstance(place, ToService) and place.service == "unsubscribe":
            facts.append(_unsubscribed(place.recipient, now))
        elif isinstance(place, ToService):
            facts += returned.facts(place.recipient, message_id, now)
    return facts or returned.facts(None, message_id, now)


def _unsubscribed(recipient: Recipient, now: float) -> Fact:
    return Unsubscribed(
        at=now, how="mailto",
        campaign_id=recipient.campaign_id, envelope_id=recipient.envelope_id, contact_id=recipient.contact_id,
    )  # fmt: skip


def _network(ip: str) -> str:
    """The /24 or /64: large senders retry from a neighbour."""
    address = ip_address(ip)
    return (
        str(ip_address(int(address) >> 8 << 8)) if address.version == 4 else str(ip_address(int(address) >> 64 << 64))
    )
