"""From the form of a public list to the confirmed subscription: the page, the mail that leaves, its link, the proof."""

import email
import email.policy
import re
from hashlib import sha256

import httpx2
import pytest

from lettershop.mail.accounts import Accounts
from lettershop.mail.authenticate import Authenticator
from lettershop.mail.inbound import Inbound, Policy
from lettershop.mail.passwords import Passwords
from lettershop.mail.sealing import Sealing
from lettershop.mail.sign import MessageSigner
from lettershop.mail.submission import StoredSource, Submission
from lettershop.mail.tokens import Tokens
from lettershop.mail.users import Users
from lettershop.marketing.consent import ListUnknown, OptIns
from lettershop.marketing.joining import TOO_OFTEN, UNPROVEN, Joining, NoSender
from lettershop.marketing.privacy import Privacy
from lettershop.marketing.proof import Challenges
from lettershop.marketing.public import PublicActions
from lettershop.marketing.subscribers import Subscribers
from lettershop.marketing.templates import Templates
from lettershop.marketing.transactional import Transactional
from lettershop.net.zones import ZoneResolver
from lettershop.servers.web.app import build
from lettershop.servers.web.ports import Services
from lettershop.store import envelopes, subscriptions, workspaces
from lettershop.store.blobs import open_blobs
from lettershop.store.opt_ins import Asked

URL = "https://mail.brand.example"
BITS = 8


class Bureau:
    """The services behind the form, and what they have queued."""

    def __init__(self, store, clock, joining, source, workspace, lists, client, privacy):
        self.store, self.clock, self.joining, self.client = store, clock, joining, client
        self.workspace, self.lists = workspace, lists
        self._source = source
        self.privacy = privacy

    async def mails(self):
        lanes, _ = await self.store.main.read(envelopes.open_lanes, self.clock.now())
        shares = [(lane.lane_id, 100) for lane in lanes]
        taken = await self.store.main.write(envelopes.lease, "me", self.clock.now(), self.clock.now() + 60, shares)
        recipes = await self._source.prepare([one for share in taken for one in share])
        return [email.message_from_bytes(one.make(), policy=email.policy.SMTP) for one in recipes]

    async def lists_of(self, address):
        people = Subscribers(self.store.main, self.privacy, self.clock)
        [person] = await people.page(self.workspace, query=address)
        return {name: status for name, status, _ in person.lists}


@pytest.fixture
async def bureau(store, clock, tmp_path):
    now = clock.now()
    accounts = Accounts(store.mail, Passwords(clock), clock)
    workspace = await store.main.write(workspaces.ensure_workspace, "W", now)
    await accounts.add_domain("brand.example", workspace_id=workspace)
    await store.main.write(
        workspaces.ensure_brand, workspace, name="Brand", from_name="Brand", from_address="news@brand.example", at=now,
        postal_address="1 Street, Town",
    )  # fmt: skip
    names = {"News": True, "Plain": True, "Staff": False}
    lists = {
        name: await store.main.write(subscriptions.ensure_list, workspace, name, now, public=public)
        for name, public in names.items()
    }
    blobs = open_blobs(f"file://{tmp_path}/blobs", clock)
    authenticator = Authenticator(ZoneResolver.parse(""), clock, "mx.brand.example")
    inbound = Inbound(store.mail, blobs, authenticator, Tokens(b"k" * 32), clock, Policy("mx.brand.example"))
    submission = Submission(
        store.mail,
        store.main,
        blobs,
        inbound,
        MessageSigner(store.mail),
        clock,
        hostname="mx.brand.example",
        expire=9_000,
    )
    messages = Transactional(store.main, store.mail, submission, Templates(store.main, clock), clock)
    joining = Joining(store.main, OptIns(store.main, clock), messages, clock, URL, Challenges(b"k" * 32, BITS))
    actions = PublicActions(store.main, Tokens(b"k" * 32), clock, URL)
    app = build(
        Services(
            users=Users(store.main, Passwords(clock), clock, Sealing(bytes(32))), actions=actions, joining=joining
        ),
        public_url=URL,
    )
    transport = httpx2.ASGITransport(app=app, client=("203.0.113.7", 4711))
    async with httpx2.AsyncClient(transport=transport, base_url=URL) as client:
        privacy = Privacy(store.main, store.mail, blobs, clock, tmp_path)
        yield Bureau(store, clock, joining, StoredSource(store.main, blobs), workspace, lists, client, privacy)
    await blobs.close()


async def test_from_the_form_over_the_mail_to_the_subscription(bureau):
    page = f"/subscribe/{bureau.lists['News']}"
    shown = await bureau.client.get(page)
    assert shown.status_code == 200
    assert "I want to get “News” from Brand by email" in shown.text
    sent = await bureau.client.post(page, data={"email": "Ann@Reader.example", "name": "Ann"})
    assert (sent.status_code, "on its way" in sent.text) == (200, True)
    assert await bureau.lists_of("ann@reader.example") == {"News": "pending"}
    [mail] = await bureau.mails()
    assert (mail["To"], mail["From"], mail["Subject"]) == (
        "Ann@reader.example", "Brand <news@brand.example>", "Please confirm: News",
    )  # fmt: skip
    link = re.search(rf"{URL}(/confirm/\w+)", mail.get_content())[1]
    assert "Subscribe?" in (await bureau.client.get(link)).text
    assert await bureau.lists_of("ann@reader.example") == {"News": "pending"}, "a GET confirms nothing"
    assert "You are subscribed" in (await bureau.client.post(link)).text
    assert await bureau.lists_of("ann@reader.example") == {"News": "subscribed"}
    people = Subscribers(bureau.store.main, bureau.privacy, bureau.clock)
    [person] = await people.page(bureau.workspace)
    (proof,) = (await bureau.store.main.read(subscriptions.consents_of, [person.contact.id]))[person.contact.id]
    assert proof["text"] == "I want to get “News” from Brand by email and can leave at any time."
    assert (proof["form"], proof["proof"]["confirmed_ip"]) == (URL + page, "203.0.113.7")
    assert proof["proof"]["message"] == mail["Message-ID"].strip("<>")


async def test_in_the_language_of_the_reader(bureau):
    german = {"accept-language": "de-AT,de;q=0.9"}
    await bureau.client.post(f"/subscribe/{bureau.lists['News']}", data={"email": "a@r.example"}, headers=german)
    [mail] = await bureau.mails()
    assert mail["Subject"] == "Bitte bestätigen: News"
    assert "Der Link gilt sieben Tage" in mail.get_content()


async def test_who_is_on_the_list_already_gets_the_same_page_and_no_mail(bureau):
    page = f"/subscribe/{bureau.lists['News']}"
    first = await bureau.client.post(page, data={"email": "ann@reader.example"})
    [mail] = await bureau.mails()
    await bureau.client.post(re.search(r"/confirm/\w+", mail.get_content())[0])
    again = await bureau.client.post(page, data={"email": "ann@reader.example"})
    assert again.text == first.text
    assert await bureau.mails() == []


async def test_machines_that_fill_in_everything_get_the_page_and_nothing_happens(bureau):
    answer = await bureau.client.post(
        f"/subscribe/{bureau.lists['News']}", data={"email": "a@r.example", "website": "https://spam.example"}
    )
    assert "on its way" in answer.text
    assert await bureau.mails() == []


@pytest.mark.parametrize(
    "path", ["/subscribe/{staff}", "/subscribe/999", "/subscribe/x", "/subscribe/", "/subscribe/²"]
)
async def test_only_public_lists_have_a_form(bureau, path):
    path = path.format(staff=bureau.lists["Staff"])
    assert (await bureau.client.get(path)).status_code == 404
    assert (await bureau.client.post(path, data={"email": "a@r.example"})).status_code == 404


async def test_what_is_no_address_is_said_and_the_form_keeps_what_was_written(bureau):
    answer = await bureau.client.post(f"/subscribe/{bureau.lists['News']}", data={"email": "ann@", "name": '"><b>Ann'})
    assert answer.status_code == 400
    assert 'value="ann@"' in answer.text
    assert "<b>" not in answer.text


async def worked(bureau, page):
    """What the browser of a person brings: the form's challenge, solved."""
    challenge = re.search(r'data-challenge="([^"]+)" data-bits="8"', (await bureau.client.get(page)).text)[1]
    tries = (f"{challenge}:{number}" for number in range(100_000))
    return next(one for one in tries if sha256(one.encode()).digest()[0] == 0)


@pytest.mark.parametrize(("working", "free"), [(True, TOO_OFTEN.free), (False, UNPROVEN.free)])
async def test_one_network_cannot_ask_for_everybody(bureau, working, free):
    page, codes = f"/subscribe/{bureau.lists['News']}", []
    for number in range(free + 3):
        proof = await worked(bureau, page) if working else ""
        sent = await bureau.client.post(page, data={"email": f"a{number}@r.example", "proof": proof})
        codes.append(sent.status_code)
    assert codes[:free] == [200] * free
    assert codes[-1] >= 400
    assert len(await bureau.mails()) <= free + 1


async def test_work_counts_once_and_for_its_list(bureau):
    page, other = (f"/subscribe/{bureau.lists[name]}" for name in ("News", "Plain"))
    proof = await worked(bureau, page)
    codes = []
    for number in range(UNPROVEN.free + 2):
        sent = await bureau.client.post(page, data={"email": f"a{number}@r.example", "proof": proof})
        codes.append(sent.status_code)
    assert codes[: UNPROVEN.free] == [200] * UNPROVEN.free
    assert codes[-1] >= 400
    assert (
        await bureau.client.post(page, data={"email": "b@r.example", "proof": await worked(bureau, page)})
    ).status_code == 200
    elsewhere = await bureau.client.post(page, data={"email": "c@r.example", "proof": await worked(bureau, other)})
    assert elsewhere.status_code >= 400


async def test_a_program_asks_for_any_list_of_its_workspace(bureau):
    asked = Asked("192.0.2.1", form="till", text="Yes.")
    waiting = await bureau.joining.ask(bureau.workspace, bureau.lists["News"], "bob@r.example", asked=asked)
    assert waiting.state == "waiting"
    at_once = await bureau.joining.ask(bureau.workspace, bureau.lists["Staff"], "bob@r.example", asked=asked)
    assert at_once.state == "subscribed"
    assert await bureau.lists_of("bob@r.example") == {"News": "pending", "Staff": "subscribed"}
    with pytest.raises(ListUnknown):
        await bureau.joining.ask(bureau.workspace + 1, bureau.lists["News"], "bob@r.example")


async def test_without_a_brand_nobody_can_be_asked(bureau):
    other = await bureau.store.main.write(workspaces.ensure_workspace, "Other", 1.0)
    listed = await bureau.store.main.write(subscriptions.ensure_list, other, "X", 1.0, public=True)
    assert (await bureau.client.get(f"/subscribe/{listed}")).status_code == 404
    with pytest.raises(NoSender):
        await bureau.joining.ask(other, listed, "a@r.example")
