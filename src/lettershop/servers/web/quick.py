"""The quick way for pixels and tracked links: an HTTP protocol that answers the plain case itself.

    bytes > `plainly_asked` [pure] > PublicActions.opening, following (no database) > the commit > bytes

Everything else goes on to uvicorn's protocol and through `Tracking`, which can do all of it: a request in pieces, with
a body, with a query, by another version, of a campaign that is not in memory, or one whose commit failed. This way holds
no rule and no page of its own; both give the same answer and leave the same fact, and a test holds them to that.
"""

import re
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from uvicorn import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from lettershop.servers.web.ports import Hit, PublicActions
from lettershop.servers.web.tracking import SIGNALS, headers_of, pixel, redirect

_FIRST_LINE = re.compile(
    rb"GET /(?:o/([A-Za-z2-7]{8,200})(?:\.gif)?|c/([A-Za-z2-7]{8,200})/([0-9]{1,6})) HTTP/1\.1\r\n"
)
_NAME_CHARACTERS = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_NOT_PLAIN = frozenset({b"content-length", b"transfer-encoding", b"upgrade", b"expect"})
_KEPT = frozenset(SIGNALS)
FORWARDED = b"x-forwarded-for"
END = b"\r\n\r\n"
MOST_BEHIND = 65536
"""Bytes that a client may send behind a request that is not answered yet."""

_MARK = "\0"


@dataclass(frozen=True, slots=True)
class Asked:
    """A plain request. `link` None: for the pixel. `forwarded`: the proxies' word on the client, or empty."""

    token: str
    link: int | None
    user_agent: str
    headers: str
    forwarded: str


def plainly_asked(data: bytes) -> Asked | None:
    """What is asked for, if `data` is one whole plain request for a pixel or a link and nothing else. [pure]"""
    first = _FIRST_LINE.match(data)
    if first is None or data.find(END) != len(data) - 4:
        return None
    lines = data[first.end() : -4].split(b"\r\n")
    if data.count(b"\n") != len(lines) + 2 or data.count(b"\r") != len(lines) + 2 or b"\0" in data:
        return None
    agent = forwarded = ""
    signals = []
    for line in lines:
        name, _, value = line.partition(b":")
        if not name or name.translate(None, _NAME_CHARACTERS) or not _:
            return None  # RFC 9112 5.1: no whitespace before the colon; 5.2: no folded line
        name = name.lower()
        if name == b"user-agent":
            agent = value.strip(b" \t").decode("latin-1")[:300]
        elif name in _KEPT:
            text = value.strip(b" \t").decode("latin-1")
            signals.append(f"{name.decode()}: {text[:300]}")
            if name == FORWARDED:
                forwarded = f"{forwarded}, {text}" if forwarded else text
        elif name in _NOT_PLAIN or (name == b"connection" and value.strip().lower() != b"keep-alive"):
            return None
    opened, followed, number = first.groups()
    token = (opened or followed).decode()
    return Asked(token, None if opened else int(number), agent, "\n".join(signals), forwarded)


class Quick:
    """What all connections of a worker share: whom to ask, the answers in bytes, whose word on the client counts."""

    def __init__(
        self, actions: PublicActions, trusted: list[str], counted: Callable[[str], None] | None = None
    ) -> None:
        self._actions = actions
        self._proxies = ProxyHeadersMiddleware(_no_application, trusted).trusted_hosts
        self._counted = counted
        page = pixel()
        self._pixel = _head(200, b"OK", headers_of(page)), b"\r\n" + page.body
        before, _, behind = _head(302, b"Found", headers_of(redirect(_MARK))).partition(_MARK.encode())
        self._redirect = before, behind

    def ask(self, asked: Asked, peer: str) -> "tuple[Future[None], bytes, bytes] | None":
        """What must be waited for, then the answer up to the date, and behind it. None: not known here."""
        ip = peer
        if asked.forwarded and peer in self._proxies:
            ip = self._proxies.get_trusted_client_address(asked.forwarded)[0] or peer
        hit = Hit(asked.user_agent, ip, asked.headers, "GET")
        if asked.link is None:
            committed = self._actions.opening(asked.token, hit)
            answer = self._pixel
        else:
            followed = self._actions.following(asked.token, asked.link, hit)
            if followed is None:
                return None
            committed, target = followed
            before, behind = self._redirect
            answer = before + target.encode() + behind, b"\r\n"
        if committed is None:
            return None
        if self._counted is not None:
            self._counted("o" if asked.link is None else "c")
        return committed, *answer

    def protocol(self) -> Callable[..., "QuickProtocol"]:
        """What uvicorn calls for each connection."""
        return partial(QuickProtocol, self)


class QuickProtocol(HttpToolsProtocol):
    """See the module. One request at a time: what comes before the answer waits."""

    def __init__(
        self, quick: Quick, config: Config, server_state: ServerState, app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None,
    ) -> None:  # fmt: skip
        super().__init__(config, server_state, app_state, _loop)
        self._quick = quick
        self._amid = False  # uvicorn's parser has a part of a request
        self._owed = b""  # the request whose answer waits for its commit
        self._behind = b""
        self._last = False  # close when it is answered

    def data_received(self, data: bytes) -> None:
        """asyncio.Protocol."""
        if self._owed:
            self._behind += data
            if len(self._behind) > MOST_BEHIND:
                self.transport.abort()
            return
        if data.startswith((b"GET /o/", b"GET /c/")) and self._idle() and self._answer(data):
            return
        super().data_received(data)

    def _idle(self) -> bool:
        between = self.cycle is None or self.cycle.response_complete
        return between and not self._amid and not self.pipeline and not self.flow.write_paused

    def _answer(self, data: bytes) -> bool:
        asked = plainly_asked(data)
        found = self._quick.ask(asked, self.client[0] if self.client else "") if asked is not None else None
        if found is None:
            return False
        self._unset_keepalive_if_required()
        self._owed = data
        committed, before, behind = found
        committed.add_done_callback(partial(self._committed, before, behind))
        return True

    def _committed(self, before: bytes, behind: bytes, committed: "Future[None]") -> None:
        data, self._owed = self._owed, b""
        if self.transport.is_closing():
            return
        if committed.cancelled() or committed.exception() is not None:
            super().data_received(data)  # tried again, and told in words if it fails again
        else:
            told = b"".join([b"%s: %s\r\n" % header for header in self.server_state.default_headers])
            self.transport.write(before + told + behind)
            self.server_state.total_requests += 1
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        self._go_on()

    def _go_on(self) -> None:
        if self._last:
            self.shutdown()
        elif self._behind:
            data, self._behind = self._behind, b""
            self.data_received(data)

    def shutdown(self) -> None:
        """The server ends: what is owed is answered first."""
        self._last = bool(self._owed)
        if not self._last:
            super().shutdown()

    def on_message_begin(self) -> None:
        """httptools: the first bytes of a request."""
        self._amid = True
        super().on_message_begin()

    def on_message_complete(self) -> None:
        """httptools: a request is whole."""
        self._amid = False
        super().on_message_complete()


def _head(status: int, reason: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    return b"HTTP/1.1 %d %s\r\n" % (status, reason) + b"".join([b"%s: %s\r\n" % header for header in headers])


async def _no_application(*_: Any) -> None:
    raise NotImplementedError
