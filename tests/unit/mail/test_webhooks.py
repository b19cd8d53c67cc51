"""Webhooks on the real store, both engines, against scripted addresses: who is told what, retries, rests, replays."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

import orjson
import pytest
from sqlalchemy import delete

from lettershop.base.errors import Conflict, Invalid
from lettershop.base.facts import Bounced, Delivered, MessageReceived, Replied, SiteSuspended, Unsubscribed
from lettershop.mail.owners import MailEvents
from lettershop.mail.webhooks.courier import Courier
from lettershop.mail.webhooks.desk import MOST, NoSuchDelivery, NoSuchEvent, NoSuchWebhook, TooManyWebhooks, Webhooks
from lettershop.mail.webhooks.round import DELAYS, RESTS
from lettershop.net.callout import Answer, CannotReach
from lettershop.net.reach import BadTarget, TargetRefused
from lettershop.store import accounts, campaigns, factlog, mailboxes, workspaces
from lettershop.store.rows import insert_one
from lettershop.store.schema_main import brands, contacts, facts
from lettershop.wire.webhook import secret_of, verify

DAY = 86_400.0
SHOP = "https://shop.example/in"


@dataclass
class Addresses:
    """Stands in for `Callouts`: what each host answers, and what it was sent."""

    says: dict[str, object] = field(default_factory=dict)
    heard: dict[str, list[tuple[dict[str, str], bytes]]] = field(default_factory=dict)

    async def open(self, target):
        if self.says.get(target.host) == "closed":
            raise CannotReach(f"{target.host} does not take connections.")
        return AddressLine(self, target.host)

    def ids(self, host="shop.example"):
        return [headers["webhook-id"] for headers, _ in self.heard.get(host, [])]

    def events(self, host="shop.example"):
        return [orjson.loads(body) for _, body in self.heard.get(host, [])]


class AddressLine:
    closed = False

    def __init__(self, addresses, host):
        self.addresses, self.host = addresses, host

    def close(self):
        self.closed = True

    async def post(self, headers, body):
        answer = self.addresses.says.get(self.host, 200)
        if callable(answer):
            answer = answer(orjson.loads(body))
        if isinstance(answer, asyncio.Event):
            await answer.wait()
            answer = 200
        self.addresses.heard.setdefault(self.host, []).append((dict(headers), body))
        if isinstance(answer, CannotReach):
            raise answer
        return answer if isinstance(answer, Answer) else Answer(answer, "thanks")


@dataclass
class Stage:
    store: object
    clock: object
    desk: Webhooks
    addresses: Addresses
    workspace: int
    other: int

    def courier(self, **wishes):
        return Courier(
            self.store.main, self.store.mail, self.addresses, self.clock,
            **{"retry_for": 3 * DAY, "keep": 7 * DAY, **wishes},
        )  # fmt: skip

    async def happen(self, *told):
        async def write(database, some):
            await database.write(lambda tx: [tx.fact(fact) for fact in some] and None)

        mail = [fact for fact in told if isinstance(fact, MessageReceived | Replied)]
        await write(self.store.main, [fact for fact in told if fact not in mail])
        await write(self.store.mail, mail)

    def bounced(self, workspace=None, **values):
        return Bounced(
            at=self.clock.now(), workspace_id=workspace or self.workspace, site="x.example", mx="mx", code=550,
            text="no", reason="unknown-user", hard=True, address="a@x.example", **values,
        )  # fmt: skip

    async def work(self, courier=None):
        """Until there is nothing more to do now."""
        courier = courier or self.courier()
        idle = 0
        async with asyncio.timeout(60):
            while idle < 2:  # a step that ends a round may leave what the next one sees
                busy = await courier.step() or courier._under_way
                idle = 0 if busy else idle + 1
        return courier


@pytest.fixture
async def stage(store, clock):
    first = await store.main.write(workspaces.ensure_workspace, "Main", clock.now())
    other = await store.main.write(workspaces.ensure_workspace, "Other", clock.now())
    desk = Webhooks(store.main, store.mail, clock)
    return Stage(store, clock, desk, Addresses(), first, other)


def delivered(stage, n=0, **values):
    return Delivered(
        at=stage.clock.now(),
        workspace_id=stage.workspace,
        site="x.example",
        mx="mx",
        code=250,
        text=f"ok {n}",
        **values,
    )


async def test_what_happens_is_told_once_and_signed(stage):
    hook = await stage.desk.create(stage.workspace, "shop", SHOP, ["Bounced"])
    await stage.happen(stage.bounced(), delivered(stage), stage.bounced(stage.other))
    await stage.work()
    await stage.work()
    [(headers, body)] = stage.addresses.heard["shop.example"]
    assert verify(
        hook.secret, headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"], body,
        now=stage.clock.now(),
    )  # fmt: skip
    event = orjson.loads(body)
    assert (event["type"], event["id"], event["timestamp"]) == (
        "Bounced",
        headers["webhook-id"],
        "2023-11-14T22:13:20.000Z",
    )
    assert event["data"]["reason"] == "unknown-user"
    [kept] = await stage.desk.deliveries(stage.workspace, hook.id)
    assert (kept.state_name, kept.status, kept.attempts, kept.answer) == ("delivered", 200, 1, "thanks")


async def test_what_was_before_is_not_told(stage):
    await stage.happen(stage.bounced())
    await stage.desk.create(stage.workspace, "shop", SHOP)
    await stage.work()
    assert stage.addresses.heard == {}


async def test_whom_it_is_about_is_told(stage):
    contact = await stage.store.main.write(
        lambda tx: insert_one(
            tx.conn, contacts, workspace_id=stage.workspace, email="Ann@X.example", email_key="ann@x.example",
            domain="x.example", attributes={}, created_at=1.0, updated_at=1.0,
        )
    )  # fmt: skip
    await stage.desk.create(stage.workspace, "shop", SHOP)
    await stage.happen(
        Unsubscribed(at=stage.clock.now(), workspace_id=stage.workspace, contact_id=contact, how="page"),
        stage.bounced(contact_id=contact),
    )
    await stage.work()
    assert [event["data"]["address"] for event in stage.addresses.events()] == ["Ann@X.example", "a@x.example"]


async def test_facts_of_the_mail_half_come_to_whom_they_belong(stage):
    now = stage.clock.now()

    def mailbox(tx, name, workspace):
        domain = accounts.add_domain(tx, name, now, workspace_id=workspace, hosted=True)
        [account] = accounts.add_accounts(
            tx,
            [{
                "address": f"ann@{name}", "domain_id": domain, "name": "", "password_hash": "", "quota_bytes": None,
                "greylist": False, "created_at": now,
            }],
        )  # fmt: skip
        return mailboxes.create(tx, account, "INBOX", now).id

    of_other = await stage.store.mail.write(mailbox, "other.example", stage.other)
    of_nobody = await stage.store.mail.write(mailbox, "operator.example", None)

    def campaign_of(tx, workspace):
        brand = insert_one(
            tx.conn, brands, workspace_id=workspace, name="b", from_name="", from_address="b@x.example", created_at=now
        )
        return campaigns.create(tx, workspace, brand, at=now, name="c", subject="s", html="", tree={})

    campaign = await stage.store.main.write(campaign_of, stage.other)
    for workspace, host in ((stage.workspace, "main"), (stage.other, "other")):
        await stage.desk.create(workspace, host, f"https://{host}.example/")
    received = {"message_id": 1, "sender": "b@x.example", "recipient": "ann@x.example"}
    await stage.happen(
        MessageReceived(at=now, mailbox_id=of_other, **received),
        MessageReceived(at=now, mailbox_id=of_nobody, **received),
        Replied(at=now, campaign_id=campaign, address="b@x.example", message_id=1),
    )
    await stage.happen(SiteSuspended(at=now, site="x.example", source="", until=now + 60, why="blocked"))
    await stage.work()
    of = {
        host: Counter(event["type"] for event in stage.addresses.events(f"{host}.example"))
        for host in ("main", "other")
    }
    assert of == {"main": {"MessageReceived": 1, "SiteSuspended": 1}, "other": {"MessageReceived": 1, "Replied": 1}}


async def test_the_mail_log_is_read_by_whom_it_belongs_to_in_pages(stage):
    now = stage.clock.now()
    await stage.happen(
        *[Replied(at=now, address=f"{n}@x.example", message_id=n, contact_id=n % 2) for n in range(1200)]
    )
    events, seen, after = MailEvents(stage.store.main, stage.store.mail), [], 0
    while True:
        found, after = await events.page(stage.workspace, operator=True, after=after, limit=250, contact_id=1)
        if not found:
            break
        seen += [row.data["message_id"] for row in found]
    assert seen == list(range(1, 1200, 2))
    assert after == 1200
    assert await events.page(stage.other, operator=False) == ([], 1200)
    assert await events.page(stage.workspace, operator=True, kind="Complained") == ([], 1200)
    assert await events.page(stage.workspace, operator=True, after=1200) == ([], 1200)


async def test_many_facts_are_all_told_once(stage):
    await stage.desk.create(stage.workspace, "shop", SHOP)
    await stage.desk.create(stage.workspace, "seldom", "https://seldom.example/", ["Bounced"])
    for start in range(0, 1000, 250):
        await stage.happen(*[delivered(stage, n) for n in range(start, start + 250)], stage.bounced())
    await stage.work()
    assert sorted(Counter(stage.addresses.ids()).values()) == [1] * 1004
    assert len(stage.addresses.ids("seldom.example")) == 4


async def test_an_event_that_is_not_taken_is_tried_again_and_then_given_up(stage):
    hook = await stage.desk.create(stage.workspace, "shop", SHOP)
    stage.addresses.says["shop.example"] = lambda event: 422 if event["data"].get("text") == "ok 1" else 200
    await stage.happen(delivered(stage, 1), delivered(stage, 2))
    courier = await stage.work()
    [taken, waits] = sorted(
        await stage.desk.deliveries(stage.workspace, hook.id), key=lambda one: one.state, reverse=True
    )
    assert (taken.state_name, waits.state_name, waits.status) == ("delivered", "waiting", 422)
    assert waits.due_at == stage.clock.now() + DELAYS[0]
    tries = 1
    while (found := await stage.desk.delivery(stage.workspace, hook.id, waits.id)).state_name == "waiting":
        stage.clock.advance(found.due_at - stage.clock.now() - 1)
        await stage.work(courier)
        assert len(stage.addresses.ids()) == tries + 1
        stage.clock.advance(1)
        await stage.work(courier)
        tries += 1
        assert len(stage.addresses.ids()) == tries + 1
        assert tries < 30
    assert found.state_name == "given up"
    assert 2.6 * DAY < found.tried_at - waits.created_at <= 3 * DAY
    assert set(Counter(stage.addresses.ids()).values()) == {1, tries}
    assert (await stage.desk.get(stage.workspace, hook.id)).active, "it took the other one"


@pytest.mark.parametrize("trouble", ["closed", 500, 503, 302, 429])
async def test_an_address_that_fails_rests_and_then_gets_everything(stage, trouble):
    hook = await stage.desk.create(stage.workspace, "shop", SHOP)
    stage.addresses.says["shop.example"] = trouble
    await stage.happen(*[delivered(stage, n) for n in range(300)])
    courier = await stage.work()
    first = await stage.desk.get(stage.workspace, hook.id)
    assert (first.failures, first.failing_since, first.rests_until) == (
        1,
        stage.clock.now(),
        stage.clock.now() + RESTS[0],
    )
    heard = len(stage.addresses.ids())
    stage.clock.advance(RESTS[0])
    await stage.work(courier)
    if trouble != "closed":
        assert len(stage.addresses.ids()) == heard + 1, "one event shows how it is"
    stage.addresses.heard.clear()
    stage.addresses.says["shop.example"] = 200
    stage.clock.advance(RESTS[1])
    await stage.work(courier)
    assert len(set(stage.addresses.ids())) == 300
    assert (await stage.desk.get(stage.workspace, hook.id)).failing_since is None
    assert await stage.desk.waiting([hook.id]) == {}


async def test_a_wish_to_wait_is_kept(stage):
    hook = await stage.desk.create(stage.workspace, "shop", SHOP)
    stage.addresses.says["shop.example"] = Answer(429, "", 600.0)
    await stage.happen(delivered(stage))
    await stage.work()
    assert (await stage.desk.get(stage.workspace, hook.id)).rests_until == stage.clock.now() + 600


async def test_an_address_that_takes_nothing_for_days_is_turned_off_and_it_is_told(stage):
    hook = await stage.desk.create(stage.workspace, "shop", SHOP)
    await stage.desk.create(stage.workspace, "watch", "https://watch.example/", ["WebhookDisabled"])
    stage.addresses.says["shop.example"] = 500
    await stage.happen(*[delivered(stage, n) for n in range(3)])
    courier, began = await stage.work(), stage.clock.now()
    while (found := await stage.desk.get(stage.workspace, hook.id)).active:
        assert stage.clock.now() <= began + 3 * DAY + RESTS[-1]
        stage.clock.advance(RESTS[-1])
        await stage.work(courier)
    assert "3 days" in found.off_why
    await stage.work(courier)
    [event] = stage.addresses.events("watch.example")
    assert (event["data"]["webhook_id"], event["data"]["host"]) == (hook.id, "shop.example")
    with pytest.raises(Conflict, match="off"):
        await stage.desk.test(stage.workspace, hook.id)


async def test_turned_on_again_it_hears_what_happens_from_then_on(stage):
    hook = await stage.desk.create(stage.workspace, "shop", SHOP)
    stage.addresses.says["shop.example"] = 410
    await stage.happen(delivered(stage, 1))
    await stage.work()
    assert "410" in (await stage.desk.get(stage.workspace, hook.id)).off_why
    await stage.happen(delivered(stage, 2))
    stage.addresses.says["shop.example"] = 200
    stage.addresses.heard.clear()
    on = await stage.desk.change(stage.workspace, hook.id, {"active": True})
    assert (on.off_why, on.failures) == ("", 0)
    await stage.happen(delivered(stage, 3))
    stage.clock.advance(10)
    await stage.work()
    assert {event["data"]["text"] for event in stage.addresses.events()} == {"ok 1", "ok 3"}


async def test_a_slow_address_delays_nobody_else(stage):
    await stage.desk.create(stage.workspace, "slow", "https://slow.example/")
    await stage.desk.create(stage.workspace, "quick", "https://quick.example/")
    stage.addresses.says["slow.example"] = answers = asyncio.Event()
    courier = stage.courier()
    async with asyncio.timeout(30):
        for n in range(5):
            await stage.happen(delivered(stage, n))
            while len(stage.addresses.ids("quick.example")) <= n:
                await courier.step()
    assert stage.addresses.ids("slow.example") == []
    answers.set()
    await stage.work(courier)
    assert len(set(stage.addresses.ids("slow.example"))) == 5


async def test_who_is_told_to_stop_notes_what_was_sent_and_takes_up_nothing_more(stage):
    await stage.desk.create(stage.workspace, "shop", SHOP)
    await stage.happen(*[delivered(stage, n) for n in range(20)])
    stage.addresses.says["shop.example"] = answers = asyncio.Event()
    courier = stage.courier()
    await courier.step()
    end = asyncio.create_task(courier.close())
    await asyncio.sleep(0)
    answers.set()
    await end
    first = stage.addresses.ids()
    assert 0 < len(first) < 20
    await stage.work()
    assert sorted(Counter(stage.addresses.ids()).values()) == [1] * 20


async def test_an_event_that_breaks_us_keeps_nobody(stage):
    def breaks(event):
        if event["data"]["text"] == "ok 1":
            raise RuntimeError("unforeseen")
        return 200

    hook = await stage.desk.create(stage.workspace, "shop", SHOP)
    stage.addresses.says["shop.example"] = breaks
    await stage.happen(*[delivered(stage, n) for n in range(3)])
    await stage.work()
    assert await stage.desk.waiting([hook.id]) == {hook.id: 1}
    assert len(set(stage.addresses.ids())) == 2


async def test_what_was_sent_and_not_noted_is_sent_again_with_its_id(stage):
    """As after a kill: the round is gone between sending and its commit."""
    await stage.desk.create(stage.workspace, "shop", SHOP)
    await stage.happen(*[delivered(stage, n) for n in range(20)])
    hold = asyncio.Event()
    stage.addresses.says["shop.example"] = lambda event: hold if event["data"]["text"] == "ok 19" else 200
    courier = stage.courier()
    async with asyncio.timeout(30):
        while len(stage.addresses.ids()) < 19:
            await courier.step()
    for task in courier._under_way.values():
        task.cancel()
    sent = stage.addresses.ids()
    stage.addresses.says["shop.example"] = 200
    await stage.work()
    again = stage.addresses.ids()[len(sent) :]
    assert sorted(set(again)) == sorted(again)
    assert len(again) == 20
    assert set(sent) <= set(again)
    await stage.work()
    assert len(stage.addresses.ids()) == len(sent) + 20


async def test_one_and_a_range_are_told_again_with_the_same_ids(stage):
    hook = await stage.desk.create(stage.workspace, "shop", SHOP)
    for n in range(10):
        await stage.happen(delivered(stage, n), Replied(at=stage.clock.now(), address="x", message_id=n))
        stage.clock.advance(1000)
    courier = await stage.work()
    ids = {(e["type"], e["data"].get("text") or e["data"]["message_id"]): e["id"] for e in stage.addresses.events()}
    assert len(ids) == 20
    stage.addresses.heard.clear()
    one = (await stage.desk.deliveries(stage.workspace, hook.id))[0]
    await stage.desk.again(stage.workspace, hook.id, one.id)
    await stage.work(courier)
    assert stage.addresses.ids() == [one.event_id]
    stage.addresses.heard.clear()
    begin = stage.clock.now() - 10_000
    await stage.desk.replay(stage.workspace, hook.id, since=begin + 3000, until=begin + 6000)
    await stage.work(courier)
    wanted = {ids[kind, name] for n in (3, 4, 5) for kind, name in (("Delivered", f"ok {n}"), ("Replied", n))}
    assert sorted(stage.addresses.ids()) == sorted(wanted)
    assert await stage.desk.waiting([hook.id]) == {}


async def test_a_large_range_is_told_again_whole(stage):
    hook = await stage.desk.create(stage.workspace, "shop", SHOP)
    for start in range(0, 3000, 250):
        await stage.happen(*[delivered(stage, n) for n in range(start, start + 250)])
    courier = await stage.work()
    stage.addresses.heard.clear()
    stage.clock.advance(1)
    await stage.desk.replay(stage.workspace, hook.id, since=0)
    await stage.work(courier)
    assert len(set(stage.addresses.ids())) == 3000


async def test_a_range_that_is_none_is_refused(stage):
    hook = await stage.desk.create(stage.workspace, "shop", SHOP)
    with pytest.raises(Invalid):
        await stage.desk.replay(stage.workspace, hook.id, since=stage.clock.now())


async def test_a_test_comes_at_once_even_to_who_rests(stage):
    hook = await stage.desk.create(stage.workspace, "shop", SHOP, ["Bounced"])
    stage.addresses.says["shop.example"] = 500
    await stage.happen(stage.bounced(), stage.bounced())
    courier = await stage.work()
    stage.addresses.says["shop.example"] = 200
    made = await stage.desk.test(stage.workspace, hook.id)
    stage.clock.advance(1)
    await stage.work(courier)
    assert (await stage.desk.delivery(stage.workspace, hook.id, made.id)).state_name == "delivered"
    assert "Test" in {event["type"] for event in stage.addresses.events()}


async def test_while_the_secret_changes_both_sign(stage):
    hook = await stage.desk.create(stage.workspace, "shop", SHOP)
    new = await stage.desk.rotate(stage.workspace, hook.id)
    assert new.secret != hook.secret
    counts = []
    for seconds in (0, DAY - 1, 1):
        stage.clock.advance(seconds)
        await stage.happen(delivered(stage))
        await stage.work()
        headers, body = stage.addresses.heard["shop.example"][-1]
        args = (headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"], body)
        counts.append([verify(secret, *args, now=stage.clock.now()) for secret in (hook.secret, new.secret)])
    assert counts == [[True, True], [True, True], [False, True]]


async def test_what_was_erased_is_told_to_nobody_any_more(stage):
    hook = await stage.desk.create(stage.workspace, "shop", SHOP)
    stage.addresses.says["shop.example"] = 422
    await stage.happen(delivered(stage))
    courier = await stage.work()
    await stage.store.main.write(lambda tx: tx.conn.execute(delete(facts)) and None)
    stage.clock.advance(60)
    await stage.work(courier)
    [kept] = await stage.desk.deliveries(stage.workspace, hook.id)
    assert (kept.state_name, len(stage.addresses.ids())) == ("given up", 1)


async def test_old_deliveries_are_forgotten_and_what_waits_is_not(stage):
    hook = await stage.desk.create(stage.workspace, "shop", SHOP)
    stage.addresses.says["shop.example"] = lambda event: 422 if event["data"].get("text") == "ok 1" else 200
    await stage.happen(delivered(stage, 1), delivered(stage, 2))
    courier = await stage.work(stage.courier(retry_for=100 * DAY))
    stage.clock.advance(8 * DAY)
    await stage.work(courier)
    assert [one.state_name for one in await stage.desk.deliveries(stage.workspace, hook.id)] == ["waiting"]


async def test_what_is_no_webhook_is_refused(stage):
    desk, workspace = stage.desk, stage.workspace
    for url, error in (
        ("http://shop.example/", Invalid), ("https://127.0.0.1/", TargetRefused), ("https://[::1]/", TargetRefused),
        ("shop.example", BadTarget),
    ):  # fmt: skip
        with pytest.raises(error):
            await desk.create(workspace, "x", url)
    with pytest.raises(NoSuchEvent):
        await desk.create(workspace, "x", SHOP, ["Exploded"])
    with pytest.raises(Invalid):
        await desk.create(workspace, " ", SHOP)
    with pytest.raises(Invalid):
        await desk.create(workspace, "x", SHOP, secret="whsec_short")
    given = await desk.create(workspace, "x", SHOP, secret=secret_of(bytes(24)))
    assert given.secret == secret_of(bytes(24))
    for n in range(MOST - 1):
        await desk.create(workspace, f"{n}", SHOP)
    with pytest.raises(TooManyWebhooks):
        await desk.create(workspace, "one more", SHOP)
    assert (await desk.create(stage.other, "x", SHOP)).workspace_id == stage.other


async def test_nobody_touches_what_belongs_to_others(stage):
    hook = await stage.desk.create(stage.workspace, "shop", SHOP)
    for call in (stage.desk.get, stage.desk.remove, stage.desk.rotate, stage.desk.test, stage.desk.deliveries):
        with pytest.raises(NoSuchWebhook):
            await call(stage.other, hook.id)
    with pytest.raises(NoSuchWebhook):
        await stage.desk.change(stage.other, hook.id, {"name": "mine"})
    with pytest.raises(NoSuchDelivery):
        await stage.desk.again(stage.workspace, hook.id, 1)


async def test_removed_in_the_middle_nothing_is_left(stage):
    hook = await stage.desk.create(stage.workspace, "shop", SHOP)
    stage.addresses.says["shop.example"] = answers = asyncio.Event()
    await stage.happen(delivered(stage))
    courier = stage.courier()
    await courier.step()
    await stage.desk.remove(stage.workspace, hook.id)
    answers.set()
    await stage.work(courier)
    assert await stage.desk.page(stage.workspace) == []
    assert await stage.store.main.read(factlog.newest, "facts") == 1
