"""The log of acts: shown newest first, searched; what is done on the screens stands in it."""


def test_acts_are_shown_and_searched(signed_in):
    client = signed_in()
    html = client.get("/settings/audit").text
    for words in ("POST /lists/make", "token shop", "domain add", "203.0.113.7", "Shell"):
        assert words in html
    assert html.index("POST /lists/make") < html.index("domain add")
    found = client.get("/settings/audit", params={"q": "ann@brand"}).text
    assert "POST /lists/make" in found
    assert "domain add" not in found
    assert "No act is named like" in client.get("/settings/audit", params={"q": "nothing like it"}).text


def test_what_is_done_on_a_screen_is_noted(signed_in):
    client = signed_in()
    client.post("/lists/make", data={"csrf": client.csrf, "name": "Fans", "public": "yes"})
    client.post("/lists/make", data={"csrf": "wrong", "name": "Other"})
    html = client.get("/settings/audit").text
    assert html.count('<span class="sub">/lists/make</span>') == 2


def test_who_may_not_see_settings_may_not_see_the_log(signed_in):
    assert signed_in(role="marketer").get("/settings/audit").status_code == 403
