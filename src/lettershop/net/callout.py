"""One signed request to an address that somebody else has named: checked, bounded in time and size, never redirected.

    callouts = Callouts(resolver, timeout=15)
    line = await callouts.open(target)                 # looked up, judged (`net.reach`), connected to that very address
    answer = await line.post(headers, body)            # as often as the other side keeps the connection
    line.close()

What must not live here: what is sent and what an answer means. Raises CannotReach (later, perhaps) and TargetRefused.
"""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import httptools

from lettershop.base.errors import NotFound, Temporary
from lettershop.net import reach
from lettershop.net.reach import Network, Target
from lettershop.net.resolver import Resolver

AGENT = "Lettershop-Webhooks/1"
ASKER = "Mozilla/5.0 (compatible; Lettershop-Links/1)"
KEPT = 1000
"""Bytes of an answer's body that are kept."""
LARGEST = 65_536
"""Bytes of an answer that are read; who says more is cut off, and what was said until then counts."""


class CannotReach(Temporary):
    """No answer came: no address, no connection, no valid certificate, no time left, or no HTTP."""

    code = "cannot-reach"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `retry_after`: seconds that the other side asks us to wait."""

    status: int
    text: str
    retry_after: float | None = None


class Callouts:
    """Opens lines. `allowed`: networks that may be reached although they are not public; `timeout`: of each step;
    `plain`: public addresses may be asked without TLS.

    `trust` makes the context that checks names, when it is needed for the first time: its authorities fill megabytes.
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        timeout: float,
        allowed: Sequence[Network] = (),
        plain: bool = False,
        trust: Callable[[], ssl.SSLContext],
    ) -> None:
        self._resolver = resolver
        self._timeout = timeout
        self._allowed = tuple(allowed)
        self._plain = plain
        self._trust = trust
        self._tls: ssl.SSLContext | None = None

    async def open(self, target: Target) -> "Line":
        """A connection to one of the target's addresses. All must be allowed. Raises CannotReach, TargetRefused."""
        addresses = [target.address] if target.address else await self._look_up(target.host)
        for address in addresses:  # one bad among good ones is a trick, not an accident
            reach.check(target, address, self._allowed, plain=self._plain)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._connect(target, addresses)
        except TimeoutError as error:
            raise CannotReach(f"{target.host} did not take the connection within {self._timeout:g} seconds.") from error

    async def _look_up(self, host: str) -> Sequence[str]:
        try:
            async with asyncio.timeout(self._timeout):
                addresses = await self._resolver.addresses(host)
        except NotFound as error:
            raise CannotReach(f"The name {host} does not exist.") from error
        except TimeoutError as error:
            raise CannotReach(f"The DNS gave no answer for {host} in time.") from error
        except Temporary as error:
            raise CannotReach(error.public) from error
        if not addresses:
            raise CannotReach(f"The name {host} has no address.")
        return addresses

    async def _connect(self, target: Target, addresses: Sequence[str]) -> "Line":
        if target.tls and self._tls is None:
            self._tls = self._trust()
        tls, loop = self._tls if target.tls else None, asyncio.get_running_loop()
        last: Exception | None = None
        for address in addresses:
            try:
                _, line = await loop.create_connection(
                    lambda: Line(target, self._timeout), address, target.port, ssl=tls,
                    server_hostname=target.host if tls else None,
                )  # fmt: skip
            except (OSError, ssl.SSLError) as error:
                last = error
            else:
                return line
        raise CannotReach(_words(target, last)) from last


def _words(target: Target, error: Exception | None) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of {target.host} cannot be trusted: {error.verify_message}."
    if isinstance(error, ssl.SSLError):
        return f"{target.host} does not agree on TLS."
    return f"{target.host} does not take connections on port {target.port}."


class Line(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self, target: Target, timeout: float) -> None:
        self._target = target
        self._timeout = timeout
        self._transport: asyncio.Transport
        self._reading: _Reading | None = None
        self.closed = False

    async def post(self, headers: Sequence[tuple[str, str]], body: bytes) -> Answer:
        """Send this and wait for the answer. Raises CannotReach; afterwards the line may be closed."""
        return await self._ask(request(self._target, headers, body))

    async def get(self) -> Answer:
        """Ask for the target as a browser would. Raises CannotReach; afterwards the line may be closed."""
        return await self._ask(asking(self._target))

    async def _ask(self, message: bytes) -> Answer:
        if self.closed:
            raise CannotReach(f"{self._target.host} closed the connection.")
        reading = self._reading = _Reading(asyncio.get_running_loop().create_future())
        self._transport.write(message)
        try:
            async with asyncio.timeout(self._timeout):
                answer = await reading.answer
        except TimeoutError as error:
            self.close()
            raise CannotReach(f"{self._target.host} did not answer within {self._timeout:g} seconds.") from error
        if not reading.stays:
            self.close()
        self._reading = None
        return answer

    def close(self) -> None:
        """Hang up."""
        self.closed = True
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._reading is None:
            self.close()  # nobody has asked
        elif not self._reading.feed(data):
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self.closed = True
        if self._reading is not None:
            self._reading.end(f"{self._target.host} closed the connection without an answer.")


def request(target: Target, headers: Sequence[tuple[str, str]], body: bytes) -> bytes:
    """The bytes of a POST (RFC 9112 3)."""
    lines = [
        f"POST {target.path} HTTP/1.1", f"host: {target.authority}", f"user-agent: {AGENT}",
        "content-type: application/json", f"content-length: {len(body)}", "accept: */*",
        *(f"{name}: {value}" for name, value in headers),
    ]  # fmt: skip
    return "\r\n".join((*lines, "", "")).encode("ascii") + body


def asking(target: Target) -> bytes:
    """The bytes of a GET (RFC 9112 3)."""
    lines = (
        f"GET {target.path} HTTP/1.1", f"host: {target.authority}", f"user-agent: {ASKER}",
        "accept: text/html, image/*, */*;q=0.5", "connection: close", "", "",
    )  # fmt: skip
    return "\r\n".join(lines).encode("ascii")


class _Reading:
    """The answer to one request as it comes in."""

    def __init__(self, answer: "asyncio.Future[Answer]") -> None:
        self.answer = answer
        self.stays = False
        self._parser = httptools.HttpResponseParser(self)
        self._size = 0
        self._text = b""
        self._retry_after: float | None = None

    def feed(self, data: bytes) -> bool:
        """Take more; False when the connection is of no use any more."""
        if self.answer.done():
            return False
        self._size += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail("What came back is no HTTP.")
            return False
        if self._size > LARGEST and not self.answer.done():
            self._settle()
        return not self.answer.done() or self.stays

    def on_header(self, name: bytes, value: bytes) -> None:
        """See `httptools`."""
        if name.lower() == b"retry-after" and value.isdigit() and len(value) < 10:  # RFC 9110 10.2.3
            self._retry_after = float(value)

    def on_body(self, data: bytes) -> None:
        """See `httptools`."""
        self._text = (self._text + data)[:KEPT]

    def on_message_complete(self) -> None:
        """See `httptools`."""
        if self._parser.get_status_code() >= 200:  # RFC 9110 15.2: a 1xx is not the answer yet
            self.stays = bool(self._parser.should_keep_alive())
            self._settle()

    def end(self, why: str) -> None:
        """The connection is gone: an answer without a length ends so (RFC 9112 6.3)."""
        status = self._parser.get_status_code()
        if status >= 200 and not self.answer.done():
            self._settle()
        self._fail(why)

    def _settle(self) -> None:
        if not self.answer.done():
            text = self._text.decode("utf-8", "replace").replace("\0", " ")
            self.answer.set_result(Answer(int(self._parser.get_status_code()), text, self._retry_after))

    def _fail(self, why: str) -> None:
        if not self.answer.done():
            self.answer.set_exception(CannotReach(why))
