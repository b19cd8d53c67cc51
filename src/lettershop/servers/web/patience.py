"""How long a client of the web server may take: for a head, for a body, for reading what it asked for.

    a part of a request > the first look > later looks, until the request is whole > 408 and an end, if it takes too long

uvicorn waits for ever for the rest of a request and for a client that does not read; some hundred such connections, which
cost an attacker nothing, would use up the open files of a worker. A clock runs only while the client is the one who is waited
for: not while the application is slow to take a body. No rule of a page lives here.
"""

from asyncio import AbstractEventLoop, TimerHandle
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import httptools
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds, bytes, and bytes a second. The sizes are what nginx and Apache allow by default, or more."""

    head: float = 30.0
    """For a whole head, counted from its first byte; for the first one from the connection on."""
    piece: float = 30.0
    """For the next piece of a body, and for a client to take the next piece of an answer."""
    rate: float = 500.0
    """A body may take two pieces' time and as long as this rate needs: who sends a byte now and then is not waited for."""
    most_head: int = 65536


class Stage(Enum):
    """Where the client is in a request."""

    BETWEEN = auto()
    HEAD = auto()
    BODY = auto()


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's protocol with limits of time and size. A request that comes whole in one read costs no timer."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None, *, patience: Patience = Patience(),
    ) -> None:  # fmt: skip
        super().__init__(config, server_state, app_state, _loop)
        self._patience = patience
        self._stage = Stage.BETWEEN
        self._asked = False  # anything, ever
        self._waiting = Stage.BETWEEN  # for the rest of this since `_began`
        self._began = self._latest = 0.0
        self._received = self._head_size = 0
        self._watch: TimerHandle | None = None
        self._unread: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """asyncio.Protocol."""
        super().connection_made(transport)
        self._watch = self.loop.call_later(self._patience.head, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio.Protocol."""
        for timer in (self._watch, self._unread):
            if timer is not None:
                timer.cancel()
        self._watch = self._unread = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """asyncio.Protocol."""
        super().data_received(data)
        if self._stage is not Stage.BETWEEN and not self.transport.is_closing():
            self._wait_for_more(len(data))

    def _wait_for_more(self, size: int) -> None:
        now = self.loop.time()
        if self._waiting is not self._stage:
            self._waiting, self._began, self._received = self._stage, now, 0
        self._received += size
        self._latest = now
        if self._stage is Stage.HEAD and self._received > self._patience.most_head:
            self._end(b"431 Request Header Fields Too Large")  # RFC 6585 5
        elif self._watch is None:
            self._watch = self.loop.call_later(self._every(), self._look)

    def _every(self) -> float:
        return min(self._patience.head, self._patience.piece) / 6

    def _look(self) -> None:
        self._watch = None
        if self.transport.is_closing():
            return
        if self._stage is Stage.BETWEEN:
            if not self._asked:
                self.transport.close()  # a connection for nothing
            return
        if self._too_slow(self.loop.time()):
            self._end(b"408 Request Timeout")  # RFC 9110 15.5.9
        else:
            self._watch = self.loop.call_later(self._every(), self._look)

    def _too_slow(self, now: float) -> bool:
        if self.flow.read_paused:  # it is the application that is waited for
            self._began = self._latest = now
            self._received = 0
            return False
        if self._stage is Stage.HEAD:
            return now - self._began >= self._patience.head
        allowed = 2 * self._patience.piece + self._received / self._patience.rate
        return now - self._latest >= self._patience.piece or now - self._began >= allowed

    def _end(self, status: bytes) -> None:
        """Say why, if no answer has begun, and end the connection."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(b"HTTP/1.1 %s\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % status)
        self._close()

    def _close(self) -> None:
        self.transport.close()
        if self.transport.get_write_buffer_size():  # `close` waits until it is read, which may be never
            self.loop.call_later(self._patience.piece, self.transport.abort)

    def timeout_keep_alive_handler(self) -> None:
        """uvicorn: nothing was asked for a while."""
        if not self.transport.is_closing():
            self._close()

    def on_response_complete(self) -> None:
        """uvicorn: an answer is written, if not yet read."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()

    def pause_writing(self) -> None:
        """asyncio.Protocol: the client does not read as fast as we write."""
        super().pause_writing()
        self._unread = self.loop.call_later(self._patience.piece, self.transport.abort)

    def resume_writing(self) -> None:
        """asyncio.Protocol."""
        super().resume_writing()
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def on_message_begin(self) -> None:
        """httptools: the first bytes of a request."""
        self._stage, self._waiting = Stage.HEAD, Stage.BETWEEN
        if not self._asked:
            self._asked = True
        self._head_size = 0
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """httptools: a field of the head, or of a trailer."""
        self._head_size += len(name) + len(value)
        if self._head_size > self._patience.most_head:
            raise httptools.HttpParserError("too many header fields")  # uvicorn answers 400
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """httptools: the head is whole."""
        self._stage = Stage.BODY
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """httptools: the request is whole."""
        self._stage = Stage.BETWEEN
        super().on_message_complete()
