"""The quick way for pixels and tracked links: an HTTP protocol that answers the plain case itself.

    bytes > `plainly_asked` [pure] > PublicActions.opening, following (no database) > the commit > bytes

Everything else goes on to uvicorn's protocol and through `Tracking`, which can do all of it: a request in pieces, with
a body, with a query, by another version, of a campaign that is not in memory, or one whose commit failed. This way holds
no rule and no page of its own; both give the same answer and leave the same fact, and a test holds them to that.
"""

import re
from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from uvicorn import Config
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware
from uvicorn.server import ServerState

from lettershop.servers.web.patience import Patience, PatientProtocol, Stage
from lettershop.servers.web.ports import Hit, Kept, PublicActions
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
        self._batch: Kept | None = None
        self._asking: list[tuple[QuickProtocol, bytes, bytes]] = []
        before, _, behind = _head(302, b"Found", headers_of(redirect(_MARK))).partition(_MARK.encode())
        self._redirect = before, behind

    def ask(self, asked: Asked, peer: str, asking: "QuickProtocol") -> bool:
        """Answer when it is kept; False if it is not known here."""
        ip = peer
        if asked.forwarded and peer in self._proxies:
            ip = self._proxies.get_trusted_client_address(asked.forwarded)[0] or peer
        hit = Hit(asked.user_agent, ip, asked.headers, "GET")
        if asked.link is None:
            kept, answer = self._actions.opening(asked.token, hit), self._pixel
        else:
            kept, target = self._actions.following(asked.token, asked.link, hit) or (None, "")
            answer = self._redirect[0] + target.encode() + self._redirect[1], b"\r\n"
        if kept is None:
            return False
        if kept is not self._batch:
            self._batch, self._asking = kept, []
            kept.add_done_callback(partial(_answer_all, self._asking))
        self._asking.append((asking, *answer))
        if self._counted is not None:
            self._counted("o" if asked.link is None else "c")
        return True

    def protocol(self) -> Callable[..., "QuickProtocol"]:
        """What uvicorn calls for each connection."""
        return partial(QuickProtocol, self)


class QuickProtocol(PatientProtocol):
    """See the module. One request at a time: what comes before the answer waits."""

    def __init__(
        self, quick: Quick, config: Config, server_state: ServerState, app_state: dict[str, Any],
        _loop: AbstractEventLoop | None = None, *, patience: Patience = Patience(),
    ) -> None:  # fmt: skip
        super().__init__(config, server_state, app_state, _loop, patience=patience)
        self._quick = quick
        self._owed = b""  # the request whose answer waits for its commit
        self._behind = b""
        self._last = False  # close when it is answered
        self._answered_at = 0.0
        self._rest: TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """asyncio.Protocol."""
        if self._owed:
            self._behind += data
            if len(self._behind) > MOST_BEHIND:
                self.transport.abort()
            return
        if data.startswith((b"GET /o/", b"GET /c/")) and self._idle() and self._answer(data):
            return
        self._end_rest()
        super().data_received(data)

    def _idle(self) -> bool:
        between = self.cycle is None or self.cycle.response_complete
        return between and self._stage is Stage.BETWEEN and not self.pipeline and not self.flow.write_paused

    def _answer(self, data: bytes) -> bool:
        asked = plainly_asked(data)
        if asked is None or not self._quick.ask(asked, self.client[0] if self.client else "", self):
            return False
        self._owed = data
        self._asked = True
        self._unset_keepalive_if_required()  # that of an answer by the other way
        return True

    def kept(self, answer: bytes) -> None:
        """What was asked is on record."""
        self._owed = b""
        if self.transport.is_closing():
            return
        self.transport.write(answer)
        self.server_state.total_requests += 1
        self._answered_at = self.loop.time()
        if self._rest is None:
            self._rest = self.loop.call_later(self.timeout_keep_alive, self._look_at_rest)
        self._go_on()

    def not_kept(self) -> None:
        """It is tried again, and told in words if it fails again."""
        data, self._owed = self._owed, b""
        if not self.transport.is_closing():
            self._end_rest()
            super().data_received(data)
            self._go_on()

    def _end_rest(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio.Protocol."""
        self._end_rest()
        super().connection_lost(exc)

    def _look_at_rest(self) -> None:
        """Close after a time without requests. One timer for many requests: setting and cancelling it costs as much as reading one."""
        left = self._answered_at + self.timeout_keep_alive - self.loop.time()
        if self._owed or left > 0:
            self._rest = self.loop.call_later(max(left, 1.0), self._look_at_rest)
        else:
            self.timeout_keep_alive_handler()

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


def _answer_all(asking: "list[tuple[QuickProtocol, bytes, bytes]]", kept: Kept) -> None:
    """A batch is on record, or is not."""
    if kept.cancelled() or kept.exception() is not None:
        for protocol, _, _ in asking:
            protocol.not_kept()
        return
    common = b"".join([b"%s: %s\r\n" % header for header in asking[0][0].server_state.default_headers])
    for protocol, before, behind in asking:
        protocol.kept(before + common + behind)


def _head(status: int, reason: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    return b"HTTP/1.1 %d %s\r\n" % (status, reason) + b"".join([b"%s: %s\r\n" % header for header in headers])


async def _no_application(*_: Any) -> None:
    raise NotImplementedError
