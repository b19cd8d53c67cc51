"""Dialogue tests: a script of what client (C:) and server (S:) say, played against a session.

    await play(script, wire)

A script, one line a step; empty lines and lines that begin with "#" are comments:

    S: 220 …                    the server's next line; "…" stands for anything
    S~ 250[- ](SIZE|DSN).*      the same as a regular expression
    C: EHLO client.example      the client's line, CR LF is added; C: lines that stand together are one packet
    C> a\\nb                     the same raw, with Python's escapes and without CR LF
    C# b 5000                   5000 times the byte "b", without CR LF
    TLS                         the client starts its handshake
    EOF                         the server has closed the connection

`wires` lists the ways to play it: `MemoryWire` (no socket: the session with a link in memory), the same byte by byte,
and `TcpWire` (the real `StreamServer` on loopback). All three must give the same dialogue:

    @pytest.mark.parametrize("wire", WIRES)
    async def test_it(wire): await play(SCRIPT, wire(make_session))
"""

import ast
import asyncio
import re
import ssl
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Protocol, cast

import trustme

from lettershop.net.stream import Limits, Link, Peer, Session, StreamServer, TlsFacts

Sessions = Callable[[], Session]
WAIT = 5.0


@cache
def contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(server's, client's) TLS contexts that trust each other."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client


class Wire(Protocol):
    """How a script reaches a session."""

    async def open(self) -> None: ...
    async def send(self, data: bytes) -> None: ...
    async def line(self) -> bytes:
        """The server's next line; b"" when it has closed."""

    async def start_tls(self) -> None: ...
    async def close(self) -> None: ...


class MemoryLink:
    """A `Link` without a socket: what is written piles up in `output`."""

    def __init__(self, *, tls: bool = True) -> None:
        self.peer, self.local = Peer("127.0.0.1", 40000), Peer("127.0.0.1", 25)
        self.tls: TlsFacts | None = None
        self.tls_available = tls
        self.closing = False
        self.output = bytearray()

    def write(self, data: bytes) -> None:
        if not self.closing:
            self.output += data

    async def send(self, data: bytes) -> None:
        self.write(data)

    async def drain(self) -> None:
        pass

    async def start_tls(self) -> None:
        self.tls, self.tls_available = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256), False

    def close(self) -> None:
        self.closing = True

    abort = close


class MemoryWire:
    """The session alone. `piece`: bytes given to it at a time, 0 for all."""

    def __init__(self, sessions: Sessions, *, piece: int = 0) -> None:
        self.session = sessions()
        self.link = MemoryLink()
        self._piece = piece

    async def open(self) -> None:
        await self.session.opened(cast(Link, self.link))

    async def send(self, data: bytes) -> None:
        step = self._piece or len(data)
        for start in range(0, len(data), step):
            if not self.link.closing:
                await self.session.received(data[start : start + step])

    async def line(self) -> bytes:
        for _ in range(1000):  # another task may write: IDLE
            end = self.link.output.find(b"\n")
            if end >= 0 or self.link.closing:
                break
            await asyncio.sleep(0.01)
        line = bytes(self.link.output[: end + 1])
        del self.link.output[: end + 1]
        if not line and not self.link.closing:
            raise TimeoutError
        return line

    async def start_tls(self) -> None:
        assert self.link.tls is not None, "the server did not start TLS"

    async def close(self) -> None:
        await self.session.closed()


class TcpWire:
    """The same over loopback, through `StreamServer`."""

    def __init__(self, sessions: Sessions) -> None:
        self._server = StreamServer(sessions, tls=contexts()[0], limits=Limits(grace=0.2))

    async def open(self) -> None:
        _, port = await self._server.listen("127.0.0.1", 0)
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def line(self) -> bytes:
        async with asyncio.timeout(WAIT):
            try:
                return await self._reader.readline()
            except ConnectionError:
                return b""

    async def start_tls(self) -> None:
        await self._writer.start_tls(contexts()[1], server_hostname="localhost")

    async def close(self) -> None:
        self._writer.close()
        await self._server.close()


WIRES: list[Callable[[Sessions], Wire]] = [MemoryWire, partial(MemoryWire, piece=1), TcpWire]


def steps(script: str) -> list[tuple[str, str]]:
    """(kind, rest) of each line."""
    found: list[tuple[str, str]] = []
    for number, raw in enumerate(script.splitlines(), 1):
        line = raw.strip() if raw.strip()[:2] not in ("C:", "C>", "S:", "S~", "C#") else raw.lstrip()
        if not line or line.startswith("#"):
            continue
        kind, rest = line[:2], line[3:]
        if line in ("TLS", "EOF"):
            kind, rest = line, ""
        elif kind not in ("C:", "C>", "S:", "S~", "C#"):
            raise ValueError(f"line {number} is no step: {line}")
        found.append((kind, rest))
    return found


async def play(script: str, wire: Wire) -> None:
    """Play it; an AssertionError shows the dialogue so far."""
    transcript: list[str] = []
    packet = b""
    await wire.open()
    try:
        for kind, rest in steps(script):
            transcript.append(f"{kind} {rest}")
            if kind[0] == "C":
                packet += _client_bytes(kind, rest)
                continue
            if packet:
                await wire.send(packet)
                packet = b""
            if kind == "TLS":
                await wire.start_tls()
            else:
                await _expect(kind, rest, wire, transcript)
        if packet:
            await wire.send(packet)
    finally:
        await wire.close()


def _client_bytes(kind: str, rest: str) -> bytes:
    if kind == "C:":
        return rest.encode() + b"\r\n"
    if kind == "C>":
        raw: Any = ast.literal_eval(f'b"""{rest}"""')
        return bytes(raw)
    byte, count = rest.split()
    return byte.encode() * int(count)


async def _expect(kind: str, rest: str, wire: Wire, transcript: list[str]) -> None:
    so_far = "\n".join(transcript[-30:])
    try:
        line = await wire.line()
    except TimeoutError:
        raise AssertionError(f"the server says nothing\n{so_far}") from None
    if kind == "EOF":
        assert line == b"", f"expected the end, got {line!r}\n{so_far}"
        return
    assert line, f"the server has closed\n{so_far}"
    text = line.decode("utf-8", "replace").removesuffix("\r\n")
    pattern = rest if kind == "S~" else re.escape(rest).replace("…", ".*")
    assert re.fullmatch(pattern, text), f"expected {rest!r}, got {text!r}\n{so_far}"
