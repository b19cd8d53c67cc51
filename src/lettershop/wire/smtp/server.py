"""The server's side of SMTP: bytes in, events out, replies in order. [pure]

What lives here: which command may come when (the tables below), what a machine can answer by itself, the reading of
message data. What must not: any rule about who may send what to whom.

    machine.receive(data)
    while (event := machine.next_event()) is not None:
        machine.send(reply)                  # for the events marked (decide) in `events`
    write(machine.take())

Pipelined commands (RFC 2920) are taken one at a time, so the replies stand in their order and leave in one write.

Line ends. A command ends with CR LF; a bare LF is refused. Data ends with CR LF . CR LF and with nothing else, so
that no two servers can disagree on where a message ends (SMTP smuggling). A bare CR or LF within data is made CR LF:
old programs still send them, the stored message must not hold them (IMAP and DKIM count bytes), and made so they can
never be taken for an end by the next server, because what leaves is dot-stuffed anew. The event says `mended`.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from lettershop.wire.buffer import LineTooLong, ReceiveBuffer
from lettershop.wire.sasl import MECHANISMS, Challenge, Credentials, SaslCancelled, SaslError, ServerExchange
from lettershop.wire.smtp import replies
from lettershop.wire.smtp.events import (
    Connected,
    Event,
    Hello,
    LoginAttempt,
    MessageReceived,
    Quit,
    RcptTo,
    Reset,
    StartTls,
)
from lettershop.wire.smtp.grammar import (
    Announced,
    BadCommand,
    parse_chunk,
    parse_hello,
    parse_mail,
    parse_rcpt,
    split_command,
)
from lettershop.wire.smtp.incoming import ChunkReader, DataReader, mended
from lettershop.wire.smtp.replies import Reply
from lettershop.wire.smtp.state import ALLOWED, DECIDED, TRANSACTION, State

COMMAND_LIMIT = 4096  # RFC 5321 4.5.3.1.4 says 512; parameters of extensions come on top
LOGIN_LIMIT = 12_288  # RFC 4954 4


@dataclass(frozen=True, slots=True)
class Settings:
    """What a listener is: a relay (`login` False) or a submission server.

    `tls`: STARTTLS can be had. `login`: AUTH is offered, over TLS or, with `plaintext_login`, without.
    `login_required`: no MAIL before a log-in. `dsn`: the services honour RFC 3461; `require_tls`: RFC 8689. `hidden`: extensions that
    are not announced, to get along with peers that stumble over them.
    """

    hostname: str
    max_size: int = 52_428_800
    max_recipients: int = 1000
    max_errors: int = 10
    tls: bool = False
    login: bool = False
    plaintext_login: bool = False
    login_required: bool = False
    dsn: bool = False
    require_tls: bool = False
    hidden: frozenset[str] = frozenset()


class ServerMachine:
    """One conversation. It never fails: whatever comes in is answered or ends in a `Quit` event."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.state = State.CONNECTED
        self._buffer = ReceiveBuffer()
        self._output: list[bytes] = []
        self._events: deque[Event] = deque([Connected()])
        self._deciding: Event | None = None
        self._announced = Announced(settings.max_size, settings.dsn, settings.login)
        self._tls = False
        self._logged_in = False
        self._smtputf8 = False
        self._recipients = 0
        self._errors = 0
        self._skipping = False
        self._exchange: tuple[str, ServerExchange] | None = None
        self._incoming = DataReader(settings.max_size)
        self._chunks = ChunkReader(settings.max_size)
        self._chunk_done: Callable[[], None] = lambda: None

    # -- for the caller -------------------------------------------------------------------------------------------

    @property
    def banner(self) -> Reply:
        """The greeting to send for `Connected`."""
        return Reply.of(220, "", f"{self.settings.hostname} ESMTP Lettershop")

    def receive(self, data: bytes) -> None:
        """Take in what the client sent; may be empty."""
        self._buffer.feed(data)

    @property
    def held(self) -> int:
        """Bytes of what is not complete yet: a command, a message."""
        return len(self._buffer) + self._chunks.size

    def next_event(self) -> Event | None:
        """What happened next, or None: feed more. The last event must have been decided."""
        assert self._deciding is None, "the last event waits for its reply"
        while not self._events:
            if not self._step():
                return None
        event = self._events.popleft()
        if type(event) in DECIDED:
            self._deciding = event
        return event

    def send(self, reply: Reply) -> None:
        """Decide the last event."""
        event, self._deciding = self._deciding, None
        assert event is not None, "nothing waits for a reply"
        good, bad = DECIDED[type(event)]
        self.state = good if reply.positive else (bad or self.state)
        self._reply(reply)
        if type(event) is RcptTo:
            self._recipients += reply.positive
        elif type(event) is LoginAttempt:
            self._logged_in = reply.positive
            if reply.permanent:
                self._count_error()
        if reply.code == 421 or self.state is State.CLOSED:
            self._close("refused")  # RFC 5321 3.8

    def take(self) -> bytes:
        """The replies since the last call, to be written at once."""
        output = b"".join(self._output)
        self._output.clear()
        return output

    def tls_started(self) -> None:
        """The connection is under TLS now: after `StartTls`, or from the start."""
        self._tls = True
        if self.state is not State.CONNECTED:
            self.state = State.START  # RFC 3207 4.2: all that was said before is forgotten
        self._logged_in = False
        self._buffer.clear()

    # -- reading --------------------------------------------------------------------------------------------------

    def _step(self) -> bool:
        """Read one thing; False when it is not complete yet."""
        if self.state is State.DATA:
            return self._read_data()
        if self._chunks.reading:
            return self._read_chunk()
        if self.state is State.CLOSED:
            self._buffer.clear()
            return False
        return self._read_line()

    def _read_line(self) -> bool:
        if self._skipping:
            if not self._buffer.skip_line():
                return False
            self._skipping = False
            self._complain(replies.LINE_TOO_LONG)
            return True
        try:
            line = self._buffer.line(LOGIN_LIMIT if self.state is State.LOGIN else COMMAND_LIMIT)
        except LineTooLong:
            self._skipping = True
            if self.state is State.LOGIN:
                self.state = State.READY
            return True
        if line is None:
            return False
        try:
            self._login_response(line) if self.state is State.LOGIN else self._command(line)
        except BadCommand as error:
            self._complain(error.reply)
        return True

    def _read_data(self) -> bool:
        message = self._incoming.read(self._buffer)
        if message is False:
            return False
        if message is True:
            self.state = State.READY
            self._events.append(Reset())
            self._reply(replies.TOO_BIG)
        else:
            self._received(message)
        return True

    def _read_chunk(self) -> bool:
        complete = self._chunks.read(self._buffer)
        if complete:
            self._chunk_done()
        return complete

    def _received(self, data: bytes) -> None:
        message = mended(data)
        self._events.append(MessageReceived(message, message is not data))

    # -- commands -------------------------------------------------------------------------------------------------

    def _command(self, line: bytes) -> None:
        verb, argument = split_command(line)
        rule = ALLOWED.get(verb)
        if rule is None:
            raise BadCommand(replies.UNKNOWN_COMMAND)
        states, complaint = rule
        if self.state in states:
            _HANDLERS[verb](self, argument)
        elif verb == "BDAT":
            self._pass_over(parse_chunk(argument)[0], replies.NO_RECIPIENTS if self.state is State.MAIL else complaint)
        elif self.state is State.START:
            self._reply(replies.HELLO_FIRST)
        elif verb == "DATA" and self.state is State.MAIL:
            self._reply(replies.NO_RECIPIENTS)  # RFC 5321 3.3
        else:
            self._reply(complaint)

    def _ehlo(self, argument: str) -> None:
        self._hello(argument, esmtp=True)
        self._reply(Reply(250, "", (self.settings.hostname, *self._extensions())))

    def _helo(self, argument: str) -> None:
        self._hello(argument, esmtp=False)
        self._reply(Reply.of(250, "", self.settings.hostname))

    def _hello(self, argument: str, *, esmtp: bool) -> None:
        name = parse_hello(argument)
        self._reset()  # RFC 5321 4.1.4: EHLO clears as RSET does
        self.state = State.READY
        self._events.append(Hello(name, esmtp))

    def _extensions(self) -> list[str]:
        """What is announced is done."""
        settings = self.settings
        lines = ["PIPELINING", f"SIZE {settings.max_size}", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING"]
        if settings.dsn:
            lines.append("DSN")
        if settings.tls and not self._tls:
            lines.append("STARTTLS")
        if self._keeps_to_tls:
            lines.append("REQUIRETLS")
        if settings.login and (self._tls or settings.plaintext_login):
            lines.append("AUTH " + " ".join(MECHANISMS))
        return [line for line in lines if line.partition(" ")[0] not in settings.hidden]

    @property
    def _keeps_to_tls(self) -> bool:
        return self.settings.require_tls and self._tls  # RFC 8689 2: only under TLS

    def _start_tls(self, argument: str) -> None:
        if not self.settings.tls or self._tls:
            raise BadCommand(replies.NOT_IMPLEMENTED)
        _no(argument)
        self._buffer.clear()  # RFC 3207 4.2: nothing that came in plain text may be taken for protected
        self._reset()
        self._reply(replies.GO_AHEAD_TLS)
        self._events.append(StartTls())

    def _auth(self, argument: str) -> None:
        settings = self.settings
        if not settings.login:
            raise BadCommand(replies.NOT_IMPLEMENTED)
        if self._logged_in:
            raise BadCommand(replies.ALREADY_LOGGED_IN)
        if not (self._tls or settings.plaintext_login):
            raise BadCommand(replies.LOGIN_NEEDS_TLS)
        mechanism, _, initial = argument.partition(" ")
        try:
            exchange = ServerExchange(mechanism)
        except SaslError:
            raise BadCommand(replies.UNKNOWN_MECHANISM) from None
        self._exchange = (mechanism.upper(), exchange)
        self._advance_login(lambda: exchange.begin(initial.encode() or None))

    def _login_response(self, line: bytes) -> None:
        assert self._exchange is not None
        exchange = self._exchange[1]
        self._advance_login(lambda: exchange.respond(line.rstrip(b"\r\n")))

    def _advance_login(self, step: Callable[[], Challenge | Credentials]) -> None:
        assert self._exchange is not None
        self.state = State.READY
        try:
            result = step()
        except SaslCancelled:
            raise BadCommand(replies.LOGIN_CANCELLED) from None
        except SaslError:
            raise BadCommand(replies.LOGIN_BAD_RESPONSE) from None
        if isinstance(result, Challenge):
            self.state = State.LOGIN
            self._output.append(b"334 " + result.line + b"\r\n")
        else:
            self._events.append(LoginAttempt(self._exchange[0], result))

    def _mail(self, argument: str) -> None:
        if self.settings.login_required and not self._logged_in:
            self._reply(replies.LOGIN_REQUIRED)
            return
        event = parse_mail(argument, self._announced, require_tls=self._keeps_to_tls)
        self._reset()
        self._smtputf8 = event.smtputf8
        self._events.append(event)

    def _rcpt(self, argument: str) -> None:
        hostname = self.settings.hostname
        event = parse_rcpt(argument, self._announced, smtputf8=self._smtputf8, hostname=hostname)
        if self._recipients >= self.settings.max_recipients:
            self._reply(replies.TOO_MANY_RECIPIENTS)
            return
        self._events.append(event)

    def _data(self, argument: str) -> None:
        _no(argument)
        self.state = State.DATA
        self._reply(replies.GO_AHEAD_DATA)

    def _bdat(self, argument: str) -> None:
        size, last = parse_chunk(argument)
        if not self._chunks.fits(size):
            self._chunks.forget()
            self.state = State.READY
            self._events.append(Reset())
            self._pass_over(size, replies.TOO_BIG)
            return
        self.state = State.BDAT
        self._chunks.expect(size, keep=True)
        self._chunk_done = self._last_chunk if last else lambda: self._reply(replies.OK)
        if not size:
            self._chunk_done()

    def _last_chunk(self) -> None:
        self._received(self._chunks.finish())

    def _pass_over(self, size: int, reply: Reply) -> None:
        """Refuse a chunk: its octets come in any case (RFC 3030 2)."""
        self._chunks.expect(size, keep=False)
        self._chunk_done = lambda: self._reply(reply)
        if not size:
            self._chunk_done()

    def _rset(self, argument: str) -> None:
        _no(argument)
        if self.state in TRANSACTION:
            self.state = State.READY
            self._events.append(Reset())
        self._reset()
        self._reply(replies.OK)

    def _noop(self, argument: str) -> None:
        self._reply(replies.OK)

    def _vrfy(self, argument: str) -> None:
        self._reply(replies.CANNOT_VERIFY)

    def _expn(self, argument: str) -> None:
        self._reply(replies.NOT_IMPLEMENTED)

    def _help(self, argument: str) -> None:
        self._reply(replies.HELP)

    def _quit(self, argument: str) -> None:
        _no(argument)
        self._reply(replies.BYE)
        self._close("quit")

    # -- ends -----------------------------------------------------------------------------------------------------

    def _reset(self) -> None:
        self._recipients = 0
        self._smtputf8 = False
        self._chunks.forget()

    def _reply(self, reply: Reply) -> None:
        self._output.append(reply.to_wire(utf8=self._smtputf8))

    def _complain(self, reply: Reply) -> None:
        self._reply(reply)
        self._count_error()

    def _count_error(self) -> None:
        self._errors += 1
        if self._errors >= self.settings.max_errors:
            self._reply(replies.TOO_MANY_ERRORS)
            self._close("errors")

    def _close(self, why: Literal["quit", "errors", "refused"]) -> None:
        self.state = State.CLOSED
        self._events.append(Quit(why))


def _no(argument: str) -> None:
    if argument:
        raise BadCommand(replies.BAD_ARGUMENTS)


_HANDLERS: dict[str, Callable[[ServerMachine, str], None]] = {
    "EHLO": ServerMachine._ehlo,
    "HELO": ServerMachine._helo,
    "STARTTLS": ServerMachine._start_tls,
    "AUTH": ServerMachine._auth,
    "MAIL": ServerMachine._mail,
    "RCPT": ServerMachine._rcpt,
    "DATA": ServerMachine._data,
    "BDAT": ServerMachine._bdat,
    "RSET": ServerMachine._rset,
    "NOOP": ServerMachine._noop,
    "VRFY": ServerMachine._vrfy,
    "EXPN": ServerMachine._expn,
    "HELP": ServerMachine._help,
    "QUIT": ServerMachine._quit,
}
