"""Segments: listed, written with a live count, saved, changed, removed; on staged services with the real grammar."""

import re

import pytest

BERLIN = 'city = "Berlin"'


def found(html: str) -> str:
    """The part that htmx takes out of the answer."""
    return html.split('id="found"')[1].split("</section>")[0]


def test_segments_are_listed_in_words_and_have_a_place_in_the_navigation(signed_in):
    html = signed_in().get("/segments").text
    assert "opened in last 30 days or clicked in last 90 days" in html
    assert re.search(r'href="/segments" aria-current="page"', html)
    assert "in segment &#34;Buyers&#34;" in html


def test_the_first_page_says_what_to_do(signed_in):
    html = signed_in(empty=True).get("/segments").text
    assert 'class="nothing"' in html
    assert 'href="/segments/new"' in html


def test_what_is_written_is_counted_and_not_saved(signed_in):
    client = signed_in()
    answer = client.post("/segments/preview", data={"csrf": client.csrf, "name": "Ours", "words": BERLIN})
    assert answer.status_code == 200
    assert "4,920 people" in found(answer.text)
    assert found(answer.text).count("<li>") == 5
    assert "city = &#34;Berlin&#34;</textarea>" in answer.text
    assert client.stage.segments.asked == [BERLIN]
    assert len(client.stage.segments.saved) == 3


def test_nobody_is_told_as_such(signed_in):
    client = signed_in()
    html = client.post("/segments/preview", data={"csrf": client.csrf, "words": 'plan = "nobody"'}).text
    assert "0 people" in found(html)
    assert "Nobody fits now" in found(html)


def test_unfinished_words_are_explained_where_the_count_was(signed_in):
    client = signed_in()
    answer = client.post("/segments/preview", data={"csrf": client.csrf, "name": "Ours", "words": "city = <b>"})
    assert answer.status_code == 200
    assert "notice-watch" in found(answer.text)
    assert "<b>" not in found(answer.text)


def test_a_segment_is_saved_changed_and_removed(signed_in):
    client = signed_in()
    saved = client.stage.segments.saved
    made = client.post("/segments/save", data={"csrf": client.csrf, "name": "Ours", "words": BERLIN})
    assert made.headers["location"] == "/segments/4?done=saved"
    assert "The segment is saved." in client.get(made.headers["location"]).text
    fields = {"csrf": client.csrf, "segment": "4", "name": "Theirs", "words": "not clicked"}
    assert client.post("/segments/save", data=fields).status_code == 303
    assert (saved[4].name, saved[4].words) == ("Theirs", "not clicked")
    assert client.post("/segments/4/remove", data={"csrf": client.csrf}).status_code == 303
    assert list(saved) == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "words", "status"), [("Buyers", BERLIN, 403), ("Ours", "city =", 400), ("Ours", "a" * 10_001, 400)]
)
def test_what_cannot_be_saved_is_said_and_what_was_typed_stays(signed_in, name, words, status):
    client = signed_in()
    answer = client.post("/segments/save", data={"csrf": client.csrf, "name": name, "words": words})
    assert answer.status_code == status
    assert len(client.stage.segments.saved) == 3
    if len(words) < 10_000:
        assert f'value="{name}"' in answer.text
        assert 'role="alert"' in answer.text


def test_a_segment_that_another_needs_stays_and_the_remedy_is_told(signed_in):
    client = signed_in()
    answer = client.post("/segments/1/remove", data={"csrf": client.csrf})
    assert "Change Buyers from Berlin first." in answer.text
    assert 1 in client.stage.segments.saved


def test_the_people_of_a_segment_are_paged_and_searched(signed_in):
    client = signed_in()
    html = client.get("/segments/1").text
    assert "/segments/1?q=&amp;after=50" in html
    assert "First page" in client.get("/segments/1?after=50").text
    assert client.get("/segments/1?q=mette2%40").text.count('<tr><th scope="row">') == 1
    assert "Nobody found" in client.get("/segments/1?q=%3Cnobody%3E").text
    assert client.get("/segments/99").status_code == 404


def test_analysts_count_but_do_not_save(signed_in):
    client = signed_in(role="analyst")
    fields = {"csrf": client.csrf, "name": "Ours", "words": BERLIN}
    assert client.post("/segments/preview", data=fields).status_code == 200
    for path in ("/segments/save", "/segments/1/remove"):
        assert client.post(path, data=fields).status_code == 403
    assert client.get("/segments/new").status_code == 403
    assert 'href="/segments/new"' not in client.get("/segments").text
    assert ">Save<" not in client.get("/segments/1").text


def test_postmasters_and_installations_without_marketing_have_no_segments(signed_in):
    assert signed_in(role="postmaster").get("/segments").status_code == 403
    assert signed_in(marketing=False).get("/segments").status_code == 404


@pytest.mark.parametrize("path", ["/segments/preview", "/segments/save", "/segments/1/remove"])
def test_nothing_happens_without_our_token(signed_in, path):
    client = signed_in()
    assert client.post(path, data={"name": "Ours", "words": BERLIN}).status_code == 403
    assert client.stage.segments.asked == []
    assert len(client.stage.segments.saved) == 3


CLICKED = {"by": "clicks", "join:0": "all", "field:0.0": "attribute:city", "op:0.0": "=", "value:0.0": "Berlin"}


def test_a_segment_is_put_together_by_clicks(signed_in):
    client = signed_in()
    page = client.get("/segments/new").text
    assert 'name="field:0.0"' in page
    told = {"csrf": client.csrf, "name": "Ours", **CLICKED}
    added = client.post("/segments/preview", data={**told, "do": "group:0"}).text
    assert 'name="join:0.1"' in added
    assert 'name="field:0.1.0"' in added
    assert 'value="Berlin"' in added
    assert BERLIN.replace('"', "&#34;") in found(added)
    client.post("/segments/save", data={**told, "join:0.1": "none", "field:0.1.0": "tag", "value:0.1.0": "vip"})
    assert client.stage.segments.saved[4].words == 'city = "Berlin" and not tagged "vip"'
    again = client.get("/segments/4").text
    assert 'value="vip"' in again
    assert '<option value="not is" selected>' in again


def test_what_is_unfinished_is_told_and_not_counted(signed_in):
    client = signed_in()
    told = {"csrf": client.csrf, "name": "Ours", **CLICKED, "value:0.0": ""}
    asked = len(client.stage.segments.asked)
    page = client.post("/segments/preview", data=told).text
    assert "A condition has no value yet." in found(page)
    assert len(client.stage.segments.asked) == asked
    refused = client.post("/segments/save", data=told)
    assert refused.status_code == 400
    assert 'name="field:0.0"' in refused.text
    assert len(client.stage.segments.saved) == 3
    many = {f"field:0.{n}": "tag" for n in range(300)}
    assert client.post("/segments/preview", data={**told, **many}).status_code == 400


def test_the_form_and_the_words_take_turns_and_nothing_is_lost(signed_in):
    client = signed_in()
    told = {"csrf": client.csrf, "name": "Ours"}
    words = client.post("/segments/preview", data={**told, **CLICKED, "do": "words"}).text
    assert "city = &#34;Berlin&#34;</textarea>" in words
    clicks = client.post(
        "/segments/preview", data={**told, "words": 'not orders >= 3 or tagged "x"', "do": "clicks"}
    ).text
    assert '<option value="none" selected>' in clicks
    beyond = client.post(
        "/segments/preview", data={**told, "words": "orders in (1, 2) and opened campaign 7", "do": "clicks"}
    ).text
    assert "stays in words" in beyond
    assert "opened campaign 7</textarea>" in beyond
    unclear = client.post("/segments/preview", data={**told, "words": "city =", "do": "clicks"}).text
    assert "city =</textarea>" in unclear
