"""Answers to campaigns: how they come into the inbox, and how we write back, on both engines."""

import re
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select
from tests.webmail import EVE, HOST, PASSWORD, Shop, office

from lettershop.base.errors import Invalid
from lettershop.mail.tokens import Recipient
from lettershop.marketing.inbox import Gathering, Inbox, NoSuchConversation
from lettershop.marketing.privacy import Privacy
from lettershop.store import workspaces
from lettershop.store.schema_delivery import envelopes
from lettershop.store.schema_inbox import conversations


@pytest.fixture
async def shop(store, clock, tmp_path):
    parts: list[Any] = []

    def inbox(submission: Any, tokens: Any, blobs: Any) -> Inbox:
        parts.extend((Inbox(store.main, submission, tokens, clock), Gathering(store.main, store.mail, blobs)))
        return parts[0]

    async with office(store, clock, tmp_path, inbox=inbox) as mail:
        made = Shop(mail, store, clock, *parts)
        await made.begin()
        yield made


async def test_an_answer_stands_beside_its_campaign_and_its_person(shop):
    await shop.comes("Have you got it in blue?\n\nEve\n\nOn Tuesday The Press wrote:\n> Winter papers")
    await shop.gather()
    found = await shop.one()
    assert (found.campaign, found.address, found.name, found.subject) == ("Winter", EVE, "Eve", "Re: Winter papers")
    assert (found.done, found.awaits_us, found.envelope_id) == (False, True, 7)
    talk = await shop.inbox.talk(shop.workspace, found.id)
    assert talk.turns[0].words == "Have you got it in blue?\n\nEve"
    assert "> Winter papers" in talk.turns[0].rest
    assert (talk.sender.name, talk.sender.address, talk.to) == ("The Press", "press@brand.example", EVE)
    assert await shop.inbox.count_open(shop.workspace) == 1


async def test_the_log_is_read_once_and_what_is_no_answer_is_left_out(shop):
    await shop.comes("Question")
    await shop.comes("I am away", Auto_Submitted="auto-replied")
    await shop.comes("Nothing to do with it", to="other@b.example")
    for _ in range(2):
        await shop.gather()
    assert not await shop.gathering.step()
    assert len((await shop.inbox.talk(shop.workspace, (await shop.one()).id)).turns) == 1


async def test_we_answer_under_the_reply_address_and_the_next_answer_belongs_to_it(shop):
    await shop.comes("Have you got it in blue – or red?", References="<first@b.example>")
    await shop.gather()
    found = await shop.one()
    await shop.inbox.answer(
        shop.workspace, found.id, "Yes, in blue.\r\nGrüße", by="ann@brand.example", once="1", done=True
    )
    (sent,) = await shop.eve_s_mail()
    assert (sent["From"].addresses[0].display_name, sent["From"].addresses[0].addr_spec) == (
        "The Press",
        "press@brand.example",
    )
    assert sent["Subject"] == "Re: Winter papers"
    assert sent["In-Reply-To"].startswith("<33.")
    assert sent["References"].split()[0] == "<first@b.example>"
    assert sent["References"].split()[-1] == sent["In-Reply-To"]
    assert sent["DKIM-Signature"]
    text = sent.get_content()
    assert text.splitlines()[:2] == ["Yes, in blue.", "Grüße"]
    assert "> Have you got it in blue – or red?" in text
    found = await shop.one()
    assert (found.done, found.awaits_us) == (True, False)
    shop.clock.advance(60)
    await shop.comes("Thank you", to=sent["Message-ID"].strip("<>"))
    await shop.gather()
    found = await shop.one()
    assert (found.done, found.awaits_us) == (False, True)
    turns = (await shop.inbox.talk(shop.workspace, found.id)).turns
    assert [(turn.said.ours, turn.said.author) for turn in turns] == [
        (False, EVE),
        (True, "ann@brand.example"),
        (False, EVE),
    ]


async def test_pressed_twice_an_answer_goes_once_and_it_waits_in_the_queue_where_people_are_elsewhere(shop):
    person = await shop.contact("zoe@z.example", "Zoe")
    token = shop.mail.tokens.seal(Recipient(shop.campaign, 8, person))
    await shop.comes(
        "Hello", to=f"{token}.1@brand.example", sender="private@elsewhere.example", Reply_To="zoe@work.example"
    )
    await shop.gather()
    found = await shop.one()
    assert found.address == "zoe@z.example"
    for _ in range(2):
        await shop.inbox.answer(shop.workspace, found.id, "Hello Zoe", by="ann@brand.example", once="1")
    to = await shop.store.main.read(lambda conn: list(conn.scalars(select(envelopes.c.address))))
    assert to == ["zoe@work.example"]
    assert len((await shop.inbox.talk(shop.workspace, found.id)).turns) == 2


async def test_empty_answers_and_those_of_other_workspaces_are_refused(shop):
    await shop.comes("Question")
    await shop.gather()
    found = await shop.one()
    other = await shop.store.main.write(workspaces.ensure_workspace, "Other", 0.0)
    for refused in (
        shop.inbox.talk(other, found.id),
        shop.inbox.answer(other, found.id, "x", by="x", once="1"),
        shop.inbox.talk(shop.workspace, found.id + 1),
    ):
        with pytest.raises(NoSuchConversation):
            await refused
    with pytest.raises(Invalid):
        await shop.inbox.answer(shop.workspace, found.id, " \r\n ", by="x", once="1")
    assert await shop.inbox.set_done(other, [found.id], done=True) == 0
    assert await shop.inbox.page(other) == []
    assert await shop.eve_s_mail() == []


async def test_the_list_pages_searches_and_filters(shop):
    for number in range(5):
        person = await shop.contact(f"p{number}@b.example", f"Person {number}")
        token = shop.mail.tokens.seal(Recipient(shop.campaign, 10 + number, person))
        await shop.comes("x", to=f"{token}.1@b.example", subject=f"Subject {number}")
    await shop.gather()
    page = shop.inbox.page
    first = await page(shop.workspace, limit=3)
    rest = await page(shop.workspace, limit=3, before=first[-1].id)
    assert [one.name for one in (*first, *rest)] == [f"Person {n}" for n in (4, 3, 2, 1, 0)]
    await shop.inbox.set_done(shop.workspace, [first[0].id], done=True)
    assert [one.name for one in await page(shop.workspace, state="done")] == ["Person 4"]
    assert len(await page(shop.workspace, state="open")) == 4
    assert [one.name for one in await page(shop.workspace, query="SUBJECT 2")] == ["Person 2"]
    assert [one.name for one in await page(shop.workspace, query="p3@")] == ["Person 3"]
    assert await page(shop.workspace, campaign_id=shop.campaign + 1) == []


async def test_the_words_stay_when_the_mailbox_is_tidied_and_go_with_the_person(shop, tmp_path):
    await shop.comes("Remember me")
    await shop.gather()
    place = await shop.mail.place()
    (row,) = (await shop.mail.desk.page(place)).rows
    await shop.mail.desk.act(place, [row.uid], "delete")
    found = await shop.one()
    assert (await shop.inbox.talk(shop.workspace, found.id)).turns[0].words == "Remember me"
    privacy = Privacy(shop.store.main, shop.store.mail, shop.mail.blobs, shop.clock, tmp_path)
    held = await privacy.export(shop.workspace, EVE)
    assert [one["text"] for one in held["conversations"]] == ["Remember me"]
    await privacy.erase(shop.workspace, EVE)
    assert await shop.store.main.read(lambda conn: conn.scalar(select(func.count()).select_from(conversations))) == 0


async def test_an_answer_that_was_deleted_before_it_was_read_is_still_told(shop):
    await shop.comes("Gone")
    place = await shop.mail.place()
    (row,) = (await shop.mail.desk.page(place)).rows
    await shop.mail.desk.act(place, [row.uid], "delete")
    await shop.gather()
    found = await shop.one()
    assert found.subject == "Re: Winter papers"
    assert (await shop.inbox.talk(shop.workspace, found.id)).turns[0].words == ""


@pytest.mark.parametrize(
    ("role", "may"), [("marketer", True), ("inbox agent", True), ("analyst", False), ("postmaster", False)]
)
async def test_the_pages_are_for_those_who_answer(shop, role, may):
    await shop.comes("Have you got <b>blue</b>?")
    await shop.gather()
    found = await shop.one()
    await shop.mail.users.create("kim@brand.example", PASSWORD, role=role)
    transport = httpx2.ASGITransport(app=shop.mail.app, client=("203.0.113.7", 4711))
    async with httpx2.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
        token = re.search(r'name="csrf" value="([^"]+)"', (await client.get("/login")).text)[1]
        await client.post("/login", data={"email": "kim@brand.example", "password": PASSWORD, "csrf": token})
        csrf = re.search(r'name="csrf" value="([^"]+)"', (await client.get("/mail/link")).text)[1]
        listed, shown = await client.get("/inbox"), await client.get(f"/inbox/{found.id}")
        assert (listed.status_code, shown.status_code) == ((200, 200) if may else (403, 403))
        answer = await client.post(
            f"/inbox/{found.id}/answer", data={"csrf": csrf, "text": "Yes", "once": "1", "done": "1"}
        )
        assert answer.status_code == (303 if may else 403)
        if may:
            assert "Re: Winter papers" in listed.text
            assert "&lt;b&gt;blue&lt;/b&gt;" in shown.text
            assert (await shop.one()).done
            await client.post(f"/inbox/{found.id}/state", data={"csrf": csrf, "to": "open"})
            assert not (await shop.one()).done
            empty = await client.post(f"/inbox/{found.id}/answer", data={"csrf": csrf, "text": " ", "once": "2"})
            assert empty.status_code == 400
            assert (await client.get("/inbox/999")).status_code == 404
    assert len(await shop.eve_s_mail()) == may
