"""The screens of people and of one's own account, on staged services."""

import pytest


@pytest.mark.parametrize("role", ["marketer", "analyst", "postmaster", "inbox agent"])
def test_people_are_for_owners_and_admins(signed_in, role):
    client = signed_in(role=role)
    assert client.get("/people").status_code == 403
    fields = {"csrf": client.csrf, "email": "mia@brand.example", "role": "owner"}
    assert client.post("/people/role", data=fields).status_code == 403
    assert client.stage.people.told == []
    assert 'href="/people"' not in client.get("/me").text
    assert 'href="/me"' in client.get("/me").text


def test_people_are_listed_and_searched(signed_in):
    client = signed_in()
    html = client.get("/people").text
    assert "mette@brand.example" in html
    assert "locked out" in html
    found = client.get("/people?q=mette").text
    assert "mette@brand.example" in found
    assert "jos" not in found.split("<tbody>")[1].split("</tbody>")[0]
    assert 'class="nothing"' in client.get("/people?q=nobody").text


def test_every_command_goes_to_the_service_with_who_asked(signed_in):
    client = signed_in(role="admin")
    for command, fields in (
        ("add", {"password": " spaced out ", "role": "analyst", "name": "Mia"}),
        ("role", {"role": "analyst"}),
        ("lock", {}),
        ("unlock", {}),
        ("password", {"password": "battery staple"}),
        ("out", {}),
    ):
        answer = client.post(f"/people/{command}", data={"csrf": client.csrf, "email": "m@b.example", **fields})
        assert answer.status_code == 303
        assert 'class="notice notice-good"' in client.get(answer.headers["location"]).text
    told = client.stage.people.told
    assert [one[0] for one in told] == ["add", "role", "lock", "lock", "password", "out"]
    assert {(one[1].role, one[1].user_id, one[1].workspace_id) for one in told} == {("admin", 1, 1)}
    assert told[0][3] == " spaced out "
    assert client.post("/people/crown", data={"csrf": client.csrf, "email": "m@b.example"}).status_code == 404


def test_what_goes_wrong_is_told_and_what_was_typed_stays_but_for_the_password(signed_in):
    client = signed_in()
    fields = {"email": "ann@brand.example", "name": "Ann <b>", "role": "analyst", "password": "battery staple"}
    answer = client.post("/people/add", data={"csrf": client.csrf, **fields})
    assert answer.status_code == 409
    assert "has an account already" in answer.text
    assert "Ann &lt;b&gt;" in answer.text
    assert "battery staple" not in answer.text


def test_an_admin_is_not_offered_to_make_or_change_owners(signed_in):
    rows = signed_in(role="admin").get("/people").text
    assert '<option value="owner"' not in rows
    assert '<option value="owner"' in signed_in().get("/people").text


@pytest.mark.parametrize("path", ["/people/add", "/people/role", "/people/lock", "/me/password", "/me/sessions/end"])
def test_no_command_without_our_token_or_from_another_site(signed_in, path):
    client = signed_in()
    before = dict(client.stage.users.open)
    assert client.post(path, data={"email": "mia@brand.example"}).status_code == 403
    foreign = {"origin": "https://evil.example"}
    assert client.post(path, data={"csrf": client.csrf}, headers=foreign).status_code == 403
    assert client.stage.people.told == []
    assert client.stage.users.open == before


def test_ones_sessions_are_listed_and_ended(signed_in):
    client = signed_in()
    users = client.stage.users
    users.open["elsewhere"] = next(iter(users.open.values()))
    html = client.get("/me").text
    assert html.count("203.0.113.7</td>") == 2
    assert html.count("this one") == 1
    answer = client.post("/me/sessions/end", data={"csrf": client.csrf, "session": "id of elsewhere"})
    assert answer.headers["location"] == "/me?done=ended"
    assert "elsewhere" not in users.open
    users.open["elsewhere"] = next(iter(users.open.values()))
    client.post("/me/sessions/others", data={"csrf": client.csrf})
    assert len(users.open) == 1
    assert client.get("/me").status_code == 200


def test_a_new_password_renews_the_cookie(signed_in):
    client = signed_in()
    old = client.cookies["lettershop"]
    wrong = client.post("/me/password", data={"csrf": client.csrf, "old": "guess", "new": "battery staple"})
    assert wrong.status_code == 403
    assert "do not belong together" in wrong.text
    assert client.cookies["lettershop"] == old
    done = client.post("/me/password", data={"csrf": client.csrf, "old": "letterpress", "new": "battery staple"})
    assert done.status_code == 303
    assert client.cookies["lettershop"] != old
    assert client.get("/me").status_code == 200
