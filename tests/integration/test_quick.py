"""The quick way and the long way give the same answers, on a real uvicorn with real connections."""

import asyncio
from contextlib import asynccontextmanager

import pytest
import uvicorn

from lettershop.base.errors import Temporary
from lettershop.servers.web.public import Page
from lettershop.servers.web.quick import Quick
from lettershop.servers.web.tracking import Tracking

TOKEN = "abcdefgh"
HEAD = "Host: m.example\r\nUser-Agent: Mail/1\r\nX-Forwarded-For: 192.0.2.1\r\n"
OPEN = f"GET /o/{TOKEN}.gif HTTP/1.1\r\n{HEAD}\r\n".encode()
CLICK = f"GET /c/{TOKEN}/1 HTTP/1.1\r\n{HEAD}\r\n".encode()
OTHER = f"GET /elsewhere HTTP/1.1\r\n{HEAD}\r\n".encode()
TARGET = "https://brand.example/?a=1"


class Actions:
    """Counts who came which way; `fails` breaks so many commits, `slow` delays them."""

    def __init__(self):
        self.quick, self.long, self.fails, self.slow = [], [], 0, 0.0

    def _kept(self):
        kept = asyncio.get_running_loop().create_future()
        failing, self.fails = self.fails > 0, max(0, self.fails - 1)

        def settle():
            kept.set_exception(Temporary("Not now.")) if failing else kept.set_result(None)

        asyncio.get_running_loop().call_later(self.slow, settle)
        return kept

    def opening(self, token, signals):
        self.quick.append(signals)
        return self._kept() if token == TOKEN else None

    def following(self, token, number, signals):
        self.quick.append(signals)
        return (self._kept(), TARGET) if (token, number) == (TOKEN, 1) else None

    async def opened(self, token, signals):
        self.long.append(signals)
        await self._kept()
        return token == TOKEN

    async def followed(self, token, number, signals):
        self.long.append(signals)
        await self._kept()
        return TARGET if (token, number) == (TOKEN, 1) else None


class Pages:
    """As few words as possible."""

    def speaking(self, language):
        return self

    def not_found(self):
        return self._page(404)

    def failed(self, error):
        return self._page(503)

    def _page(self, status):
        return Page(status, b"words", ((b"content-type", b"text/plain"),))


async def elsewhere(scope, receive, send):
    """Everything that is no link of a message."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    headers = [(b"content-length", str(len(body) + 4).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"else" + bytes(body)})


@asynccontextmanager
async def served(rest=5.0):
    """(actions, port, server) of a server of this test."""
    actions = Actions()
    config = uvicorn.Config(
        Tracking(elsewhere, actions, Pages(), elsewhere), http=Quick(actions, ["127.0.0.1"]).protocol(), port=0,
        lifespan="off", log_config=None, server_header=False, forwarded_allow_ips=["127.0.0.1"], ws="none",
        timeout_keep_alive=rest, timeout_graceful_shutdown=5,
    )  # fmt: skip
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110  (uvicorn has no event)
        await asyncio.sleep(0.01)
    try:
        yield actions, server.servers[0].sockets[0].getsockname()[1], server
    finally:
        server.should_exit = True
        await asyncio.wait_for(task, 20)


async def answer(reader):
    """(status, headers, body) of the next answer."""
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 20)
    status, *lines = head.decode().strip().split("\r\n")
    headers = sorted(line.lower() for line in lines if not line.lower().startswith("date"))
    length = next(int(line.split(":")[1]) for line in headers if line.startswith("content-length"))
    return status, headers, await reader.readexactly(length)


@pytest.mark.parametrize("request_", [OPEN, CLICK], ids=["open", "click"])
async def test_both_ways_answer_the_same(request_):
    async with served() as (actions, port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_)
        quickly = await answer(reader)
        writer.write(request_[:20])
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(request_[20:])
        slowly = await answer(reader)
        writer.close()
    assert quickly == slowly
    assert (len(actions.quick), len(actions.long)) == (1, 1)
    one, other = actions.quick[0], actions.long[0]
    assert (one.user_agent, one.ip, one.headers, one.method) == (
        other.user_agent, other.ip, other.headers, other.method,
    )  # fmt: skip
    assert one.ip == "192.0.2.1"


async def test_answers_come_in_the_order_of_the_requests():
    async with served() as (actions, port, _):
        actions.slow = 0.05
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for piece in (OPEN, CLICK, OTHER, OPEN, OTHER, CLICK):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        found = [(await answer(reader))[0].split()[1] for _ in range(6)]
        writer.close()
    assert found == ["200", "302", "200", "200", "200", "302"]


async def test_a_body_that_looks_like_a_request_is_a_body():
    async with served() as (actions, port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"POST /x HTTP/1.1\r\nHost: m\r\nContent-Length: {len(OPEN)}\r\n\r\n".encode())
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.write(OPEN)
        _, _, body = await answer(reader)
        writer.close()
    assert body == b"else" + OPEN
    assert actions.quick == actions.long == []


async def test_what_could_not_be_kept_is_tried_again_and_told_in_words():
    async with served() as (actions, port, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        actions.fails = 1
        writer.write(OPEN)
        assert (await answer(reader))[0].split()[1] == "200"
        actions.fails = 2
        writer.write(OPEN)
        assert (await answer(reader))[0].split()[1] == "503"
        writer.close()


async def test_a_connection_that_rests_is_closed_and_one_in_use_is_not():
    async with served(rest=1) as (_, port, _server):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for request_ in (OTHER, OPEN, OPEN, OTHER, OPEN):
            writer.write(request_)
            await answer(reader)
            await asyncio.sleep(0.5)
        assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()


async def test_a_server_that_ends_gives_the_answers_it_owes():
    async with served() as (actions, port, server):
        actions.slow = 0.3
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(CLICK)
        await writer.drain()
        await asyncio.sleep(0.1)
        server.should_exit = True
        assert (await answer(reader))[0].split()[1] == "302"
        assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()
