"""From a hop to a session as secure as its guard demands, against receivers whose TLS is broken, missing or sound."""

import ssl

import pytest
from tests.dialogue import contexts
from tests.receivers import Network

from lettershop.egress.dialler import REMEMBER_BROKEN, Contexts, Dialler
from lettershop.egress.guard import ENCRYPTED, OPEN, Guard
from lettershop.egress.site import Hop
from lettershop.egress.sources import Source
from lettershop.net.dial import CannotConnect, Timeouts
from lettershop.net.tls import opportunistic_context


@pytest.fixture
async def net():
    async with Network() as network:
        yield network


@pytest.fixture
def dialler(clock):
    def of(anybody=None, trusted=None):
        made = Contexts(anybody or opportunistic_context(), trusted)
        return Dialler("me.example", made, Timeouts.all(2.0), clock)

    return of


def narrow() -> ssl.SSLContext:
    """Shares no version with `broken`."""
    context = opportunistic_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


@pytest.fixture
def broken() -> ssl.SSLContext:
    server, _ = contexts.__wrapped__()
    server.maximum_version = ssl.TLSVersion.TLSv1_2
    return server


def hop(receiver, guard: Guard = OPEN, host: str = "localhost") -> Hop:
    return Hop(host, ("127.0.0.1",), receiver.port, guard)


async def session(dialler, where: Hop):
    connection = await dialler.connect(where, where.addresses[0], Source())
    await connection.close()
    return connection


async def test_tls_that_broke_is_not_tried_again_for_a_while(net, dialler, broken, clock):
    receiver = await net.receiver("b.example", tls=broken)
    ours = dialler(narrow())
    first = await session(ours, hop(receiver))
    assert first.tls is None and first.broken is not None and first.broken.tls == "validation-failure"
    assert receiver.connections == 2
    again = await session(ours, hop(receiver))
    assert again.tls is None and again.broken is None
    assert receiver.connections == 3  # at once in clear
    clock.advance(REMEMBER_BROKEN + 1)
    await session(ours, hop(receiver))
    assert receiver.connections == 5


async def test_what_must_be_encrypted_never_falls_back(net, dialler, broken):
    receiver, plain = await net.receiver("b.example", tls=broken), await net.receiver("c.example")
    ours = dialler(narrow())
    await session(ours, hop(receiver))  # remembered as broken
    for where, kind in ((receiver, "validation-failure"), (plain, "starttls-not-supported")):
        with pytest.raises(CannotConnect) as caught:
            await session(ours, hop(where, ENCRYPTED))
        assert (caught.value.stage, caught.value.tls) == ("tls", kind)


async def test_what_must_be_encrypted_goes_to_whomever_answers(net, dialler):
    receiver = await net.receiver("b.example", tls=contexts()[0])
    connection = await session(dialler(), hop(receiver, ENCRYPTED, "another.example"))
    assert connection.tls is not None and connection.tls.version == "TLSv1.3"


async def test_without_tls_of_ours_a_demand_cannot_be_met(net, clock):
    receiver = await net.receiver("b.example", tls=contexts()[0])
    with pytest.raises(CannotConnect, match="without TLS"):
        await session(Dialler("me.example", Contexts(), None, clock), hop(receiver, ENCRYPTED))
    assert (await session(Dialler("me.example", Contexts(), None, clock), hop(receiver))).tls is None
