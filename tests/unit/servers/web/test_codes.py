"""The screens of the second step: setting it up, and signing in with it."""

import pytest


@pytest.fixture
def asked(visitor):
    """A client that has given the right password and is asked for the code; `.fields` are those of the form."""
    client = visitor()
    client.stage.users.codes.on = True
    client.get("/login")
    token = client.cookies["lettershop-sign-in"]
    fields = {"email": "ann@brand.example", "password": "letterpress", "csrf": token, "next": "/queue"}
    answer = client.post("/login", data=fields)
    assert answer.status_code == 200
    assert 'name="ticket" value="ticket-1"' in answer.text
    assert "lettershop" not in client.cookies
    client.fields = {"csrf": token, "ticket": "ticket-1", "next": "/queue", "code": "123456"}
    return client


def test_the_password_alone_opens_nothing(asked):
    assert asked.get("/").status_code == 303
    assert asked.stage.users.open == {}


def test_the_code_opens_the_door_and_the_way_goes_on(asked):
    answer = asked.post("/login/code", data=asked.fields)
    assert (answer.status_code, answer.headers["location"]) == (303, "/queue")
    assert asked.get("/").status_code == 200


def test_a_wrong_code_can_be_corrected(asked):
    answer = asked.post("/login/code", data={**asked.fields, "code": "000000"})
    assert answer.status_code == 401
    assert 'name="ticket" value="ticket-1"' in answer.text
    assert 'name="next" value="/queue"' in answer.text
    assert "000000" not in answer.text
    assert asked.post("/login/code", data=asked.fields).status_code == 303


def test_an_old_ticket_begins_anew_and_haste_is_told(asked):
    answer = asked.post("/login/code", data={**asked.fields, "ticket": "old"})
    assert answer.status_code == 401
    assert 'name="password"' in answer.text
    answer = asked.post("/login/code", data={**asked.fields, "code": "999999"})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
    assert asked.get("/login/code").headers["location"] == "/login"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:x"])
def test_the_way_on_never_leads_away(asked, target):
    assert asked.post("/login/code", data={**asked.fields, "next": target}).headers["location"] == "/"


def test_the_form_must_be_ours(asked):
    assert asked.post("/login/code", data={**asked.fields, "csrf": "x"}).status_code == 403
    foreign = {"origin": "https://evil.example"}
    assert asked.post("/login/code", data=asked.fields, headers=foreign).status_code == 403
    assert asked.stage.users.open == {}


def test_setting_it_up_and_turning_it_off(signed_in):
    client = signed_in()
    begun = client.post("/me/code/begin", data={"csrf": client.csrf}).text
    assert 'src="data:image/svg+xml' in begun
    assert "JBSWY3DPEHPK3PXP" in begun
    wrong = client.post("/me/code/confirm", data={"csrf": client.csrf, "code": "1"})
    assert wrong.status_code == 403
    assert "JBSWY3DPEHPK3PXP" in wrong.text
    done = client.post("/me/code/confirm", data={"csrf": client.csrf, "code": "123456"}).text
    assert "aaaa-bbbb-cccc-0009" in done
    page = client.get("/me").text
    assert "10 recovery codes are left" in page
    assert "aaaa-bbbb" not in page
    assert client.post("/me/code/end", data={"csrf": client.csrf, "code": "1"}).status_code == 403
    off = client.post("/me/code/end", data={"csrf": client.csrf, "code": "123456"})
    assert off.headers["location"] == "/me?done=code-off"
    for path in ("begin", "confirm", "end"):
        assert client.post(f"/me/code/{path}", data={"code": "123456"}).status_code == 403
