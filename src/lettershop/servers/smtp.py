"""SMTP, relay and submission: event -> one service call -> reply.

What lives here: the ports that mail services fill, and the session that stands between `net.stream` and
`wire.smtp.server`. What must not: any decision about mail.

A port answers with a `Reply` (the catalogue is in `wire.smtp.replies`) or raises a LettershopError, whose public words
become the reply (`replies.reply_for`). Any other exception ends the connection with 421: the client tries again.
A `deliver` that returns 250 promises that the message is committed.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Protocol

from lettershop.base.errors import LettershopError
from lettershop.net.stream import Link, Peer, Why
from lettershop.wire.sasl import Credentials, Principal
from lettershop.wire.smtp import replies
from lettershop.wire.smtp.events import (
    Client,
    Connected,
    Envelope,
    Event,
    Hello,
    LoginAttempt,
    MailFrom,
    MessageReceived,
    Quit,
    RcptTo,
    Reset,
    StartTls,
)
from lettershop.wire.smtp.replies import Reply
from lettershop.wire.smtp.server import ServerMachine, Settings

FAIR = 2**20  # bytes that a session may hold whatever the others do
PATIENCE = 300.0  # RFC 5321 4.5.3.2.7: a server waits 5 minutes at least


class Inbound(Protocol):
    """Who takes mail: `mail.inbound` for other servers' mail, `mail.submission` for our own users'."""

    async def accept_client(self, client: Client) -> Reply | None:
        """A connection, before the greeting. None greets; a Reply (554, 421) refuses it."""

    async def accept_sender(self, client: Client, sender: MailFrom) -> Reply:
        """MAIL FROM: replies.SENDER_OK or a refusal."""

    async def accept_recipient(self, client: Client, sender: MailFrom, recipient: RcptTo) -> Reply:
        """RCPT TO, once per recipient: replies.RECIPIENT_OK or a refusal."""

    async def deliver(self, envelope: Envelope, data: bytes) -> Reply:
        """The message, CRLF line ends: a 250 only after its commit."""


class Login(Protocol):
    """Who checks credentials, and slows down those who guess."""

    async def login(self, credentials: Credentials, peer: Peer) -> Principal | None:
        """The account, or None if the credentials do not fit. Raises Temporary if it cannot tell now."""

    def may_login_in_clear(self, peer_ip: str) -> bool:
        """Whether this peer may log in without TLS."""


class Intake:
    """What all sessions of a process together hold of messages that are not complete, so that nobody fills the memory.

    One is shared by all that are to keep within `most` bytes. Above it whoever holds more than `FAIR` has to come again.
    """

    def __init__(self, most: int = 256 * 2**20) -> None:
        self._most = most
        self._held = 0

    def fits(self, before: int, now: int) -> bool:
        """A session held `before` bytes and holds `now`; whether it may go on."""
        self._held += now - before
        return self._held <= self._most or now <= FAIR


class SmtpSession:
    """One connection. Make one per connection by a factory: `lambda: SmtpSession(settings, inbound, login)`."""

    patience = PATIENCE

    def __init__(
        self, settings: Settings, inbound: Inbound, login: Login | None = None, intake: Intake | None = None
    ) -> None:
        self._intake = intake or Intake()
        self._held = 0
        self._settings = settings
        self._machine: ServerMachine
        self._inbound = inbound
        self._login = login
        self._link: Link
        self._client: Client
        self._sender: MailFrom
        self._recipients: list[RcptTo] = []

    async def opened(self, link: Link) -> None:
        """Greet, or refuse."""
        self._link = link
        in_clear = self._login is not None and self._login.may_login_in_clear(link.peer.ip)
        self._machine = ServerMachine(replace(self._settings, plaintext_login=in_clear))
        tls = link.tls
        self._client = Client(link.peer.ip, link.peer.port, link.local.ip, link.local.port)
        if tls is not None:
            self._client = replace(self._client, tls=tls.version, cipher=tls.cipher)
            self._machine.tls_started()
        await self.received(b"")

    async def received(self, data: bytes) -> None:
        """All commands of a packet in order; their replies leave in one write (RFC 2920 3.2)."""
        machine = self._machine
        machine.receive(data)
        while (event := machine.next_event()) is not None:
            await _HANDLERS[type(event)](self, event)
        await self._flush()
        before, self._held = self._held, machine.held
        if not self._intake.fits(before, self._held):
            self._link.write(replies.TOO_MUCH_AT_ONCE.to_wire())  # RFC 5321 3.8: 421 at any moment
            self._link.close()

    def farewell(self, why: Why) -> bytes:
        """RFC 5321 3.8: 421 before a server closes on its own."""
        return _FAREWELLS[why].to_wire()

    async def closed(self) -> None:
        """Let go of what is not complete."""
        self._intake.fits(self._held, 0)

    async def _flush(self) -> None:
        if output := self._machine.take():
            await self._link.send(output)

    async def _answer(self, verdict: Awaitable[Reply]) -> Reply:
        try:
            reply = await verdict
        except LettershopError as error:
            reply = replies.reply_for(error)
        self._machine.send(reply)
        return reply

    # -- handlers -------------------------------------------------------------------------------------------------

    async def _connected(self, event: Connected) -> None:
        refusal = await self._inbound.accept_client(self._client)
        self._machine.send(refusal or self._machine.banner)

    async def _hello(self, event: Hello) -> None:
        self._client = replace(self._client, helo=event.name, esmtp=event.esmtp)
        self._recipients.clear()

    async def _start_tls(self, event: StartTls) -> None:
        await self._flush()
        await self._link.start_tls()
        assert self._link.tls is not None
        tls = self._link.tls
        self._client = replace(self._client, tls=tls.version, cipher=tls.cipher, helo="", esmtp=False)
        self._machine.tls_started()

    async def _log_in(self, event: LoginAttempt) -> None:
        try:
            found = await self._login.login(event.credentials, self._link.peer) if self._login else None
        except LettershopError as error:
            self._machine.send(Reply.of(454, "4.7.0", error.public))  # RFC 4954 4: temporary failure
            return
        if found is not None:
            self._client = replace(self._client, principal=found)
        self._machine.send(replies.LOGIN_FAILED if found is None else replies.LOGGED_IN)

    async def _mail(self, event: MailFrom) -> None:
        self._sender = event
        self._recipients.clear()
        await self._answer(self._inbound.accept_sender(self._client, event))

    async def _rcpt(self, event: RcptTo) -> None:
        reply = await self._answer(self._inbound.accept_recipient(self._client, self._sender, event))
        if reply.positive:
            self._recipients.append(event)

    async def _message(self, event: MessageReceived) -> None:
        await self._flush()  # what is decided is not held back while this one is stored
        envelope = Envelope(self._client, self._sender, tuple(self._recipients))
        self._recipients.clear()
        await self._answer(self._inbound.deliver(envelope, event.data))

    async def _reset(self, event: Reset) -> None:
        self._recipients.clear()

    async def _quit(self, event: Quit) -> None:
        await self._flush()
        self._link.close()


_HANDLERS: dict[type[Event], Callable[[SmtpSession, Any], Awaitable[None]]] = {
    Connected: SmtpSession._connected,
    Hello: SmtpSession._hello,
    StartTls: SmtpSession._start_tls,
    LoginAttempt: SmtpSession._log_in,
    MailFrom: SmtpSession._mail,
    RcptTo: SmtpSession._rcpt,
    MessageReceived: SmtpSession._message,
    Reset: SmtpSession._reset,
    Quit: SmtpSession._quit,
}
_FAREWELLS: dict[Why, Reply] = {
    "timeout": replies.TIMED_OUT,
    "shutdown": replies.SHUTTING_DOWN,
    "error": replies.LOCAL_ERROR,
}
