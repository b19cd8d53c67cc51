"""Clients of the web server that hold on to a connection: each is let go, and who is only waiting for us is not."""

import asyncio
from contextlib import asynccontextmanager
from functools import partial

import pytest
import uvicorn

from lettershop.servers.web.patience import Patience, PatientProtocol
from lettershop.servers.web.quick import Quick, QuickProtocol

SHORT = Patience(head=1.0, piece=1.0, rate=1000.0, most_head=4096)
LARGE = 32 * 2**20
HOST = b"Host: m.example\r\n"


class App:
    """Reads the body, waits `slow` seconds before each piece, and answers with its size or with a large page."""

    def __init__(self):
        self.slow, self.ended = 0.0, []

    async def __call__(self, scope, receive, send):
        size, more = 0, True
        while more:
            await asyncio.sleep(self.slow)
            message = await receive()
            if message["type"] == "http.disconnect":
                self.ended.append("cut")
                return
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        body = b"x" * LARGE if scope["path"] == "/large" else str(size).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        self.ended.append("answered")


class NoActions:
    """No campaign is known."""

    def opening(self, token, signals):
        return None


@asynccontextmanager
async def served(kind):
    """(application, port) of a server of this test."""
    app = App()
    makes = {
        "patient": partial(PatientProtocol, patience=SHORT),
        "quick": partial(QuickProtocol, Quick(NoActions(), []), patience=SHORT),
    }
    config = uvicorn.Config(
        app, http=makes[kind], port=0, lifespan="off", log_config=None, ws="none", timeout_keep_alive=60,
        timeout_graceful_shutdown=5,
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield app, server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 20)


async def dripped(port, first, then, every=0.1, pieces=300):
    """What comes back on a connection that sends `first` and then `then` again and again, until it is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)
    reading = asyncio.create_task(asyncio.wait_for(reader.read(-1), 30))
    for _ in range(pieces):
        if reading.done() or writer.is_closing():
            break
        writer.write(then)
        await asyncio.sleep(every)
    try:
        return await reading
    except ConnectionResetError:  # it was closed while more was on its way
        return b""
    finally:
        writer.close()


both = pytest.mark.parametrize("kind", ["patient", "quick"])


@both
async def test_a_connection_without_a_request_is_closed(kind):
    async with served(kind) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await asyncio.wait_for(reader.read(-1), 20) == b""
        writer.close()


@both
@pytest.mark.parametrize("start", [b"G", b"GET /o/abc", b"GET / HTTP/1.1\r\n" + HOST + b"X-A: "])
async def test_a_head_that_never_ends_is_given_up(kind, start):
    async with served(kind) as (app, port):
        got = await dripped(port, start, b"a" if b" " in start else b"")
        assert got.startswith(b"HTTP/1.1 408 ") or (got == b"" and b" " in start)  # reset by what was still on its way
        assert not app.ended


async def test_who_is_slow_is_told_so():
    async with served("patient") as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n")
        assert (await asyncio.wait_for(reader.readline(), 20)).startswith(b"HTTP/1.1 408 ")
        writer.close()


@both
async def test_a_later_request_has_its_own_time(kind):
    async with served(kind) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(4):
            writer.write(b"GET / HTTP/1.1\r\n")
            await asyncio.sleep(0.5)
            writer.write(HOST + b"\r\n")
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
            assert head.startswith(b"HTTP/1.1 200 ")
            await reader.readexactly(1)
        writer.close()


@both
async def test_a_body_that_stops_or_drips_is_given_up(kind):
    head = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n"
    async with served(kind) as (app, port):
        stopped, dripping = await asyncio.gather(dripped(port, head, b""), dripped(port, head, b"x"))
        assert stopped.startswith(b"HTTP/1.1 408 ")
        assert not dripping or dripping.startswith(b"HTTP/1.1 408 ")
        assert app.ended == ["cut", "cut"]


async def test_a_body_that_comes_in_time_and_an_application_that_takes_its_time():
    size = 400_000
    async with served("patient") as (app, port):
        app.slow = 0.6  # a piece: longer than the client may take in all
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % size + b"x" * size)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
        assert head.startswith(b"HTTP/1.1 200 ")
        assert await reader.readexactly(6) == str(size).encode()
        writer.close()


@both
@pytest.mark.parametrize("start", [b"GET /" + b"a" * 9000, b"GET / HTTP/1.1\r\n" + HOST + b"X-A: " + b"a" * 9000])
async def test_a_head_too_large_is_refused(kind, start):
    async with served(kind) as (app, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(start)
        assert (await asyncio.wait_for(reader.readline(), 20)).startswith(b"HTTP/1.1 431 ")
        writer.close()
        assert not app.ended


async def test_fields_of_a_trailer_count_as_well():
    chunked = b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    async with served("patient") as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(chunked + b"".join(b"X-%d: a\r\n" % number for number in range(2000)))
        assert (await asyncio.wait_for(reader.readline(), 20)).startswith(b"HTTP/1.1 400 ")
        writer.close()


@pytest.mark.parametrize("keep", [b"", b"Connection: close\r\n"], ids=["kept", "closing"])
async def test_who_does_not_read_the_answer_is_let_go(keep):
    async with served("patient") as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET /large HTTP/1.1\r\n" + HOST + keep + b"\r\n")
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
        got = 0
        await asyncio.sleep(2.5)
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            while got < LARGE:
                got += len(await asyncio.wait_for(reader.readexactly(1), 20))
        assert got < LARGE
        writer.close()
