"""The preference centre over HTTP: a GET changes nothing, every button does its one thing."""

from lettershop.marketing.preferences import Wanted
from lettershop.servers.web.preferences import PreferencePages


def test_a_get_shows_and_a_post_saves(visitor):
    browser = visitor()
    page = browser.get("/p/good")
    assert (page.status_code, "Workshops" in page.text, page.headers["cache-control"][:8]) == (200, True, "no-store")
    assert page.headers["referrer-policy"] == "no-referrer"
    fields = "topic=1&topic=2&every=14&pause=30&tracking=no&action=save"
    saved = browser.post("/p/good", content=fields, headers={"content-type": "application/x-www-form-urlencoded"})
    assert "Saved." in saved.text
    assert browser.get("/p/other").status_code == 404
    assert browser.post("/p/other", content=fields).status_code == 404
    assert browser.put("/p/good").status_code == 405
    assert browser.post("/p/good", content="x" * 20_000).status_code == 413


async def test_the_form_is_read_with_care():
    seen = []

    class Service:
        async def save(self, token, wanted, ip):
            seen.append(wanted)
            return True

        async def view(self, token):
            return None

    class Pages:
        def not_found(self):
            return "gone"

    def sending(body):
        async def receive():
            return {"body": body, "more_body": False}

        return receive

    pages = PreferencePages(Service(), Wanted)
    scope = {"method": "POST", "headers": [], "client": ("192.0.2.1", 1)}
    for body in (b"topic=3&topic=x&topic=-1&every=7&pause=&tracking=", b"\xff", b"every=99999999999999999999"):
        assert await pages.answer(scope, sending(body), "token", Pages()) == "gone"
    assert seen == [Wanted(frozenset({3, 0}), 7), Wanted(frozenset()), Wanted(frozenset())]


def test_data_and_erasure_ask_for_a_mail_and_then_for_a_button(visitor):
    browser = visitor()
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert "A mail is on its way" in browser.post("/p/good", content="action=erase", headers=form).text
    assert "Erase everything?" in browser.get("/p/request/erase").text
    assert "You are forgotten" in browser.post("/p/request/erase").text
    data = browser.post("/p/request/data")
    assert data.headers["content-disposition"].startswith("attachment")
    assert data.json()["contacts"][0]["email"] == "ann@brand.example"
    assert browser.get("/p/request/old").status_code == 404
