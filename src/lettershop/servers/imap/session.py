"""One IMAP connection between `net.stream` and the commands: events, states, log-in dialogue, IDLE, TLS.

The flow: bytes -> machine -> a command -> the table -> its handler -> news -> the tagged answer. Commands that came in
one packet are answered in one write.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from lettershop.base.errors import LettershopError, ProtocolError
from lettershop.mail.mailbox.service import MailboxGone
from lettershop.net.stream import Link, Why
from lettershop.servers.clients import Services
from lettershop.servers.imap.account import FAILED, IN_THE_CLEAR, MAX_FAILURES, capabilities, log_in
from lettershop.servers.imap.commands import COMMANDS, News, State
from lettershop.servers.imap.context import Context, Done, Settings, refusal
from lettershop.wire.imap.format import reply
from lettershop.wire.imap.parse_search import BadCharset
from lettershop.wire.imap.server import Bad, Broken, Continue, Event, Line, TooBig
from lettershop.wire.imap.values import Authenticate, Command
from lettershop.wire.sasl import Challenge, SaslError, ServerExchange

BEFORE_LOGIN = 60.0
AFTER_LOGIN = 1_860.0  # RFC 9051 5.4: at least 30 minutes
MAX_BAD = 20
"""Commands that make no sense, before a peer that speaks something else is sent away."""


class ImapSession:
    """One connection. Make one per connection: `lambda: ImapSession(services, settings)`."""

    def __init__(self, services: Services, settings: Settings) -> None:
        self._services = services
        self._settings = settings
        self._context: Context
        self._link: Link
        self._exchange: ServerExchange | None = None
        self._idle: tuple[asyncio.Task[None], asyncio.Future[None]] | None = None
        self._bad = 0

    @property
    def patience(self) -> float:
        """Seconds without a word from the client."""
        return BEFORE_LOGIN if self._context.principal is None else AFTER_LOGIN

    async def opened(self, link: Link) -> None:
        """Greet, with the capabilities: it saves the client a round trip."""
        self._link = link
        self._context = Context(self._services, self._settings, link)
        self._context.untagged(f"OK [CAPABILITY {capabilities(self._context)}] {self._settings.hostname} ready.")
        await self._context.flush()

    async def received(self, data: bytes) -> None:
        """All commands of a packet, in order."""
        machine = self._context.machine
        machine.feed(data)
        while not self._link.closing and (event := machine.next_event()) is not None:
            await _EVENTS[type(event)](self, event)
        await self._context.flush()

    def farewell(self, why: Why) -> bytes:
        """RFC 9051 7.1.5."""
        return _FAREWELLS[why]

    async def closed(self) -> None:
        """Stop what runs beside the conversation."""
        if self._idle is not None:
            self._idle[0].cancel()
            await asyncio.gather(self._idle[0], return_exceptions=True)

    # -- events -----------------------------------------------------------------------------------------------------

    async def _continue(self, event: Continue) -> None:
        self._context.say(b"+ Go on.\r\n")

    async def _bad_command(self, event: Bad) -> None:
        if isinstance(event.error, BadCharset):
            self._answer(event.tag, Done(event.error.public, "BADCHARSET (US-ASCII UTF-8)", "NO"))
            return
        self._answer(event.tag, Done(event.error.public, status="BAD"))
        self._bad += 1
        limit = MAX_BAD if self._context.principal else MAX_BAD // 4
        if self._bad >= limit:
            await self._bye("Too many commands that make no sense.")

    async def _too_big(self, event: TooBig) -> None:
        if event.append:
            self._answer(event.tag, Done("The message is too large.", "TOOBIG", "NO"))  # RFC 4469 5
        else:
            self._answer(event.tag, Done("The literal is too large.", status="BAD"))

    async def _broken(self, event: Broken) -> None:
        await self._bye(event.text)

    async def _line(self, event: Line) -> None:
        if self._idle is not None:
            await self._end_idle(event.data)
        else:
            await self._respond(event.data)

    async def _command(self, command: Command) -> None:
        context = self._context
        context.tag, context.uid = command.tag, command.uid
        own = _OWN.get(command.name)
        if own is not None:
            await own(self, command)
            return
        spec = COMMANDS[command.name]
        if not self._state() & spec.states:
            self._answer(command.tag, Done("Not now.", status="BAD"))
            return
        try:
            done = await spec.handler(context, command)
            news = spec.news
            if news & News.TELL:
                expunge = bool(news & News.NUMBERS) or command.uid
                await context.tell_news(refresh=bool(news & News.ASK), expunge=expunge, own=done.own)
        except MailboxGone as error:
            await self._bye(error.public)
            return
        except ProtocolError as error:
            done = refusal(error) if error.code == "bad-mailbox-name" else Done(error.public, status="BAD")
        except LettershopError as error:
            done = refusal(error, target=spec.target)
        self._answer(command.tag, done)
        await self._after(command)

    async def _after(self, command: Command) -> None:
        if command.name == "LOGOUT":
            await self._context.flush()
            self._link.close()
        elif self._context.failures >= MAX_FAILURES:
            await self._bye("Too many failed log-ins.")

    def _state(self) -> State:
        if self._context.principal is None:
            return State.STRANGER
        return State.KNOWN if self._context.selected is None else State.SELECTED

    def _answer(self, tag: str, done: Done) -> None:
        self._context.say(reply(tag, done.status, done.text, done.code))

    async def _bye(self, text: str) -> None:
        self._context.untagged(f"BYE {text}")
        await self._context.flush()
        self._link.close()

    # -- commands that change the conversation --------------------------------------------------------------------------

    async def _start_tls(self, command: Command) -> None:
        if self._state() is not State.STRANGER or not self._link.tls_available:
            self._answer(command.tag, Done("TLS cannot begin now.", status="BAD"))
            return
        self._answer(command.tag, Done("Begin TLS now."))
        await self._context.flush()
        self._context.machine.forget()  # RFC 9051 6.2.1: what came before does not count
        await self._link.start_tls()

    async def _authenticate(self, command: Command) -> None:
        assert isinstance(command.arguments, Authenticate)
        if self._state() is not State.STRANGER:
            self._answer(command.tag, Done("You are logged in.", status="BAD"))
            return
        if self._context.clear:
            self._answer(command.tag, IN_THE_CLEAR)
            return
        initial = command.arguments.initial
        try:
            self._exchange = ServerExchange(command.arguments.mechanism)
            await self._step(self._exchange.begin(initial))
        except SaslError as error:
            self._answer(command.tag, Done(error.public, status="NO"))

    async def _respond(self, line: bytes) -> None:
        assert self._exchange is not None, "a line is expected only in a dialogue"
        try:
            await self._step(self._exchange.respond(line))
        except SaslError as error:
            self._answer(self._context.tag, Done(error.public, status="BAD"))  # RFC 9051 6.2.2, also for "*"

    async def _step(self, step: Any) -> None:
        if isinstance(step, Challenge):
            self._context.machine.expect_line()
            self._context.say(b"+ %b\r\n" % step.line)
            return
        done = await log_in(self._context, step)
        self._answer(self._context.tag, done)
        if done is FAILED and self._context.failures >= MAX_FAILURES:
            await self._bye("Too many failed log-ins.")

    async def _begin_idle(self, command: Command) -> None:
        """RFC 2177: news are told as they come, until DONE."""
        if not self._state() & State.IN:
            self._answer(command.tag, Done("Log in first.", status="BAD"))
            return
        self._context.machine.expect_line()
        self._context.say(b"+ Waiting for news.\r\n")
        await self._context.flush()
        loop = asyncio.get_running_loop()
        stop: asyncio.Future[None] = loop.create_future()
        self._idle = (loop.create_task(self._tell_while_idle(stop), name="imap-idle"), stop)

    async def _tell_while_idle(self, stop: "asyncio.Future[None]") -> None:
        """Never cut off between learning news and telling them: that would leave the client's numbers wrong."""
        context = self._context
        try:
            while not stop.done() and context.selected is not None:
                await context.tell_news(refresh=True)
                await context.flush()
                index = context.selected.index
                change = asyncio.ensure_future(self._services.mailboxes.watch.changed(index.box.id, index.modseq))
                await asyncio.wait({change, stop}, return_when=asyncio.FIRST_COMPLETED)
                change.cancel()
        except MailboxGone as error:
            await self._bye(error.public)
        except ConnectionError:
            return  # the reader of the link notices too

    async def _end_idle(self, line: bytes) -> None:
        assert self._idle is not None
        task, stop = self._idle
        stop.set_result(None)
        await task
        self._idle = None
        if line.upper() == b"DONE":
            self._answer(self._context.tag, Done("No more news."))
        else:
            self._answer(self._context.tag, Done("Expected DONE.", status="BAD"))


_OWN: dict[str, Callable[[ImapSession, Command], Awaitable[None]]] = {
    "STARTTLS": ImapSession._start_tls,
    "AUTHENTICATE": ImapSession._authenticate,
    "IDLE": ImapSession._begin_idle,
}
_EVENTS: dict[type[Event], Callable[[ImapSession, Any], Awaitable[None]]] = {
    Continue: ImapSession._continue,
    Command: ImapSession._command,
    Bad: ImapSession._bad_command,
    TooBig: ImapSession._too_big,
    Line: ImapSession._line,
    Broken: ImapSession._broken,
}
_FAREWELLS: dict[Why, bytes] = {
    "timeout": b"* BYE Nothing was said for too long.\r\n",
    "shutdown": b"* BYE The server is shutting down.\r\n",
    "error": b"* BYE The server made a mistake; please try again.\r\n",
}
