"""Signing in and out: cookies, tokens, origins, redirects that stay at home."""

import pytest


def try_to_sign_in(client, **fields):
    client.get("/login")
    token = client.cookies["lettershop-sign-in"]
    return client.post(
        "/login", data={"email": "ann@brand.example", "password": "letterpress", "csrf": token, **fields}
    )


def test_without_a_session_every_screen_leads_to_the_door_and_back(visitor):
    client = visitor()
    for path in ("/", "/campaigns", "/campaigns/9", "/contacts", "/queue", "/domains", "/accounts"):
        answer = client.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login?next=%2F")
    answer = client.get("/campaigns?q=ink&before=4")
    assert answer.headers["location"] == "/login?next=%2Fcampaigns%3Fq%3Dink%26before%3D4"


def test_a_page_that_refreshes_itself_is_told_to_go_to_the_door(visitor):
    answer = visitor().get("/campaigns/9", headers={"hx-request": "true"})
    assert answer.headers["hx-redirect"] == "/login?next=%2Fcampaigns%2F9"


def test_signing_in_gives_a_cookie_that_scripts_cannot_read(visitor):
    client = visitor()
    answer = try_to_sign_in(client, next="/queue?site=inbox.example")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/queue?site=inbox.example"
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("lettershop="))
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "Secure" not in cookie
    assert client.get("/").status_code == 200


def test_over_tls_the_cookie_is_secure_and_bound_to_the_host(visitor):
    client = visitor()
    client.base_url = "https://mail.brand.example"
    client.get("/login")
    token = client.cookies["__Host-lettershop-sign-in"]
    answer = client.post("/login", data={"email": "ann@brand.example", "password": "letterpress", "csrf": token})
    cookie = next(value for value in answer.headers.get_list("set-cookie") if value.startswith("__Host-lettershop="))
    assert "Secure" in cookie
    assert "strict-transport-security" in answer.headers
    assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
        "queue",
        "/a\nb",
        "/\t/evil.example",
    ],
)
def test_the_way_on_never_leads_away(visitor, target):
    assert try_to_sign_in(visitor(), next=target).headers["location"] == "/"
    page = visitor().get("/login", params={"next": target})
    assert 'name="next" value="/"' in page.text


def test_a_wrong_password_is_told_without_saying_which_was_wrong(visitor):
    answer = try_to_sign_in(visitor(), password="wrong")
    assert answer.status_code == 401
    assert "do not belong together" in answer.text
    assert 'value="ann@brand.example"' in answer.text
    assert "wrong" not in answer.text


def test_too_many_tries_say_when_to_come_back(visitor):
    answer = try_to_sign_in(visitor(), password="again and again")
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "30"


def test_the_form_must_be_ours(visitor):
    client = visitor()
    client.get("/login")
    fields = {"email": "ann@brand.example", "password": "letterpress"}
    assert client.post("/login", data=fields).status_code == 403
    token = client.cookies["lettershop-sign-in"]
    foreign = {"origin": "https://evil.example"}
    assert client.post("/login", data={**fields, "csrf": token}, headers=foreign).status_code == 403
    assert (
        client.post(
            "/login", data={**fields, "csrf": token}, headers={"origin": "http://mail.brand.example"}
        ).status_code
        == 303
    )


def test_a_planted_cookie_is_worth_nothing(visitor):
    client = visitor()
    client.cookies.set("lettershop", "planted", domain="mail.brand.example")
    assert client.get("/").status_code == 303
    try_to_sign_in(client)
    assert "planted" not in client.stage.users.open


def test_who_is_signed_in_does_not_see_the_form(signed_in):
    answer = signed_in().get("/login?next=/queue")
    assert (answer.status_code, answer.headers["location"]) == (303, "/queue")


def test_signing_out_ends_the_session_and_takes_the_cookie(signed_in):
    client = signed_in()
    assert client.post("/logout").status_code == 403
    answer = client.post("/logout", data={"csrf": client.csrf})
    assert answer.headers["location"] == "/login"
    assert client.stage.users.open == {}
    assert client.get("/").status_code == 303


def test_the_workspace_can_be_changed_to_ones_own_only(signed_in):
    client = signed_in(workspaces=2)
    assert "Workspace" in client.get("/").text
    assert client.post("/workspace", data={"csrf": client.csrf, "workspace": "2"}).status_code == 303
    assert "Owner · Second" in client.get("/").text
    for wrong in ("3", "x", "", "9" * 30):
        assert client.post("/workspace", data={"csrf": client.csrf, "workspace": wrong}).status_code == 403
    assert "Owner · Second" in client.get("/").text
