"""DANE from the TLSA record to the receiver, over real TLS and the delivery engine (RFC 7672)."""

import asyncio
import hashlib
import ssl

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.faults.engine import CLOCK, campaign, delivering, idle, until
from tests.secured import Secured, policy

from lettershop.egress.dane import Dane
from lettershop.egress.protection import Protection
from lettershop.egress.site import Hop, Unroutable
from lettershop.egress.sts import StsPolicies
from lettershop.net.fetch import Fetcher
from lettershop.net.tls import opportunistic_context
from lettershop.wire.trust.dane import public_key_of


@pytest.fixture
async def world():
    async with Secured() as made:
        made.records[("b.example", "MX")] = ["10 mx.b.example"]
        made.authentic |= {"b.example"}
        yield made


def engine(store, world, **changes):
    sts = StsPolicies(store.main, world, Fetcher(world, world.trusted, port=world.web_port), CLOCK)
    return delivering(
        store.main, {}, world, world.port, guards=Protection((), sts, Dane(world)), tls=opportunistic_context(),
        trusted=world.trusted, **changes,
    )  # fmt: skip


def of(der, usage=3):
    return f"{usage} 1 1 {hashlib.sha256(public_key_of(der)).hexdigest()}"


def certificate(world, *names):
    """A server's context, and its certificate."""
    made = world.authority.issue_cert(*names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.configure_cert(context)
    return context, _der(made.cert_chain_pems[0].bytes())


def _der(pem):
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def tlsa(world, *records, host="mx.b.example"):
    world.records[(f"_{world.port}._tcp.{host}", "TLSA")] = list(records)


async def send(store, world, *domains, **changes):
    await campaign(store.main, [(index + 1, domain) for index, domain in enumerate(domains)], expire=86_400.0)
    async with engine(store, world, **changes):
        await idle(store.main)


async def refused(store, world, inbox):
    """The mail was tried, and waits."""
    await campaign(store.main, [(1, "b.example")], expire=86_400.0)
    async with engine(store, world, retry=(3600.0,)):

        async def tried():
            rows = await store.main.read(lambda conn: conn.exec_driver_sql("SELECT attempts FROM envelopes").all())
            return all(row[0] > 0 for row in rows)

        await until(tried)
        await asyncio.sleep(0.2)
    assert inbox.messages == []


async def test_the_certificate_that_the_record_names(store, world):
    context, der = certificate(world, "whatever.example")
    inbox = await world.receiver("mx.b.example", context=context)
    tlsa(world, of(der))
    await send(store, world, "b.example")
    assert [message.client.tls for message in inbox.messages] == ["TLSv1.3"]


async def test_the_authority_that_the_record_names(store, world):
    authority = _der(world.authority.cert_pem.bytes())
    context, _ = certificate(world, "mx.b.example")
    context.load_verify_locations(cadata=world.authority.cert_pem.bytes().decode())  # it shows its whole chain
    inbox = await world.receiver("mx.b.example", context=context)
    tlsa(world, f"2 0 0 {authority.hex()}")
    await send(store, world, "b.example")
    assert len(inbox.messages) == 1


async def test_another_certificate_never_gets_the_mail(store, world):
    _, der = certificate(world, "mx.b.example")
    inbox = await world.receiver("mx.b.example")
    tlsa(world, of(der))
    await refused(store, world, inbox)


async def test_a_server_without_tls_never_gets_the_mail(store, world):
    _, der = certificate(world, "mx.b.example")
    inbox = await world.receiver("mx.b.example", tls=False)
    tlsa(world, of(der))
    await refused(store, world, inbox)


async def test_who_hides_the_records_gets_no_mail(store, world):
    inbox = await world.receiver("mx.b.example")
    world.broken.add((f"_{world.port}._tcp.mx.b.example", "TLSA"))
    await refused(store, world, inbox)


@pytest.mark.parametrize("signed", ["nothing", "mx-only"])
async def test_what_is_not_authenticated_does_not_count(store, world, signed):
    world.authentic.clear()
    if signed == "mx-only":
        world.authentic.add("b.example")
        world.records[("b.example", "MX")] = ["10 mx.unsigned.example"]
    host = "mx.unsigned.example" if signed == "mx-only" else "mx.b.example"
    inbox = await world.receiver(host)
    _, der = certificate(world, "x.example")
    tlsa(world, of(der), host=host)
    await send(store, world, "b.example")
    assert len(inbox.messages) == 1


async def test_records_that_do_not_count_still_demand_tls(store, world):
    inbox = await world.receiver("mx.b.example", names="wrong.example")
    tlsa(world, "1 1 1 00")
    await send(store, world, "b.example")
    assert [message.client.tls for message in inbox.messages] == ["TLSv1.3"]


async def test_records_that_do_not_count_and_no_tls(store, world):
    inbox = await world.receiver("mx.b.example", tls=False)
    tlsa(world, "1 1 1 00")
    await refused(store, world, inbox)


async def test_dane_comes_before_mta_sts_in_both_directions(store, world):
    """A certificate that no public authority knows is good enough; one that it knows is not, if DANE says another."""
    world.records[("_mta-sts.b.example", "TXT")] = ["v=STSv1; id=1;"]
    world.files["mta-sts.b.example"] = policy("enforce", "mx.b.example")
    context, der = certificate(world, "wrong.example")
    inbox = await world.receiver("mx.b.example", context=context)
    tlsa(world, of(der))
    await send(store, world, "b.example")
    assert len(inbox.messages) == 1


async def test_mta_sts_does_not_help_where_dane_fails(store, world):
    world.records[("_mta-sts.b.example", "TXT")] = ["v=STSv1; id=1;"]
    world.files["mta-sts.b.example"] = policy("enforce", "mx.b.example")
    inbox = await world.receiver("mx.b.example")
    _, other = certificate(world, "mx.b.example")
    tlsa(world, of(other))
    await refused(store, world, inbox)


async def test_the_host_with_records_that_fit_is_found_behind_one_with_others(store, world):
    world.records[("b.example", "MX")] = ["10 bad.b.example", "20 mx.b.example"]
    bad = await world.receiver("bad.b.example")
    context, der = certificate(world, "x.example")
    inbox = await world.receiver("mx.b.example", context=context)
    tlsa(world, of(der))
    tlsa(world, of(der), host="bad.b.example")
    await send(store, world, "b.example")
    assert (len(inbox.messages), len(bad.messages)) == (1, 0)


HOPS = [Hop("mx.b.example", ("192.0.2.1",), 25), Hop("192.0.2.7", ("192.0.2.7",), 25)]


async def test_guards_of_hosts(world):
    world.records[("mx.b.example", "A")] = ["192.0.2.1"]
    assert dict(await Dane(world).guards("b.example", HOPS)) == {}
    world.records[("_25._tcp.mx.b.example", "TLSA")] = ["3 1 1 00"]
    found = (await Dane(world).guards("b.example", HOPS))["mx.b.example"]
    assert (found.demand, found.label, found.policy.text) == ("dane", "dane", ("3 1 1 00",))
    world.records[("_25._tcp.mx.b.example", "TLSA")] = ["2 1 1 00"]
    assert (await Dane(world).guards("b.example", HOPS))["mx.b.example"].label == "dane b.example"
    world.records[("mx.b.example", "CNAME")] = ["real.b.example"]
    world.records[("_25._tcp.real.b.example", "TLSA")] = ["3 1 1 01"]
    found = (await Dane(world).guards("b.example", HOPS))["mx.b.example"]
    assert (found.policy.text, found.names) == (("3 1 1 01",), ("real.b.example", "b.example"))


async def test_where_the_dns_hides_all_hosts_the_mail_waits(world):
    world.records[("mx.b.example", "A")] = ["192.0.2.1"]
    world.broken.add(("_25._tcp.mx.b.example", "TLSA"))
    with pytest.raises(Unroutable, match="hides") as caught:
        await Protection((), None, Dane(world)).guarded("b.example", HOPS[:1])
    assert caught.value.retry
    assert len(await Protection((), None, Dane(world)).guarded("b.example", HOPS)) == 1
