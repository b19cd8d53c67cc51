"""Gets one small file over HTTPS from a host that the DNS of the house resolves: policies of MTA-STS.

    text = await Fetcher(resolver, context).get("mta-sts.b.example", "/.well-known/mta-sts.txt")

No redirects, no other type than text/plain, bounded in size and time. Raises CannotFetch, which says what failed.
"""

import asyncio
import ssl

import httptools

from lettershop.base.errors import NotFound, Temporary
from lettershop.net.resolver import Resolver

PATIENCE = 20.0
"""Seconds for all of it; RFC 8461 3.3 suggests a minute, but mail waits for it."""
HEADROOM = 16_384
"""Octets for the header of the answer."""


class CannotFetch(Temporary):
    """The file was not had. `kind`: sts-policy-fetch-error or sts-webpki-invalid (RFC 8460 4.3.2.2)."""

    code = "cannot-fetch"

    def __init__(self, public: str, kind: str = "sts-policy-fetch-error") -> None:
        super().__init__(public)
        self.kind = kind


class Fetcher:
    """`context` checks the certificate; `largest` bounds the body in octets."""

    def __init__(
        self, resolver: Resolver, context: ssl.SSLContext, *, port: int = 443, largest: int = 65_536,
        patience: float = PATIENCE,
    ) -> None:  # fmt: skip
        self._resolver = resolver
        self._context = context
        self._port = port
        self._largest = largest
        self._patience = patience

    async def get(self, host: str, path: str) -> bytes:
        """The body of the file. Raises CannotFetch."""
        try:
            async with asyncio.timeout(self._patience):
                return await self._get(host, path)
        except TimeoutError as error:
            raise CannotFetch(f"{host} did not answer within {self._patience:g} seconds.") from error
        except ssl.SSLCertVerificationError as error:
            words = f"The certificate of {host} cannot be trusted: {error.verify_message}."
            raise CannotFetch(words, "sts-webpki-invalid") from error
        except (OSError, ssl.SSLError) as error:
            raise CannotFetch(f"{host} does not take connections.") from error

    async def _get(self, host: str, path: str) -> bytes:
        reader, writer = await self._connect(host, await self._addresses(host))
        try:
            writer.write(
                f"GET {path} HTTP/1.1\r\nhost: {host}\r\naccept: text/plain\r\nconnection: close\r\n\r\n".encode()
            )
            return await self._answer(host, reader)
        finally:
            writer.transport.abort()

    async def _addresses(self, host: str) -> list[str]:
        try:
            addresses = list(await self._resolver.addresses(host))
        except (NotFound, Temporary) as error:
            raise CannotFetch(error.public) from error
        if not addresses:
            raise CannotFetch(f"The name {host} has no address.")
        return addresses

    async def _connect(self, host: str, addresses: list[str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for address in addresses[:-1]:
            try:
                return await self._open(host, address)
            except OSError:
                continue
        return await self._open(host, addresses[-1])

    async def _open(self, host: str, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(address, self._port, ssl=self._context, server_hostname=host)

    async def _answer(self, host: str, reader: asyncio.StreamReader) -> bytes:
        answer = _Answer()
        parser = httptools.HttpResponseParser(answer)
        size = 0
        while not answer.complete:
            data = await reader.read(16_384)
            size += len(data)
            if not data or size > self._largest + HEADROOM:
                break
            try:
                parser.feed_data(data)
            except httptools.HttpParserError as error:
                raise CannotFetch(f"What {host} says is no HTTP.") from error
        status = parser.get_status_code()
        if status != 200:  # RFC 8461 3.3: redirects are not followed, nothing but 200 counts
            raise CannotFetch(f"{host} answers {status} instead of the file.")
        if not answer.whole or len(answer.body) > self._largest:
            raise CannotFetch(f"The file of {host} is too large, or breaks off.")
        if answer.kind != "text/plain":  # RFC 8461 3.2
            raise CannotFetch(f"The file of {host} is no plain text.")
        return bytes(answer.body)


class _Answer:
    """What httptools finds."""

    def __init__(self) -> None:
        self.body = bytearray()
        self.kind = ""
        self.complete = False
        self._sized = False

    @property
    def whole(self) -> bool:
        """Whether all came; without a length the end of the connection is the end of the file (RFC 9112 6.3)."""
        return self.complete or not self._sized

    def on_header(self, name: bytes, value: bytes) -> None:
        """See `httptools`."""
        if name.lower() == b"content-type":
            self.kind = value.decode("latin-1").partition(";")[0].strip().lower()
        elif name.lower() in (b"content-length", b"transfer-encoding"):
            self._sized = True

    def on_body(self, data: bytes) -> None:
        """See `httptools`."""
        self.body += data

    def on_message_complete(self) -> None:
        """See `httptools`."""
        self.complete = True
