"""Webhooks on the screen: made with the secret shown once, changed, switched, tested, told again; on staged services."""

import pytest

HERE = "/settings/webhooks"
FIELDS = {"name": "CRM", "url": "https://crm.example/in", "kind": ["Bounced", "Replied"]}


def test_webhooks_are_shown_with_how_they_stand(signed_in):
    html = signed_in().get(HERE).text
    for words in ("Shop", "https://shop.example/mail", "everything", "failing", "It answered 410", "1,204"):
        assert words in html


def test_one_is_made_and_its_secret_shown_this_once(signed_in):
    client = signed_in()
    rows = client.stage.webhooks.rows
    made = client.post(f"{HERE}/add", data={"csrf": client.csrf, **FIELDS})
    assert (made.status_code, rows[4].name, rows[4].kinds) == (200, "CRM", ["Bounced", "Replied"])
    assert rows[4].secret in made.text
    assert rows[4].secret not in client.get(f"{HERE}/4").text
    old = rows[4].secret
    new = client.post(f"{HERE}/4/secret", data={"csrf": client.csrf})
    assert rows[4].secret in new.text
    assert rows[4].secret != old


def test_one_is_changed_switched_tested_and_removed(signed_in):
    client = signed_in()
    rows, done = client.stage.webhooks.rows, client.stage.webhooks.done
    for command, fields in (
        ("changed", {**FIELDS, "kind": []}), ("off", {}), ("on", {}), ("test", {}), ("again", {"delivery": "3"}),
        ("replay", {"since": "2026-11-01T00:00", "until": "2026-11-02T12:30"}),
    ):  # fmt: skip
        answer = client.post(f"{HERE}/1/{command}", data={"csrf": client.csrf, **fields})
        assert answer.headers["location"] == f"{HERE}/1?done={command}"
        assert 'role="status"' in client.get(answer.headers["location"]).text
    assert (rows[1].name, rows[1].kinds, rows[1].active) == ("CRM", [], True)
    assert done == [("test", 1), ("again", 3), ("replay", 1793491200.0, 1793622600.0)]
    assert client.post(f"{HERE}/1/remove", data={"csrf": client.csrf}).headers["location"] == f"{HERE}?done=removed"
    assert 1 not in rows


def test_deliveries_are_shown_with_their_answers_and_filtered(signed_in):
    client = signed_in()
    html = client.get(f"{HERE}/1").text
    for words in ("Bounced", "Internal Server Error", "500", "next try", "waiting", "given up", "Next page"):
        assert words in html
    waiting = client.get(f"{HERE}/1?state=waiting").text
    assert "Internal Server Error" in waiting
    assert ">thanks" not in waiting and "200 thanks" not in waiting
    assert client.get(f"{HERE}/1?state=odd&before=x").status_code == 200


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/add", {"name": "x", "url": "https://10.0.0.1/"}, 403), ("/add", {"name": "", "url": "https://a.example/"}, 400),
        ("/add", {"name": "x", "url": "nonsense"}, 400), ("/1/changed", {"name": " "}, 400), ("/2/test", {}, 409),
        ("/1/replay", {}, 400), ("/1/replay", {"since": "yesterday"}, 400), ("/1/again", {"delivery": "999"}, 404),
        ("/1/again", {"delivery": "x"}, 404),
        ("/1/crown", {}, 400), ("/99/test", {}, 404), ("/99/remove", {}, 404),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_said_and_nothing_happens(signed_in, path, fields, status):
    client = signed_in()
    before = dict(client.stage.webhooks.rows)
    answer = client.post(HERE + path, data={"csrf": client.csrf, **fields})
    assert answer.status_code == status
    assert client.stage.webhooks.rows == before
    assert client.stage.webhooks.done == []


def test_only_who_may_set_things_sees_them(signed_in):
    marketer = signed_in(role="marketer")
    assert marketer.get(HERE).status_code == 403
    assert HERE not in marketer.get("/").text
    owner = signed_in()
    assert owner.post(f"{HERE}/1/off", data={}).status_code == 403
    assert owner.stage.webhooks.rows[1].active


def test_without_any_it_says_what_to_do(signed_in):
    assert "No webhook yet" in signed_in(empty=True).get(HERE).text
