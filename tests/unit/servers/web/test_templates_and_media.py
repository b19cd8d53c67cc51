"""The screens of templates and of the media library, on staged services."""

import re

import pytest

PNG = b"\x89PNG made up"


@pytest.mark.parametrize("path", ["/templates", "/media", "/templates/new", "/templates/1"])
def test_who_may_not_send_sees_lists_only(signed_in, path):
    answer = signed_in(role="analyst").get(path)
    assert answer.status_code == (200 if path in ("/templates", "/media") else 403)
    assert "Take out" not in answer.text
    assert "/templates/new" not in answer.text


def test_a_template_is_written_changed_seen_and_deleted(signed_in):
    client = signed_in()
    fields = {
        "csrf": client.csrf,
        "name": "Receipt",
        "subject": "Receipt {{ number }}",
        "format": "html",
        "html": "<p>{{ number }}</p>",
    }
    made = client.post("/templates/new", data=fields)
    assert made.status_code == 303
    one = made.headers["location"].partition("?")[0]
    assert "The template is saved." in client.get(made.headers["location"]).text
    assert client.post(one, data={**fields, "html": "<b>{{ number }}</b>"}).status_code == 303
    page = client.get(f"{one}?data=" + '{"number": "<i>7</i>"}').text
    assert "Receipt &lt;i&gt;7&lt;/i&gt;" in page
    [source, *_] = re.findall(r'src="([^"]*/message[^"]*)"', page)
    shown = client.get(source.replace("&amp;", "&"))
    assert shown.text == "<b>&lt;i&gt;7&lt;/i&gt;</b>"  # what programs send is text
    assert "script-src" not in shown.headers["content-security-policy"]
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in shown.headers["content-security-policy"]
    assert client.post(f"{one}/remove", data={"csrf": client.csrf}).headers["location"] == "/templates?done=removed"
    assert "Receipt" not in client.get("/templates").text


def test_what_does_not_parse_is_told_beside_what_was_written(signed_in):
    client = signed_in()
    fields = {"csrf": client.csrf, "name": "Broken", "subject": "s", "format": "html", "html": "<p>{{ number</p>"}
    answer = client.post("/templates/new", data=fields)
    assert answer.status_code == 400
    assert "{{ number" in answer.text
    assert 'value="Broken"' in answer.text
    assert 'role="alert"' in answer.text


@pytest.mark.parametrize("data", ["{", "[1]", "7"])
def test_values_that_are_none_are_told(signed_in, data):
    client = signed_in()
    page = client.get("/templates/1", params={"data": data})
    assert page.status_code == 200
    assert "notice-watch" in page.text
    assert client.get("/templates/1/message", params={"data": data}).text == ""


def test_templates_are_searched(signed_in):
    found = signed_in().get("/templates?q=PASS").text
    assert "Password" in found
    assert ">Order<" not in found


def test_media_are_put_in_and_taken_out(signed_in):
    client = signed_in()
    assert "price-list-of-the-spring.pdf" in client.get("/media").text
    put = client.post("/media", data={"csrf": client.csrf}, files={"file": ("<b>.png", PNG)})
    assert put.headers["location"] == "/media?done=added"
    page = client.get("/media?done=added").text
    assert "&lt;b&gt;.png" in page
    assert 'data-copy="http://mail.brand.example/m/new/' in page
    refused = client.post("/media", data={"csrf": client.csrf}, files={"file": ("a.exe", b"MZ")})
    assert "This is no picture." in refused.text
    assert client.post("/media", data={"csrf": client.csrf}).status_code >= 400
    assert client.post("/media/1/remove", data={"csrf": client.csrf}).status_code == 303
    assert "price-list" not in client.get("/media").text


def test_nothing_is_changed_without_the_token_of_the_form(signed_in):
    client = signed_in()
    for path in ("/media", "/media/1/remove", "/templates/new", "/templates/1", "/templates/1/remove"):
        assert client.post(path, data={"name": "x", "subject": "s", "html": "h", "format": "html"}).status_code == 403
