"""A wire that can be cut: a TCP proxy between a program and its PostgreSQL server."""

import asyncio
from urllib.parse import parse_qs, urlsplit


class Wire:
    """Passes bytes on until told otherwise.

    `cut()` breaks all connections; while `down` new ones are refused. `at_commit` says what happens to the next COMMIT:
    "before": the connection breaks and the server never hears of it; "after": it does, its answer is lost.
    """

    def __init__(self, url):
        parts = urlsplit(url)
        self._folder = parse_qs(parts.query)["host"][0]
        self._path = parts.path
        self._user = parts.username
        self.down = False
        self.at_commit = None
        self.cuts = 0
        self._open = set()

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"postgresql://{self._user}:x@127.0.0.1:{port}{self._path}"
        return self

    async def __aexit__(self, *exc):
        self._server.close()
        self.cut()

    def cut(self):
        """Break every connection now."""
        for writer in list(self._open):
            writer.transport.abort()
        self.cuts += 1

    async def _serve(self, reader, writer):
        if self.down:
            writer.transport.abort()
            return
        inner_reader, inner_writer = await asyncio.open_unix_connection(f"{self._folder}/.s.PGSQL.5432")
        pair = {writer, inner_writer}
        self._open |= pair
        try:
            await asyncio.gather(
                self._pass_on(reader, inner_writer, pair, commits=True), self._pass_on(inner_reader, writer, pair)
            )
        finally:
            self._open -= pair

    async def _pass_on(self, reader, writer, pair, commits=False):
        try:
            while data := await reader.read(65536):
                if commits and self.at_commit and b"COMMIT" in data:
                    moment, self.at_commit = self.at_commit, None
                    if moment == "after":
                        (outer,) = pair - {writer}
                        outer.transport.pause_reading()
                        outer.write = lambda _: None  # the answer is lost
                        writer.write(data)
                        await asyncio.sleep(0.3)  # the server has time to commit
                    break
                writer.write(data)
                await writer.drain()
        except (ConnectionError, OSError):
            pass
        for end in pair:
            end.transport.abort()
