"""The webmail in Debian's Chromium on the real services: both themes, phone and desktop, with and without script."""

import asyncio
import email
import email.policy
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from tests.browser.test_interface import AXE, AXE_CORE, CHROMIUM, VENDOR, browser, until
from tests.mailstore import message
from tests.webmail import ANN, EVE, PASSWORD, Shop, office

from lettershop.base.clock import SystemClock
from lettershop.marketing.inbox import Gathering, Inbox
from lettershop.store.mailboxes import SEEN
from lettershop.store.migrate import MAIL, MAIN, open_half, upgrade

__all__ = ["browser"]

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium (Debian: apt-get install chromium)"),
    pytest.mark.skipif(
        not AXE_CORE.exists() or not (VENDOR / "uplot.js").exists(), reason="no front-end files (make static)"
    ),
    pytest.mark.xdist_group("browser"),
]


def letter() -> bytes:
    """A newsletter: layout, a picture within, one from elsewhere, a file, and something that wants to run."""
    made = email.message.EmailMessage(policy=email.policy.SMTP)
    made["From"], made["To"], made["Cc"] = "The Paper Mill <news@mill.example>", ANN, "zoe@z.example"
    made["Subject"], made["Message-ID"] = "Winter papers are here", "<w1@mill.example>"
    made.set_content("Winter papers are here: https://mill.example/winter\n")
    made.add_alternative(
        '<table width="100%" bgcolor="#f2eee6"><tr><td align="center" style="padding:24px"><h1 style="color:#7a2e1d">Winter papers</h1>'
        '<img src="cid:deck" alt="A deckle edge" width="120" height="40"><p>Soft, <b>heavy</b>, made by hand.</p>'
        '<img src="https://spy.example/pixel.gif" alt=""><p><a href="https://mill.example/winter">Look at them</a></p></td></tr></table>'
        "<script>parent.document.title = 'broken'</script><form action='https://spy.example'><input></form>",
        subtype="html",
    )
    made.get_body(("html",)).add_related(PNG, "image", "png", cid="<deck>")
    made.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="Price list.pdf")
    return bytes(made)


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf500f0003860180"
    "5a34c7cb0000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def served() -> Iterator[SimpleNamespace]:
    """The interface on a free port, in a thread with a loop of its own; `ask` runs a coroutine there."""
    ready, stop, at = threading.Event(), threading.Event(), SimpleNamespace()

    async def run(folder: Path) -> None:
        url, clock = f"sqlite:///{folder}/lettershop.db", SystemClock()
        await upgrade(url)
        store = SimpleNamespace(main=open_half(url, MAIN), mail=open_half(url, MAIL))
        parts: list[Any] = []

        def inbox(submission: Any, tokens: Any, blobs: Any) -> Inbox:
            parts.extend((Inbox(store.main, submission, tokens, clock), Gathering(store.main, store.mail, blobs)))
            return parts[0]

        async with office(store, clock, folder, inbox=inbox) as at.office:
            at.shop = Shop(at.office, store, clock, *parts)
            await at.shop.begin()
            listener = socket.create_server(("127.0.0.1", 0))
            server = uvicorn.Server(uvicorn.Config(at.office.app, log_level="error", lifespan="off"))
            task = asyncio.create_task(server._serve([listener]))
            while not server.started:  # noqa: ASYNC110  (uvicorn has no event)
                await asyncio.sleep(0.01)
            at.address, at.loop = f"http://127.0.0.1:{listener.getsockname()[1]}", asyncio.get_running_loop()
            ready.set()
            await asyncio.to_thread(stop.wait)
            server.should_exit = True
            await task
        await store.main.close()
        await store.mail.close()

    with tempfile.TemporaryDirectory() as folder:
        thread = threading.Thread(target=lambda: asyncio.run(run(Path(folder))))
        thread.start()
        assert ready.wait(60)
        at.ask = lambda work: asyncio.run_coroutine_threadsafe(work, at.loop).result(30)
        yield at
        stop.set()
        thread.join()


@pytest.fixture
def mail(served):
    """Ann's INBOX with a few messages, the newsletter on top; what other tests left is taken out."""

    async def fill() -> None:
        for name in ("INBOX", "Trash", "Sent", "Drafts", "Archive"):
            place = await served.office.place(name)
            while rows := (await served.office.desk.page(place)).rows:
                await served.office.desk.act(place, [row.uid for row in rows], "delete")
        for number in range(12):
            await served.office.put(
                message(f"Order {4711 + number}", "Please print it."), flags=SEEN * (number % 3 > 0)
            )
        served.uid = await served.office.put(letter())
        served.place = await served.office.place()

    served.ask(fill())
    served.here = f"/mail/{served.place.account_id}/{served.place.box_id}"
    return served


class Seen:
    """A signed-in page with everything it complained about and every address it asked for."""

    def __init__(self, browser, mail, who=ANN, **wishes):
        self.address = mail.address
        self.context = browser.new_context(base_url=mail.address, **wishes)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto("/login")
        self.page.fill("#email", who)
        self.page.fill("#password", PASSWORD)
        self.page.click("button[type=submit]")
        self.page.wait_for_selector(".shell")

    def done(self):
        self.context.close()
        assert self.complaints == []
        assert [url for url in self.asked if not url.startswith((self.address, "data:"))] == []


def talk_of(mail) -> str:
    """A conversation that waits for an answer."""

    async def come() -> int:
        await mail.shop.comes("Have you got it in blue?\n\nEve\n\nOn Tuesday The Press wrote:\n> Winter papers")
        await mail.shop.gather()
        return (await mail.shop.one()).id

    return f"/inbox/{mail.ask(come())}"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_every_page_in_both_themes_fits_and_complains_about_nothing(browser, mail, theme, width):
    seen = Seen(browser, mail, color_scheme=theme, viewport={"width": width, "height": 900})
    one, account = f"{mail.here}/{mail.uid}", mail.place.account_id
    ref = f"{mail.place.box_id}.{mail.uid}"
    trash = mail.ask(mail.office.place("Trash")).box_id
    paths = [mail.here, f"{mail.here}?q=nothing-like-it", f"{mail.here}?done=trash&to={trash}&uids=1.2", f"/mail/{account}/{trash}",
             one, f"{one}?view=text", f"/mail/{account}/write", f"/mail/{account}/write?how=all&ref={ref}",
             f"/mail/{account}/write?how=forward&ref={ref}", "/mail/link",
             "/inbox", "/inbox?state=all&q=nobody", talk_of(mail)]  # fmt: skip
    for path in paths:
        seen.page.goto(path)
        assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than {width}"
        seen.page.evaluate(AXE_CORE.read_text())
        assert seen.page.evaluate(AXE) == [], path
    seen.done()


def test_a_newsletter_is_shown_with_its_own_picture_and_asks_nobody(browser, mail):
    seen = Seen(browser, mail)
    page = seen.page
    page.goto(f"{mail.here}/{mail.uid}")
    frame = page.frame_locator("iframe.letter-frame")
    assert frame.locator("h1").inner_text() == "Winter papers"
    assert frame.locator("img[alt='A deckle edge']").get_attribute("src").startswith("data:image/png;base64,")
    assert frame.locator("form, script").count() == 0
    assert "Winter papers are here" in page.title()
    assert page.is_visible("text=1 picture from elsewhere is not shown")
    with page.expect_download() as download:
        page.click("text=Price list.pdf")
    assert download.value.suggested_filename == "Price list.pdf"
    page.wait_for_load_state("networkidle")
    until(page, lambda: mail.ask(mail.office.desk.show(mail.place, mail.uid)).row.seen)
    seen.done()


def test_answering_archiving_and_taking_back_by_the_buttons(browser, mail):
    seen = Seen(browser, mail, viewport={"width": 1440, "height": 900})
    page = seen.page
    page.goto("/mail")
    page.click(".mail-what:has-text('Winter papers are here')")
    page.click("a:has-text('Reply'):not(:has-text('all'))")
    assert page.input_value("#to") == "The Paper Mill <news@mill.example>"
    page.locator("#text").press_sequentially("We take ten sheets.")
    page.click("button:has-text('Send')")
    page.wait_for_selector("text=The message is on its way.")
    assert page.locator(".mail-row", has_text="Winter papers").locator("text=answered").count() == 1
    page.check("label:has-text('Choose: Order 4711') input")
    page.check("label:has-text('Choose: Order 4712') input")
    page.click("button:has-text('Archive')")
    page.wait_for_selector("text=Put into the archive.")
    assert page.locator(".mail-row").count() == 11
    page.click("button:has-text('Undo')")
    page.wait_for_selector("text=It is back again.")
    assert page.locator(".mail-row").count() == 13
    page.fill("input[type=search]", "subject:4715")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=subject*")
    assert page.locator(".mail-row").count() == 1
    seen.done()


def test_all_of_it_works_without_script(browser, mail):
    seen = Seen(browser, mail, java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = seen.page
    page.goto(f"{mail.here}/{mail.uid}")
    page.click("button:has-text('Mark as read')")
    page.wait_for_selector("text=Mark as unread")
    page.click("button:has-text('Delete')")
    page.wait_for_selector("text=Put into the trash.")
    page.click("text=Undo")
    page.wait_for_selector("text=It is back again.")
    page.click("a:has-text('Write')")
    page.fill("#to", "half")
    page.fill("#subject", "By hand")
    page.fill("#text", "No script")
    page.set_input_files("#files", {"name": "plan.txt", "mimeType": "text/plain", "buffer": b"plan"})
    page.click("button:has-text('Send')")
    page.wait_for_selector("text=What you wrote is kept as a draft.")
    page.fill("#to", "b@b.example")
    assert page.is_checked("input[name=keep]")
    page.click("button:has-text('Send')")
    page.wait_for_selector("text=The message is on its way.")
    seen.complaints = [words for words in seen.complaints if "400" not in words]
    seen.done()


def test_an_answer_to_a_campaign_is_answered_on_its_page(browser, mail):
    talk = talk_of(mail)
    seen = Seen(browser, mail, viewport={"width": 1440, "height": 900})
    page = seen.page
    page.goto("/inbox")
    page.click(".mail-what:has-text('Re: Winter papers')")
    page.wait_for_url(f"**{talk}")
    assert (
        page.locator(".talk-turn").last.locator(".letter-text").first.inner_text() == "Have you got it in blue?\n\nEve"
    )
    page.locator("#text").press_sequentially("Yes, in blue.")
    page.click("button:has-text('Send')")
    page.wait_for_selector("text=The answer is on its way.")
    assert page.locator(".talk-ours", has_text="Yes, in blue.").count() == 1
    page.click("button:has-text('Open again')")
    page.wait_for_selector("text=It is open again.")
    assert [message["Subject"] for message in mail.ask(mail.shop.eve_s_mail())][-1] == "Re: Winter papers"
    seen.done()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_owner_opens_a_mailbox_to_somebody_and_takes_it_away(browser, mail, theme):
    seen = Seen(browser, mail, EVE, color_scheme=theme, viewport={"width": 390, "height": 844})
    page = seen.page
    page.goto("/accounts")
    page.click(f"a:has-text('{ANN}')")
    page.select_option("select[name=email]", EVE)
    page.click("button:has-text('Open it')")
    page.wait_for_selector("text=It is opened to this person.")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.evaluate(AXE_CORE.read_text())
    assert page.evaluate(AXE) == []
    page.locator("li", has_text=EVE).locator("button").click()
    page.wait_for_selector("text=It is closed to this person.")
    assert [one.email for one in mail.ask(readers(mail))] == [ANN]
    seen.done()


async def readers(mail):
    account = await mail.office.own.account(mail.office.ann_account)
    return await mail.office.own.readers(account)
