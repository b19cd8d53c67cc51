"""REQUIRETLS and TLS-Required: No through the delivery engine, over real TLS (RFC 8689)."""

import asyncio

import pytest
from tests.faults.engine import CLOCK, delivering, idle, until
from tests.secured import Secured, policy

from lettershop.base.facts import restore
from lettershop.egress.engine import Engine
from lettershop.egress.message import Recipe
from lettershop.egress.protection import Protection
from lettershop.egress.sts import StsPolicies
from lettershop.net.fetch import Fetcher
from lettershop.net.tls import opportunistic_context
from lettershop.store import stored
from lettershop.store.schema_main import facts

MESSAGE = b"From: a@brand.example\r\nSubject: Hello\r\n\r\nGood day.\r\n"


class Source:
    """Stored messages whose senders say of TLS what their local part says."""

    async def prepare(self, leased):
        return [
            Recipe(one.envelope_id, "a@brand.example", one.address, lambda: MESSAGE, tls=one.address.partition("@")[0])
            for one in leased
        ]


@pytest.fixture
async def world():
    async with Secured() as made:
        made.records[("b.example", "MX")] = ["10 mx.b.example"]
        made.records[("_mta-sts.b.example", "TXT")] = ["v=STSv1; id=1;"]
        made.files["mta-sts.b.example"] = policy("enforce", "mx.b.example")
        yield made


@pytest.fixture
def source(monkeypatch):
    made = Source()
    usual = Engine.__init__

    def begin(self, db, campaigns, messages, *args, **options):
        usual(self, db, made, made, *args, **options)

    monkeypatch.setattr(Engine, "__init__", begin)
    return made


async def queue(store, *wishes):
    now = CLOCK.now()
    await store.main.write(
        lambda tx: stored.enqueue_stored(
            tx, workspace_id=None, mail_from="a@brand.example", blob="x", size=1, now=now, expires_at=now + 86_400,
            recipients=[(f"{wish}@b.example", "b.example") for wish in wishes],
        )
    )  # fmt: skip


def engine(store, world, **changes):
    fetcher = Fetcher(world, world.trusted, port=world.web_port)
    return delivering(
        store.main, {}, world, world.port, guards=Protection((), StsPolicies(store.main, world, fetcher, CLOCK)),
        tls=opportunistic_context(), trusted=world.trusted, **changes,
    )  # fmt: skip


async def bounces(store):
    def read(conn):
        rows = conn.execute(facts.select().order_by(facts.c.id)).mappings().all()
        told = [restore(row["kind"], {"at": row["at"], "envelope_id": row["envelope_id"]}, row["data"]) for row in rows]
        return {fact.address.partition("@")[0]: (fact.hard, fact.text[:6]) for fact in told if fact.kind == "Bounced"}

    return await store.main.read(read)


async def test_where_the_host_is_proven_the_promise_is_asked_for_and_given(store, world, source):
    inbox = await world.receiver("mx.b.example")
    await queue(store, "require", "other")
    async with engine(store, world):
        await idle(store.main)
    assert {message.recipient: message.tls for message in inbox.messages} == {
        "require@b.example": "require", "other@b.example": "",
    }  # fmt: skip


async def test_who_does_not_promise_does_not_get_it(store, world, source):
    inbox = await world.receiver("mx.b.example", hidden=frozenset({"REQUIRETLS"}))
    await queue(store, "require", "other")
    async with engine(store, world):
        await idle(store.main)
    assert [message.recipient for message in inbox.messages] == ["other@b.example"]
    assert (await bounces(store))["require"][1] == "5.7.30"


async def test_who_is_not_proven_does_not_get_it(store, world, source):
    del world.records[("_mta-sts.b.example", "TXT")]
    inbox = await world.receiver("mx.b.example")
    await queue(store, "require", "other")
    async with engine(store, world):
        await idle(store.main)
    assert [message.recipient for message in inbox.messages] == ["other@b.example"]
    assert (await bounces(store))["require"][1] == "5.7.10"


@pytest.mark.parametrize("tls", [True, False])
async def test_who_would_rather_have_it_arrive_gets_it_there(store, world, source, tls):
    inbox = await world.receiver("mx.b.example", names="wrong.example", tls=tls)
    await queue(store, "other", "optional", "another", "require")
    async with engine(store, world, retry=(3600.0,)):

        async def arrived():
            return len(inbox.messages) >= 1

        await until(arrived)
        await asyncio.sleep(0.3)
    assert [message.recipient for message in inbox.messages] == ["optional@b.example"]
    assert await bounces(store) == {}


async def two_hosts(world, **second):
    """The better host takes everything but promises nothing."""
    world.records[("b.example", "MX")] = ["10 mx.b.example", "20 spare.b.example"]
    world.files["mta-sts.b.example"] = policy("enforce", "mx.b.example", "spare.b.example")
    first = await world.receiver("mx.b.example", hidden=frozenset({"REQUIRETLS"}))
    return first, await world.receiver("spare.b.example", **second)


async def test_the_next_host_is_asked_where_the_first_does_not_promise(store, world, source):
    first, spare = await two_hosts(world)
    await queue(store, "require", "other", "another")
    async with engine(store, world):
        await idle(store.main)
    assert {message.recipient for message in first.messages} == {"other@b.example", "another@b.example"}
    assert [(message.recipient, message.tls) for message in spare.messages] == [("require@b.example", "require")]
    assert await bounces(store) == {}


async def test_where_no_host_promises_it_is_returned(store, world, source):
    first, spare = await two_hosts(world, hidden=frozenset({"REQUIRETLS"}))
    await queue(store, "require", "other")
    async with engine(store, world):
        await idle(store.main)
    assert ([message.recipient for message in first.messages], spare.messages) == (["other@b.example"], [])
    assert (await bounces(store))["require"][1] == "5.7.30"


async def test_a_next_host_that_is_away_changes_nothing(store, world, source):
    first, spare = await two_hosts(world, tls=False)
    await queue(store, "require", "other")
    async with engine(store, world):
        await idle(store.main)
    assert ([message.recipient for message in first.messages], spare.messages) == (["other@b.example"], [])
    assert (await bounces(store))["require"][1] == "5.7.30"
