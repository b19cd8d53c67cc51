"""The interface in Debian's Chromium: sign-in, charts, themes, refreshing, narrow screens; no complaint, no third party.

Runs against the staged interface on a free loopback port. Skips where there is no Chromium.
"""

import importlib.util
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import uvicorn

CHROMIUM = Path(os.environ.get("LETTERSHOP_CHROMIUM", "/usr/bin/chromium"))
VENDOR = Path(__file__).parents[2] / "src/lettershop/servers/web/static/vendor"
AXE_CORE = Path(__file__).parents[2] / "node_modules/axe-core/axe.min.js"
PATHS = [
    "/", "/campaigns", "/campaigns/9", "/campaigns/9/recipients", "/contacts", "/contacts/1", "/campaigns/new",
    "/campaigns/3/edit", "/campaigns/2/design", "/campaigns/3/design", "/imports", "/imports/1", "/imports/2",
    "/imports/3", "/contacts/new", "/lists", "/segments", "/segments/new", "/segments/1",
    "/segments/new?form=words", "/segments/3", "/start", "/start?test=1", "/start/checks?reach=a@b.example",
    "/queue", "/queue/3", "/campaigns/9/recipients/3", "/people", "/me", "/settings/audit", "/settings/tokens",
    "/deliverability", "/media", "/templates", "/templates?q=nothing", "/templates/new", "/templates/1",
    "/templates/2", "/brands", "/brands/new", "/brands/1", "/settings/webhooks", "/settings/webhooks/1",
    "/settings/webhooks/3", "/domains", "/domains/brand.example", "/accounts"
]  # fmt: skip

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium (Debian: apt-get install chromium)"),
    pytest.mark.skipif(
        not AXE_CORE.exists() or not (VENDOR / "uplot.js").exists(), reason="no front-end files (make static)"
    ),
    pytest.mark.xdist_group("browser"),
]


def _staged() -> ModuleType:
    spec = importlib.util.spec_from_file_location("staged", Path(__file__).with_name("staged.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["staged"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def server() -> Iterator[tuple[str, object]]:
    """A staged interface on a free port, in a thread of its own: (address, its fakes)."""
    stage = _staged().stage()
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(stage.app, log_level="error", lifespan="off")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, args=([listener],))
    thread.start()
    while not running.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", stage
    running.should_exit = True
    thread.join()


class Seen:
    """A page with everything it complained about and every address it asked for."""

    def __init__(self, browser, server, **wishes):
        self.address, self.stage = server
        self.context = browser.new_context(base_url=self.address, **wishes)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda m: self.complaints.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))

    def sign_in(self):
        staged = sys.modules["staged"]
        self.page.goto("/login")
        self.page.fill("#email", staged.EMAIL)
        self.page.fill("#password", staged.PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**/")
        return self.page

    def done(self):
        self.context.close()
        assert self.complaints == []
        assert [url for url in self.asked if not url.startswith((self.address, "data:"))] == []


def until(page, true, seconds=10):
    """Wait for something; the policy forbids the evaluation that Playwright's own waiting needs."""
    for _ in range(seconds * 20):
        if true():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not happen")


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_every_screen_in_both_themes_fits_and_complains_about_nothing(browser, server, theme, width):
    seen = Seen(browser, server, color_scheme=theme, viewport={"width": width, "height": 800})
    page = seen.sign_in()
    for path in PATHS:
        page.goto(path)
        page.wait_for_load_state("load")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is wider than {width}"
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        light = sum(int(part) for part in re.findall(r"\d+", ground)[:3]) > 380
        assert light == (theme == "light"), (path, ground)
        page.evaluate(AXE_CORE.read_text())
        assert page.evaluate(AXE) == [], path
    seen.complaints = [words for words in seen.complaints if "postMessage" not in words]  # axe asks sandboxed frames
    seen.done()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_doors_and_the_public_pages_are_accessible(browser, server, theme):
    seen = Seen(browser, server, color_scheme=theme, viewport={"width": 360, "height": 800})
    for path in ("/login", "/u/good", "/subscribe/1", "/p/good", "/p/request/data", "/p/request/erase", "/nowhere"):
        seen.page.goto(path)
        assert seen.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        seen.page.evaluate(AXE_CORE.read_text())
        assert seen.page.evaluate(AXE) == [], path
    seen.complaints = [words for words in seen.complaints if "404" not in words]
    seen.done()


def test_the_report_draws_its_curve_from_the_table_and_follows_the_switch(browser, server):
    seen = Seen(browser, server, viewport={"width": 1440, "height": 900})
    page = seen.sign_in()
    page.goto("/campaigns/7")
    page.wait_for_selector(".uplot canvas")
    assert page.locator(".u-series").count() == 4
    assert page.evaluate(PAINTED) > 1000
    per_total = page.evaluate(PIXELS)
    page.click("[data-curve=step]")
    assert page.get_attribute("[data-curve=step]", "aria-pressed") == "true"
    assert page.evaluate(PIXELS) != per_total
    seen.done()


def test_a_running_report_refreshes_itself_without_losing_what_the_reader_opened(browser, server):
    seen = Seen(browser, server, viewport={"width": 1440, "height": 900})
    page = seen.sign_in()
    page.goto("/campaigns/9")
    page.click(".table-behind summary")
    before = page.inner_text(".funnel-opened .funnel-count")
    page.wait_for_function(
        "before => document.querySelector('.funnel-opened .funnel-count').innerText !== before", arg=before
    )
    assert page.locator(".table-behind[open]").count() == 1
    assert page.locator(".uplot canvas").count() == 1
    assert page.locator("#report").count() == 1
    seen.stage.campaigns.lines[0] = replace(seen.stage.campaigns.lines[0], state="done")
    until(page, lambda: page.get_attribute("#report", "hx-get") is None)
    asked = seen.stage.reports.asked
    page.wait_for_timeout(2600)
    assert seen.stage.reports.asked == asked
    seen.done()


def test_pause_and_the_question_before_cancelling(browser, server):
    seen = Seen(browser, server)
    page = seen.sign_in()
    page.goto("/campaigns/9")
    page.click("text=Pause")
    page.wait_for_selector("text=Paused. Messages on open connections")
    page.click("button[popovertarget=ask-cancel]:not([popovertargetaction])")
    assert page.is_visible("text=Cancel this campaign?")
    page.wait_for_timeout(2500)
    assert page.is_visible("text=Cancel this campaign?"), "refreshing must not close the question"
    page.click("text=Cancel the campaign")
    page.wait_for_selector("text=Whoever has not got it will not get it.")
    assert [command for command, *_ in seen.stage.campaigns.told] == ["pause", "cancel"]
    seen.done()


def test_a_segment_is_counted_while_it_is_written(browser, server):
    seen = Seen(browser, server)
    page = seen.sign_in()
    page.goto("/segments/new?form=words")
    page.fill("#name", "Ours")
    page.fill("#words", "city = ")
    page.wait_for_selector("#found .notice-watch")
    page.locator("#words").press_sequentially('"Berlin"')
    until(page, lambda: page.locator("#found .notice-watch").count() == 0)
    assert page.input_value("#words") == 'city = "Berlin"'
    assert page.input_value("#name") == "Ours"
    assert page.url.endswith("/segments/new?form=words")
    page.click("text=Save")
    page.wait_for_url("**/segments/4?done=saved")
    assert seen.stage.segments.saved[4].words == 'city = "Berlin"'
    seen.done()


def test_the_theme_button_is_remembered(browser, server):
    seen = Seen(browser, server, color_scheme="light")
    page = seen.sign_in()
    page.click("[data-theme-toggle]")
    assert page.get_attribute("html", "data-bs-theme") == "dark"
    page.goto("/queue")
    assert page.get_attribute("html", "data-bs-theme") == "dark"
    seen.done()


def test_a_record_is_copied_and_times_are_told_in_the_readers_zone(browser, server):
    seen = Seen(browser, server, timezone_id="Asia/Tokyo", permissions=["clipboard-read", "clipboard-write"])
    page = seen.sign_in()
    page.goto("/domains/brand.example")
    page.click("button[data-copy='v=spf1 mx -all']")
    page.wait_for_selector("text=Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "v=spf1 mx -all"
    page.goto("/campaigns/7")
    assert "UTC" not in page.inner_text(".page-when")
    seen.done()


def test_the_menu_on_a_phone_opens_by_keyboard_and_closes_with_escape(browser, server):
    seen = Seen(browser, server, viewport={"width": 390, "height": 844})
    page = seen.sign_in()
    assert not page.is_visible("nav[aria-label=Main]")
    page.focus("[data-menu]")
    page.keyboard.press("Enter")
    assert page.is_visible("nav[aria-label=Main]")
    page.keyboard.press("Escape")
    assert not page.is_visible("nav[aria-label=Main]")
    seen.done()


def test_without_script_the_screens_are_there(browser, server):
    seen = Seen(browser, server, java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = seen.sign_in()
    assert page.is_visible("nav[aria-label=Main]")
    page.goto("/campaigns/7")
    page.click(".table-behind summary")
    assert page.is_visible("#curve-table")
    seen.done()


def test_unsubscribing_by_the_page_works_without_script(browser, server):
    seen = Seen(browser, server, java_script_enabled=False)
    seen.page.goto("/u/good")
    seen.page.click("button.main")
    assert seen.page.is_visible("text=You are unsubscribed")
    seen.page.click("text=Subscribe again")
    assert seen.page.is_visible("text=Welcome back")
    assert seen.stage.actions.left == [("page", "127.0.0.1")]
    seen.done()


def test_the_keyboard_reaches_the_content_first(browser, server):
    seen = Seen(browser, server)
    page = seen.sign_in()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("/")
    seen.done()


PIXELS = "document.querySelector('.uplot canvas').toDataURL()"
PAINTED = """(() => { const c = document.querySelector('.uplot canvas');
  const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
  let n = 0; for (let i = 3; i < d.length; i += 4) if (d[i]) n++; return n; })()"""
AXE = """axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
  .then((found) => found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).slice(0, 4).join(" | ")}`))"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_setting_up_a_code_and_signing_in_with_it_complains_about_nothing(browser, server, theme, width):
    seen = Seen(browser, server, color_scheme=theme, viewport={"width": width, "height": 800})
    page = seen.sign_in()

    def fits(where):
        page.wait_for_load_state("load")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), where
        page.evaluate(AXE_CORE.read_text())
        assert page.evaluate(AXE) == [], where

    page.goto("/me")
    page.click("text=Set it up")
    page.wait_for_url("**/me/code/begin")
    assert page.evaluate("document.querySelector('main img').naturalWidth > 100")
    fits("begin")
    page.fill("#code", "123456")
    page.click("text=Turn it on")
    page.wait_for_url("**/me/code/confirm")
    fits("recovery codes")
    page.context.clear_cookies()
    page.goto("/login")
    page.fill("#email", sys.modules["staged"].EMAIL)
    page.fill("#password", sys.modules["staged"].PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_selector("#code")
    fits("code")
    page.fill("#code", "123456")
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    seen.done()


@pytest.mark.parametrize("script", [True, False], ids=["script", "none"])
@pytest.mark.parametrize("hasty", [True, False], ids=["hasty", "patient"])
def test_the_browser_works_before_it_subscribes_and_without_script_it_goes_all_the_same(browser, server, script, hasty):
    seen = Seen(browser, server, java_script_enabled=script)
    seen.page.goto("/subscribe/1")
    if hasty and script:  # as a password manager fills it in: nothing is typed
        seen.page.eval_on_selector("#email", "field => { field.value = 'ann@reader.example' }")
    else:
        seen.page.fill("#email", "ann@reader.example")
    if not hasty:
        seen.page.wait_for_timeout(1500)
    seen.page.click("button.main")
    seen.page.wait_for_selector("text=Almost there", timeout=60_000)
    assert seen.stage.joining.asked == [("ann@reader.example", script)]
    seen.done()
