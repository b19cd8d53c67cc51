"""Receivers that misbehave on the wire: whatever they do is temporary for the messages concerned, and no matter for others.

Each misbehaves on its first connections and is an ordinary server afterwards; in the end everybody has the message.
"""

import asyncio
import ssl

import pytest
import trustme
from tests.faults.engine import campaign, copies, delivering, idle, told, until
from tests.receivers import Network, accept, refuse

from lettershop.net.dial import Timeouts
from lettershop.net.tls import opportunistic_context

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
PEOPLE = 30
FLOOD = 3_000_000


async def polite(reader, writer, until_word, *extensions):
    """An ordinary server up to and with the command `until_word`, which is not answered any more."""
    writer.write(b"220 mx.odd.example ESMTP\r\n")
    while line := await reader.readline():
        word = line.split()[0].upper() if line.split() else b""
        if word == until_word or (word == b"MAIL" and until_word == b"STARTTLS"):  # it came without TLS this time
            return word == until_word
        if word == b"EHLO":
            lines = [b"mx.odd.example", *extensions]
            writer.writelines(b"250-" + one + b"\r\n" for one in lines[:-1])
            writer.write(b"250 " + lines[-1] + b"\r\n")
        elif word == b"DATA":
            writer.write(b"354 go\r\n")
        else:
            writer.write(b"250 2.0.0 OK\r\n")
    return False


async def to_the_dot(reader):
    while (line := await reader.readline()) not in (b".\r\n", b""):
        pass
    return line


async def silent(reader, writer):
    await reader.read()


async def hangs_up(reader, writer):
    return


async def greets_with_garbage(reader, writer):
    writer.write(b"\x00\xff\xfe what is this\r\n" * 20)
    await reader.read()


async def greets_for_ever(reader, writer):
    for _ in range(FLOOD // 50):
        writer.write(b"220-" + b"welcome to this wonderful server, friend " * 1 + b"\r\n")
        await writer.drain()


async def answers_without_an_end(reader, writer):
    await polite(reader, writer, b"MAIL")
    writer.write(b"250 ")
    for _ in range(FLOOD // 10_000):
        writer.write(b"y" * 10_000)
        await writer.drain()


async def mixes_codes(reader, writer):
    await polite(reader, writer, b"MAIL", b"PIPELINING")
    writer.write(b"250-fine\r\n550-not fine\r\n250 perhaps\r\n")
    await reader.read()


async def answers_before_it_is_asked(reader, writer):
    writer.write(b"220 mx\r\n250 OK\r\n250 OK\r\n250 OK\r\n354 go\r\n250 taken, of course\r\n221 bye\r\n")
    await reader.read()


async def is_full_of_numbers(reader, writer):
    await polite(reader, writer, b"RCPT")
    writer.write(b"999 unheard of\r\n")
    await reader.read()


async def stalls_after_the_dot(reader, writer):
    await polite(reader, writer, b"DATA", b"PIPELINING")
    writer.write(b"354 go\r\n")
    await to_the_dot(reader)
    await reader.read()


async def closes_after_the_dot(reader, writer):
    await polite(reader, writer, b"DATA", b"PIPELINING")
    writer.write(b"354 go\r\n")
    await to_the_dot(reader)


async def leaves_with_421(reader, writer):
    await polite(reader, writer, b"RCPT", b"PIPELINING")
    writer.write(b"421 4.3.2 shutting down\r\n")


async def says_yes_to_data_at_once(reader, writer):
    """250 where 354 belongs: it never read the message."""
    await polite(reader, writer, b"DATA")
    writer.write(b"250 2.0.0 taken\r\n")
    await reader.read()


async def breaks_the_handshake(reader, writer):
    if not await polite(reader, writer, b"STARTTLS", b"STARTTLS"):
        return
    writer.write(b"220 go ahead\r\n")
    await reader.read(100)
    writer.write(b"\x15\x03\x01\x00\x02\x02\x28 this is no handshake\r\n" * 10)
    await reader.read()


async def forgets_the_handshake(reader, writer):
    if not await polite(reader, writer, b"STARTTLS", b"STARTTLS"):
        return
    writer.write(b"220 go ahead\r\n")
    await reader.read()  # and says nothing more


async def talks_before_the_handshake(reader, writer):
    """What comes in plain text behind the 220 must not be taken for an answer under TLS."""
    if not await polite(reader, writer, b"STARTTLS", b"STARTTLS"):
        return
    writer.write(b"220 go ahead\r\n250-mx.odd.example\r\n250 PIPELINING\r\n250 OK\r\n250 OK\r\n354 go\r\n250 taken\r\n")
    await reader.read()


MISBEHAVIOURS = [
    silent, hangs_up, greets_with_garbage, greets_for_ever, answers_without_an_end, mixes_codes,
    answers_before_it_is_asked, is_full_of_numbers, stalls_after_the_dot, closes_after_the_dot, leaves_with_421,
    says_yes_to_data_at_once, breaks_the_handshake, forgets_the_handshake, talks_before_the_handshake,
]  # fmt: skip


class Odd:
    """Misbehaves on the first `times` connections, then passes them on to an ordinary server."""

    def __init__(self, behaviour, times, then_port):
        self._behaviour, self._left, self._then = behaviour, times, then_port
        self.misbehaved = 0

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1_000_000)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc):
        self._server.close()

    async def _serve(self, reader, writer):
        try:
            if self._left > 0:
                self._left -= 1
                self.misbehaved += 1
                await self._behaviour(reader, writer)
                return
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._then)
            await asyncio.gather(_pass_on(reader, inner_writer), _pass_on(inner_reader, writer))
        except (ConnectionError, ValueError):
            pass
        finally:
            writer.close()


async def _pass_on(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.mark.parametrize("behaviour", MISBEHAVIOURS, ids=lambda one: one.__name__)
async def test_whatever_a_receiver_does_its_mail_arrives_in_the_end(store, behaviour):
    await campaign(store.main, [(index, "odd.example") for index in range(PEOPLE)])
    async with Network() as net:
        inbox = await net.receiver("odd.example")
        async with (
            Odd(behaviour, 3, inbox.port) as odd,
            delivering(
                store.main, {"odd.example": f"smtp://127.0.0.1:{odd.port}"}, tls=opportunistic_context(),
                timeouts=Timeouts.all(1.0), retry=(0.1, 0.2),
            ),
        ):  # fmt: skip
            await idle(store.main)
        assert odd.misbehaved == 3, "else the test would show nothing"
    assert set(copies(inbox)) == {f"c{index}@odd.example" for index in range(PEOPLE)}
    assert set(copies(inbox).values()) == {1}, "the odd one took nothing for good, the ordinary one each once"
    facts = await told(store.main)
    assert facts["Delivered"] == (PEOPLE, PEOPLE)
    assert "Bounced" not in facts


async def test_ten_misbehaving_sites_do_not_slow_a_healthy_one(store):
    """Measured against itself: alone, then beside receivers that misbehave all the time."""
    people = 600
    loop = asyncio.get_running_loop()
    async with Network() as net:
        well = await net.receiver("well.example")
        well.default = accept(wait=0.01)

        async def seconds(others, first):
            await campaign(store.main, [(1_000_000 + first + index, name) for name in others for index in range(50)])
            await campaign(store.main, [(first + index, "well.example") for index in range(people)])
            began, before = loop.time(), len(well.messages)

            async def through():
                return len(well.messages) >= before + people

            await until(through)
            return loop.time() - began

        odds = [Odd(behaviour, 10**9, well.port) for behaviour in MISBEHAVIOURS if behaviour is not greets_for_ever]
        for odd in odds:
            await odd.__aenter__()
        routes = {f"odd{index}.example": f"smtp://127.0.0.1:{odd.port}" for index, odd in enumerate(odds)}
        async with delivering(
            store.main, {**net.routes, **routes}, tls=opportunistic_context(), timeouts=Timeouts.all(2.0), retry=(0.5,)
        ):
            alone = await seconds([], 0)
            beside = await seconds(routes, 10_000)
        for odd in odds:
            await odd.__aexit__()
    assert beside < 3 * alone + 4.0  # waiting for them would be minutes


async def test_tls_that_breaks_is_done_without_where_it_is_opportunistic(store):
    """RFC 7435: some protection most of the time."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("mx.inbox.example").configure_cert(context)
    context.set_ciphers("ECDHE-RSA-AES256-GCM-SHA384")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    narrow = opportunistic_context()
    narrow.minimum_version = ssl.TLSVersion.TLSv1_3  # no version in common
    await campaign(store.main, [(index, "inbox.example") for index in range(5)])
    async with Network() as net:
        inbox = await net.receiver("inbox.example", tls=context)
        async with delivering(store.main, net.routes, tls=narrow):
            await idle(store.main)
        assert {message.client.tls for message in inbox.messages} == {""}
        assert len(copies(inbox)) == 5


async def test_a_421_in_the_middle_now_and_then(store):
    await campaign(store.main, [(index, "inbox.example") for index in range(60)])
    async with Network() as net:
        inbox = await net.receiver("inbox.example")
        inbox.decide = lambda address, tries: refuse(421, "4.7.0", "Enough") if tries == 1 and address < "c2" else None
        async with delivering(store.main, net.routes, retry=(0.1,)):
            await idle(store.main)
        assert len(copies(inbox)) == 60
        assert set(copies(inbox).values()) == {1}
    assert "Bounced" not in await told(store.main)
