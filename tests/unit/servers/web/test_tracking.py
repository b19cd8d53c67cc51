"""The links in messages: counted after the commit, never an open redirect, nothing changed by a GET."""

import pytest
from starlette.testclient import TestClient

from lettershop.base.errors import Temporary
from lettershop.servers.web.tracking import PIXEL, is_one_click


def test_the_pixel_is_43_bytes_of_gif_that_nobody_keeps(visitor):
    client = visitor()
    answer = client.get("/o/good.gif", headers={"user-agent": "Mail/1", "accept": "image/*", "cookie": "private=1"})
    assert answer.content == PIXEL
    assert len(PIXEL) == 43
    assert PIXEL.startswith(b"GIF89a")
    assert answer.headers["content-type"] == "image/gif"
    assert "no-store" in answer.headers["cache-control"]
    assert "set-cookie" not in answer.headers
    ((what, signals),) = client.stage.actions.hits
    assert (what, signals.user_agent, signals.ip, signals.method) == ("opened", "Mail/1", "203.0.113.7", "GET")
    assert "accept: image/*" in signals.headers
    assert "private" not in signals.headers


def test_head_loads_no_picture_and_counts_nothing(visitor):
    client = visitor()
    answer = client.head("/o/good.gif")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "43"
    assert client.stage.actions.hits == []


def test_a_link_leads_to_its_own_target_only(visitor):
    client = visitor()
    answer = client.get("/c/good/1?url=https://evil.example/")
    assert answer.status_code == 302
    assert answer.headers["location"] == "https://brand.example/shop?a=1&b=2"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "no-store" in answer.headers["cache-control"]
    assert len(client.stage.actions.hits) == 1


@pytest.mark.parametrize(
    "path",
    [
        "/c/good/2",
        "/c/bad/1",
        "/c/good/",
        "/c/good/x",
        "/c/good/1/2",
        "/c/good",
        "/c/",
        "/c/good/99999999999",
        "/c/good/²",
    ],
)
def test_unknown_links_are_a_page_and_lead_nowhere(visitor, path):
    client = visitor()
    answer = client.get(path)
    assert answer.status_code == 404
    assert "location" not in answer.headers
    assert "does not work" in answer.text
    assert client.stage.actions.hits == []


def test_a_head_request_on_a_link_is_told_as_such(visitor):
    client = visitor()
    assert client.head("/c/good/1").status_code == 302
    assert client.stage.actions.hits[0][1].method == "HEAD"


def test_a_target_that_would_break_the_header_is_not_followed(visitor):
    client = visitor()

    async def broken(token: str, number: int, signals: object) -> str:
        return "https://brand.example/\r\nset-cookie: a=b"

    client.stage.actions.followed = broken
    assert client.get("/c/good/1").status_code == 404


def test_while_the_store_is_busy_no_success_is_claimed(visitor):
    client = visitor()

    async def busy(*_: object) -> bool:
        raise Temporary("The database is busy.")

    client.stage.actions.opened = client.stage.actions.followed = client.stage.actions.unsubscribe = busy
    assert client.get("/o/good.gif").status_code == 503
    assert client.get("/c/good/1").status_code == 503
    assert client.post("/u/good", data={"List-Unsubscribe": "One-Click"}).status_code == 503


def test_getting_the_unsubscribe_page_changes_nothing(visitor):
    client = visitor()
    page = client.get("/u/good")
    assert page.status_code == 200
    assert "Unsubscribe?" in page.text
    assert "a…a@inbox.example" in page.text
    assert client.stage.actions.left == []
    assert client.head("/u/good").status_code == 200
    assert client.stage.actions.left == []
    assert client.get("/u/bad").status_code == 404


@pytest.mark.parametrize("encoding", ["urlencoded", "multipart"])
def test_one_click_needs_one_post_no_cookie_no_redirect(visitor, encoding):
    client = visitor()
    field = {"List-Unsubscribe": "One-Click"}
    wish = {"data": field} if encoding == "urlencoded" else {"files": {"List-Unsubscribe": (None, "One-Click")}}
    answer = client.post("/u/good", **wish)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert client.stage.actions.left == [("one-click", "203.0.113.7")]
    assert client.post("/u/bad", **wish).status_code == 404


def test_one_click_from_another_site_works_too(visitor):
    client = visitor()
    headers = {"origin": "https://webmail.example", "sec-fetch-site": "cross-site"}
    assert client.post("/u/good", data={"List-Unsubscribe": "One-Click"}, headers=headers).status_code == 200
    assert client.stage.actions.left == [("one-click", "203.0.113.7")]


def test_the_button_unsubscribes_and_offers_the_way_back(visitor):
    client = visitor()
    page = client.post("/u/good", data={"action": "unsubscribe"})
    assert page.status_code == 200
    assert "You are unsubscribed" in page.text
    assert "Subscribe again" in page.text
    assert client.stage.actions.left == [("page", "203.0.113.7")]
    back = client.post("/u/good", data={"action": "resubscribe"})
    assert "Welcome back" in back.text
    assert not client.stage.actions.view.done


def test_recording_of_openings_is_refused_on_the_same_page(visitor):
    client = visitor()
    page = client.post("/u/good", data={"action": "forbid-tracking"})
    assert "Saved." in page.text
    assert client.stage.actions.view.tracking is False
    assert client.stage.actions.left == []
    client.post("/u/good", data={"action": "allow-tracking"})
    assert client.stage.actions.view.tracking is True


def test_other_methods_and_long_bodies_are_refused(visitor):
    client = visitor()
    assert client.put("/u/good").status_code == 405
    assert client.put("/u/good").headers["allow"] == "GET, HEAD, POST"
    assert client.post("/u/good", content=b"x" * 5000).status_code == 413
    assert client.post("/o/good.gif").status_code == 404
    assert client.stage.actions.left == []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"List-Unsubscribe=One-Click", True),
        (b"List-Unsubscribe=One-Click\r\n", True),
        (b"a=b&List-Unsubscribe=One-Click", True),
        (b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--', True),
        (b"List-Unsubscribe=Two-Click", False),
        (b"action=unsubscribe", False),
        (b"", False),
        (b"\xff\xfe", False),
    ],
)
def test_what_counts_as_the_button_of_a_mail_client(body, expected):
    assert is_one_click(body) is expected


def test_the_message_in_the_browser_can_do_nothing(visitor):
    answer = visitor().get("/v/good")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox ")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "noindex" in answer.headers["x-robots-tag"]


def test_public_pages_ask_no_third_party_and_need_no_script(visitor):
    client = visitor()
    for page in (client.get("/u/good"), client.get("/u/bad"), client.post("/u/good", data={"action": "unsubscribe"})):
        assert "<script" not in page.text
        assert "default-src 'self'" in page.headers["content-security-policy"]
        assert page.headers["referrer-policy"] == "no-referrer"


def test_health_and_metrics(visitor, staged):
    client = visitor()
    assert client.get("/healthz").text == "ok\n"
    assert client.get("/readyz").text == "ready\n"
    assert client.get("/metrics").status_code == 404
    client.get("/o/good.gif")
    local = TestClient(client.stage.app, client=("127.0.0.1", 1))
    told = local.get("/metrics").text
    assert 'lettershop_links_asked_total{kind="o"} 1.0' in told
    assert 'lettershop_queue_messages{state="queued"} 17760.0' in told


def test_only_the_button_confirms_a_double_opt_in(visitor):
    client = visitor()
    for ask in (client.get, client.head):
        assert ask("/confirm/good").status_code == 200
    page = client.get("/confirm/good")
    assert "Yes, subscribe me" in page.text and "News &amp; Offers" in page.text
    assert client.stage.actions.confirmed == []
    done = client.post("/confirm/good", headers={"user-agent": "Browser/1"})
    assert "You are subscribed" in done.text
    assert client.stage.actions.confirmed == [("203.0.113.7", "Browser/1")]
    assert client.get("/confirm/bad").status_code == client.post("/confirm/bad").status_code == 404
    assert client.put("/confirm/good").status_code == 405
