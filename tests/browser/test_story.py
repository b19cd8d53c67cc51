"""The story of a shop as its owner clicks it: sign in, the first steps, people from a file, a segment, a campaign by drag and
drop, sent; readers open, click and write back; the report; the answer is answered; somebody is erased. The real server,
receivers and Chromium.
"""

import asyncio
import email
import email.policy
import re
import tomllib
from email.message import EmailMessage

import pytest
from tests.browser.test_editors import CANVAS, needs_editors
from tests.browser.test_interface import CHROMIUM
from tests.browser.test_interface import pytestmark as needs_a_browser
from tests.integration.test_shop import asked, body_of, newest, post, shop, until

from lettershop.client import NewUser

pytestmark = [*needs_a_browser, needs_editors, pytest.mark.timeout(300)]

EMAIL, PASSWORD = "ann@brand.example", "letterpress and ink"
SENDER = "news@brand.example"
PEOPLE = 24
ROWS = "".join(f"p{n:02}@readers.example;Ida {n};{n % 6}\n" for n in range(1, PEOPLE + 1))
FILE = f"E-Mail;Vorname;Bestellungen\n{ROWS}nobody;X;1\n"
LOYAL = [f"p{n:02}@readers.example" for n in range(1, PEOPLE + 1) if n % 6 >= 3]
READS, WRITES = LOYAL[0], LOYAL[1]


async def test_the_story_on_the_screens(tmp_path):
    from playwright.async_api import async_playwright

    async with (
        shop(tmp_path, f"sqlite:///{tmp_path}/lettershop.db") as (client, readers, smtp),
        async_playwright() as playwright,
    ):
        url = tomllib.loads((tmp_path / "lettershop.toml").read_text())["web"]["public_url"]
        person = NewUser(email=EMAIL, role="owner", password=PASSWORD, name="Ann")
        await asyncio.to_thread(client.users.create, person)
        browser = await playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        context = await browser.new_context(base_url=url, viewport={"width": 1440, "height": 900})
        context.set_default_timeout(30_000)
        page, complaints = await context.new_page(), []
        page.on("console", lambda one: complaints.append(one.text) if one.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await signs_in(page)
        await the_first_steps(page, readers)
        await people_come(page)
        await a_segment_by_clicks(page)
        campaign = await a_campaign_by_drag_and_drop(page)
        await readers_act(readers, smtp)
        await the_report(page, campaign)
        await the_answer_is_answered(page, readers)
        await somebody_is_erased(page)
        assert complaints == []
        assert list(client.subscribers.all(query=READS)) == []
        await browser.close()


async def signs_in(page):
    await page.goto("/")
    await page.fill("#email", EMAIL)
    await page.fill("#password", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("nav[aria-label=Main]")


async def the_first_steps(page, readers):
    """From the notice on the home page to the test mail, whose header is explained."""
    await page.click("text=Go on with the first steps")
    await page.fill("#organisation", "The Shop")
    await page.fill("#sender", "The Shop")
    await page.fill("#sender-address", SENDER)
    await page.fill("#postal", "1 Harbour Street, 20457 Hamburg")
    await page.click("main >> text=/^Save$/")
    await page.wait_for_selector("text=this is how recipients see you")
    await page.fill("#domain", "brand.example")
    await page.click("main >> text=/^Add$/")
    await page.wait_for_url("**/start/checks?domain=brand.example")
    assert await page.is_visible("text=v=spf1 mx -all")
    await page.click("main >> text=First steps")
    await page.fill("#box-address", SENDER)
    await page.fill("#box-password", PASSWORD)
    await page.click("text=Make the mailbox")
    await page.wait_for_selector("text=The mailbox is made.")
    await page.fill("#to", "owner@readers.example")
    await page.click("text=Send the test mail")
    await page.wait_for_selector("#test >> text=Delivered")
    assert await page.is_visible("text=our signature over header and body")
    assert [one.recipient for one in readers.messages] == ["owner@readers.example"]
    readers.messages.clear()
    await page.goto("/")
    assert not await page.is_visible("text=Go on with the first steps")


async def people_come(page):
    """Uploaded, looked at, one column named otherwise, taken in by the scheduler while the page waits."""
    await page.goto("/contacts")
    await page.click("main >> text=/^Import/")
    file = {"name": "desk.csv", "mimeType": "text/csv", "buffer": FILE.encode()}
    await page.set_input_files("#file", file)
    await page.click("text=Upload and look at it")
    await page.wait_for_selector("text=bestellungen: number")
    await page.fill("[name=attribute-3]", "orders")
    await page.locator("[name=attribute-3]").blur()
    await page.wait_for_selector("text=orders: number")
    await page.fill("#basis", "customers of the shop")
    await page.fill("#list", "Newsletter")
    await page.click("text=Take them in")
    await page.wait_for_selector("text=Write to them", timeout=90_000)
    figures = await page.locator("#progress dd .figure-value").all_inner_texts()
    assert figures == [str(PEOPLE + 1), str(PEOPLE), "0", "0", str(PEOPLE), "1"]
    async with page.expect_download() as download:
        await page.click("text=The refused rows as a file")
    refused = await (await download.value).path()
    assert "nobody" in await asyncio.to_thread(refused.read_text)


async def a_segment_by_clicks(page):
    """An attribute that came with the file, compared; the count follows."""
    await page.goto("/segments/new")
    await page.fill("#name", "Often")
    await page.select_option("#field-0\\.0", "attribute:orders")
    await page.wait_for_selector("#op-0\\.0 option[value='>=']", state="attached")
    async with page.expect_response("**/segments/preview"):
        await page.select_option("#op-0\\.0", ">=")
    await page.wait_for_selector("#op-0\\.0 option[value='>='][selected]", state="attached")
    await page.locator("#value-0\\.0").press_sequentially("3")
    await page.wait_for_selector(f"#found >> text={len(LOYAL)} people")
    await page.click("#builder button.btn-primary")
    await page.wait_for_url("**/segments/*?done=saved")


async def a_campaign_by_drag_and_drop(page):
    """Written to the segment, designed, checked, sent; its number."""
    await page.goto("/campaigns/new")
    await page.fill("#name", "Spring")
    await page.fill("#subject", "New inks for {{ first_name }}")
    await page.select_option("[name=list_name]", "Newsletter")
    await page.fill("#segment", 'in segment "Often"')
    await page.click("text=Design it by drag and drop")
    await page.wait_for_url("**/design")
    await page.click("text=An offer with a button")
    await page.click("main button >> text=Design it")
    await page.wait_for_selector(".gjs-block[role=button]")
    message = page.frame_locator(CANVAS)
    heading = message.locator("text=A heading")
    await heading.wait_for()
    await drag(page, "Text", heading)
    await message.locator("text=/Insert (your )?text/i").first.wait_for()
    await message.locator("text=Read more").click()
    await page.wait_for_selector("#traits .gjs-trt-trait input")
    await page.locator("#traits .gjs-trt-trait", has_text="Href").locator("input").fill("https://shop.example/new")
    await page.keyboard.press("Tab")
    await page.click("text=Save, check and preview")
    await page.wait_for_url("**/edit?done=saved")
    campaign = re.search(r"/campaigns/(\d+)/", page.url)[1]
    assert not await page.is_visible("text=must be mended"), await page.inner_text("main")
    await page.fill("[name=as]", READS)
    await page.click("main >> text=/^Show$/")
    await page.wait_for_selector("text=New inks for Ida 3")
    page.once("dialog", lambda dialog: dialog.accept())
    await page.click("text=Send the campaign")
    await page.wait_for_url(f"**/campaigns/{campaign}")
    return campaign


async def drag(page, block, target):
    """As a hand does it: press, begin to move, come over the lower half of the target, let go."""
    start = await page.locator(".gjs-block", has_text=block).bounding_box()
    end = await target.bounding_box()
    await page.mouse.move(start["x"] + 20, start["y"] + 20)
    await page.mouse.down()
    await page.mouse.move(start["x"] + 60, start["y"] + 30, steps=5)
    await page.mouse.move(end["x"] + 50, end["y"] + end["height"] / 2, steps=12)
    for _ in range(3):
        await page.wait_for_timeout(120)
        await page.mouse.move(end["x"] + 52, end["y"] + end["height"] - 1, steps=3)
    await page.mouse.up()


async def readers_act(readers, smtp):
    """All of the segment have it and nobody else; one opens and clicks, one writes back."""
    assert await until(lambda: {one.recipient for one in readers.messages}, lambda got: got == set(LOYAL)) == set(LOYAL)
    html, message = body_of(newest(readers, READS, "New inks"))
    assert message["Subject"] == "New inks for Ida 3"
    assert "Hello Ida 3" in html
    pixel = re.search(r'src="(http[^"]+\.gif)"', html)[1]
    link = re.search(r'href="(http[^"]+/c/[^"]+)"', html)[1]
    await asyncio.sleep(6)  # nobody reads within the first seconds; machines do
    assert (await asyncio.to_thread(asked, pixel))[0] == 200
    status, headers = await asyncio.to_thread(asked, link)
    assert (status, headers["location"]) == (302, "https://shop.example/new")
    await asyncio.to_thread(post, smtp, WRITES, SENDER, reply(newest(readers, WRITES, "New inks")))


def reply(received):
    """What a person writes back, as a mail program makes it."""
    message, answered = EmailMessage(), body_of(received)[1]
    message["From"], message["To"], message["Subject"] = WRITES, answered["Reply-To"] or SENDER, "Re: New inks"
    message["Message-ID"] = "<islands@readers.example>"
    message["In-Reply-To"] = message["References"] = answered["Message-ID"]
    message.set_content("Do you ship to the islands?")
    return message.as_bytes()


async def the_report(page, campaign):
    """It refreshes itself or is asked again until everything came home."""
    wanted = {"delivered": len(LOYAL), "opened": 1, "clicked": 1, "replied": 1}
    found = {}
    for _ in range(120):
        await page.goto(f"/campaigns/{campaign}")
        found = {name: int(await page.inner_text(f".funnel-{name} .funnel-count")) for name in wanted}
        if found == wanted:
            break
        await asyncio.sleep(0.5)
    assert found == wanted
    assert await page.is_visible("text=https://shop.example/new")


async def the_answer_is_answered(page, readers):
    """Read beside its campaign, answered, done; the person gets it in the same thread."""
    await page.goto("/inbox")
    await page.click("main >> text=New inks")
    await page.wait_for_selector("text=Do you ship to the islands?")
    await page.fill("#text", "We do, every Tuesday.")
    await page.click("main >> text=/^Send$/")
    await page.wait_for_selector("text=The answer is on its way.")
    (answer,) = await until(lambda: [one for one in readers.messages if b"every Tuesday" in one.data], bool)
    assert answer.recipient == WRITES
    message = email.message_from_bytes(answer.data, policy=email.policy.default)
    assert "every Tuesday" in message.get_body(("plain",)).get_content()
    assert message["In-Reply-To"] == "<islands@readers.example>"


async def somebody_is_erased(page):
    """After a question; then nobody of that address is found."""
    await page.goto(f"/contacts?q={READS}")
    await page.click("main table a")
    await page.wait_for_selector("text=Clicked")
    page.once("dialog", lambda dialog: dialog.accept())
    await page.check("text=This person wants to be forgotten.")
    await page.click("text=Erase for good")
    await page.wait_for_url(lambda url: not re.search(r"/contacts/\d", url))
    await page.goto(f"/contacts?q={READS}")
    assert await page.is_visible("text=Nobody found")
