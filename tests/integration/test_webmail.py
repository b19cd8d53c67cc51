"""The webmail on the real services and both engines: folders, search, moving, writing, and what is nobody else's business."""

import email
import email.policy
import re
from dataclasses import replace

import httpx2
import pytest
from sqlalchemy import select
from tests.mailstore import message
from tests.webmail import ANN, HOST, PASSWORD, office

from lettershop.mail.accounts import NoSuchAccount
from lettershop.mail.audit import Audit
from lettershop.mail.mailbox.service import OverQuota
from lettershop.mail.webmail import desk as desks
from lettershop.mail.webmail.desk import MessageGone, Place
from lettershop.mail.webmail.letter import File
from lettershop.mail.webmail.post import NotTaken, Ref, TooMuch
from lettershop.mail.webmail.writing import Fields, NoAddress
from lettershop.store.mailboxes import SEEN, NoMailbox
from lettershop.store.schema_delivery import envelopes

QUESTION = message(
    "Paper", "How much is the paper?", Message_ID="<q1@b.example>", Date="Tue, 14 Nov 2023 22:13:20 +0000"
)
HTML = (
    b"From: b@b.example\r\nTo: ann@brand.example\r\nSubject: Sale\r\nContent-Type: text/html\r\n\r\n"
    b"<h1>Sale</h1><script>alert(1)</script><img src='https://spy.example/1.gif'><p onclick='x()'>now</p>"
)


@pytest.fixture
async def mail(store, clock, tmp_path):
    async with office(store, clock, tmp_path, audit=Audit(store.main, clock)) as made:
        yield made


async def subjects(mail, box="INBOX", **wishes):
    return [row.subject for row in (await mail.desk.page(await mail.place(box), **wishes)).rows]


async def text_of(mail, box):
    place = await mail.place(box)
    (row,) = (await mail.desk.page(place)).rows
    return email.message_from_bytes(await mail.desk.source(place, row.uid), policy=email.policy.SMTP)


# -- reading and moving ---------------------------------------------------------------------------------------------------


async def test_folders_are_listed_as_people_expect_them_with_what_is_unread(mail):
    await mail.put(QUESTION)
    await mail.put(QUESTION, flags=SEEN)
    await mail.desk.create_folder(mail.ann, mail.ann_account, "Printers/ Paper ")
    folders = await mail.desk.folders(mail.ann, mail.ann_account)
    assert [box.name for box in folders.boxes] == [
        "INBOX",
        "Drafts",
        "Sent",
        "Archive",
        "Junk",
        "Trash",
        "Printers/Paper",
    ]
    assert (folders.boxes[0].messages, folders.boxes[0].unseen) == (2, 1)


async def test_pages_go_down_and_show_each_message_once(mail):
    for number in range(desks.PAGE + 5):
        await mail.put(message(f"n{number}"))
    place = await mail.place()
    first = await mail.desk.page(place)
    second = await mail.desk.page(place, before=first.older)
    assert [row.subject for row in (*first.rows, *second.rows)] == [f"n{n}" for n in reversed(range(desks.PAGE + 5))]
    assert second.older is None


async def test_search_looks_into_everything_and_pages_too(mail, monkeypatch):
    monkeypatch.setattr(desks, "WINDOW", 3)
    for number in range(desks.PAGE + 10):
        await mail.put(message(f"n{number}", "the blue paper" if number != 7 else "red ink"))
    assert await subjects(mail, words="red") == ["n7"]
    assert await subjects(mail, words="from:bob subject:n7") == ["n7"]
    assert await subjects(mail, words="from:eve") == []
    first = await mail.desk.page(await mail.place(), words='"blue paper"')
    rest = await mail.desk.page(await mail.place(), words='"blue paper"', before=first.older)
    assert len(first.rows) == desks.PAGE
    assert len(rest.rows) == 9
    await mail.desk.act(await mail.place(), [8], "read")
    assert await subjects(mail, words="is:read") == ["n7"]


async def test_a_search_that_finds_little_goes_on_a_page_at_a_time(mail, monkeypatch):
    monkeypatch.setattr(desks, "WINDOW", 2)
    monkeypatch.setattr(desks, "SEARCHED", 4)
    for number in range(11):
        await mail.put(message(f"n{number}", "red" if number in (0, 5) else "blue"))
    pages, before = [], None
    for _ in range(3):
        page = await mail.desk.page(await mail.place(), words="red", before=before)
        pages.append([row.subject for row in page.rows])
        before = page.older
    assert pages == [[], ["n5"], ["n0"]]
    assert before is None


async def test_looking_changes_nothing_and_flags_are_those_of_imap(mail):
    uid, place = await mail.put(QUESTION), await mail.place()
    assert not (await mail.desk.show(place, uid)).row.seen
    await mail.desk.act(place, [uid], "read")
    await mail.desk.act(place, [uid], "flag")
    row = (await mail.desk.show(place, uid)).row
    assert (row.seen, row.flagged) == (True, True)
    await mail.desk.act(place, [uid], "unflag")
    await mail.desk.act(place, [uid], "unread")
    row = (await mail.desk.show(place, uid)).row
    assert (row.seen, row.flagged) == (False, False)


async def test_what_was_deleted_comes_back_and_what_is_deleted_in_the_trash_does_not(mail):
    place, uids = await mail.place(), [await mail.put(message(f"n{n}")) for n in range(3)]
    moved = await mail.desk.act(place, [*uids[:2], 999], "trash")
    assert await subjects(mail) == ["n2"]
    assert await subjects(mail, "Trash") == ["n1", "n0"]
    trash = replace(place, box_id=moved.box_id)
    await mail.desk.act(trash, moved.uids, "move", place.box_id)
    assert sorted(await subjects(mail)) == ["n0", "n1", "n2"]
    moved = await mail.desk.act(place, [uids[2]], "trash")
    await mail.desk.act(replace(place, box_id=moved.box_id), moved.uids, "delete")
    assert await subjects(mail, "Trash") == []
    with pytest.raises(MessageGone):
        await mail.desk.act(place, [uids[2]], "archive")


async def test_a_folder_with_a_role_is_made_where_there_is_none(mail):
    uid = await mail.put(QUESTION)
    await mail.mailboxes.delete(mail.ann_account, "Archive")
    await mail.desk.act(await mail.place(), [uid], "archive")
    assert (await mail.mailboxes.find(mail.ann_account, "Archive")).special_use == "\\Archive"
    assert await subjects(mail, "Archive") == ["Paper"]


async def test_a_conversation_is_shown_with_ones_own_answers(mail, clock):
    uid = await mail.put(QUESTION)
    await mail.put(message("Other"))
    clock.advance(60)
    sheet = await mail.post.begin(mail.ann, mail.ann_account, "reply", Ref((await mail.place()).box_id, uid))
    await mail.post.send(mail.ann, mail.ann_account, sheet.form)
    clock.advance(60)
    sent = await text_of(mail, "Sent")
    last = await mail.put(message("Re: Re: Paper", "Thanks", In_Reply_To=sent["Message-ID"]))
    shown = await mail.desk.show(await mail.place(), last)
    assert [row.subject for row in shown.thread] == ["Paper", "Re: Paper", "Re: Re: Paper"]


# -- writing --------------------------------------------------------------------------------------------------------------


async def test_an_answer_goes_out_signed_and_leaves_a_copy_and_a_mark(mail, store):
    uid, place = await mail.put(QUESTION), await mail.place()
    sheet = await mail.post.begin(mail.ann, mail.ann_account, "reply", Ref(place.box_id, uid))
    fields = replace(sheet.form.fields, text="Ten cents – each.\n" + sheet.form.fields.text, bcc="boss@b.example")
    assert await mail.post.send(mail.ann, mail.ann_account, replace(sheet.form, fields=fields))
    copy = await text_of(mail, "Sent")
    assert copy["From"].addresses[0].display_name == "Ann Printer"
    assert copy["In-Reply-To"] == "<q1@b.example>"
    assert copy["Bcc"] == "boss@b.example"
    assert "> How much is the paper?" in copy.get_content()
    assert (await mail.desk.show(place, uid)).row.answered
    to = await store.main.read(lambda conn: sorted(conn.scalars(select(envelopes.c.address))))
    assert to == ["bob@b.example", "boss@b.example"]


async def test_the_others_do_not_see_the_blind_copies(mail):
    form = (await mail.post.begin(mail.ann, mail.ann_account)).form
    form = replace(form, fields=Fields(ANN, "eve@brand.example", bcc="press@brand.example", subject="Hi", text="x"))
    await mail.post.send(mail.ann, mail.ann_account, form)
    (row,) = (
        await mail.desk.page(Place(mail.eve, mail.eve_account, await box_of(mail, mail.eve_account, "INBOX")))
    ).rows
    source = await mail.desk.source(Place(mail.eve, mail.eve_account, row.box_id), row.uid)
    assert b"press@" not in source
    assert b"DKIM-Signature" in source
    assert b"127.0.0.1" not in source
    assert b"with HTTP" in source
    assert await subjects(mail) == ["Hi"]


async def box_of(mail, account, name):
    return (await mail.mailboxes.find(account, name)).id


async def test_pressed_twice_it_goes_once(mail, store):
    form = (await mail.post.begin(mail.ann, mail.ann_account)).form
    form = replace(form, fields=Fields(ANN, "b@b.example", subject="Once"))
    for _ in range(2):
        await mail.post.send(mail.ann, mail.ann_account, form)
    assert await subjects(mail, "Sent") == ["Once"]
    assert len(await store.main.read(lambda conn: list(conn.scalars(select(envelopes.c.id))))) == 1


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        (Fields("eve@brand.example", "b@b.example"), NotTaken),
        (Fields("ann@elsewhere.example", "b@b.example"), NotTaken),
        (Fields(ANN, "nobody@brand.example"), NotTaken),
        (Fields(ANN, ""), NoAddress),
        (Fields(ANN, "b@b.example, half@"), NoAddress),
    ],
)
async def test_what_may_not_be_sent_is_not(mail, store, fields, error):
    form = (await mail.post.begin(mail.ann, mail.ann_account)).form
    with pytest.raises(error):
        await mail.post.send(mail.ann, mail.ann_account, replace(form, fields=fields))
    assert await subjects(mail, "Sent") == []
    assert await store.main.read(lambda conn: list(conn.scalars(select(envelopes.c.id)))) == []


async def test_a_draft_is_taken_up_again_with_its_files_and_its_thread(mail):
    uid, place = await mail.put(QUESTION), await mail.place()
    form = (await mail.post.begin(mail.ann, mail.ann_account, "reply", Ref(place.box_id, uid))).form
    fields = replace(form.fields, to="bob@b.example, half", sender="press@brand.example", subject="Prices")
    form = replace(form, fields=fields, files=(File("Preise.pdf", "application/pdf", b"%PDF"),))
    saved = await mail.post.save(mail.ann, mail.ann_account, form)
    again = (await mail.post.begin(mail.ann, mail.ann_account, "draft", saved.draft)).form
    assert (again.fields.to, again.fields.sender) == ("bob@b.example", "press@brand.example")
    assert [one.file.name for one in again.carried] == ["Preise.pdf"]
    second = await mail.post.save(mail.ann, mail.ann_account, again)
    assert await subjects(mail, "Drafts") == ["Prices"]
    await mail.post.send(mail.ann, mail.ann_account, second)
    assert await subjects(mail, "Drafts") == []
    copy = await text_of(mail, "Sent")
    assert copy["In-Reply-To"] == "<q1@b.example>"
    assert [part.get_content() for part in copy.iter_attachments()] == [b"%PDF"]


async def test_a_message_is_passed_on_with_its_files(mail):
    made = email.message.EmailMessage(policy=email.policy.SMTP)
    made["From"], made["Subject"] = "b@b.example", "Plan"
    made.set_content("See the plan.")
    made.add_attachment(b"one", maintype="image", subtype="png", filename="one.png")
    made.add_attachment(b"two", maintype="image", subtype="png", filename="two.png")
    uid, place = await mail.put(bytes(made)), await mail.place()
    form = (await mail.post.begin(mail.ann, mail.ann_account, "forward", Ref(place.box_id, uid))).form
    assert form.fields.subject == "Fwd: Plan"
    kept = await mail.post.carried(mail.ann, mail.ann_account, [form.carried[1].name, "9.9", "x"])
    form = replace(form, fields=replace(form.fields, to="c@c.example"), carried=kept)
    await mail.post.send(mail.ann, mail.ann_account, form)
    copy = await text_of(mail, "Sent")
    assert [part.get_filename() for part in copy.iter_attachments()] == ["two.png"]
    assert copy["In-Reply-To"] is None
    assert not (await mail.desk.show(place, uid)).row.answered


async def test_files_have_a_limit_and_a_full_mailbox_is_told(mail):
    form = (await mail.post.begin(mail.eve, mail.eve_account)).form
    form = replace(form, fields=Fields(to="b@b.example"))
    with pytest.raises(TooMuch):
        await mail.post.send(mail.eve, mail.eve_account, replace(form, files=(File("a", "a/b", bytes(26 * 2**20)),)))
    large = replace(form, files=(File("a", "application/x", bytes(900_000)),))
    with pytest.raises(OverQuota):
        await mail.post.save(mail.eve, mail.eve_account, large)
    assert await mail.post.send(mail.eve, mail.eve_account, large) is False


# -- nobody else's business ----------------------------------------------------------------------------------------------


async def test_of_somebody_else_s_mailbox_one_learns_nothing(mail):
    uid, place = await mail.put(QUESTION), await mail.place()
    for stranger in (replace(place, user_id=mail.eve), Place(mail.eve, mail.eve_account, place.box_id)):
        with pytest.raises((NoSuchAccount, NoMailbox)):
            await mail.desk.page(stranger)
        with pytest.raises((NoSuchAccount, NoMailbox)):
            await mail.desk.source(stranger, uid)
        with pytest.raises((NoSuchAccount, NoMailbox)):
            await mail.desk.act(stranger, [uid], "trash")
    with pytest.raises(NoSuchAccount):
        await mail.post.begin(mail.eve, mail.ann_account)
    with pytest.raises(NoMailbox):
        await mail.post.begin(mail.eve, mail.eve_account, "forward", Ref(place.box_id, uid))
    with pytest.raises(NoMailbox):
        await mail.post.carried(mail.eve, mail.eve_account, [f"{place.box_id}.{uid}.1"])
    mine = await box_of(mail, mail.eve_account, "INBOX")
    own = await mail.put(QUESTION, account=mail.eve_account)
    with pytest.raises(NoMailbox):
        await mail.desk.act(Place(mail.eve, mail.eve_account, mine), [own], "move", place.box_id)


class Browser:
    """A signed-in client of the pages."""

    def __init__(self, mail) -> None:
        transport = httpx2.ASGITransport(app=mail.app, client=("203.0.113.7", 4711))
        self.client = httpx2.AsyncClient(transport=transport, base_url=f"http://{HOST}")
        self.csrf = ""

    async def sign_in(self, email):
        page = await self.client.get("/login")
        token = re.search(r'name="csrf" value="([^"]+)"', page.text)[1]
        answer = await self.client.post("/login", data={"email": email, "password": PASSWORD, "csrf": token})
        assert answer.status_code == 303, answer.text
        self.csrf = re.search(r'name="csrf" value="([^"]+)"', (await self.client.get("/mail/link")).text)[1]
        return self

    async def get(self, path):
        return await self.client.get(path)

    async def post(self, path, data, **more):
        return await self.client.post(path, data={"csrf": self.csrf, **data}, **more)


@pytest.fixture
async def browser(mail):
    made = await Browser(mail).sign_in(ANN)
    yield made
    await made.client.aclose()


async def test_pages_of_somebody_else_s_mailbox_are_not_there(mail, browser):
    place, uid = await mail.place(), await mail.put(QUESTION)
    eve = await Browser(mail).sign_in("eve@brand.example")
    here = f"/mail/{place.account_id}/{place.box_id}"
    for path in (
        here,
        f"{here}/{uid}",
        f"{here}/{uid}/html",
        f"{here}/{uid}/source",
        f"/mail/{place.account_id}/write",
    ):
        assert (await browser.get(path)).status_code == 200, path
        answer = await eve.get(path)
        assert answer.status_code == 404, path
        assert "Paper" not in answer.text
    assert (await eve.post(f"{here}/do", {"act": "trash", "uid": uid})).status_code == 404
    assert (
        await eve.post("/mail/write", {"account": place.account_id, "do": "send", "to": "b@b.example"})
    ).status_code == 404
    assert await subjects(mail) == ["Paper"]
    await eve.client.aclose()


async def test_foreign_html_stands_in_a_frame_of_its_own_and_asks_for_nothing(mail, browser):
    uid, place = await mail.put(HTML), await mail.place()
    here = f"/mail/{place.account_id}/{place.box_id}/{uid}"
    page = (await browser.get(here)).text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    assert "spy.example" not in page
    framed = await browser.get(f"{here}/html")
    policy = framed.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:;")
    assert "allow-scripts" not in policy and "allow-same-origin" not in policy
    assert framed.headers["x-frame-options"] == "SAMEORIGIN"
    assert framed.headers["referrer-policy"] == "no-referrer"
    assert "<h1>Sale</h1>" in framed.text
    for word in ("script", "spy.example", "onclick"):
        assert word not in framed.text
    assert "picture from elsewhere" in page
    asked = await browser.get(f"{here}/html?remote=1")
    assert "https://spy.example/1.gif" in asked.text
    assert "img-src data: http: https:;" in asked.headers["content-security-policy"]


async def test_files_are_only_ever_saved(mail, browser):
    data = (
        b'From: b@b.example\r\nContent-Type: text/html; name="a\r\n b\xc3\xbc.html"\r\nContent-Disposition: attachment\r\n\r\n'
        b"<script>alert(1)</script>"
    )
    uid, place = await mail.put(data), await mail.place()
    answer = await browser.get(f"/mail/{place.account_id}/{place.box_id}/{uid}/file/0")
    assert answer.status_code == 200
    assert answer.headers["content-disposition"].startswith("attachment; ")
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert (await browser.get(f"/mail/{place.account_id}/{place.box_id}/{uid}/file/7")).status_code == 404
    source = await browser.get(f"/mail/{place.account_id}/{place.box_id}/{uid}/source")
    assert source.content == data
    assert source.headers["content-disposition"].startswith("attachment; ")


async def test_deleting_on_the_page_can_be_undone_on_the_page(mail, browser):
    uid, place = await mail.put(QUESTION), await mail.place()
    here = f"/mail/{place.account_id}/{place.box_id}"
    answer = await browser.post(f"{here}/do", {"act": "trash", "uid": uid})
    page = (await browser.get(answer.headers["location"])).text
    undo = re.search(
        r'action="(/mail/\d+/\d+/do)".*?name="target" value="(\d+)".*?name="uid" value="(\d+)"', page, re.DOTALL
    )
    answer = await browser.post(undo[1], {"act": "move", "target": undo[2], "uid": undo[3], "undo": "1"})
    assert "It is back again." in (await browser.get(answer.headers["location"])).text
    assert await subjects(mail) == ["Paper"]
    assert (await browser.post(f"{here}/do", {"act": "trash"})).headers["location"].endswith("?done=nothing")


async def test_a_message_is_written_on_the_page_with_a_large_file(mail, browser):
    page = (await browser.get(f"/mail/{mail.ann_account}/write")).text
    once = re.search(r'name="once" value="(\w+)"', page)[1]
    fields = {
        "account": mail.ann_account,
        "once": once,
        "from": "press@brand.example",
        "to": "b@b.example",
        "subject": "Grüße",
    }
    files = {"files": ("C:\\x\\Plan ä.bin", bytes(3_000_000), "text/html; charset=x")}
    failed = await browser.post("/mail/write", {**fields, "to": "half", "do": "send"}, files=files)
    assert failed.status_code == 400
    assert "kept as a draft" in failed.text
    kept = re.search(r'name="keep" value="([\d.]+)"', failed.text)[1]
    draft = re.search(r'name="draft" value="([\d.]+)"', failed.text)[1]
    answer = await browser.post("/mail/write", {**fields, "keep": kept, "draft": draft, "do": "send"})
    assert answer.headers["location"].endswith("?done=sent")
    copy = await text_of(mail, "Sent")
    assert copy["From"].addresses[0].addr_spec == "press@brand.example"
    (file,) = copy.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("Plan ä.bin", "application/octet-stream")
    assert len(file.get_content()) == 3_000_000
    assert await subjects(mail, "Drafts") == []
    large = await browser.post("/mail/link", {"address": "x" * 2_000_000})
    assert large.status_code == 413


async def test_one_s_own_mailbox_is_linked_on_the_page_by_its_password(mail, browser, store):
    answer = await browser.post("/mail/link", {"address": "eve@brand.example", "password": "wrong"})
    assert answer.status_code == 403
    assert [one.address for one in await mail.own.of(mail.ann)] == [ANN]
    answer = await browser.post("/mail/link", {"address": "eve@brand.example", "password": "eve-key"})
    assert answer.status_code == 303
    assert [one.address for one in await mail.own.of(mail.ann)] == [ANN, "eve@brand.example"]
    await browser.post("/mail/unlink", {"account": mail.eve_account})
    assert [one.address for one in await mail.own.of(mail.ann)] == [ANN]


async def test_who_has_no_mailbox_is_told_how_to_get_one(mail, browser):
    await mail.own.withdraw(ANN, ANN)
    page = await browser.get("/mail")
    assert page.status_code == 200
    assert "Show your mailbox" in page.text


async def test_the_log_of_acts_tells_who_opens_what_but_not_what_one_does_with_ones_mail(mail, browser, store, clock):
    uid, place = await mail.put(QUESTION), await mail.place()
    await browser.post(f"/mail/{place.account_id}/{place.box_id}/do", {"act": "trash", "uid": uid})
    await browser.post("/mail/write", {"account": mail.ann_account, "once": "x", "to": "b@b.example", "do": "send"})
    await browser.post("/mail/link", {"address": "eve@brand.example", "password": "eve-key"})
    await browser.post(f"/accounts/{mail.eve_account}/grant", {"email": ANN})  # a marketer may not
    eve = await Browser(mail).sign_in("eve@brand.example")
    assert (await eve.post(f"/accounts/{mail.ann_account}/grant", {"email": "eve@brand.example"})).status_code == 303
    assert ANN in (await eve.get(f"/accounts/{mail.ann_account}")).text
    await eve.client.aclose()
    noted = [one.act.action for one in await Audit(store.main, clock).page(1, operator=True)]
    acts = [action for action in noted if action != "sign-in"]
    assert acts == ["POST /accounts/{id}/grant", "POST /mail/link"]
