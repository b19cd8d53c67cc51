"""What the screens show and do, on staged services."""

import re

import pytest


def test_home_shows_what_runs_and_refreshes_only_then(signed_in):
    html = signed_in().get("/").text
    assert "Winter catalogue" in html
    assert 'hx-trigger="every 3s"' in html
    assert "Newsletter November" in html
    empty = signed_in(empty=True).get("/").text
    assert "hx-trigger" not in empty
    assert "lettershop audience import" in empty


@pytest.mark.parametrize(
    "path", ["/", "/campaigns", "/contacts", "/lists", "/segments", "/queue", "/domains", "/accounts"]
)
def test_empty_screens_say_what_to_do_next(signed_in, path):
    html = signed_in(empty=True).get(path).text
    assert 'class="nothing"' in html


def test_the_report_has_every_figure_as_text_beside_its_drawing(signed_in):
    html = signed_in().get("/campaigns/9").text
    for figure in ("48,200", "30,366", "29,395", "2,557", "323"):
        assert figure in html
    assert html.count('class="funnel-stage ') == 6
    assert 'data-chart="curve-table"' in html
    assert len(re.findall(r"<tr data-at=", html)) == 48
    assert "550 5.7.26" in html
    assert "0.07 %" in html


def test_the_report_refreshes_while_it_runs_and_rests_when_done(signed_in):
    client = signed_in()
    assert 'hx-trigger="every 2s"' in client.get("/campaigns/9").text
    assert "hx-trigger" not in client.get("/campaigns/7").text


def test_pause_resume_and_cancel_go_to_the_service_and_come_back_with_words(signed_in):
    client = signed_in()
    for command, words in (("pause", "Paused."), ("resume", "goes on"), ("cancel", "Cancelled.")):
        answer = client.post(f"/campaigns/9/{command}", data={"csrf": client.csrf})
        assert answer.status_code == 303
        assert words in client.get(answer.headers["location"]).text
    assert [command for command, *_ in client.stage.campaigns.told] == ["pause", "resume", "cancel"]
    assert client.post("/campaigns/9/destroy", data={"csrf": client.csrf}).status_code == 404


def test_words_in_the_address_bar_are_not_shown(signed_in):
    assert "hello" not in signed_in().get("/campaigns/9?done=hello").text


def test_recipients_are_paged_searched_and_filtered(signed_in):
    client = signed_in()
    page = client.get("/campaigns/9/recipients").text
    assert page.count("<tr>") == 51
    assert "after=50" in page
    assert "/campaigns/9/recipients?q=&amp;state=&amp;after=50" in page
    second = client.get("/campaigns/9/recipients?after=50").text
    assert "First page" in second
    found = client.get("/campaigns/9/recipients?q=mette2%40").text
    assert found.count("<tr>") == 2
    bounced = client.get("/campaigns/9/recipients?state=bounced").text
    assert "550 5.1.1" in bounced
    assert "250 2.0.0" not in bounced
    assert client.get("/campaigns/9/recipients?state=%27&after=x&q=%00").status_code == 200


def test_what_people_typed_is_shown_as_text(signed_in):
    html = signed_in().get("/campaigns", params={"q": '<script>alert("1")</script>'}).text
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html


def test_contacts_and_the_timeline(signed_in):
    client = signed_in()
    html = client.get("/contacts").text
    assert "21,904 people" in html
    assert "Hard bounce" in html
    person = client.get("/contacts/1").text
    for words in ("Replied", "Automatic reply", "451 4.7.1 Greylisted", "Göteborg", "Signed up at the till"):
        assert words in person


def test_the_queue_says_why_and_acts_within_what_the_person_sees(signed_in):
    operator = signed_in(role="owner")
    html = operator.get("/queue").text
    assert "Put off until" in html
    assert "451 4.7.1 Greylisted" in html
    assert "An operator holds it since" in html
    assert "By receiver" in html
    assert "Try now" in html
    answer = operator.post("/queue/3/retry", data={"csrf": operator.csrf})
    assert "tried as soon as" in operator.get(answer.headers["location"]).text
    answer = operator.post("/queue/3/remove", data={"csrf": operator.csrf})
    assert "being tried at this moment" in operator.get(answer.headers["location"]).text
    operator.post("/queue/4/release", data={"csrf": operator.csrf})
    assert operator.stage.queue.told == [("retry", 3, None), ("remove", 3, None), ("release", 4, None)]
    marketer = signed_in(role="marketer").get("/queue").text
    assert "By receiver" not in marketer
    assert "Try now" not in marketer


def test_many_messages_are_counted_first_then_acted_on(signed_in):
    operator = signed_in(role="owner")
    fields = {"csrf": operator.csrf, "act": "hold", "site": "inbox.example", "older": "3600"}
    sure = operator.post("/queue/act", data=fields)
    assert (sure.status_code, operator.stage.queue.told) == (200, [])
    assert "17,763" in sure.text
    answer = operator.post("/queue/act", data={**fields, "sure": "yes"})
    assert answer.headers["location"] == "/queue?site=inbox.example&older=3600&changed=17760"
    [(act, which, scope)] = operator.stage.queue.told
    assert (act, which.site, which.older_than, scope) == ("hold", "inbox.example", 3600.0, None)
    operator.post("/queue/act", data={**fields, "act": "move", "pool": "warm", "sure": "yes"})
    assert operator.stage.queue.told[-1][0] == "move to warm"
    for wrong in ({"act": "move", "pool": "no such"}, {"act": "burn"}):
        assert operator.post("/queue/act", data={**fields, **wrong, "sure": "yes"}).status_code == 303
    assert len(operator.stage.queue.told) == 2
    marketer = signed_in(role="marketer")
    assert marketer.post("/queue/act", data={**fields, "csrf": marketer.csrf}).status_code == 403


@pytest.mark.parametrize("path", ["/queue/3", "/campaigns/9/recipients/3"])
def test_a_message_tells_its_journey_and_the_dialogue_of_its_last_attempt(signed_in, path):
    html = signed_in(role="owner").get(path).text
    for words in ("Handed over for delivery", "over TLSv1.3, at attempt 2", "by a machine: proxy", "Followed link 2",
                  "C: EHLO mail.brand.example", "250 2.0.0 OK queued as 4hW9x"):  # fmt: skip
        assert words in html
    assert signed_in(role="owner").get(path.replace("3", "999999")).status_code == 404


def test_a_domain_shows_each_record_with_its_state_to_copy(signed_in):
    html = signed_in().get("/domains/brand.example").text
    assert "2 records need a look." in html
    assert 'data-copy="v=spf1 mx -all"' in html
    assert "v=spf1 include:old.example ~all" in html
    assert html.count('class="sheet record"') == 4


def test_accounts_are_searched(signed_in):
    client = signed_in()
    assert client.get("/accounts").text.count("<tr>") == 15
    assert client.get("/accounts?q=JOS").text.count("<tr>") == 2
    assert "Nothing found" in client.get("/accounts?q=nobody").text


def test_the_message_with_its_figures_stands_in_a_frame_of_its_own(signed_in):
    client = signed_in()
    assert 'src="/campaigns/7/heat"' in client.get("/campaigns/7").text
    assert 'src="/campaigns/9/heat"' not in client.get("/campaigns/9").text, "it would load anew every two seconds"
    shown = client.get("/campaigns/7/heat")
    assert re.fullmatch(r".*<body>\d+ of \d+", shown.text)
    assert "frame-ancestors 'self'" in shown.headers["content-security-policy"]
    assert shown.headers["content-security-policy"].startswith("sandbox")
