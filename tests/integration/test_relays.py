"""Smart hosts: mail of all domains over one host, logged in, over TLS with a name that is proven; the next where one fails."""

import asyncio
import json
import ssl

import pytest
import trustme
from tests.integration.test_outbound import Bench, Source
from tests.receivers import Network
from typer.testing import CliRunner

from lettershop.base.facts import Deferred
from lettershop.cli.program import program
from lettershop.egress.dialler import Contexts, Dialler
from lettershop.egress.relays import Relay, read
from lettershop.egress.settings import Settings
from lettershop.egress.site import Hop
from lettershop.egress.sources import Source as Address
from lettershop.net.dial import CannotConnect, Timeouts
from lettershop.net.tls import opportunistic_context
from lettershop.store import queue
from lettershop.wire.sasl import Credentials

ANN = Credentials("ann", "secret")


@pytest.fixture
async def net():
    async with Network() as network:
        yield network


@pytest.fixture(scope="module")
def tls():
    """(the relay's, ours that trusts it)."""
    authority = trustme.CA()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("relay.example").configure_cert(theirs)
    ours = ssl.create_default_context()
    authority.configure_trust(ours)
    return theirs, ours


@pytest.fixture
def dialler(tls, clock):
    return Dialler("me.example", Contexts(opportunistic_context(), tls[1]), Timeouts.all(2.0), clock)


def hop(receiver, *, host="relay.example", implicit=False, credentials=ANN):
    return Hop(
        host,
        ("127.0.0.1",),
        receiver.port,
        relay=Relay(host, receiver.port, implicit=implicit, credentials=credentials),
    )


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "smtps"])
async def test_we_log_in_over_tls_with_a_host_that_proves_its_name(net, dialler, tls, implicit):
    relay = await net.receiver("relay.example", tls=tls[0], implicit_tls=implicit, passwords={"ann": "secret"})
    connection = await dialler.connect(hop(relay, implicit=implicit), "127.0.0.1", Address())
    assert connection.tls is not None
    await connection.close()


@pytest.mark.parametrize("implicit", [False, True], ids=["starttls", "smtps"])
async def test_a_password_is_not_given_to_another_host(net, dialler, tls, implicit):
    relay = await net.receiver("relay.example", tls=tls[0], implicit_tls=implicit, passwords={"ann": "secret"})
    with pytest.raises(CannotConnect) as caught:
        await dialler.connect(hop(relay, host="other.example", implicit=implicit), "127.0.0.1", Address())
    assert (caught.value.stage, caught.value.tls) == ("tls", "certificate-host-mismatch")


async def test_nor_without_tls(net, dialler):
    relay = await net.receiver("relay.example", passwords={"ann": "secret"})
    with pytest.raises(CannotConnect) as caught:
        await dialler.connect(hop(relay), "127.0.0.1", Address())
    assert caught.value.tls == "starttls-not-supported"


async def test_a_wrong_password_is_our_own_trouble(net, dialler, tls):
    relay = await net.receiver("relay.example", tls=tls[0], passwords={"ann": "other"})
    with pytest.raises(CannotConnect, match=r"relay\.example refused the log-in: 535") as caught:
        await dialler.connect(hop(relay), "127.0.0.1", Address())
    assert caught.value.reply is None
    assert "secret" not in str(caught.value)


@pytest.fixture
def bench(store, net):
    settings = Settings(
        "out.brand.example", "test/0", retry=(0.2, 60.0), poll=0.05, idle=0.2, timeouts=Timeouts.all(2.0)
    )
    return Bench(store, net, Source(), settings)


async def test_all_mail_goes_over_the_smart_host(bench, net):
    relay = await net.receiver("relay.example", passwords={"ann": "secret"})
    net.receivers.clear()
    bench.fixed = {"*": read("*", f"smtp://ann@127.0.0.1:{relay.port}", {"ann@127.0.0.1": "secret"})}
    await bench.queue("a@one.example", "b@two.example")
    async with bench.running():
        await bench.idle()
    assert sorted(message.recipient for message in relay.messages) == ["a@one.example", "b@two.example"]
    assert relay.connections == 1, "one connection serves all domains"


async def test_the_second_host_takes_over_where_the_first_is_not_reached(bench, net):
    relay = await net.receiver("relay.example")
    net.receivers.clear()
    bench.fixed = {"*": read("*", f"smtp://127.0.0.1:9 smtp://127.0.0.1:{relay.port}", {})}
    await bench.queue("a@one.example")
    async with bench.running():
        await bench.idle()
    assert [message.recipient for message in relay.messages] == ["a@one.example"]


async def test_a_refused_log_in_keeps_the_mail_and_says_why(bench, net):
    relay = await net.receiver("relay.example", passwords={"ann": "other"})
    net.receivers.clear()
    bench.fixed = {"*": read("*", f"smtp://ann@127.0.0.1:{relay.port}", {"ann@127.0.0.1": "secret"})}
    await bench.queue("a@one.example")

    async def tried():
        return any(isinstance(fact, Deferred) for fact in await bench.facts())

    async with bench.running():
        await bench.until(tried)
    [fact] = {fact.text for fact in await bench.facts() if isinstance(fact, Deferred)}
    assert "refused the log-in: 535" in fact
    assert (await bench.store.main.read(queue.totals))["queued"] == 1


CONFIG = """
[server]
hostname = "mail.brand.example"
data_dir = "{folder}"
[delivery]
routes = {{ "*" = "smtp://ann@127.0.0.1:{port}" }}
passwords = {{ "ann@127.0.0.1" = "{password}" }}
"""


@pytest.mark.parametrize(("password", "code", "words"), [("secret", 0, "works"), ("wrong", 1, "535")])
async def test_the_command_shows_the_way_and_tries_it(net, tmp_path, password, code, words):
    relay = await net.receiver("relay.example", passwords={"ann": "secret"})
    file = tmp_path / "lettershop.toml"
    file.write_text(CONFIG.format(folder=tmp_path, port=relay.port, password=password))
    arguments = ["route", "b.example", "--try", "--json", "--config", str(file)]
    done = await asyncio.to_thread(CliRunner().invoke, program, arguments)
    told = json.loads(done.stdout)
    assert (done.exit_code, told["smart_host"], told["hosts"][0]["login"]) == (code, True, "ann")
    assert words in told["hosts"][0]["answer"]
    assert password not in done.stdout
