"""One request to a named address: what is looked up is what is called, nothing is followed, time and size are bounded."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest
import trustme

from lettershop.net.callout import LARGEST, Callouts, CannotReach, request
from lettershop.net.reach import TargetRefused, check, target_of
from lettershop.net.zones import ZoneResolver

LOOPBACK = [ip_network("127.0.0.0/8")]


@asynccontextmanager
async def peer(*answers, tls=None, pieces=False):
    """A server that gives these answers in turn on any connection: (port, requests seen, connections)."""
    seen, connections, left = [], [], list(answers)

    async def serve(reader, writer):
        connections.append(writer.get_extra_info("peername"))
        try:
            while left:
                head = await reader.readuntil(b"\r\n\r\n")
                size = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
                )
                seen.append(head + await reader.readexactly(size))
                answer = left.pop(0)
                if answer is None:
                    await asyncio.sleep(30)
                for piece in [bytes([b]) for b in answer] if pieces else [answer]:
                    writer.write(piece)
                    await writer.drain()
                if b"close" in answer[:200]:
                    break
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    yield server.sockets[0].getsockname()[1], seen, connections
    server.close()


def callouts(records=None, allowed=LOOPBACK, timeout=5.0, tls=None):
    zone = ZoneResolver.of(records or {("hooks.example", "A"): ["127.0.0.1"]})
    return Callouts(zone, timeout=timeout, allowed=allowed, trust=lambda: tls or ssl.create_default_context())


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"


@pytest.mark.parametrize("pieces", [False, True])
async def test_a_line_takes_several_requests(pieces):
    async with peer(OK, b"HTTP/1.1 204 No Content\r\n\r\n", pieces=pieces) as (port, seen, connections):
        line = await callouts().open(target_of(f"http://hooks.example:{port}/in?a=b"))
        first = await line.post([("webhook-id", "evt_1")], b"{}")
        second = await line.post([], b"{1}")
        line.close()
    assert (first.status, first.text, second.status) == (200, "hi", 204)
    assert seen[0].startswith(b"POST /in?a=b HTTP/1.1\r\nhost: hooks.example:%d\r\n" % port)
    assert b"\r\nwebhook-id: evt_1\r\n" in seen[0]
    assert seen[0].endswith(b"\r\n\r\n{}")
    assert len(connections) == 1


@pytest.mark.parametrize(
    ("answer", "status", "stays"),
    [
        (b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", 302, True),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi", 200, False),
        (b"HTTP/1.0 200 OK\r\nconnection: close\r\n\r\nuntil the end", 200, False),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 200, True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n", 202, True),
        (b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n", 500, True),
    ],
)
async def test_answers_in_every_shape(answer, status, stays):
    async with peer(answer, OK) as (port, seen, _):
        line = await callouts().open(target_of(f"http://hooks.example:{port}/"))
        found = await line.post([], b"{}")
        assert (found.status, not line.closed) == (status, stays)
        line.close()
    assert len(seen) == 1


async def test_a_wish_to_wait_is_heard():
    wait = b"HTTP/1.1 429 Too Many\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n"
    date = b"HTTP/1.1 503 Busy\r\nretry-after: Wed, 21 Oct 2026 07:28:00 GMT\r\ncontent-length: 0\r\n\r\n"
    async with peer(wait, date) as (port, _, _):
        line = await callouts().open(target_of(f"http://hooks.example:{port}/"))
        assert (await line.post([], b"{}")).retry_after == 120.0
        assert (await line.post([], b"{}")).retry_after is None
        line.close()


async def test_who_says_too_much_is_cut_off():
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n" + b"x" * (LARGEST + 1)
    async with peer(endless) as (port, _, _):
        line = await callouts().open(target_of(f"http://hooks.example:{port}/"))
        answer = await line.post([], b"{}")
    assert (answer.status, len(answer.text), line.closed) == (200, 1000, True)


@pytest.mark.parametrize("nonsense", [b"220 mail.example ESMTP\r\n", b"\0\1\2\3", b"HTTP/1.1 close\r\n\r\n"])
async def test_what_is_no_http_is_no_answer(nonsense):
    async with peer(nonsense) as (port, _, _):
        line = await callouts().open(target_of(f"http://hooks.example:{port}/"))
        with pytest.raises(CannotReach):
            await line.post([], b"{}")
    assert line.closed


async def test_who_does_not_answer_is_not_waited_for():
    async with peer(None) as (port, _, _):
        line = await callouts(timeout=0.2).open(target_of(f"http://hooks.example:{port}/"))
        with pytest.raises(CannotReach, match="within"):
            await line.post([], b"{}")
    assert line.closed


async def test_a_closed_port_and_an_unknown_name_are_said():
    async with peer() as (port, _, _):
        pass
    with pytest.raises(CannotReach, match="does not take connections"):
        await callouts().open(target_of(f"http://hooks.example:{port}/"))
    with pytest.raises(CannotReach, match="does not exist"):
        await callouts().open(target_of("https://nowhere.example/"))


async def test_one_private_address_among_public_ones_stops_it():
    mixed = {("hooks.example", "A"): ["93.184.216.34", "127.0.0.1"]}
    with pytest.raises(TargetRefused, match=r"127\.0\.0\.1"):
        await callouts(mixed, allowed=()).open(target_of("https://hooks.example/"))
    with pytest.raises(TargetRefused):
        await callouts(allowed=()).open(target_of("https://127.0.0.1/"))


async def test_a_certificate_must_prove_the_name():
    authority = trustme.CA()
    server, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("hooks.example").configure_cert(server)
    authority.configure_trust(ours)
    async with peer(OK, tls=server) as (port, _, _):
        line = await callouts(tls=ours).open(target_of(f"https://hooks.example:{port}/"))
        assert (await line.post([], b"{}")).status == 200
        line.close()
        both = {("other.example", "A"): ["127.0.0.1"], ("hooks.example", "A"): ["127.0.0.1"]}
        with pytest.raises(CannotReach, match="certificate"):
            await callouts(both, tls=ours).open(target_of(f"https://other.example:{port}/"))
        with pytest.raises(CannotReach, match="certificate"):
            await callouts().open(target_of(f"https://hooks.example:{port}/"))


def test_a_request_is_one_line_of_head_each():
    raw = request(target_of("https://hooks.example/"), [("webhook-id", "evt_1")], b"{}")
    head, _, body = raw.partition(b"\r\n\r\n")
    assert body == b"{}"
    assert all(b":" in line for line in head.split(b"\r\n")[1:])


async def test_an_address_is_asked_as_by_a_browser():
    async with peer(b"HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\nno") as (port, seen, _):
        line = await callouts().open(target_of(f"http://hooks.example:{port}/a?b=c"))
        assert (await line.get()).status == 404 and line.closed
    assert seen[0].startswith(b"GET /a?b=c HTTP/1.1\r\nhost: hooks.example") and seen[0].endswith(b"\r\n\r\n")


def test_public_addresses_are_asked_in_clear_only_where_that_is_meant():
    target = target_of("http://hooks.example/")
    check(target, "192.0.46.1", [], plain=True)
    with pytest.raises(TargetRefused):
        check(target, "192.0.46.1", [])
    with pytest.raises(TargetRefused):
        check(target, "10.0.0.1", [], plain=True)
