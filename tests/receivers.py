"""A loopback network of SMTP receivers with scripted behaviour, on our own server machine over real sockets.

    async with Network() as net:
        inbox = await net.receiver("inbox.example")
        inbox.on("dead@inbox.example", refuse(550, "5.1.1", "No such user"))
        inbox.on("busy@inbox.example", refuse(451, "4.7.1", "Greylisted"), accept())     # first try, then ever after
        inbox.on("lost@inbox.example", drop(at="dot"))
        ...                                             # send to ("127.0.0.1", inbox.port), or by net.routes
        assert [m.recipient for m in inbox.messages] == ["busy@inbox.example"]
        assert inbox.tries["dead@inbox.example"] == 1

Addresses are compared in lower case. What is done at "mail" goes by the sender's address, all else by the recipient's.
"""

import asyncio
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal, Self

from lettershop.net.stream import Limits, Link, StreamServer, Why
from lettershop.wire.smtp import replies
from lettershop.wire.smtp.events import (
    Client,
    Connected,
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

Stage = Literal["mail", "rcpt", "dot"]


@dataclass(frozen=True)
class Behaviour:
    """What happens at a stage: wait, then a reply, raw bytes instead of one, or the connection cut."""

    at: Stage = "dot"
    reply: Reply | None = None
    raw: bytes | None = None
    cut: bool = False
    taken: bool = False
    wait: float = 0.0


def accept(wait: float = 0.0) -> Behaviour:
    """Take the message."""
    return Behaviour(reply=replies.ACCEPTED, taken=True, wait=wait)


def refuse(code: int, enhanced: str, text: str, *, at: Stage = "rcpt") -> Behaviour:
    """Answer so; a 421 ends the connection."""
    return Behaviour(at=at, reply=Reply.of(code, enhanced, text))


def drop(*, at: Stage = "dot", taken: bool = False) -> Behaviour:
    """Cut the connection instead of answering; `taken`: the message was stored all the same."""
    return Behaviour(at=at, cut=True, taken=taken)


def stall(*, at: Stage = "dot", seconds: float = 3600.0) -> Behaviour:
    """Say nothing for so long, then cut."""
    return Behaviour(at=at, cut=True, wait=seconds)


def garbage(*, at: Stage = "dot", raw: bytes = b"\x00\xff what?\r\n") -> Behaviour:
    """Send bytes that are no reply."""
    return Behaviour(at=at, raw=raw)


@dataclass(frozen=True)
class Received:
    """A message that was taken, for one recipient."""

    mail_from: str
    recipient: str
    data: bytes
    client: Client
    at: float  # seconds of the event loop's clock
    ret: str = ""
    envid: str = ""
    notify: frozenset[str] = frozenset()
    orcpt: str = ""
    tls: str = ""  # "require": with REQUIRETLS


@dataclass
class Receiver:
    """One receiving server. Change `decide` or call `on` at any time."""

    domain: str
    settings: Settings
    port: int = 0
    greeting: Reply | None = None  # instead of 220
    per_connection: int = 0  # messages until 421; 0: any number
    default: Behaviour = field(default_factory=accept)
    messages: list[Received] = field(default_factory=list)
    tries: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    open_now: int = 0
    most_open: int = 0
    passwords: dict[str, str] = field(default_factory=dict)  # with which one may log in; anybody where there are none
    decide: Callable[[str, int], Behaviour | None] | None = (
        None  # (address, try from 1) -> what to do, None: as `on` says
    )
    _plans: dict[str, tuple[Behaviour, ...]] = field(default_factory=dict)

    def on(self, address: str, *behaviours: Behaviour) -> None:
        """What to do at the first, second, … try of this address; the last one stays."""
        self._plans[address.lower()] = behaviours

    def plan(self, address: str) -> Behaviour:
        """The behaviour of this try."""
        key = address.lower()
        self.tries[key] += 1
        number = self.tries[key]
        if self.decide is not None and (decided := self.decide(key, number)) is not None:
            return decided
        behaviours = self._plans.get(key, (self.default,))
        return behaviours[min(number, len(behaviours)) - 1]

    def by_recipient(self) -> dict[str, list[Received]]:
        """The messages of each recipient."""
        found: dict[str, list[Received]] = {}
        for message in self.messages:
            found.setdefault(message.recipient, []).append(message)
        return found


class _Cut(Exception):
    """The connection was cut on purpose."""


class _Session:
    patience = 3600.0

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._machine = ServerMachine(receiver.settings)
        self._plans: list[tuple[str, Behaviour]] = []
        self._sender = ""
        self._count = 0

    async def opened(self, link: Link) -> None:
        self._link = link
        self._client = Client(link.peer.ip, link.peer.port, link.local.ip, link.local.port)
        receiver = self._receiver
        receiver.connections += 1
        receiver.open_now += 1
        receiver.most_open = max(receiver.most_open, receiver.open_now)
        await self.received(b"")

    async def received(self, data: bytes) -> None:
        self._machine.receive(data)
        try:
            while (event := self._machine.next_event()) is not None:
                await self._on(event)
        except _Cut:
            self._link.abort()
            return
        self._flush()

    def farewell(self, why: Why) -> bytes:
        return replies.SHUTTING_DOWN.to_wire()

    async def closed(self) -> None:
        self._receiver.open_now -= 1

    def _flush(self) -> None:
        self._link.write(self._machine.take())

    async def _on(self, event: Event) -> None:
        machine = self._machine
        match event:
            case Connected():
                machine.send(self._receiver.greeting or machine.banner)
            case Hello(name, esmtp):
                self._client = replace(self._client, helo=name, esmtp=esmtp)
            case LoginAttempt(_, credentials):
                known = self._receiver.passwords
                good = not known or known.get(credentials.user) == credentials.password
                machine.send(replies.LOGGED_IN if good else replies.LOGIN_FAILED)
            case StartTls():
                self._flush()
                await self._link.start_tls()
                assert self._link.tls is not None
                self._client = replace(self._client, tls=self._link.tls.version, cipher=self._link.tls.cipher)
                machine.tls_started()
            case MailFrom(address) as sender:
                self._plans.clear()
                self._said: dict[str, RcptTo] = {}
                self._mail_from = sender
                self._sender = str(address) if address else ""
                await self._mail()
            case RcptTo(address) as recipient:
                self._said[str(address)] = recipient
                plan = self._receiver.plan(str(address))
                self._plans.append((str(address), plan))
                await self._perform(plan, "rcpt", replies.RECIPIENT_OK)
                if plan.at == "rcpt":
                    self._plans.pop()
            case MessageReceived(data):
                await self._message(data)
            case Reset():
                self._plans.clear()
            case Quit():
                self._flush()
                self._link.close()

    async def _mail(self) -> None:
        limit = self._receiver.per_connection
        if limit and self._count >= limit:
            self._machine.send(Reply.of(421, "4.7.0", "Enough for one connection"))
        elif (behaviours := self._receiver._plans.get(self._sender.lower())) and behaviours[0].at == "mail":
            await self._perform(behaviours[0], "mail", replies.SENDER_OK)
        else:
            self._machine.send(replies.SENDER_OK)

    async def _message(self, data: bytes) -> None:
        self._count += 1
        now = asyncio.get_running_loop().time()
        for address, plan in self._plans:
            if plan.taken:
                mail, rcpt = self._mail_from, self._said[address]
                said = (mail.ret, mail.envid, rcpt.notify, rcpt.orcpt, mail.tls)
                self._receiver.messages.append(Received(self._sender, address, data, self._client, now, *said))
        worst = next((plan for _, plan in self._plans if plan.cut or plan.raw or not plan.taken), self._plans[0][1])
        await self._perform(worst, "dot", replies.ACCEPTED)

    async def _perform(self, plan: Behaviour, stage: Stage, usual: Reply) -> None:
        if plan.at != stage:
            self._machine.send(usual)
            return
        self._flush()
        if plan.wait:
            await asyncio.sleep(plan.wait)
        if plan.cut:
            raise _Cut
        self._machine.send(plan.reply or usual)
        if plan.raw is not None:
            self._machine.take()
            self._link.write(plan.raw)


class Network:
    """Any number of receivers on loopback; closes them all at the end."""

    def __init__(self) -> None:
        self.receivers: dict[str, Receiver] = {}
        self._servers: list[StreamServer] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.gather(*(server.close() for server in self._servers))

    @property
    def routes(self) -> dict[str, str]:
        """For `delivery.routes`: next hop by domain."""
        return {name: f"smtp://127.0.0.1:{receiver.port}" for name, receiver in self.receivers.items()}

    async def receiver(
        self,
        domain: str,
        *,
        tls: ssl.SSLContext | None = None,
        hidden: frozenset[str] = frozenset(),
        max_size: int = 52_428_800,
        per_connection: int = 0,
        greeting: Reply | None = None,
        address: str = "127.0.0.1",
        port: int = 0,
        passwords: dict[str, str] | None = None,
        implicit_tls: bool = False,
        dsn: bool = False,
    ) -> Receiver:
        """Start one. `hidden`: extensions it does not announce, such as {"PIPELINING"}; another loopback address may share a port."""
        login = passwords is not None
        settings = Settings(
            f"mx.{domain}", max_size=max_size, tls=tls is not None, hidden=hidden, login=login, plaintext_login=tls is None or implicit_tls,
            login_required=login, dsn=dsn, require_tls="REQUIRETLS" not in hidden,
        )  # fmt: skip
        receiver = Receiver(
            domain, settings, greeting=greeting, per_connection=per_connection, passwords=passwords or {}
        )
        server = StreamServer(
            lambda: _Session(receiver), tls=tls, implicit_tls=implicit_tls, limits=Limits(per_peer=2000, grace=0.1)
        )
        _, receiver.port = await server.listen(address, port)
        self.receivers[domain] = receiver
        self._servers.append(server)
        return receiver
