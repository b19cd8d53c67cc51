"""The designer's page: a layout to begin with, saved with and without script, pictures, and a policy of its own."""

import pytest

from lettershop.marketing.markup import as_html
from lettershop.marketing.template import pieces
from lettershop.servers.web.designs import layout
from lettershop.servers.web.pages.design import LAYOUTS

MJML = "<mjml>\n<mj-body></mj-body>\n</mjml>"


def test_only_the_designer_may_have_styles_within_and_no_script_may(signed_in):
    client = signed_in()
    policy = client.get("/campaigns/2/design").headers["content-security-policy"]
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "img-src 'self' data: http://mail.brand.example;" in policy
    assert policy.startswith("default-src 'self';")
    assert "script-src" not in policy
    assert "unsafe-eval" not in policy
    for other in ("/campaigns/3/design", "/campaigns/2/edit", "/campaigns/new"):
        assert "unsafe" not in client.get(other).headers["content-security-policy"]


def test_a_message_written_otherwise_is_replaced_only_after_a_word(signed_in):
    client = signed_in()
    page = client.get("/campaigns/3/design").text
    assert "is replaced by the layout" in page
    answer = client.post("/campaigns/3/design/begin", data={"csrf": client.csrf, "layout": "offer"})
    assert answer.headers["location"] == "/campaigns/3/design"
    draft = client.stage.writing.drafts[3].draft
    assert (draft.format, draft.subject) == ("mjml", "New papers")
    assert "mj-button" in draft.html


def test_a_design_is_saved_with_and_without_script(signed_in):
    client = signed_in()
    told = {"csrf": client.csrf, "mjml": MJML.replace("\n", "\r\n")}
    plain = client.post("/campaigns/2/design", data=told)
    assert plain.headers["location"] == "/campaigns/2/design?done=saved"
    assert client.stage.writing.drafts[2].draft.html == MJML
    further = client.post("/campaigns/2/design", data={**told, "then": "edit"})
    assert further.headers["location"] == "/campaigns/2/edit?done=saved"
    json = {"accept": "application/json"}
    assert client.post("/campaigns/2/design", data=told, headers=json).json() == {"saved": True}
    client.stage.writing.refuse = "It is being sent."
    refused = client.post("/campaigns/2/design", data=told, headers=json)
    assert (refused.status_code, refused.json()["error"]) == (409, "It is being sent.")
    page = client.post("/campaigns/2/design", data={**told, "mjml": "<mjml>mine"})
    assert page.status_code == 409
    assert "&lt;mjml&gt;mine" in page.text
    client.stage.writing.refuse = ""
    assert "too long" in client.post("/campaigns/2/design", data={**told, "mjml": "x" * 500_001}, headers=json).text


def test_pictures_go_into_the_library(signed_in):
    client = signed_in()
    token = {"x-csrf-token": client.csrf}
    png = b"\x89PNG" + b"\0" * 2_000_000
    answer = client.post("/campaigns/pictures", files={"files": ("a.png", png)}, headers=token)
    assert answer.json()["data"][0]["src"] == "http://mail.brand.example/m/new/a.png"
    assert client.post("/campaigns/pictures", files={"files": ("a.svg", b"<svg>")}, headers=token).status_code == 400
    assert client.post("/campaigns/pictures", headers=token).status_code == 400
    assert client.post("/campaigns/pictures", files={"files": ("a.png", png)}).status_code == 403
    assert client.post("/campaigns/pictures", files={"files": ("a.png", png * 6)}, headers=token).status_code == 413


@pytest.mark.parametrize("language", ["en", "de", "fr"])
@pytest.mark.parametrize("name", [*LAYOUTS, "?"])
def test_every_layout_is_good_mjml_and_complete_by_law(name, language):
    page = as_html(layout(name, language), "mjml")
    assert pieces(page)
    for words in ("{{ unsubscribe_url }}", "{{ postal_address }}", "{{ web_version_url }}"):
        assert words in page
    assert "{unsub" not in page
    assert ("Abmelden" in page) == (language == "de")


@pytest.mark.parametrize("path", ["/campaigns/2/design", "/campaigns/3/design"])
def test_who_may_not_send_may_not_design(signed_in, path):
    assert signed_in(role="analyst").get(path).status_code == 403
