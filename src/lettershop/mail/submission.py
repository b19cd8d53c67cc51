"""Mail from our own users: who may send as whom, what is completed, and where it goes.

    accept_sender (logged in, and the address is theirs) > accept_recipient (anybody)
    > deliver: From must be theirs too > Date and Message-ID are added where they miss (RFC 6409 8), what the message says
      to us is taken out (mail.expiry) > DKIM > blob
    > recipients here get it at once, the others are envelopes in the queue; one 250 after all commits

`StoredSource` hands stored messages to the delivery engine: the other half of the port `egress.message.MessageSource`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.facts import Bounced, Delivered, Fact
from lettershop.egress.express import Express, Ticket
from lettershop.egress.message import OPTIONAL, Leased, Recipe, Withhold
from lettershop.mail import expiry
from lettershop.mail.inbound import Inbound
from lettershop.mail.route import Destination, Elsewhere, Nowhere
from lettershop.mail.sign import MessageSigner
from lettershop.store import accounts as account_rows
from lettershop.store import envelopes, stored, suppressions, wishes
from lettershop.store.blobs import BlobMissing, Blobs
from lettershop.store.database import Database, Transaction
from lettershop.store.schema_delivery import BOUNCED, DELIVERED
from lettershop.store.wishes import Wish
from lettershop.wire.address import Address, InvalidAddress
from lettershop.wire.message import headers
from lettershop.wire.message.addresses import mailboxes
from lettershop.wire.message.trace import goes_in_circles
from lettershop.wire.message.words import raw_text
from lettershop.wire.smtp import replies
from lettershop.wire.smtp.events import Client, Envelope, MailFrom, RcptTo
from lettershop.wire.smtp.grammar import dot_stuff, dsn_parameters
from lettershop.wire.smtp.replies import Reply

NOT_YOURS = Reply.of(553, "5.7.1", "This is not one of your addresses")
KEPT = 262_144
"""Bytes up to which a message is kept in memory from its acceptance until it is sent at once."""
FROM_NOT_YOURS = Reply.of(550, "5.7.1", "The From field must name one of your addresses")


class Submission:
    """The service behind ports 587 and 465."""

    def __init__(
        self, mail_db: Database, main_db: Database, blobs: Blobs, inbound: Inbound, signer: MessageSigner, clock: Clock,
        *, hostname: str, expire: float, login_required: bool = True, express: Express | None = None,
    ) -> None:  # fmt: skip
        self._express = express or Express()
        self._mail_db = mail_db
        self._main_db = main_db
        self._blobs = blobs
        self._inbound = inbound
        self._signer = signer
        self._clock = clock
        self._hostname = hostname
        self._expire = expire
        self._login_required = login_required

    async def accept_client(self, client: Client) -> Reply | None:
        """Everybody may knock; only who logs in gets further."""
        return None

    async def accept_sender(self, client: Client, sender: MailFrom) -> Reply:
        """Only addresses that belong to the account: its own, its aliases, its catch-all domains; or the null sender."""
        if not self._login_required:
            return replies.SENDER_OK
        if client.principal is None:
            return replies.LOGIN_REQUIRED
        if sender.address is None:
            return replies.SENDER_OK
        if await self._mail_db.read(_owns, client.principal.account_id, sender.address):
            return replies.SENDER_OK
        return NOT_YOURS

    async def accept_recipient(self, client: Client, sender: MailFrom, recipient: RcptTo) -> Reply:
        """Anybody elsewhere; here only those who exist, so a slip is told at once."""
        found = await self._inbound.find(recipient)
        return replies.NO_SUCH_MAILBOX if isinstance(found, Nowhere) else replies.RECIPIENT_OK

    async def deliver(self, envelope: Envelope, data: bytes) -> Reply:
        """Complete, sign, store; 250 after every commit."""
        if goes_in_circles(data):
            return replies.TOO_MANY_HOPS
        now = self._clock.now()
        if self._login_required and not await self._may_write_as(envelope.client, data):
            return FROM_NOT_YOURS
        data, wish = expiry.taken_out(data)
        try:
            expires_at = expiry.checked(expiry.read(wish, now), now) if wish else now + self._expire
        except expiry.WrongExpiry as error:
            return Reply.of(550, "5.6.0", error.public)
        message = await self._signer.sign(self._completed(envelope, data, now), now)
        sender = envelope.sender if envelope.sender.tls else replace(envelope.sender, tls=tls_wish(message))
        await self._send(sender, envelope.recipients, message, now, expires_at)
        return replies.ACCEPTED

    async def _may_write_as(self, client: Client, data: bytes) -> bool:
        """Whether every author in From is an address of this account: we sign it, so it must be true (RFC 6409 6.1)."""
        authors = [Address.parse(author) for author in authors_of(data)]
        account = client.principal.account_id if client.principal else 0
        return bool(authors) and all([await self._mail_db.read(_owns, account, author) for author in authors])

    async def post(self, recipient: str, message: bytes) -> None:
        """A complete message of the server itself, from the null sender; nobody is told if it cannot be delivered."""
        now = self._clock.now()
        signed = await self._signer.sign(message, now)
        await self._send(MailFrom(None), [RcptTo(Address.parse(recipient))], signed, now, now + self._expire)

    async def send_for(
        self, workspace_id: int, sender: Address, recipients: Sequence[str], message: bytes, *,
        due_at: float | None = None, expires_at: float | None = None, note: Callable[[Transaction, int], None],
    ) -> int:  # fmt: skip
        """A complete message of a workspace: signed, stored, queued ahead of campaigns; its id in `outgoing`.

        `note` is called with that id in the same transaction. Who has a mailbox here gets it at once, unless it is due later.
        """
        now = self._clock.now()
        due = now if due_at is None else due_at
        expires = due + self._expire if expires_at is None else expiry.checked(expires_at, due)
        signed = await self._signer.sign(message, now)
        to = [RcptTo(Address.parse(address)) for address in recipients]
        places = [await self._inbound.find(one) for one in to] if due_at is None else [Elsewhere()] * len(to)
        here = [one for one, place in zip(to, places, strict=True) if not isinstance(place, Elsewhere | Nowhere)]
        blob = await self._blobs.put(signed)
        if here:
            await self._inbound.store(here, MailFrom(sender), signed, None, None, now)
        ticket = self._express.ticket(envelopes.URGENT) if due_at is None else None
        queued, known = await self._main_db.write(
            _enqueue_for, workspace_id, MailFrom(sender, tls=tls_wish(signed)), to, places, blob, len(signed), now, due, expires,
            note, ticket,
        )  # fmt: skip
        self._go(ticket, queued, str(sender), signed, known, tls_wish(signed))
        return queued.outgoing_id

    async def _send(
        self, sender: MailFrom, recipients: Sequence[RcptTo], message: bytes, now: float, expires_at: float
    ) -> None:
        """Who is here gets it at once, the others are queued; returns after the commits."""
        places = [(recipient, await self._inbound.find(recipient)) for recipient in recipients]
        here = [recipient for recipient, place in places if not isinstance(place, Elsewhere)]
        away = [recipient for recipient, place in places if isinstance(place, Elsewhere)]
        if here:
            await self._inbound.store(here, sender, message, None, None, now)
        told = [recipient for recipient in here if "SUCCESS" in recipient.notify]  # `mail.undelivered` reads it there
        if away or told:
            blob = await self._blobs.put(message)
            ticket = self._express.ticket(envelopes.NORMAL)
            queued, known = await self._main_db.write(
                _enqueue, sender, away, told, blob, len(message), now, expires_at, ticket
            )
            self._go(ticket, queued, str(sender.address or ""), message, known, sender.tls)

    def _go(
        self, ticket: Ticket | None, queued: stored.Queued, mail_from: str, message: bytes, known: "_Known", tls: str
    ) -> None:
        """After the commit: straight to the engine, or to whoever looks into the queue."""
        small = len(message) <= KEPT
        wire = dot_stuff(message) if queued.leased and small else b""
        answers = [(one, _answer(one, mail_from, wire, known, tls)) for one in queued.leased] if small else []
        self._express.queued(ticket, queued.lane, queued.leased, answers)

    def _completed(self, envelope: Envelope, data: bytes, now: float) -> bytes:
        """Received on top; Date and Message-ID where they miss."""
        date = format_datetime(datetime.fromtimestamp(now, UTC))
        client = envelope.client
        top = f"Received: from {client.helo or 'unknown'}\r\n\tby {self._hostname} with {client.protocol};\r\n\t{date}\r\n"
        head = b"\r\n" + data.partition(b"\r\n\r\n")[0].lower()
        if b"\r\ndate:" not in head:
            top += f"Date: {date}\r\n"  # RFC 6409 8.2
        if b"\r\nmessage-id:" not in head:
            top += f"Message-ID: <{self._clock.token(16).hex()}@{self._hostname}>\r\n"  # RFC 6409 8.3
        return top.encode() + data


def tls_wish(message: bytes) -> str:
    """What a message says of TLS in its header: "optional", or nothing (RFC 8689 3)."""
    found = headers.parse(message).all("TLS-Required")
    return OPTIONAL if len(found) == 1 and raw_text(found[0].value).strip().lower() == "no" else ""


def authors_of(message: bytes) -> list[str]:
    """The addresses in the From fields that are well formed; none if any is not."""
    found = [mailbox for field in headers.parse(message).all("From") for mailbox in mailboxes(raw_text(field.value))]
    addresses = [f"{mailbox.local}@{mailbox.domain}" for mailbox in found]
    return addresses if all(_is_address(address) for address in addresses) else []


def _is_address(text: str) -> bool:
    try:
        Address.parse(text)
    except InvalidAddress:
        return False
    return True


def _owns(conn: Connection, account_id: int, address: Address) -> bool:
    found = account_rows.route(conn, [address.key, f"@{address.domain}"])
    return found is not None and found.id == account_id


def _enqueue(
    tx: Transaction, sender: MailFrom, away: Sequence[RcptTo], here: Sequence[RcptTo], blob: str, size: int, now: float,
    expires_at: float, ticket: Ticket | None,
) -> tuple[stored.Queued, "_Known"]:  # fmt: skip
    """`here`: who has it already, and whose success is to be told."""
    recipients = [*away, *here]
    queued = stored.enqueue_stored(
        tx, workspace_id=None, mail_from=str(sender.address or ""), blob=blob, size=size, now=now, expires_at=expires_at,
        recipients=[(str(recipient.address), recipient.address.domain) for recipient in recipients],
        claim=ticket.claim if ticket else None, tls=sender.tls,
    )  # fmt: skip
    said = {key: _wish(sender, recipient) for key, recipient in zip(queued.ids, recipients, strict=True)}
    wishes.add(tx, list(said.items()))
    done = queued.ids[len(away) :]
    envelopes.finish(tx, [_settled(key, None, one, False, now) for key, one in zip(done, here, strict=True)])
    queued = replace(queued, leased=[one for one in queued.leased if one.envelope_id not in done])
    return queued, _Known({}, _barred(tx.conn, queued.leased), said)


def _wish(sender: MailFrom, recipient: RcptTo) -> Wish:
    notify = ",".join(word for word in ("NEVER", "SUCCESS", "FAILURE", "DELAY") if word in recipient.notify)
    return Wish(notify, recipient.orcpt, sender.ret, sender.envid)


def _enqueue_for(
    tx: Transaction, workspace_id: int, sender: MailFrom, to: Sequence[RcptTo], places: Sequence[Destination], blob: str,
    size: int, now: float, due_at: float, expires_at: float, note: Callable[[Transaction, int], None], ticket: Ticket | None,
) -> tuple[stored.Queued, "_Known"]:  # fmt: skip
    queued = stored.enqueue_stored(
        tx, workspace_id=workspace_id, mail_from=str(sender.address), blob=blob, size=size, now=now, due_at=due_at,
        expires_at=expires_at, priority=envelopes.URGENT,
        recipients=[(str(recipient.address), recipient.address.domain) for recipient in to],
        claim=ticket.claim if ticket else None, tls=sender.tls,
    )  # fmt: skip
    note(tx, queued.outgoing_id)
    settled = [
        _settled(envelope_id, workspace_id, recipient, isinstance(place, Nowhere), now)
        for envelope_id, recipient, place in zip(queued.ids, to, places, strict=True)
        if not isinstance(place, Elsewhere)
    ]
    envelopes.finish(tx, settled)
    done = {outcome.envelope_id for outcome in settled}
    queued = replace(queued, leased=[one for one in queued.leased if one.envelope_id not in done])
    return queued, _Known({}, _barred(tx.conn, queued.leased), {})


def _settled(
    envelope_id: int, workspace_id: int | None, recipient: RcptTo, unknown: bool, now: float
) -> envelopes.Outcome:
    """What became of a recipient in a domain of ours."""
    address, site = str(recipient.address), recipient.address.domain
    head: dict[str, Any] = {"at": now, "workspace_id": workspace_id, "envelope_id": envelope_id}
    if unknown:
        words = "No such mailbox here"
        fact: Fact = Bounced(
            **head, site=site, mx="local", code=550, text=words, reason="unknown-user", hard=True, address=address
        )
        return envelopes.Outcome(envelope_id, BOUNCED, now, answer=words, address=address, fact=fact)
    fact = Delivered(**head, site=site, mx="local", code=250, text="stored here", relayed="SUCCESS" in recipient.notify)
    return envelopes.Outcome(envelope_id, DELIVERED, now, answer="stored here", address=address, fact=fact)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the tables say of envelopes: their messages, who nobody may write to, what their senders want to be told."""

    messages: Mapping[int, stored.Outgoing]
    barred: set[int]
    wishes: Mapping[int, Wish]


class StoredSource:
    """Stored messages for the delivery engine."""

    def __init__(self, db: Database, blobs: Blobs) -> None:
        self._db = db
        self._blobs = blobs

    async def prepare(self, leased: Sequence[Leased]) -> Sequence[Recipe | Withhold]:
        """See `egress.message.MessageSource`; the ledger is asked here, last."""
        known = await self._db.read(_look_up, leased)
        return [await self._one(one, known) for one in leased]

    async def _one(self, one: Leased, known: _Known) -> Recipe | Withhold:
        message = known.messages.get(one.outgoing_id or 0)
        if message is None:
            return Withhold(one.envelope_id, "message-gone")
        if one.envelope_id in known.barred:
            return _answer(one, message.mail_from, b"", known, message.tls)
        try:
            data = await self._blobs.get(message.blob)
        except BlobMissing:
            return Withhold(one.envelope_id, "message-gone")
        return _answer(one, message.mail_from, dot_stuff(data), known, message.tls)


def _answer(one: Leased, mail_from: str, wire: bytes, known: _Known, tls: str) -> Recipe | Withhold:
    if one.address is None:
        return Withhold(one.envelope_id, "message-gone")
    if one.envelope_id in known.barred:
        return Withhold(one.envelope_id, "suppressed")
    wish = known.wishes.get(one.envelope_id, wishes.NOTHING_SAID)
    dsn = dsn_parameters(wish.notify, wish.orcpt, wish.ret, wish.envid)
    return Recipe(one.envelope_id, mail_from, one.address, lambda: wire, dsn=dsn, tls=tls)


def _look_up(conn: Connection, leased: Sequence[Leased]) -> _Known:
    """The messages, and the envelopes whose recipient nobody may write to."""
    found = stored.stored_messages(conn, (one.outgoing_id for one in leased if one.outgoing_id is not None))
    return _Known(found, _barred(conn, leased), wishes.find(conn, [one.envelope_id for one in leased]))


def _barred(conn: Connection, leased: Sequence[Leased]) -> set[int]:
    keys = {one.envelope_id: Address.parse(one.address).key for one in leased if one.address}
    barred: set[int] = set()
    for workspace_id in {one.workspace_id for one in leased}:
        mine = {one.envelope_id for one in leased if one.workspace_id == workspace_id and one.envelope_id in keys}
        hits = suppressions.suppressed(conn, workspace_id, {keys[envelope_id] for envelope_id in mine})
        # who left the newsletters still gets what they asked for themselves
        dead = {key for key, entry in hits.items() if entry.reason != "unsubscribed"}
        barred |= {envelope_id for envelope_id in mine if keys[envelope_id] in dead}
    return barred
