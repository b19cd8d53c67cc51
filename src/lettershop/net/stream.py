"""THE loop that pumps bytes between a session and a socket, for every server protocol (SMTP, IMAP, POP3).

What lives here: accepting, reading with time-outs, back pressure both ways, TLS (implicit and by upgrade), connection
limits, graceful close. What must not: a word of any protocol, a rule, a database.

The flow: `StreamServer` accepts -> a `Link` (the socket's end) and a `Session` (the protocol's end) are made -> `opened`
-> `received` for every piece of input, never two at a time -> `closed`. While `received` is awaiting something, input
waits in the link and, above `READ_AHEAD` bytes, in the peer's kernel. A session writes when it likes, from any task of
the same event loop (IMAP IDLE): `link.write` does not block; `await link.send` also waits until a slow peer has read.

    class Echo:
        patience = 60.0                                # seconds without input until `farewell("timeout")`

        async def opened(self, link: Link) -> None:
            self.link = link
            link.write(b"* OK hello " + link.peer.ip.encode() + b"\\r\\n")

        async def received(self, data: bytes) -> None:
            if data.startswith(b"STARTTLS"):
                self.link.write(b"* OK begin\\r\\n")
                await self.link.start_tls()            # input that came before it in plain text is thrown away
            elif data.startswith(b"LIST"):
                for row in rows:
                    await self.link.send(row)          # a large answer in pieces, never far ahead of the reader
            elif data.startswith(b"QUIT"):
                self.link.close()                      # what was written still goes out

        def farewell(self, why: Why) -> bytes:
            return b"* BYE " + why.encode() + b"\\r\\n"

        async def closed(self) -> None:
            ...                                        # always called last: let go of what the session holds

    server = StreamServer(Echo, tls=context)
    host, port = await server.listen("127.0.0.1", 0)
    await server.close()

Time-outs use the event loop's own timers: they guard sockets, no decision of the program hangs on them.
"""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast

from lettershop.base.errors import ProtocolError

READ_AHEAD = 262_144  # bytes taken from a peer while its session is busy
Why = Literal["timeout", "shutdown", "error"]


class TlsFailed(ProtocolError):
    """The TLS handshake did not succeed; the connection is of no more use."""

    code = "tls-failed"


@dataclass(frozen=True, slots=True)
class Peer:
    """One end of a connection."""

    ip: str
    port: int


@dataclass(frozen=True, slots=True)
class TlsFacts:
    """How a connection is protected: ("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256)."""

    version: str
    cipher: str
    bits: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server bears; seconds and counts. `per_peer` counts connections of one IP address."""

    connections: int = 2000
    per_peer: int = 200
    handshake: float = 30.0
    stalled_write: float = 300.0
    grace: float = 10.0


class Session(Protocol):
    """The protocol's end of a connection. All its methods run in the event loop; an exception ends the connection."""

    @property
    def patience(self) -> float:
        """Seconds to wait for the peer's next bytes; read anew before each wait."""

    async def opened(self, link: "Link") -> None:
        """The connection stands (with implicit TLS: after the handshake). Greet here."""

    async def received(self, data: bytes) -> None:
        """The peer sent `data`, never empty. Called again only after it returned."""

    def farewell(self, why: Why) -> bytes:
        """Last words when the server ends the conversation; may be empty."""

    async def closed(self) -> None:
        """The connection is gone, for whatever reason. Called exactly once if `opened` was called."""


class Link(asyncio.Protocol):
    """The socket's end of a connection, as a session sees it (public methods) and the event loop sees it (the rest)."""

    peer: Peer
    local: Peer
    tls: TlsFacts | None = None

    def __init__(self, server: "StreamServer") -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._chunks: list[bytes] = []
        self._transport: asyncio.Transport
        self._waiting = 0
        self._paused_reading = False
        self._ended = False  # nothing more will come: the peer said its last, or we are done with it
        self._closed = False
        self._dismissed = False
        self._reader: asyncio.Future[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._expires = 0.0  # when the timer does; uvloop's handles of very short times do not tell

    # -- for sessions ---------------------------------------------------------------------------------------------

    @property
    def tls_available(self) -> bool:
        """Whether `start_tls` makes sense now: a certificate is there and the connection is still plain."""
        return self.tls is None and self._server.tls is not None

    @property
    def closing(self) -> bool:
        """Whether the connection is closed or about to be; writing then does nothing."""
        return self._closed or self._transport.is_closing()

    def write(self, data: bytes) -> None:
        """Send `data` soon, in order; never blocks. After `close` it does nothing."""
        if not self.closing:
            self._transport.write(data)

    async def send(self, data: bytes) -> None:
        """`write`, then `drain`."""
        self.write(data)
        if self._drained is not None:
            await self.drain()

    async def drain(self) -> None:
        """Wait until a slow peer has read most of what was written. Raises ConnectionError when it is gone."""
        if self._drained is not None:
            try:
                async with asyncio.timeout(self._server.limits.stalled_write):
                    await asyncio.shield(self._drained)
            except TimeoutError:
                self.abort()
        if self._transport.is_closing():
            raise ConnectionResetError("peer is gone")

    async def start_tls(self) -> None:
        """Go on under TLS. Plain-text input not yet handed out is thrown away. Raises TlsFailed."""
        assert self._server.tls is not None
        self._chunks.clear()  # RFC 3207 4.2, RFC 9051 6.2.1: nothing said in plain text may count afterwards
        self._waiting = 0
        self._resume()
        if self._transport.is_closing():
            raise TlsFailed("The peer left before the TLS handshake.")
        try:
            transport = await self._loop.start_tls(
                self._transport,
                self,
                self._server.tls,
                server_side=True,
                ssl_handshake_timeout=self._server.limits.handshake,
            )
        except (OSError, TimeoutError) as error:
            self.abort()
            raise TlsFailed("The TLS handshake failed.") from error
        if transport is None:
            raise TlsFailed("The peer left during the TLS handshake.")
        self._transport = transport
        self.tls = tls_facts(transport)

    def close(self) -> None:
        """End the connection after what was written has gone out; `received` is not called again."""
        self._ended = self._closed = True
        self._chunks.clear()
        self._wake()

    def abort(self) -> None:
        """End the connection at once."""
        self._ended = self._closed = True
        self._chunks.clear()
        self._transport.abort()
        self._wake()

    def dismiss(self) -> None:
        """Ask the session to go: when it next waits for input it says farewell and the connection is closed."""
        self._dismissed = True
        self._wake()

    def refuse(self, words: bytes) -> None:
        """Say `words` and close, without a session."""
        self.write(words)
        self.close()
        self._transport.close()

    # -- for the event loop ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)
        self.peer = _peer(transport.get_extra_info("peername"))
        self.local = _peer(transport.get_extra_info("sockname"))
        self.tls = tls_facts(transport)
        self._server.admit(self)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._ended:
            return
        self._chunks.append(data)
        self._waiting += len(data)
        if self._waiting > READ_AHEAD and not self._paused_reading:
            self._paused_reading = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """Keep a plain connection open for the answers to what was already sent; TLS cannot be half closed."""
        self._ended = True
        self._wake()
        return self.tls is None

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        if self._drained is None:
            self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._ended = True
        self.resume_writing()
        self._wake()

    # -- the loop -------------------------------------------------------------------------------------------------

    async def run(self, session: Session) -> None:
        """Carry the conversation to its end; whatever happens, the session is closed and the socket let go."""
        why: Why | None = "error"
        try:
            try:
                await session.opened(self)
                why = await self._pump(session)
            finally:
                self._say(session, why)
                await session.closed()
        except Exception as error:
            if not (isinstance(error, ConnectionError | TlsFailed) and self.closing):  # the peer went away: no news
                context = {"message": "session failed", "exception": error, "peer": self.peer.ip}
                self._loop.call_exception_handler(context)
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._transport.close()

    async def _pump(self, session: Session) -> Why | None:
        while True:
            while self._chunks:
                await session.received(self._take())
            if self._ended:
                return None
            if self._dismissed:
                return "shutdown"
            if not await self._wait(session.patience):
                return "timeout"

    def _take(self) -> bytes:
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._waiting = 0
        self._resume()
        return data

    async def _wait(self, seconds: float) -> bool:
        """Until something happens (True) or `seconds` have passed (False). One timer a link, moved on lazily."""
        self._deadline = self._loop.time() + seconds
        if self._timer is None or self._expires > self._deadline:
            self._arm()
        self._reader = self._loop.create_future()
        try:
            await self._reader
        finally:
            self._reader = None
        return bool(self._chunks) or self._ended or self._dismissed

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._expires = self._loop.call_at(self._deadline, self._expired), self._deadline

    def _expired(self) -> None:
        self._timer = None
        if self._reader is None:
            return  # the session is busy; the next wait sets a new timer
        if self._loop.time() < self._deadline:
            self._arm()
            return
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _resume(self) -> None:
        if self._paused_reading:
            self._paused_reading = False
            self._transport.resume_reading()

    def _say(self, session: Session, why: Why | None) -> None:
        if why is not None and not self.closing:
            self.write(session.farewell("shutdown" if self._dismissed else why))


class StreamServer:
    """Listens, and gives every connection a new session. One server may listen on several addresses.

    `sessions` makes a session; `tls` is the context for implicit TLS (`implicit_tls`) or for `Link.start_tls`;
    `refusal` is said to a connection above the limits.
    """

    def __init__(
        self,
        sessions: Callable[[], Session],
        *,
        limits: Limits | None = None,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        refusal: bytes = b"",
    ) -> None:
        assert tls is not None or not implicit_tls, "implicit TLS needs a context"
        self.limits = limits or Limits()
        self.tls = tls
        self.implicit_tls = implicit_tls
        self._sessions = sessions
        self._refusal = refusal
        self._listeners: list[asyncio.Server] = []
        self._links: dict[Link, asyncio.Task[None]] = {}
        self._per_peer: Counter[str] = Counter()

    @property
    def connections(self) -> int:
        """How many conversations are going on."""
        return len(self._links)

    async def listen(self, host: str, port: int, *, reuse_port: bool = False) -> tuple[str, int]:
        """Accept on this address; port 0 takes a free one. Returns the bound (host, port). Raises OSError."""
        return await self._accept(host=host, port=port, reuse_port=reuse_port or None)

    async def adopt(self, listening: socket.socket) -> tuple[str, int]:
        """Accept on a socket that somebody else has bound (a supervisor). Returns its (host, port)."""
        return await self._accept(sock=listening)

    async def _accept(self, **where: Any) -> tuple[str, int]:
        listener = await asyncio.get_running_loop().create_server(
            lambda: Link(self),
            ssl=self.tls if self.implicit_tls else None,
            ssl_handshake_timeout=self.limits.handshake if self.implicit_tls else None,
            backlog=512,
            **where,
        )
        self._listeners.append(listener)
        bound = listener.sockets[0].getsockname()
        return bound[0], bound[1]

    async def close(self) -> None:
        """Stop accepting, let conversations finish what they are doing (`limits.grace` seconds), then end them."""
        for listener in self._listeners:
            listener.close()
        for link in list(self._links):
            link.dismiss()
        tasks = list(self._links.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=self.limits.grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._listeners.clear()

    def admit(self, link: Link) -> None:
        """A connection was accepted: begin its conversation, or refuse it above the limits."""
        full = len(self._links) >= self.limits.connections or self._per_peer[link.peer.ip] >= self.limits.per_peer
        if full:
            link.refuse(self._refusal)
            return
        self._per_peer[link.peer.ip] += 1
        task = asyncio.get_running_loop().create_task(link.run(self._sessions()))
        self._links[link] = task
        task.add_done_callback(lambda _: self._forget(link))

    def _forget(self, link: Link) -> None:
        del self._links[link]
        self._per_peer[link.peer.ip] -= 1
        if not self._per_peer[link.peer.ip]:
            del self._per_peer[link.peer.ip]


def tls_facts(transport: asyncio.BaseTransport) -> TlsFacts | None:
    """How this transport is protected; None if it is plain."""
    cipher = transport.get_extra_info("cipher")
    if not cipher:
        return None
    name, version, bits = cipher
    wrapped = transport.get_extra_info("ssl_object")
    return TlsFacts((wrapped.version() if wrapped else None) or version, name, bits or 0)


def _peer(address: Any) -> Peer:
    return Peer(str(address[0]), int(address[1])) if isinstance(address, tuple) else Peer("", 0)
