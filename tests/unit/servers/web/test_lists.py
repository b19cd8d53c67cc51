"""Mailing lists: shown, made, changed, removed; on staged services."""

import pytest

FIELDS = {"name": "Fans of ink", "public": "yes"}


def test_lists_are_shown_with_their_sizes(signed_in):
    html = signed_in().get("/lists").text
    for words in ("Newsletter", "19,000", "9,500", "by a form", "only by you", "confirmed by mail"):
        assert words in html


def test_a_list_is_made_changed_and_removed(signed_in):
    client = signed_in()
    rows = client.stage.lists.rows
    made = client.post("/lists/make", data={"csrf": client.csrf, **FIELDS})
    assert made.headers["location"] == "/lists?done=made"
    assert (rows[4].name, rows[4].public, rows[4].double_opt_in) == ("Fans of ink", True, False)
    changed = {"csrf": client.csrf, "list": "4", "name": "Friends of ink", "confirm": "yes"}
    assert "The list is changed." in client.get(client.post("/lists/change", data=changed).headers["location"]).text
    assert (rows[4].name, rows[4].public, rows[4].double_opt_in) == ("Friends of ink", False, True)
    assert client.post("/lists/remove", data={"csrf": client.csrf, "list": "4"}).status_code == 303
    assert list(rows) == [1, 2, 3]


def test_a_new_list_asks_people_to_confirm_unless_told_otherwise(signed_in):
    form = signed_in().get("/lists").text.split('action="/lists/make"')[1]
    assert 'name="confirm" value="yes" checked' in form
    assert 'name="public" value="yes" checked' not in form


@pytest.mark.parametrize(
    ("command", "fields", "status"),
    [
        ("make", {"name": "Newsletter"}, 409), ("make", {"name": " "}, 400), ("make", {"name": "n" * 201}, 400),
        ("change", {"list": "99", "name": "x"}, 404), ("change", {"list": "x", "name": "x"}, 404),
        ("remove", {"list": "1"}, 409), ("crown", {}, 404),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_said_and_nothing_happens(signed_in, command, fields, status):
    client = signed_in()
    before = dict(client.stage.lists.rows)
    answer = client.post(f"/lists/{command}", data={"csrf": client.csrf, **fields})
    assert answer.status_code == status
    assert 'role="alert"' in answer.text
    assert client.stage.lists.rows == before


def test_analysts_look_only_and_nothing_happens_without_our_token(signed_in):
    client = signed_in(role="analyst")
    assert "/lists/make" not in client.get("/lists").text
    assert client.post("/lists/make", data={"csrf": client.csrf, **FIELDS}).status_code == 403
    owner = signed_in()
    assert owner.post("/lists/make", data=FIELDS).status_code == 403
    assert len(owner.stage.lists.rows) == 3
