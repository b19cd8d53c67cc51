"""The interface on the real services and both engines: what a person sees and does, what a link in a message does."""

import re
from dataclasses import dataclass

import httpx2
import pytest
from sqlalchemy import Connection, select

from lettershop.base.config import Breakers, Warmup
from lettershop.base.facts import Bounced, Delivered
from lettershop.egress.breakers import rulebook
from lettershop.egress.warmup import plan_of
from lettershop.insight.dnscheck import Finding
from lettershop.mail.accounts import Accounts
from lettershop.mail.api_tokens import ApiTokens
from lettershop.mail.own_mailboxes import OwnMailboxes
from lettershop.mail.queue import Queue
from lettershop.mail.sealing import Sealing
from lettershop.mail.sites import Sites
from lettershop.mail.tokens import Recipient, Tokens
from lettershop.mail.users import Users
from lettershop.mail.warming import Warming
from lettershop.marketing import campaign_file
from lettershop.marketing.analytics import Analytics
from lettershop.marketing.campaigns import Campaigns
from lettershop.marketing.contacts import ContactImport
from lettershop.marketing.privacy import Privacy
from lettershop.marketing.public import PublicActions
from lettershop.marketing.segment_desk import Segments
from lettershop.marketing.subscribers import Subscribers
from lettershop.marketing.views import CampaignDesk, ContactDesk
from lettershop.marketing.workspace_campaigns import Brands
from lettershop.samples import CAMPAIGN, SUBSCRIBERS
from lettershop.servers.web.app import build
from lettershop.servers.web.ports import Services
from lettershop.store import accounts as account_rows
from lettershop.store import envelopes, sites, workspaces
from lettershop.store.blobs import open_blobs
from lettershop.store.envelopes import Outcome
from lettershop.store.schema_delivery import BOUNCED, DELIVERED
from lettershop.store.schema_main import campaigns, facts
from lettershop.store.sites import SiteRow
from lettershop.workers.campaigns import CampaignWorker

URL = "http://mail.brand.example"
PASSWORD = "letterpress"
PERSON = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "accept-language": "en",
}


class PlainPasswords:
    """Stands in for argon2, which costs half a second a call."""

    async def hash(self, password: str) -> str:
        return f"plain:{password}"

    async def verify(self, password: str, stored: str | None) -> bool:
        return stored == f"plain:{password}"


@dataclass
class Shop:
    store: object
    clock: object
    client: httpx2.AsyncClient
    users: Users
    tokens: Tokens
    analytics: Analytics
    campaign_id: int
    workspace_id: int
    csrf: str = ""

    async def sign_in(self, email: str) -> None:
        self.client.cookies.clear()
        page = await self.client.get("/login")
        token = re.search(r'name="csrf" value="([^"]+)"', page.text)[1]
        answer = await self.client.post("/login", data={"email": email, "password": PASSWORD, "csrf": token})
        assert answer.status_code == 303, answer.text
        page = await self.client.get("/", follow_redirects=True)
        self.csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)[1]

    async def count(self) -> None:
        while await self.analytics.step():
            pass


@pytest.fixture
async def shop(store, clock, tmp_path):
    tokens, passwords = Tokens(b"k" * 32), PlainPasswords()
    users, campaign_service = (
        Users(store.main, passwords, clock, Sealing(bytes(32))),
        Campaigns(store.main, store.mail, clock, URL),
    )
    workspace_id = await store.main.write(workspaces.ensure_workspace, "Shop", clock.now())
    await store.mail.write(account_rows.add_domain, "brand.example", clock.now())
    await store.mail.write(lambda tx: account_rows.add_key(tx, 1, "s1", "rsa", "PEM", clock.now()))

    async def dns(name: str) -> list[Finding]:
        return []

    desk = CampaignDesk(store.main, campaign_service)
    privacy = Privacy(store.main, store.mail, open_blobs(f"file://{tmp_path}/blobs", clock), clock, tmp_path)
    app = build(
        Services(
            users=users, campaigns=desk, reports=desk, contacts=ContactDesk(store.main, store.mail, clock),
            segments=Segments(store.main, clock),
            lists=Subscribers(store.main, privacy, clock), persons=Subscribers(store.main, privacy, clock),
            queue=Queue(store.main, clock),
            mail_server=Accounts(store.mail, passwords, clock), dns=dns,
            actions=PublicActions(store.main, tokens, clock, URL), tokens=ApiTokens(store.main, clock), now=clock.now,
            brands=Brands(store.main, clock), sites=Sites(store.main, clock),
            warming=Warming(store.main, clock, plan_of(Warmup(), rulebook(Breakers()).usual)),
            own_mailboxes=OwnMailboxes(store.main, store.mail, Accounts(store.mail, passwords, clock), users, clock),
        ),
        public_url=URL,
    )  # fmt: skip
    await ContactImport(store.main, clock).run(
        SUBSCRIBERS, workspace_id=workspace_id, list_name="Newsletter", basis="opted in at checkout",
        rejected=tmp_path / "rejected.csv",
    )  # fmt: skip
    file = campaign_file.read(CAMPAIGN)
    await store.main.write(workspaces.ensure_brand, workspace_id, at=clock.now(), **file.brand)
    campaign_id = await campaign_service.create(workspace_id, file.draft)
    await campaign_service.start(campaign_id)
    worker = CampaignWorker(store.main, campaign_service, clock, expire=3600.0)
    while await worker.step():
        pass
    transport = httpx2.ASGITransport(app, client=("203.0.113.7", 4711))
    async with httpx2.AsyncClient(transport=transport, base_url=URL) as client:
        made = Shop(store, clock, client, users, tokens, Analytics(store.main, store.mail), campaign_id, workspace_id)
        await users.create("ann@brand.example", PASSWORD, role="owner")
        await made.sign_in("ann@brand.example")
        yield made


async def deliver(shop, how_many):
    """The first recipients get it, the last of them bounces; their envelopes."""
    now = shop.clock.now()
    lanes, _ = await shop.store.main.read(envelopes.open_lanes, now)
    taken = await shop.store.main.write(envelopes.lease, "test", now, now + 60, [(lanes[0].lane_id, how_many)])
    leased = [envelope for share in taken for envelope in share]
    outcomes = []
    for number, envelope in enumerate(leased):
        head = {
            "at": now, "workspace_id": envelope.workspace_id, "campaign_id": envelope.campaign_id,
            "contact_id": envelope.contact_id, "envelope_id": envelope.envelope_id, "site": envelope.site, "mx": "mx",
        }  # fmt: skip
        if number == how_many - 1:
            fact = Bounced(**head, code=550, text="5.1.1 no such user", reason="unknown", hard=True, address="x@y")
            outcomes.append(Outcome(envelope.envelope_id, BOUNCED, now, answer="550 5.1.1 no such user", fact=fact))
        else:
            fact = Delivered(**head, code=250, text="ok", latency=0.25)
            outcomes.append(Outcome(envelope.envelope_id, DELIVERED, now, answer="250 ok", fact=fact))
    await shop.store.main.write(envelopes.finish, outcomes)
    await shop.count()
    return leased


def kinds(conn: Connection, envelope_id: int) -> list[str]:
    return list(conn.scalars(select(facts.c.kind).where(facts.c.envelope_id == envelope_id).order_by(facts.c.id)))


async def test_a_person_walks_through_every_screen(shop):
    await deliver(shop, 10)
    here = f"/campaigns/{shop.campaign_id}"
    for path in ("/", "/campaigns", here, f"{here}/recipients", "/contacts", "/contacts/1", "/queue", "/domains",
                 "/domains/brand.example", "/accounts"):  # fmt: skip
        answer = await shop.client.get(path)
        assert answer.status_code == 200, path
    report = (await shop.client.get(here)).text
    assert "hx-trigger" in report
    assert "5.1.1 no such user" in report
    recipients = (await shop.client.get(f"{here}/recipients", params={"state": "bounced"})).text
    assert recipients.count("<tr>") == 2
    found = (await shop.client.get("/contacts", params={"q": "1988"})).text
    assert "1,988 people" in found


async def test_pausing_and_resuming_reach_the_database_and_a_wrong_state_is_explained(shop):
    here = f"/campaigns/{shop.campaign_id}"

    async def state() -> str:
        return await shop.store.main.read(
            lambda conn: conn.scalar(select(campaigns.c.state).where(campaigns.c.id == shop.campaign_id))
        )

    for command, expected in (("pause", "paused"), ("resume", "sending"), ("cancel", "cancelled")):
        answer = await shop.client.post(f"{here}/{command}", data={"csrf": shop.csrf})
        assert answer.status_code == 303
        assert await state() == expected
    answer = await shop.client.post(f"{here}/resume", data={"csrf": shop.csrf})
    assert answer.status_code == 409
    assert (await shop.client.post(f"{here}/pause")).status_code == 403


async def test_what_belongs_to_another_workspace_is_not_there(shop):
    await deliver(shop, 3)
    other = await shop.store.main.write(workspaces.ensure_workspace, "Other", shop.clock.now())
    await shop.users.create("bob@other.example", PASSWORD, role="owner", workspace_id=other)
    await shop.sign_in("bob@other.example")
    here = f"/campaigns/{shop.campaign_id}"
    for path in (here, f"{here}/recipients", "/contacts/1"):
        assert (await shop.client.get(path)).status_code == 404, path
    for command in ("pause", "cancel"):
        assert (await shop.client.post(f"{here}/{command}", data={"csrf": shop.csrf})).status_code == 404
    waiting = await shop.store.main.read(envelopes.counts, shop.campaign_id)
    assert waiting["queued"] > 100
    assert (await shop.client.post("/queue/20/remove", data={"csrf": shop.csrf})).status_code == 404
    assert "Nothing waits" in (await shop.client.get("/queue")).text
    for path in ("/domains", "/accounts"):
        assert (await shop.client.get(path)).status_code == 403, path


async def test_lists_are_made_changed_and_those_in_use_or_of_others_stay(shop):
    html = (await shop.client.get("/lists")).text
    assert "Newsletter" in html
    assert "1,988" in html
    in_use = int(re.search(r'name="list" value="(\d+)"', html)[1])
    refused = await shop.client.post("/lists/remove", data={"csrf": shop.csrf, "list": in_use})
    assert "Cancel it first." in refused.text
    made = await shop.client.post("/lists/make", data={"csrf": shop.csrf, "name": "Workshops", "confirm": "yes"})
    assert made.status_code == 303, made.text
    ids = [int(found) for found in re.findall(r'name="list" value="(\d+)"', (await shop.client.get("/lists")).text)]
    fresh = max(ids)
    taken = await shop.client.post("/lists/change", data={"csrf": shop.csrf, "list": fresh, "name": "Newsletter"})
    assert taken.status_code == 409

    other = await shop.store.main.write(workspaces.ensure_workspace, "Other", shop.clock.now())
    await shop.users.create("bob@other.example", PASSWORD, role="owner", workspace_id=other)
    await shop.sign_in("bob@other.example")
    for command in ("change", "remove"):
        fields = {"csrf": shop.csrf, "list": fresh, "name": "Mine"}
        assert (await shop.client.post(f"/lists/{command}", data=fields)).status_code == 404
    await shop.sign_in("ann@brand.example")
    assert "Workshops" in (await shop.client.get("/lists")).text
    removed = await shop.client.post("/lists/remove", data={"csrf": shop.csrf, "list": fresh})
    assert removed.headers["location"] == "/lists?done=removed"
    assert "Workshops" not in (await shop.client.get("/lists")).text


async def test_a_person_is_made_changed_put_on_lists_told_and_erased(shop):
    async def act(path, **fields):
        return await shop.client.post(path, data={"csrf": shop.csrf, **fields})

    refused = await act("/contacts/new", address="eve@shop.example", name="Eve", lists="Newsletter", basis=" ")
    assert refused.status_code == 400
    assert "Say in words" in refused.text
    assert 'value="Eve"' in refused.text, "what was written is still there"
    wrong = await act("/contacts/new", address="nobody", basis="x", kind="express")
    assert wrong.status_code == 400
    made = await act(
        "/contacts/new", address="Eve@shop.example", name="Eve", tags="vip, fair", basis="x", kind="express"
    )
    here = made.headers["location"].partition("?")[0]
    assert (await act(f"{here}/join", list="Newsletter", kind="implied", basis="bought")).status_code == 303
    html = (await shop.client.get(here)).text
    for words in ("Eve@shop.example", "vip", "bought", "Newsletter"):
        assert words in html
    assert (
        await act(f"{here}/change", name="Eve B", **{"tags": "vip", "new-name": "size", "new-value": "9"})
    ).status_code == 303
    held = (await shop.client.get(f"{here}/data")).json()
    assert held["contacts"][0]["attributes"] == {"size": "9"}
    assert {row["kind"] for row in held["consents"]} == {"express", "implied"}
    assert [row["expires_at"] is not None for row in held["consents"]] == [False, True]
    assert (await act(f"{here}/leave", list="Newsletter")).headers["location"].endswith("done=left")
    again = await act(f"{here}/join", list="Newsletter", kind="implied", basis="bought")
    assert "Unsubscribed" in (await shop.client.get(here)).text, again.text
    assert (await act(f"{here}/nonsense")).status_code == 404

    other = await shop.store.main.write(workspaces.ensure_workspace, "Other", shop.clock.now())
    await shop.users.create("bob@other.example", PASSWORD, role="owner", workspace_id=other)
    await shop.sign_in("bob@other.example")
    for command in ("erase", "change", "leave", "join"):
        assert (await act(f"{here}/{command}", basis="x", kind="express", list="Newsletter")).status_code == 404
    assert (await shop.client.get(f"{here}/data")).status_code == 404
    await shop.sign_in("ann@brand.example")
    assert (await act(f"{here}/erase")).headers["location"] == "/contacts?done=erased"
    assert (await shop.client.get(here)).status_code == 404
    assert "Eve" not in (await shop.client.get("/contacts?q=eve@shop")).text.replace('value="eve', "")


async def test_brands_are_made_and_changed_and_receivers_told(shop):
    async def act(path, **fields):
        return await shop.client.post(path, data={"csrf": shop.csrf, **fields})

    fields = {"from_name": "Inks", "from_address": "inks@brand.example", "postal_address": "1 Street"}
    assert (await act("/brands/new", **fields)).status_code == 400
    assert (await act("/brands/new", name="Inks", **{**fields, "from_address": "nobody"})).status_code == 400
    wrong = await act("/brands/new", name="Inks", primary="red", **fields)
    assert "#23508a" in wrong.text
    assert (await act("/brands/new", name="Inks", primary="#23508a", **fields)).status_code == 303
    page = (await shop.client.get("/brands")).text
    here = re.search(r'/brands/\d+(?=">Inks)', page)[0]
    assert (await act(here, **{**fields, "reply_to": "hello@brand.example"})).status_code == 303
    shown = (await shop.client.get(here)).text
    assert "hello@brand.example" in shown
    assert 'value="#23508a"' not in shown, "what is emptied is gone"

    at = shop.clock.now()
    row = SiteRow(
        source="", site="mx.b.example", provider="x", at=at, suspended_until=at + 600, why="550 blocked", told=1.0
    )
    await shop.store.main.write(sites.save, [row], [])
    html = (await shop.client.get("/deliverability")).text
    assert "550 blocked" in html
    assert (await act("/deliverability/resume", site="mx.b.example", source="")).status_code == 303
    assert (await act("/deliverability/resume", site="mx.none.example", source="")).status_code == 404

    other = await shop.store.main.write(workspaces.ensure_workspace, "Other", shop.clock.now())
    await shop.users.create("bob@other.example", PASSWORD, role="owner", workspace_id=other)
    await shop.sign_in("bob@other.example")
    assert (await shop.client.get(here)).status_code == 404
    assert (await shop.client.get("/deliverability")).status_code == 403


async def test_accounts_and_tokens_are_made_changed_and_removed(shop):
    async def act(path, **fields):
        return await shop.client.post(path, data={"csrf": shop.csrf, **fields})

    short = await act("/accounts", address="eve@brand.example", password="short")
    assert short.status_code == 400
    wrong = await act("/accounts", address="eve@brand.example", password=PASSWORD, quota="much")
    assert wrong.status_code == 400
    elsewhere = await act("/accounts", address="eve@nowhere.example", password=PASSWORD)
    assert elsewhere.status_code == 404
    assert (await act("/accounts", address="Eve@brand.example", password=PASSWORD, quota="5")).status_code == 303
    here = re.search(r"/accounts/\d+", (await shop.client.get("/accounts?q=eve")).text)[0]
    assert (await act(f"{here}/alias", alias="sales@brand.example")).status_code == 303
    assert (await act(f"{here}/alias", alias="sales@brand.example")).status_code == 409
    assert (await act(f"{here}/password", password="another long one")).status_code == 303
    assert (await act(f"{here}/remove")).status_code == 303
    assert (await shop.client.get(here)).status_code == 404

    refused = await act("/settings/tokens", name="Shop")
    assert "A token needs a scope." in refused.text
    made = await act("/settings/tokens", name="Shop", scope="messages", lasts="30")
    secret = re.search(r"lst_[\w-]+", made.text)[0]
    assert made.headers["cache-control"] == "no-store"
    caller = await ApiTokens(shop.store.main, shop.clock).caller(secret)
    assert (caller.may("messages", write=True), caller.may("lists", write=False)) == (True, False)
    page = (await shop.client.get("/settings/tokens")).text
    assert secret not in page
    await act(re.search(r"/settings/tokens/\d+/withdraw", page)[0])
    assert await ApiTokens(shop.store.main, shop.clock).caller(secret) is None


async def test_a_segment_is_counted_saved_and_kept_from_other_workspaces(shop):
    words = {"csrf": shop.csrf, "name": "A few", "words": 'email contains "1988"'}
    counted = await shop.client.post("/segments/preview", data=words)
    saved = await shop.client.post("/segments/save", data=words)
    assert (counted.status_code, saved.status_code) == (200, 303), saved.text
    page = (await shop.client.get(saved.headers["location"])).text
    told = re.compile(r'figure-value">([\d,]+) (?:person|people)<')
    assert told.search(counted.text)[1] == told.search(page)[1] == str(page.count('<tr><th scope="row">')) == "1"
    everyone = await shop.client.post("/segments/preview", data={"csrf": shop.csrf, "words": ""})
    assert told.search(everyone.text)[1] == "1,988"

    itself = {**words, "segment": "1", "words": 'in segment "A few"'}
    refused = await shop.client.post("/segments/save", data=itself)
    assert refused.status_code == 400
    assert 'role="alert"' in refused.text
    assert "1988" in (await shop.client.get("/segments")).text

    other = await shop.store.main.write(workspaces.ensure_workspace, "Other", shop.clock.now())
    await shop.users.create("bob@other.example", PASSWORD, role="owner", workspace_id=other)
    await shop.sign_in("bob@other.example")
    assert (await shop.client.get("/segments/1")).status_code == 404
    for path, fields in (("/segments/1/remove", {}), ("/segments/save", {"segment": "1", "name": "Mine", "words": ""})):
        answer = await shop.client.post(path, data={"csrf": shop.csrf, **fields})
        assert answer.status_code == 404, path
    await shop.sign_in("ann@brand.example")
    assert "A few" in (await shop.client.get("/segments/1")).text
    assert (await shop.client.post("/segments/1/remove", data={"csrf": shop.csrf})).status_code == 303
    assert (await shop.client.get("/segments/1")).status_code == 404


async def test_a_message_in_the_queue_is_taken_out(shop):
    page = (await shop.client.get("/queue")).text
    envelope_id = int(re.search(r"/queue/(\d+)/remove", page)[1])
    answer = await shop.client.post(f"/queue/{envelope_id}/remove", data={"csrf": shop.csrf})
    assert answer.headers["location"] == "/queue?done=remove"
    assert await shop.store.main.read(kinds, envelope_id) == ["Withheld"]


async def test_links_are_counted_before_they_answer_and_one_click_unsubscribes(shop):
    envelope = (await deliver(shop, 2))[0]
    shop.clock.advance(60)
    token = shop.tokens.seal(Recipient(shop.campaign_id, envelope.envelope_id, envelope.contact_id))
    shop.client.cookies.clear()
    assert (await shop.client.get(f"/o/{token}.gif", headers=PERSON)).status_code == 200
    answer = await shop.client.get(f"/c/{token}/1", headers=PERSON)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://shop.brand.example/autumn")
    assert (await shop.client.get(f"/c/{token}/99")).status_code == 404
    assert (await shop.client.get(f"/c/{token[:-1]}a/1")).status_code == 404
    for path in (f"/u/{token}", f"/v/{token}"):
        assert (await shop.client.get(path)).status_code == 200
    assert await shop.store.main.read(kinds, envelope.envelope_id) == ["Delivered", "Opened", "Clicked"]
    await shop.count()
    await shop.sign_in("ann@brand.example")
    for state, rows in (("opened", 1), ("clicked", 1), ("replied", 0), ("delivered", 1), ("bounced", 1)):
        page = await shop.client.get(f"/campaigns/{shop.campaign_id}/recipients", params={"state": state})
        assert page.text.count('<td data-label="State">') == rows, state
    answer = await shop.client.post(f"/u/{token}", data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert (await shop.store.main.read(kinds, envelope.envelope_id))[-1] == "Unsubscribed"
    assert "You are unsubscribed" in (await shop.client.get(f"/u/{token}")).text
    back = await shop.client.post(f"/u/{token}", data={"action": "resubscribe"})
    assert "Welcome back" in back.text
