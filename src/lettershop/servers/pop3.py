"""POP3 (RFC 1939, 2449, 2595, 5034): a command in, one service call, an answer out.

A session sees INBOX as it was at the log-in; what it deletes goes at QUIT and only there (RFC 1939 6). Nothing is
locked: numbers belong to the session, and the bytes of a message do not change.

    StreamServer(lambda: Pop3Session(services, "mail.shop.example"), tls=context, implicit_tls=…)
"""

from collections.abc import Awaitable, Callable
from typing import Any

from lettershop.base.errors import LettershopError, Temporary
from lettershop.mail.mailbox.maildrop import Maildrop
from lettershop.net.stream import Link, Why
from lettershop.servers.clients import Services
from lettershop.wire import pop3
from lettershop.wire.pop3 import Broken, Command, Event, Line
from lettershop.wire.sasl import MECHANISMS, Challenge, Credentials, SaslError, ServerExchange

BEFORE_LOGIN = 60.0
AFTER_LOGIN = 660.0  # RFC 1939 3: at least ten minutes
MAX_FAILURES = 5
MAX_BAD = 20


class Pop3Session:
    """One connection."""

    def __init__(self, services: Services, hostname: str) -> None:
        self._services = services
        self._hostname = hostname
        self._machine = pop3.ServerMachine()
        self._link: Link
        self._user = ""
        self._exchange: ServerExchange | None = None
        self._drop: Maildrop | None = None
        self._failures = self._bad = 0
        self._out: list[bytes] = []

    @property
    def patience(self) -> float:
        """Seconds without a word from the client."""
        return BEFORE_LOGIN if self._drop is None else AFTER_LOGIN

    async def opened(self, link: Link) -> None:
        """Greet."""
        self._link = link
        link.write(f"+OK {self._hostname} ready.\r\n".encode())

    async def received(self, data: bytes) -> None:
        """All commands of a packet, in order; their answers leave in one write (RFC 2449 6.6)."""
        self._machine.feed(data)
        while not self._link.closing and (event := self._machine.next_event()) is not None:
            try:
                await _EVENTS[type(event)](self, event)
            except LettershopError as error:
                self._error(error.public, "SYS/TEMP" if isinstance(error, Temporary) else "")  # RFC 3206
        await self._flush()

    def farewell(self, why: Why) -> bytes:
        """RFC 1939 3: a session that times out deletes nothing."""
        return b"-ERR The connection is closed.\r\n" if why != "timeout" else b""

    async def closed(self) -> None:
        """Nothing is held."""

    # -- answers ------------------------------------------------------------------------------------------------------

    def _ok(self, text: str = "") -> None:
        self._out.append(f"+OK {text}\r\n".encode() if text else b"+OK\r\n")

    def _error(self, text: str, code: str = "") -> None:
        self._out.append(f"-ERR [{code}] {text}\r\n".encode() if code else f"-ERR {text}\r\n".encode())

    async def _flush(self) -> None:
        if self._out:
            data = b"".join(self._out)
            self._out.clear()
            await self._link.send(data)

    async def _hang_up(self) -> None:
        await self._flush()
        self._link.close()

    # -- events -------------------------------------------------------------------------------------------------------

    async def _command(self, command: Command) -> None:
        table = _STRANGER if self._drop is None else _KNOWN
        handler = _ANY.get(command.name) or table.get(command.name)
        if handler is not None:
            await handler(self, command)
            return
        self._error("That command is not known, or not now.")
        self._bad += 1
        if self._bad >= MAX_BAD:
            await self._hang_up()

    async def _line(self, event: Line) -> None:
        assert self._exchange is not None, "a line is expected only in a dialogue"
        try:
            await self._step(self._exchange.respond(event.data))
        except SaslError as error:
            self._error(error.public)

    async def _broken(self, event: Broken) -> None:
        self._error(event.text)
        await self._hang_up()

    # -- log-in -------------------------------------------------------------------------------------------------------

    @property
    def _clear(self) -> bool:
        return self._link.tls is None and not self._services.may_login_in_clear(self._link.peer.ip)

    def _refused_in_clear(self) -> bool:
        if self._clear:
            self._error("Log in after STLS, please.")
        return self._clear

    async def _user_name(self, command: Command) -> None:
        if not self._refused_in_clear():
            self._user = command.rest
            self._ok("And the password?")  # said of every name, so that nobody learns which exist

    async def _password(self, command: Command) -> None:
        if self._refused_in_clear():
            return
        if not self._user:
            self._error("USER comes first.")
            return
        user, self._user = self._user, ""
        await self._log_in(Credentials(user, command.rest))

    async def _auth(self, command: Command) -> None:
        """RFC 5034: AUTH mechanism [initial response]."""
        if self._refused_in_clear():
            return
        mechanism, _, initial = command.rest.partition(" ")
        try:
            self._exchange = ServerExchange(mechanism)
            await self._step(self._exchange.begin(initial.encode("ascii", "replace") if initial else None))
        except SaslError as error:
            self._error(error.public)

    async def _step(self, step: Challenge | Credentials) -> None:
        if isinstance(step, Challenge):
            self._machine.expect_line()
            self._out.append(b"+ %b\r\n" % step.line)
            return
        await self._log_in(step)

    async def _log_in(self, credentials: Credentials) -> None:
        try:
            principal = await self._services.login.login(credentials, self._link.peer.ip)
        except Temporary as error:
            self._error(error.public, "SYS/TEMP")
            return
        if principal is None:
            self._error("The user name or the password is wrong.", "AUTH")  # RFC 3206
            self._failures += 1
            if self._failures >= MAX_FAILURES:
                await self._hang_up()
            return
        self._drop = await Maildrop.open(self._services.mailboxes, principal.account_id)
        self._ok(f"{self._drop.count} messages.")

    async def _start_tls(self, command: Command) -> None:
        if not self._link.tls_available:
            self._error("TLS cannot begin now.")
            return
        self._ok("Begin TLS now.")
        await self._flush()
        self._machine.forget()  # RFC 2595 4: what came before does not count
        self._user = ""
        await self._link.start_tls()

    # -- any time -----------------------------------------------------------------------------------------------------

    async def _capabilities(self, command: Command) -> None:
        lines = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER"]
        if self._link.tls_available:
            lines.append("STLS")
        if not self._clear:
            lines += ["USER", f"SASL {' '.join(MECHANISMS)}"]
        self._ok("This is possible:")
        self._out.append("".join(f"{line}\r\n" for line in [*lines, "."]).encode())

    async def _quit(self, command: Command) -> None:
        """RFC 1939 6: only now the deleted messages go."""
        if self._drop is not None:
            await self._drop.remove_deleted()
        self._ok("Good-bye.")
        await self._hang_up()

    # -- the maildrop ---------------------------------------------------------------------------------------------------

    @property
    def _maildrop(self) -> Maildrop:
        assert self._drop is not None, "the table lets nobody in before"
        return self._drop

    def _message(self, command: Command, *, count: int = 1) -> tuple[int, ...] | None:
        """The numbers of the command, if the first is that of a message that is there; else says so."""
        numbers = command.numbers()
        if numbers is None or len(numbers) != count:
            self._error("The number of a message is wanted.")
            return None
        if not self._maildrop.has(numbers[0]):
            self._error("There is no such message.")
            return None
        return numbers

    async def _stat(self, command: Command) -> None:
        sizes = [size for _, size in self._maildrop.sizes()]
        self._ok(f"{len(sizes)} {sum(sizes)}")

    async def _list(self, command: Command) -> None:
        if command.rest:
            numbers = self._message(command)
            if numbers:
                self._ok(f"{numbers[0]} {self._maildrop.size(numbers[0])}")
            return
        self._ok("Their sizes:")
        lines = [f"{number} {size}\r\n" for number, size in self._maildrop.sizes()]
        self._out.append("".join([*lines, ".\r\n"]).encode())

    async def _unique_ids(self, command: Command) -> None:
        if command.rest:
            numbers = self._message(command)
            if numbers:
                self._ok(f"{numbers[0]} {self._maildrop.unique_id(numbers[0])}")
            return
        self._ok("Their names:")
        lines = [f"{number} {self._maildrop.unique_id(number)}\r\n" for number, _ in self._maildrop.sizes()]
        self._out.append("".join([*lines, ".\r\n"]).encode())

    async def _retrieve(self, command: Command) -> None:
        numbers = self._message(command)
        if numbers is None:
            return
        data, _ = await self._maildrop.message(numbers[0])
        self._ok(f"{len(data)} bytes.")
        self._out.append(pop3.multiline(data))
        await self._flush()  # one message at a time in memory

    async def _top(self, command: Command) -> None:
        numbers = self._message(command, count=2)
        if numbers is None:
            return
        data, body = await self._maildrop.message(numbers[0])
        self._ok("Its beginning:")
        self._out.append(pop3.multiline(pop3.top(data, body, numbers[1])))
        await self._flush()

    async def _delete(self, command: Command) -> None:
        numbers = self._message(command)
        if numbers:
            self._maildrop.delete(numbers[0])
            self._ok("It goes at QUIT.")

    async def _reset(self, command: Command) -> None:
        self._maildrop.reset()
        self._ok("All are there again.")

    async def _noop(self, command: Command) -> None:
        self._ok()


Handler = Callable[[Pop3Session, Command], Awaitable[None]]
_ANY: dict[str, Handler] = {"CAPA": Pop3Session._capabilities, "QUIT": Pop3Session._quit}
_STRANGER: dict[str, Handler] = {
    "USER": Pop3Session._user_name, "PASS": Pop3Session._password, "AUTH": Pop3Session._auth,
    "STLS": Pop3Session._start_tls,
}  # fmt: skip
_KNOWN: dict[str, Handler] = {
    "STAT": Pop3Session._stat, "LIST": Pop3Session._list, "UIDL": Pop3Session._unique_ids,
    "RETR": Pop3Session._retrieve, "TOP": Pop3Session._top, "DELE": Pop3Session._delete, "RSET": Pop3Session._reset,
    "NOOP": Pop3Session._noop,
}  # fmt: skip
_EVENTS: dict[type[Event], Callable[[Pop3Session, Any], Awaitable[None]]] = {
    Command: Pop3Session._command,
    Line: Pop3Session._line,
    Broken: Pop3Session._broken,
}
