"""Writing a campaign on the screen: saved, shown as a person gets it, checked, tried, sent; on staged services."""

import pytest

FIELDS = {
    "name": "Spring", "subject": "New inks", "preheader": "", "brand": "Brand", "list_name": "Newsletter", "segment": "",
    "format": "html", "html": "<p>Ink &amp; paper</p>", "text": "",
}  # fmt: skip


def test_a_campaign_is_written_and_written_anew(signed_in):
    client = signed_in()
    drafts = client.stage.writing.drafts
    assert "postal_address" in client.get("/campaigns/new").text
    made = client.post("/campaigns/save", data={"csrf": client.csrf, **FIELDS})
    assert made.headers["location"] == "/campaigns/4/edit?done=saved"
    page = client.get(made.headers["location"]).text
    assert "The campaign is saved." in page
    assert "&lt;p&gt;Ink &amp;amp; paper&lt;/p&gt;" in page
    client.post("/campaigns/save", data={"csrf": client.csrf, **FIELDS, "campaign": "4", "subject": "Newer inks"})
    assert (drafts[4].draft.subject, drafts[4].draft.html) == ("Newer inks", FIELDS["html"])


def test_what_is_refused_is_told_and_nothing_written_is_lost(signed_in):
    client = signed_in()
    answer = client.post("/campaigns/save", data={"csrf": client.csrf, **FIELDS, "subject": "bad"})
    assert answer.status_code == 409
    assert "Write another one." in answer.text
    assert "Ink &amp;amp; paper" in answer.text
    long = client.post("/campaigns/save", data={"csrf": client.csrf, **FIELDS, "html": "x" * 500_001})
    assert "media library" in long.text


def test_the_check_stands_beside_it(signed_in):
    page = signed_in().get("/campaigns/3/edit").text
    for words in ("must be mended", "Put {{ postal_address }} into it.", "worth a look", "news@brand.example"):
        assert words in page


def test_the_message_is_shown_where_it_can_reach_nothing(signed_in):
    client = signed_in()
    answer = client.get("/campaigns/3/message")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox ")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert client.get("/campaigns/3/edit").text.count("<iframe ") == client.get("/campaigns/3/edit").text.count(
        " sandbox "
    )


def test_it_is_shown_as_a_contact_or_as_nobody(signed_in):
    client = signed_in()
    line = client.get("/contacts").text.split('href="/contacts/')[1].split('"')[0]
    address = client.get(f"/contacts/{line}").text.split("@")[0].rsplit(">", 1)[1] + "@"
    assert "person=" in client.get("/campaigns/3/edit", params={"as": address}).text
    assert "Nobody found" in client.get("/campaigns/3/edit", params={"as": "nobody-at-all@x.example"}).text


def test_tests_are_sent_and_it_goes_now_or_later(signed_in):
    client = signed_in()
    told = client.stage.writing.told
    client.post("/campaigns/3/test", data={"csrf": client.csrf, "to": "a@b.example, c@d.example"})
    assert told[-1] == ("test", 3, ("a@b.example", "c@d.example"), None)
    assert client.post("/campaigns/3/test", data={"csrf": client.csrf, "to": "nobody"}).status_code != 303
    assert client.post("/campaigns/3/start", data={"csrf": client.csrf, "at": "soon"}).status_code != 303
    planned = client.post("/campaigns/3/start", data={"csrf": client.csrf, "at": "2026-12-24T18:00"})
    assert planned.headers["location"] == "/campaigns/3/edit?done=planned"
    assert told[-1] == ("schedule", 3, 1798135200.0, "ann@brand.example")
    page = client.get("/campaigns/3/edit").text
    assert "Back to a draft" in page
    assert "formaction" not in page
    assert 'type="submit">Save' not in page
    client.post("/campaigns/3/unschedule", data={"csrf": client.csrf})
    assert told[-1][:2] == ("unschedule", 3)
    now = client.post("/campaigns/3/start", data={"csrf": client.csrf, "at": ""})
    assert now.headers["location"] == "/campaigns/3"


@pytest.mark.parametrize("path", ["/campaigns/new", "/campaigns/3/edit", "/campaigns/3/message"])
def test_who_may_not_send_may_not_write(signed_in, path):
    assert signed_in(role="analyst").get(path).status_code == 403


def test_the_saved_segments_are_offered(signed_in):
    page = signed_in().get("/campaigns/new").text
    assert """<option value='in segment "Buyers from Berlin"'>""" in page
