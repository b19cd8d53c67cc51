"""From a host and a port to an SMTP connection on which messages are sent. The socket around `wire.smtp.client`.

What lives here: connecting, the TLS handshake, time-outs per command, futures for outcomes. What must not: MX
look-up, pace, the meaning of an answer.

    connection = await dial(Target("192.0.2.1", 25, server_name="mx.b.example"), settings, tls=context)
    outcome = await connection.send(Outgoing("a@a.example", "b@b.example", data))

    first = connection.post(one)            # pipelined: the second envelope travels behind the first dot
    second = connection.post(two)
    await first; third = connection.post(three); await second ...
    connection.submit(four, told)           # the same by a call-back: told(result)
    await connection.close()

Every message ends in exactly one `Outcome` (the server's answer, or our own where `local`) or `Lost` (the connection
ended first); neither is raised. `dial` raises CannotConnect. One write and one wake-up a message where two are posted.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal, cast

from lettershop.base.errors import ProtocolError, Temporary
from lettershop.net.stream import TlsFacts, tls_facts
from lettershop.net.tls import failure_of, peer_chain
from lettershop.wire.smtp.client import ClientMachine
from lettershop.wire.smtp.outgoing import (
    Capabilities,
    Closed,
    Event,
    Lost,
    Outcome,
    Outgoing,
    Ready,
    Refused,
    Settings,
    Stage,
    StartTls,
)
from lettershop.wire.smtp.replies import Reply

Result = Outcome | Lost


class CannotConnect(Temporary):
    """No session with this server now. `stage` is where it failed; `reply` what the server said, if it spoke.

    `tls`: if it failed for the sake of TLS, as what (RFC 8460 4.3), else empty. `dialogue`: what was said until then, in the
    form of `wire.smtp.transcript`.
    """

    code = "cannot-connect"

    def __init__(
        self, public: str, stage: Stage | Literal["connect"], reply: Reply | None = None, *, tls: str = "",
        dialogue: str = "",
    ) -> None:  # fmt: skip
        super().__init__(public)
        self.dialogue = dialogue
        self.stage = stage
        self.reply = reply
        self.tls = tls


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect: an IP address (or name) and a port, from `source` if given.

    `server_name` is the MX host name, for SNI and for checks of the certificate. `implicit`: TLS before the first word.
    """

    host: str
    port: int = 25
    server_name: str = ""
    source: str | None = None
    implicit: bool = False


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for the answer to each stage; RFC 5321 4.5.3.2."""

    connect: float = 30.0
    stages: dict[Stage, float] = field(
        default_factory=lambda: {
            "greeting": 300.0,
            "ehlo": 300.0,
            "tls": 60.0,
            "auth": 300.0,
            "mail": 300.0,
            "rcpt": 300.0,
            "data": 120.0,
            "dot": 600.0,
            "quit": 10.0,
        }
    )

    @classmethod
    def all(cls, seconds: float) -> "Timeouts":
        """The same for everything."""
        return cls(seconds, dict.fromkeys(cls().stages, seconds))


Examine = Callable[[Sequence[bytes]], str]
"""Judges the certificates that the server shows (DER, its own first); empty if they are good, else as RFC 8460 4.3."""


class SmtpConnection(asyncio.Protocol):
    """One connection to one server. Made by `dial`; the methods above the line are for callers.

    `broken`: TLS failed so on a connection before this one, which therefore goes without.
    """

    def __init__(
        self,
        settings: Settings,
        timeouts: Timeouts,
        tls: ssl.SSLContext | None,
        server_name: str,
        examine: Examine | None = None,
    ) -> None:
        self.tls: TlsFacts | None = None
        self.tls_failure = ""
        self.broken: CannotConnect | None = None
        self._examine = examine
        self._machine = ClientMachine(settings)
        self._timeouts = timeouts.stages
        self._context = tls
        self._server_name = server_name
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._ready: asyncio.Future[Refused | Lost | None] = self._loop.create_future()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._why = "connection closed"
        self._deadline = 0.0  # 0: nothing is awaited
        self._timer: asyncio.TimerHandle | None = None
        self._expires = 0.0  # when the timer does; uvloop's handles of very short times do not tell
        self._tasks: set[asyncio.Task[None]] = set()  # the loop itself keeps tasks only weakly

    @property
    def capabilities(self) -> Capabilities:
        """What the server announced."""
        return self._machine.capabilities

    @property
    def opening(self) -> str:
        """What was said until the session stood, in the form of `wire.smtp.transcript`."""
        return self._machine.opening

    @property
    def closed(self) -> bool:
        """Nothing more can be sent here."""
        return self._machine.closed

    def room(self, ahead: int = 1) -> int:
        """How many messages may be posted now until `ahead` wait behind those on the wire."""
        return self._machine.room(ahead)

    @property
    def pending(self) -> int:
        """Messages posted whose result is not known yet."""
        return self._machine.pending

    def post(self, outgoing: Outgoing) -> "asyncio.Future[Result]":
        """Send this message after those posted before; the future gets its Outcome or Lost. Raises ProtocolError."""
        future: asyncio.Future[Result] = self._loop.create_future()
        self.submit(outgoing, partial(_settle, future))
        return future

    def submit(self, outgoing: Outgoing, told: Callable[[Result], None], *, first: bool = False) -> None:
        """As `post`, for who sends thousands: `told(result)` is called once and must not raise. Raises ProtocolError.

        `first`: before those that wait.
        """
        events = self._machine.submit(outgoing, told, first=first)
        self._flush()
        if events:
            self._dispatch(events)

    async def send(self, outgoing: Outgoing) -> Result:
        """`post`, and wait for the result."""
        return await self.post(outgoing)

    async def close(self) -> None:
        """Say QUIT once everything posted has its result, and wait until the connection is gone."""
        self._machine.quit()
        self._flush()
        await asyncio.shield(self._over)

    def abort(self, why: str = "connection aborted") -> None:
        """End at once; what is pending is Lost."""
        self._why = why
        self._transport.abort()
        self._end()

    # -- for `dial` and the event loop ----------------------------------------------------------------------------

    async def established(self) -> Refused | Lost | None:
        """Wait for the session: None when it stands."""
        return await self._ready

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)
        self.tls = tls_facts(transport)  # RFC 8314 3.3: it may stand already
        self._touch()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        try:
            events = self._machine.receive(data)
        except ProtocolError as error:
            self.abort(error.public)
            return
        self._flush()  # first: the server has work while we see to the answers
        if events:
            self._dispatch(events)
        self._touch()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        if exc is not None:
            self._why = exc.strerror if isinstance(exc, OSError) and exc.strerror else "connection broken"
        self._end()

    def _dispatch(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Outcome | Lost):
                event.token(event)
            elif isinstance(event, Ready):
                self._stands(None)
            elif isinstance(event, StartTls):
                upgrade = self._loop.create_task(self._upgrade())
                self._tasks.add(upgrade)
                upgrade.add_done_callback(self._tasks.discard)
            elif isinstance(event, Refused):
                self._stands(event)
            elif isinstance(event, Closed):
                self._transport.close()

    def _stands(self, failure: Refused | None) -> None:
        if not self._ready.done():  # whoever dialled may wait no longer
            self._ready.set_result(failure)

    def _flush(self) -> None:
        output = self._machine.take()
        if not output or self._transport.is_closing():
            return
        if not self._deadline:
            self._touch()
        if len(output) == 1:
            self._transport.write(output[0])
        else:
            self._transport.writelines(output)

    async def _upgrade(self) -> None:
        assert self._context is not None
        if self._transport.is_closing():
            return
        seconds = self._timeouts["tls"]
        try:
            transport = await self._loop.start_tls(
                self._transport,
                self,
                self._context,
                server_hostname=self._server_name or None,
                ssl_handshake_timeout=seconds,
            )
        except (OSError, TimeoutError) as error:
            self.tls_failure = failure_of(error)
            self.abort(f"TLS handshake failed: {getattr(error, 'reason', None) or type(error).__name__}")
            return
        if transport is None:
            self.abort("TLS handshake failed")
            return
        self._transport = transport
        if self._examine is not None and (failure := self._examine(peer_chain(transport))):
            self.tls_failure = failure
            self.abort(f"The certificate is not the one that must be there ({failure})")
            return
        self.tls = tls_facts(transport)
        self._machine.tls_started()
        self._flush()

    def _end(self) -> None:
        if self._over.done():
            return
        self._over.set_result(None)
        if self._timer is not None:
            self._timer.cancel()
        stage = self._machine.awaiting or "greeting"
        self._dispatch(self._machine.ended(self._why))
        if not self._ready.done():
            self._ready.set_result(Lost(None, stage, in_doubt=False, why=self._why))

    # -- time-outs: one timer a connection, moved on lazily ----------------------------------------------------------

    def _touch(self) -> None:
        awaiting = self._machine.awaiting
        if awaiting is None:
            self._deadline = 0.0
            return
        self._deadline = self._loop.time() + self._timeouts[awaiting]
        if self._timer is None or self._expires > self._deadline:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._expires = self._loop.call_at(self._deadline, self._expired), self._deadline

    def _expired(self) -> None:
        self._timer = None
        if not self._deadline:
            return
        if self._loop.time() < self._deadline:
            self._arm()
            return
        self.abort(f"timed out waiting for the answer to {self._machine.awaiting}")


def _settle(future: "asyncio.Future[Result]", result: Result) -> None:
    if not future.done():
        future.set_result(result)


async def dial(
    target: Target,
    settings: Settings,
    *,
    tls: ssl.SSLContext | None = None,
    timeouts: Timeouts | None = None,
    examine: Examine | None = None,
) -> SmtpConnection:
    """A connection whose session stands: greeted, EHLO said, TLS and log-in as `settings` ask. Raises CannotConnect.

    Where TLS is opportunistic ("may") and breaks before the session stands, it is tried once more without (RFC 7435).
    `examine` has the last word on the certificates.
    """
    waits = timeouts or Timeouts()
    if tls is None and settings.tls == "may":
        settings = replace(settings, tls="never")
    try:
        return await _dial(target, settings, tls, waits, examine)
    except CannotConnect as error:
        if settings.tls != "may" or not error.tls:
            raise
        broken = error
    connection = await _dial(target, replace(settings, tls="never"), tls, waits, None)
    connection.broken = broken
    return connection


async def _dial(
    target: Target, settings: Settings, tls: ssl.SSLContext | None, waits: Timeouts, examine: Examine | None
) -> SmtpConnection:
    loop = asyncio.get_running_loop()
    source = (target.source, 0) if target.source else None
    if target.implicit:
        settings = replace(settings, tls="never")
    try:
        async with asyncio.timeout(waits.connect):
            _, connection = await loop.create_connection(
                lambda: SmtpConnection(settings, waits, tls, target.server_name, examine),
                target.host,
                target.port,
                local_addr=source,
                ssl=tls if target.implicit else None,
                server_hostname=(target.server_name or target.host) if target.implicit else None,
            )
    except TimeoutError as error:
        raise CannotConnect("No answer from the server.", "connect") from error
    except ssl.SSLError as error:
        why = getattr(error, "verify_message", "") or error.reason or "handshake failed"
        raise CannotConnect(f"TLS handshake failed: {why}.", "tls", tls=failure_of(error)) from error
    except OSError as error:
        raise CannotConnect(f"Cannot connect: {error.strerror or 'refused'}.", "connect") from error
    try:
        failure = await connection.established()
    except asyncio.CancelledError:
        connection.abort()
        raise
    if failure is None:
        return connection
    if isinstance(failure, Refused):
        kind = "starttls-not-supported" if failure.stage == "tls" else ""
        raise CannotConnect(str(failure.reply), failure.stage, failure.reply, tls=kind, dialogue=connection.opening)
    kind = connection.tls_failure or ("validation-failure" if failure.stage == "tls" or connection.tls else "")
    raise CannotConnect(failure.why, failure.stage, tls=kind, dialogue=connection.opening)
