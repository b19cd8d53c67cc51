"""Receivers with certificates of an authority of ours, a web server for policies, and a DNS that names them.

    async with Secured(clock) as world:
        inbox = await world.receiver("mx.b.example")              # its certificate is for that name
        world.records[("b.example", "MX")] = ["10 mx.b.example"]
        world.files["mta-sts.b.example"] = policy("enforce", "mx.b.example")
        async with delivering(store.main, {}, world.resolver, world.port, guards=…, tls=…, trusted=world.trusted): …

All receivers have the same port, each its own loopback address: MX records name no port.
"""

import asyncio
import ssl
from typing import Self

import trustme
from tests.receivers import Network, Receiver

from lettershop.net.resolver import Asking
from lettershop.net.zones import ZoneResolver
from lettershop.wire.trust.questions import Answer


def policy(mode: str, *mx: str, max_age: int = 604_800) -> bytes:
    """The text of an MTA-STS policy."""
    hosts = "".join(f"mx: {one}\r\n" for one in mx)
    return f"version: STSv1\r\nmode: {mode}\r\n{hosts}max_age: {max_age}\r\n".encode()


class Secured(Asking):
    """See the module. It is its own resolver: `records` may be changed at any time; `authentic` names are DNSSEC-signed."""

    def __init__(self) -> None:
        self.authority = trustme.CA()
        self.trusted = ssl.create_default_context()
        self.authority.configure_trust(self.trusted)
        self.records: dict[tuple[str, str], list[str]] = {}
        self.broken: set[tuple[str, str]] = set()  # questions that nobody can answer
        self.authentic: set[str] = set()
        self.files: dict[str, bytes] = {}
        self.status, self.kind = "200 OK", "text/plain; charset=utf-8"
        self.fetched: list[str] = []
        self.port = self.web_port = 0
        self._net = Network()
        self._hosts = 0

    async def __aenter__(self) -> Self:
        self.web_name = ["mta-sts.b.example", "mta-sts.c.example"]
        await self._start_web()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._net.__aexit__()
        self._web.close()
        await self._web.wait_closed()

    async def _start_web(self) -> None:
        context = self.certified(*self.web_name)
        self._web = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.web_port = self._web.sockets[0].getsockname()[1]

    def certified(self, *names: str, authority: trustme.CA | None = None) -> ssl.SSLContext:
        """A server's context with a certificate for these names."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        (authority or self.authority).issue_cert(*names).configure_cert(context)
        return context

    async def receiver(
        self, host: str, *, names: str = "", authority: trustme.CA | None = None, tls: bool = True,
        context: ssl.SSLContext | None = None, hidden: frozenset[str] = frozenset(),
    ) -> Receiver:  # fmt: skip
        """A mail server `host`, its certificate for `names` by `authority` (or as `context` has it)."""
        self._hosts += 1
        address = f"127.0.0.{10 + self._hosts}"
        made = context or (self.certified(names or host, authority=authority) if tls else None)
        found = await self._net.receiver(host, tls=made, hidden=hidden, address=address, port=self.port)
        self.port = found.port
        self.records[(host, "A")] = [address]
        return found

    async def query(self, name: str, rdtype: str) -> Answer:
        """See `Resolver.query`."""
        if (name, rdtype) in self.broken:
            return await ZoneResolver({(name, rdtype): Answer("failed")}).query(name, rdtype)
        records = dict(self.records)
        records.update({(web, "A"): ["127.0.0.1"] for web in self.files})
        answer = await ZoneResolver.of(records).query(name, rdtype)
        authentic = any(f".{name}".endswith(f".{zone}") for zone in self.authentic)
        return Answer(answer.status, answer.records, answer.ttl, authentic)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            host = next(
                line.partition(":")[2].strip() for line in head.split("\r\n") if line.lower().startswith("host:")
            )
            self.fetched.append(host)
            body = self.files.get(host, b"")
            answer = f"HTTP/1.1 {self.status}\r\ncontent-type: {self.kind}\r\ncontent-length: {len(body)}\r\n\r\n"
            writer.write(answer.encode() + body)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
