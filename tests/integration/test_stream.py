"""The loop between sockets and sessions, over loopback, on asyncio and on uvloop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import uvloop
from tests.dialogue import contexts

from lettershop.net.stream import READ_AHEAD, Limits, Link, StreamServer, Why


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Callable[[], Awaitable[None]]], None]:
    def runner(test: Callable[[], Awaitable[None]]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(20):
                await test()

        with asyncio.Runner(loop_factory=request.param) as loop:
            loop.run(bounded())

    return runner


class Echo:
    """Says back what it hears; obeys a few words."""

    patience = 5.0
    ended: list[str]

    def __init__(self, log: list[str] | None = None) -> None:
        self.ended = [] if log is None else log
        self.release = asyncio.Event()
        self.busy = asyncio.Event()

    async def opened(self, link: Link) -> None:
        self.link = link
        link.write(b"hello\n")

    async def received(self, data: bytes) -> None:
        link = self.link
        if data.startswith(b"STARTTLS"):
            link.write(b"begin\n")
            await link.start_tls()
        elif data == b"QUIT\n":
            link.write(b"bye\n")
            link.close()
            link.write(b"never said\n")
        elif data == b"BIG\n":
            for _ in range(200):
                await link.send(b"x" * 65_536)
            link.write(b"done\n")
        elif data == b"WAIT\n":
            self.busy.set()
            await self.release.wait()
        elif data == b"LATER\n":
            asyncio.get_running_loop().call_later(0.02, link.write, b"unasked\n")
        elif data == b"BOOM\n":
            raise ValueError("private words")
        else:
            await link.send(data)

    def farewell(self, why: Why) -> bytes:
        return f"end: {why}\n".encode()

    async def closed(self) -> None:
        self.ended.append("closed")


async def serve(make: Callable[[], Any], **options: Any) -> tuple[StreamServer, int]:
    server = StreamServer(make, **options)
    return server, (await server.listen("127.0.0.1", 0))[1]


def test_echo_unasked_words_and_close(run: Any) -> None:
    async def test() -> None:
        log: list[str] = []
        server, port = await serve(lambda: Echo(log))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await reader.readline() == b"hello\n"
        writer.write(b"abc\n")
        assert await reader.readline() == b"abc\n"
        writer.write(b"LATER\n")
        assert await reader.readline() == b"unasked\n"
        assert server.connections == 1
        writer.write(b"QUIT\n")
        assert await reader.read() == b"bye\n"
        assert log == ["closed"]
        assert server.connections == 0
        writer.close()
        await server.close()

    run(test)


def test_half_closed_clients_get_their_answers(run: Any) -> None:
    async def test() -> None:
        server, port = await serve(Echo)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"abc\n")
        writer.write_eof()
        assert await reader.read() == b"hello\nabc\n"
        writer.close()
        await server.close()

    run(test)


def test_silence_ends_it(run: Any) -> None:
    async def test() -> None:
        Echo.patience = 1.0
        try:
            server, port = await serve(Echo)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            start = asyncio.get_running_loop().time()
            for _ in range(3):
                await asyncio.sleep(0.4)
                writer.write(b"x\n")
            assert await reader.read() == b"hello\nx\nx\nx\nend: timeout\n"
            assert 2.0 < asyncio.get_running_loop().time() - start < 15
            writer.close()
            await server.close()
        finally:
            Echo.patience = 5.0

    run(test)


def test_shutdown_says_farewell_and_waits_for_work(run: Any) -> None:
    async def test() -> None:
        sessions: list[Echo] = []

        def make() -> Echo:
            sessions.append(Echo())
            return sessions[-1]

        server, port = await serve(make, limits=Limits(grace=5))
        idle = await asyncio.open_connection("127.0.0.1", port)
        busy = await asyncio.open_connection("127.0.0.1", port)
        for reader, _ in (idle, busy):
            assert await reader.readline() == b"hello\n"
        busy[1].write(b"WAIT\n")
        await sessions[1].busy.wait()
        closing = asyncio.ensure_future(server.close())
        assert await idle[0].read() == b"end: shutdown\n"
        assert not closing.done()
        sessions[1].release.set()
        await closing
        assert await busy[0].read() == b"end: shutdown\n"
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)
        for _, writer in (idle, busy):
            writer.close()

    run(test)


def test_shutdown_does_not_wait_for_ever(run: Any) -> None:
    async def test() -> None:
        log: list[str] = []
        session = Echo(log)
        server, port = await serve(lambda: session, limits=Limits(grace=0.1))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"WAIT\n")
        await reader.readline()
        await session.busy.wait()
        await server.close()
        assert log == ["closed"]
        assert server.connections == 0
        writer.close()

    run(test)


def test_an_exception_stays_inside(run: Any) -> None:
    async def test() -> None:
        told: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        server, port = await serve(Echo)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"BOOM\n")
        assert await reader.read() == b"hello\nend: error\n"
        assert isinstance(told[0]["exception"], ValueError)
        writer.close()
        await server.close()

    run(test)


def test_a_peer_that_vanishes_is_no_news(run: Any) -> None:
    async def test() -> None:
        told: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        log: list[str] = []
        server, port = await serve(lambda: Echo(log))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readline()
        writer.write(b"BIG\n")
        await asyncio.sleep(0.05)
        writer.transport.abort()
        while not log:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert log == ["closed"] and not told
        await server.close()

    run(test)


def test_a_slow_reader_holds_the_writer_back(run: Any) -> None:
    async def test() -> None:
        links: list[Link] = []

        class Keeping(Echo):
            async def opened(self, link: Link) -> None:
                links.append(link)
                await super().opened(link)

        server, port = await serve(Keeping)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        await reader.readline()
        writer.write(b"BIG\n")
        await asyncio.sleep(0.2)
        assert links[0]._transport.get_write_buffer_size() < 400_000  # of 13 MB
        assert len(await reader.readexactly(200 * 65_536)) == 200 * 65_536
        assert await reader.readline() == b"done\n"
        writer.close()
        await server.close()

    run(test)


def test_a_reader_that_stalls_is_cut_off(run: Any) -> None:
    async def test() -> None:
        log: list[str] = []
        server, port = await serve(lambda: Echo(log), limits=Limits(stalled_write=0.1))
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"BIG\n")
        while not log:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        assert log == ["closed"]
        writer.transport.abort()
        await server.close()

    run(test)


def test_input_waits_while_the_session_works(run: Any) -> None:
    async def test() -> None:
        heard: list[int] = []
        gate = asyncio.Event()
        links: list[Link] = []

        class Slow(Echo):
            async def opened(self, link: Link) -> None:
                links.append(link)

            async def received(self, data: bytes) -> None:
                heard.append(len(data))
                await gate.wait()

        server, port = await serve(Slow)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"y" * 20_000_000)
        await asyncio.sleep(0.2)
        assert links[0]._waiting < READ_AHEAD + 1_000_000
        gate.set()
        while sum(heard) < 20_000_000:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        writer.close()
        await server.close()

    run(test)


def test_limits(run: Any) -> None:
    async def test() -> None:
        server, port = await serve(Echo, limits=Limits(per_peer=2), refusal=b"full\n")
        first = await asyncio.open_connection("127.0.0.1", port)
        second = await asyncio.open_connection("127.0.0.1", port)
        await second[0].readline()
        third = await asyncio.open_connection("127.0.0.1", port)
        assert await third[0].read() == b"full\n"
        first[1].write(b"QUIT\n")
        await first[0].read()
        first[1].close()
        fourth = await asyncio.open_connection("127.0.0.1", port)
        assert await fourth[0].readline() == b"hello\n"
        for _, writer in (second, third, fourth):
            writer.close()
        await server.close()

    run(test)


def test_upgrade_to_tls(run: Any) -> None:
    async def test() -> None:
        server_context, client_context = contexts()
        server, port = await serve(Echo, tls=server_context)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readline()
        writer.write(b"STARTTLS\n")
        assert await reader.readline() == b"begin\n"
        await writer.start_tls(client_context, server_hostname="localhost")
        payload = bytes(range(256)) * 20_000
        writer.write(payload)
        assert await reader.readexactly(len(payload)) == payload
        writer.write(b"QUIT\n")
        assert await reader.readline() == b"bye\n"
        writer.close()
        await server.close()

    run(test)


def test_tls_from_the_start_and_a_failed_handshake(run: Any) -> None:
    async def test() -> None:
        server_context, client_context = contexts()
        server, port = await serve(Echo, tls=server_context, implicit_tls=True)
        plain = await asyncio.open_connection("127.0.0.1", port)
        plain[1].write(b"EHLO there, no TLS here\r\n")
        assert b"hello" not in await plain[0].read()
        plain[1].close()
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port, ssl=client_context, server_hostname="localhost"
        )
        assert await reader.readline() == b"hello\n"
        writer.write(b"QUIT\n")
        assert await reader.readline() == b"bye\n"
        writer.close()
        await server.close()

    run(test)


def test_a_failed_upgrade_ends_it_quietly(run: Any) -> None:
    async def test() -> None:
        told: list[Any] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
        log: list[str] = []
        server, port = await serve(lambda: Echo(log), tls=contexts()[0])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await reader.readline()
        writer.write(b"STARTTLS\n")
        await reader.readline()
        writer.write(b"this is no handshake, this is plain text\n")
        await reader.read()
        for _ in range(100):
            if log:
                break
            await asyncio.sleep(0.01)
        assert log == ["closed"]
        assert [c for c in told if isinstance(c.get("exception"), ValueError)] == []
        writer.close()
        await server.close()

    run(test)
