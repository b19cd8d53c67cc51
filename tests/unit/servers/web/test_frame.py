"""Rights, tokens, headers, errors, limits: what holds for every screen."""

import re

import pytest

from lettershop.mail.users import RIGHTS
from lettershop.servers.web.app import STATIC
from lettershop.servers.web.assets import Assets

SCREENS = ["/", "/campaigns", "/campaigns/9", "/campaigns/9/recipients", "/contacts", "/contacts/1", "/queue",
           "/queue/3", "/campaigns/9/recipients/3",
           "/domains", "/domains/brand.example", "/accounts"]  # fmt: skip
NEEDS = {
    "/campaigns": "campaigns.read", "/campaigns/9": "campaigns.read", "/campaigns/9/recipients": "campaigns.read",
    "/contacts": "contacts.read", "/contacts/1": "contacts.read", "/queue": "queue.read", "/domains": "server.read",
    "/domains/brand.example": "server.read", "/accounts": "server.read",
}  # fmt: skip


@pytest.mark.parametrize("path", SCREENS)
def test_every_screen_carries_the_strict_policy_and_breaks_none_of_it(signed_in, path):
    answer = signed_in().get(path)
    assert answer.status_code == 200
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", answer.text)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", answer.text))
    for address in re.findall(r'\s(?:src|href|action)="([^"]*)"', answer.text):
        assert address.startswith(("/", "#")), address


@pytest.mark.parametrize("path", SCREENS)
def test_every_screen_has_one_heading_landmarks_and_labelled_fields(signed_in, path):
    html = signed_in().get(path).text
    assert len(re.findall(r"<h1[ >]", html)) == 1
    assert len(re.findall(r"<main[ >]", html)) == 1
    assert '<html lang="en"' in html
    for field in re.findall(r'<(?:input|select)(?![^>]*type="hidden")[^>]*id="([^"]+)"', html):
        assert f'for="{field}"' in html
    ids = re.findall(r'\sid="([^"]+)"', html)
    assert len(ids) == len(set(ids))
    for name in re.findall(r'aria-labelledby="([^"]+)"', html):
        assert name in ids


@pytest.mark.parametrize("role", [*RIGHTS, ""])
def test_a_role_sees_what_it_may_and_the_navigation_shows_no_more(signed_in, role):
    client = signed_in(role=role)
    for path, right in NEEDS.items():
        allowed = right in RIGHTS.get(role, ())
        assert client.get(path).status_code == (200 if allowed else 403), path
    shown = client.get("/", follow_redirects=True).text
    for path in ("/campaigns", "/contacts", "/queue", "/domains", "/accounts"):
        assert (f'<a href="{path}" ' in shown) == (NEEDS[path] in RIGHTS.get(role, ())), path


def test_commands_need_their_right_too(signed_in):
    client = signed_in(role="analyst")
    assert client.post("/campaigns/9/pause", data={"csrf": client.csrf}).status_code == 403
    assert client.post("/queue/1/retry", data={"csrf": client.csrf}).status_code == 403
    assert client.stage.campaigns.told == []
    assert "Pause" not in client.get("/campaigns/9").text


@pytest.mark.parametrize(
    "path", ["/campaigns/9/pause", "/campaigns/9/cancel", "/queue/1/remove", "/logout", "/workspace"]
)
def test_unsafe_requests_need_our_token_and_our_origin(signed_in, path):
    client = signed_in()
    right = {"csrf": client.csrf}
    assert client.post(path).status_code == 403
    assert client.post(path, data={"csrf": "guess"}).status_code == 403
    assert client.post(path, data=right, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert client.post(path, data=right, headers={"sec-fetch-site": "same-site"}).status_code == 403
    assert client.post(path, data=right, headers={"origin": "null"}).status_code == 403
    assert client.stage.campaigns.told == []
    assert client.stage.queue.told == []
    assert len(client.stage.users.open) == 1


def test_the_token_may_come_in_a_header(signed_in):
    client = signed_in()
    headers = {"x-csrf-token": client.csrf, "sec-fetch-site": "same-origin"}
    assert client.post("/campaigns/9/pause", headers=headers).status_code == 303
    assert client.stage.campaigns.told == [("pause", 9, "ann@brand.example")]


def test_a_get_changes_nothing(signed_in):
    client = signed_in()
    for path in ("/campaigns/9/pause", "/queue/1/remove", "/logout"):
        assert client.get(path).status_code in (404, 405)
    assert client.stage.campaigns.told == []


def test_errors_are_pages_with_public_words_only(signed_in):
    client = signed_in()
    answer = client.post("/campaigns/7/pause", data={"csrf": client.csrf})
    assert answer.status_code == 409
    assert "The campaign is done, not sending." in answer.text
    for path in (
        "/nowhere",
        "/campaigns/999",
        "/campaigns/99999999999999999999999",
        "/domains/other.example",
        "/contacts/5000",
    ):
        answer = client.get(path)
        assert answer.status_code == 404, path
        assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_what_nobody_foresaw_is_a_page_without_its_words(staged, signed_in):
    client = signed_in()

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret words")

    client.stage.queue.waiting = broken
    with pytest.raises(RuntimeError):
        client.get("/queue")
    quiet = type(client)(client.stage.app, base_url="http://mail.brand.example", raise_server_exceptions=False)
    quiet.cookies = client.cookies
    answer = quiet.get("/queue")
    assert answer.status_code == 500
    assert "secret words" not in answer.text
    assert "went wrong on our side" in answer.text
    assert "default-src 'self'" in answer.headers["content-security-policy"]


def test_a_body_that_is_too_large_is_refused_announced_or_not(signed_in):
    client = signed_in()
    large = b"csrf=" + b"x" * 1_100_000
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/logout", content=large, headers=form).status_code == 413
    pieces = (large[i : i + 65_536] for i in range(0, len(large), 65_536))
    assert client.post("/logout", content=pieces, headers=form).status_code == 413
    assert len(client.stage.users.open) == 1


def test_marketing_absent_leaves_the_mail_server_screens(signed_in):
    client = signed_in(marketing=False)
    answer = client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/queue")
    shown = client.get("/domains").text
    assert "/accounts" in shown
    assert '<a href="/campaigns" ' not in shown
    for path in ("/campaigns", "/campaigns/9", "/contacts", "/o/good.gif", "/c/good/1", "/u/good", "/v/good"):
        assert client.get(path).status_code == 404, path


def test_the_theme_is_remembered_by_a_cookie_and_nothing_else_is_believed(signed_in):
    client = signed_in()
    assert "data-bs-theme" not in client.get("/").text
    client.cookies.set("theme", "dark", domain="mail.brand.example")
    assert '<html lang="en" data-bs-theme="dark">' in client.get("/").text
    client.cookies.set("theme", '"><script>', domain="mail.brand.example")
    assert "data-bs-theme" not in client.get("/").text


def test_static_files_are_cached_under_their_version_and_compressed(visitor):
    client = visitor()
    url = Assets(STATIC).url("app.css")
    packed = client.get(url, headers={"accept-encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "immutable" in packed.headers["cache-control"]
    plain = client.get(url, headers={"accept-encoding": "identity"})
    assert plain.text == packed.text
    old = client.get("/static/000000000000/app.css")
    assert old.status_code == 200
    assert old.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["../app.py", "..%2fapp.py", "%2e%2e/app.py", "/etc/passwd", "nothing.css", ""])
def test_nothing_but_the_static_files_is_served(visitor, name):
    assert visitor().get(f"/static/1/{name}").status_code == 404


def test_without_the_vendors_files_pages_still_have_a_style(tmp_path, signed_in, monkeypatch):
    for path in STATIC.glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr("lettershop.servers.web.app.STATIC", tmp_path)
    html = signed_in().get("/campaigns/9").text
    assert "plain.css" in html
    assert "vendor/" not in html
    assert "48,200" in html
