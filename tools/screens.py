"""Screenshots of every screen, both themes, phone and desktop, into docs/screens/. Starts no server.

    python tools/screens.py [--url http://127.0.0.1:8080] [--email ADDRESS] [--password WORDS] [--out docs/screens]

URL and login may come from LETTERSHOP_SCREENS_URL, _EMAIL and _PASSWORD (a running `lettershop demo` prints them).
Screens that need an id take the first one that the lists show. Says what the browser's console complained about and
then exits with 1.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
LISTS = {
    "home": "/", "campaigns": "/campaigns", "contacts": "/contacts", "queue": "/queue", "domains": "/domains",
    "accounts": "/accounts", "mail": "/mail", "mail-links": "/mail/link", "inbox": "/inbox",
}  # fmt: skip


def main() -> int:
    """Take all of them; the number of console complaints decides the exit code."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        for size in SIZES:
            for theme in THEMES:
                _walk(browser, size, theme, options, complaints)
        browser.close()
    for words in dict.fromkeys(complaints):
        print(words, file=sys.stderr)
    print(f"{len(list(options.out.glob('*.png')))} pictures in {options.out}")
    return 1 if complaints else 0


def _walk(browser: Browser, size: str, theme: str, options: argparse.Namespace, complaints: list[str]) -> None:
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=theme, base_url=options.url, device_scale_factor=1,
        reduced_motion="reduce",
    )  # fmt: skip
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/login")
    _shoot(page, options.out / f"sign-in-{size}-{theme}.png")
    page.fill("#email", options.email)
    page.fill("#password", options.password)
    page.click("button[type=submit]")
    for name, path in _screens(context):
        page.goto(path)
        _shoot(page, options.out / f"{name}-{size}-{theme}.png")
        if name == "report":  # what is seen before scrolling, for the README
            page.screenshot(path=options.out / f"report-top-{size}-{theme}.png")
    context.close()


def _screens(context: BrowserContext) -> Iterator[tuple[str, str]]:
    """The lists, and the first entry of those that have one; of contacts somebody who replied, if anybody did."""
    yield from LISTS.items()
    page = context.new_page()
    report, domain = _first(page, "/campaigns", "/campaigns/"), _first(page, "/domains", "/domains/")
    people = [f"{report}/recipients?state=replied"] if report else []
    contact = next((found for path in [*people, "/contacts"] if (found := _first(page, path, "/contacts/"))), None)
    account = _first(page, "/accounts", "/accounts/")
    talk, letter = (_first_of(page, path, ".mail-rows a") for path in ("/inbox", "/mail"))
    page.close()
    found = {
        "account": account,
        "conversation": talk,
        "letter": letter,
        "report": report,
        "recipients": report and f"{report}/recipients",
        "contact": contact,
        "domain": domain,
    }
    yield from ((name, path) for name, path in found.items() if path)


def _first(page: Page, path: str, prefix: str) -> str | None:
    page.goto(path)
    links = page.locator(f"main table tbody a[href^='{prefix}']")
    return links.first.get_attribute("href") if links.count() else None


def _first_of(page: Page, path: str, links: str) -> str | None:
    page.goto(path)
    found = page.locator(links)
    return found.first.get_attribute("href") if found.count() else None


def _shoot(page: Page, path: Path) -> None:
    page.wait_for_load_state("load")
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(250)
    page.screenshot(path=path, full_page=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Screenshots of every screen of a running Lettershop.")
    given = os.environ.get
    parser.add_argument("--url", default=given("LETTERSHOP_SCREENS_URL", "http://127.0.0.1:8080"))
    parser.add_argument("--email", default=given("LETTERSHOP_SCREENS_EMAIL", ""))
    parser.add_argument("--password", default=given("LETTERSHOP_SCREENS_PASSWORD", ""))
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs/screens")
    parser.add_argument("--chromium", default=given("LETTERSHOP_CHROMIUM", CHROMIUM))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
