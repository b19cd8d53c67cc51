"""The caching resolver, against a name server of our own on loopback."""

import asyncio

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from lettershop.net.resolver import DnsFailure, DnsResolver, DnsTimeout
from lettershop.wire.trust.questions import Answer

SOA = "ns.b.example. x.b.example. 1 3600 600 86400 30"


class NameServer(asyncio.DatagramProtocol):
    """Answers as staged, counts what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.silent = False

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text()
        self.asked.append(name)
        if self.silent:
            return
        reply = dns.message.make_response(query)
        if name.startswith("broken."):
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif name.startswith("gone."):
            reply.set_rcode(dns.rcode.NXDOMAIN)
            reply.authority.append(dns.rrset.from_text("b.example.", 900, "IN", "SOA", SOA))
        elif name.startswith("bare."):
            reply.authority.append(dns.rrset.from_text("b.example.", 900, "IN", "SOA", SOA))
        else:
            reply.flags |= dns.flags.AD
            reply.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", '"one " "two"'))
        self.transport.sendto(reply.to_wire(), addr)


@pytest.fixture
async def server():
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(
        NameServer, local_addr=("127.0.0.1", 0)
    )
    protocol.port = transport.get_extra_info("sockname")[1]
    yield protocol
    transport.close()


@pytest.fixture
def resolver(server, clock):
    return DnsResolver(clock, [f"127.0.0.1:{server.port}"], patience=0.5)


async def test_an_answer_is_kept_for_its_ttl(resolver, server, clock):
    first = await resolver.query("a.b.example", "TXT")
    assert (first.records, first.ttl, first.authenticated) == (("one two",), 60, True)
    clock.advance(59)
    assert await resolver.query("A.B.example.", "TXT") == first
    assert len(server.asked) == 1
    clock.advance(2)
    await resolver.query("a.b.example", "TXT")
    assert len(server.asked) == 2


async def test_that_there_is_nothing_is_kept_as_the_soa_says(resolver, server, clock):
    assert (await resolver.query("gone.b.example", "TXT")).status == "nxdomain"
    assert (await resolver.query("bare.b.example", "TXT")).status == "nodata"
    clock.advance(29)
    assert (await resolver.query("gone.b.example", "TXT")).status == "nxdomain"
    assert len(server.asked) == 2
    clock.advance(2)
    await resolver.query("gone.b.example", "TXT")
    assert len(server.asked) == 3


async def test_a_burst_asks_once(resolver, server):
    await asyncio.gather(*(resolver.txt("a.b.example") for _ in range(20)))
    assert len(server.asked) == 1


async def test_a_servfail_is_no_answer_and_not_kept(resolver, server):
    for _ in range(2):
        with pytest.raises(DnsFailure):
            await resolver.query("broken.b.example", "TXT")
    assert len(server.asked) >= 2


async def test_silence_is_a_timeout(resolver, server):
    server.silent = True
    with pytest.raises(DnsTimeout):
        await resolver.query("a.b.example", "TXT")


async def test_a_name_that_cannot_be_written_does_not_exist(resolver, server):
    assert (await resolver.query("a..b.example", "TXT")).status == "nxdomain"
    assert (await resolver.query("x" * 64 + ".b.example", "TXT")).status == "nxdomain"
    assert server.asked == []


@pytest.mark.parametrize(("trust", "authenticated"), [("loopback", True), ("always", True), ("never", False)])
async def test_whose_word_counts_that_an_answer_is_authenticated(server, clock, trust, authenticated):
    resolver = DnsResolver(clock, [f"127.0.0.1:{server.port}"], patience=0.5, trust=trust)
    for _ in range(2):  # from the wire and from the cache
        assert (await resolver.query("a.b.example", "TXT")).authenticated is authenticated


@pytest.mark.parametrize(("servers", "trust", "trusted"), [
    (["127.0.0.1:53", "[::1]:53"], "loopback", True), (["127.0.0.1:53", "192.0.2.1:53"], "loopback", False),
    (["192.0.2.1:53"], "loopback", False), (["192.0.2.1:53"], "always", True), (["127.0.0.1:53"], "never", False),
])  # fmt: skip
async def test_a_name_server_elsewhere_is_believed_only_if_the_operator_says_so(
    monkeypatch, clock, servers, trust, trusted
):
    async def ask(*args, **options):
        return Answer("ok", ("x",), 60.0, authenticated=True)

    monkeypatch.setattr("lettershop.net.resolver.ask", ask)
    assert (await DnsResolver(clock, servers, trust=trust).query("b.example", "TXT")).authenticated is trusted
