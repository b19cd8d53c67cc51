"""Pictures of every screen, both themes, phone and desktop, into docs/screens/. Starts no server.

    python tools/screens.py [--url http://127.0.0.1:8080] [--email ADDRESS] [--password WORDS] [--out docs/screens] [--make]

URL and login may come from LETTERSHOP_SCREENS_URL, _EMAIL and _PASSWORD (`tools/with_demo.py` sets them from a demo). The
screens are those that the navigation leads to, the first entry of each list, and what these have beside them. `--make` lets
it make a draft and an upload, so that the editors have something to show: for a demo, not for a shop. Says what the
browser's console complained about, and which page was wider than the screen, and then exits with 1.
"""

import argparse
import base64
import os
import re
import sys
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
THEMES = ("light", "dark")
TALLEST = 2400
QUALITY = 70
BESIDE = {
    "/campaigns": ("/campaigns/new",), "/contacts": ("/contacts/new", "/imports"),
    "/mail": ("/mail/link",), "/segments": ("/segments/new", "/segments/new?form=words"),
}  # fmt: skip
"""What stands beside a list."""
PEOPLE = "E-Mail;Full name;Orders;City\nada@inbox.example;Ada Lindqvist;3;Gent\njose@post.example;José Ramírez;7;Köln\nnobody;X;1;Ulm\n"


def main() -> int:
    """Take all of them; complaints decide the exit code."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        screens = _screens(browser, options)
        for size in SIZES:
            for theme in THEMES:
                _walk(browser, size, theme, screens, options, complaints)
        browser.close()
    for words in dict.fromkeys(complaints):
        print(words, file=sys.stderr)
    taken = list(options.out.glob("*.webp"))
    print(
        f"{len(taken)} pictures of {len(screens) + 1} screens in {options.out}, {sum(one.stat().st_size for one in taken) >> 10} KB"
    )
    return 1 if complaints else 0


def _walk(
    browser: Browser, size: str, theme: str, screens: dict[str, str], options: argparse.Namespace, complaints: list[str]
) -> None:
    context = _context(browser, size, theme, options)
    page = context.new_page()
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto("/login")
    _shoot(context, page, options.out / f"sign-in-{size}-{theme}.webp")
    _sign_in(page, options)
    for name, path in screens.items():
        page.goto(path)
        _shoot(context, page, options.out / f"{name}-{size}-{theme}.webp")
        if name in ("home", "report", "design", "segments-new"):  # what is seen before scrolling, for the README
            _shoot(context, page, options.out / f"{name}-top-{size}-{theme}.webp", SIZES[size][1])
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            complaints.append(f"{path} is wider than a {size}")
    context.close()


def _context(browser: Browser, size: str, theme: str, options: argparse.Namespace) -> BrowserContext:
    width, height = SIZES[size]
    return browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=theme, base_url=options.url, device_scale_factor=1,
        reduced_motion="reduce",
    )  # fmt: skip


def _sign_in(page: Page, options: argparse.Namespace) -> None:
    page.goto("/login")
    page.fill("#email", options.email)
    page.fill("#password", options.password)
    page.click("button[type=submit]")
    page.wait_for_selector("nav[aria-label=Main]", state="attached")


def _screens(browser: Browser, options: argparse.Namespace) -> dict[str, str]:
    """Names and paths: the navigation, what stands beside, the first entry of each list, what a campaign and a person have."""
    context = _context(browser, "desktop", "light", options)
    page = context.new_page()
    _sign_in(page, options)
    if options.make:
        _make(page)
    lists = [link.get_attribute("href") or "" for link in page.locator("nav[aria-label=Main] a").all()]
    found = {_name(path): path for path in lists}
    for path in lists:
        beside = BESIDE.get(path, ())
        found |= {_name(one): one for one in beside}
        for one in (path, *beside):
            first = _first(page, one, one.partition("?")[0] + "/")
            if first:
                found[f"{_name(one)}-one"] = first
    for name, path in (("conversation", "/inbox"), ("letter", "/mail")):
        page.goto(path)
        links = page.locator(".mail-rows a")
        if links.count():
            found[name] = links.first.get_attribute("href") or path
    report = _first(page, "/campaigns", "/campaigns/", r"/campaigns/\d+$")
    if report:
        found |= {"report": report, "recipients": f"{report}/recipients"}
        found["journey"] = _first(page, f"{report}/recipients", f"{report}/recipients/") or report
        wrote = _first(page, f"{report}/recipients?state=replied", "/contacts/")
        found |= {"contact": wrote} if wrote else {}
    draft = _first(page, "/campaigns", "/campaigns/", r"/campaigns/\d+/edit$")
    if draft:
        found |= {"campaign-draft": draft, "design": draft.replace("/edit", "/design")}
    context.close()
    return found


def _make(page: Page) -> None:
    """A draft that is designed, and a file that waits for the names of its columns."""
    page.goto("/campaigns/new")
    page.fill("#name", "Spring letter")
    page.fill("#subject", "New papers for {{ first_name }}")
    page.click("text=Design it by drag and drop")
    page.check("text=News in two columns")
    page.click("main button >> text=Design it")
    page.goto("/imports")
    page.set_input_files("#file", {"name": "fair.csv", "mimeType": "text/csv", "buffer": PEOPLE.encode()})
    page.click("text=Upload and look at it")
    page.goto("/")


def _name(path: str) -> str:
    return re.sub(r"[^a-z]+", "-", path.lower()).strip("-") or "home"


def _first(page: Page, path: str, prefix: str, like: str = "") -> str | None:
    page.goto(path)
    links = page.locator(f"main a[href^='{prefix}']").all()
    paths = [link.get_attribute("href") or "" for link in links]
    own = {prefix + "new"}
    return next((one for one in paths if one not in own and "?" not in one and re.search(like or r"/\S+$", one)), None)


def _shoot(context: BrowserContext, page: Page, path: Path, tallest: int = TALLEST) -> None:
    page.wait_for_load_state("load")
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(1500 if "design" in path.name else 250)
    height = min(int(page.evaluate("document.documentElement.scrollHeight")), tallest)
    clip = {
        "x": 0,
        "y": 0,
        "width": page.viewport_size["width"] if page.viewport_size else 0,
        "height": height,
        "scale": 1,
    }
    session = context.new_cdp_session(page)
    told = session.send(
        "Page.captureScreenshot",
        {"format": "webp", "quality": QUALITY, "captureBeyondViewport": True, "clip": clip},
    )
    session.detach()
    path.write_bytes(base64.b64decode(told["data"]))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Pictures of every screen of a running Lettershop.")
    given = os.environ.get
    parser.add_argument("--url", default=given("LETTERSHOP_SCREENS_URL", "http://127.0.0.1:8080"))
    parser.add_argument("--email", default=given("LETTERSHOP_SCREENS_EMAIL", ""))
    parser.add_argument("--password", default=given("LETTERSHOP_SCREENS_PASSWORD", ""))
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "docs/screens")
    parser.add_argument("--chromium", default=given("LETTERSHOP_CHROMIUM", CHROMIUM))
    parser.add_argument("--make", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
