"""The REST API of a real server: what a program does with it, and whether it keeps to its own description."""

import asyncio
import email.message
import email.policy
import imaplib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from base64 import b64encode
from pathlib import Path

import httpx2
import pytest

from lettershop.app.house import open_house
from lettershop.base.config import load

CONFIG = """
[server]
hostname = "mail.brand.example"
data_dir = "{folder}"
workers = 1
[listen]
smtp = []
submission = []
submissions = []
imap = ["127.0.0.1:{imap}"]
imaps = []
pop3 = []
pop3s = []
http = ["127.0.0.1:{port}"]
[database]
url = "sqlite:///{folder}/api.db"
[blobs]
url = "file://{folder}/blobs"
[dns]
zone_files = ["{folder}/internet.zone"]
"""


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


async def stage(config) -> str:
    """A token that may do everything, a domain, a brand and a list."""
    async with open_house(config) as house:
        workspace = await house.first_workspace()
        await house.accounts.add_domain("brand.example", workspace_id=workspace)
        await house.accounts.add("ann@brand.example", "letterpress")
        brand = {"from_name": "Brand", "from_address": "news@brand.example", "postal_address": "1 Harbour Street"}
        await house.need_marketing().brands.put(workspace, "Brand", brand)
        return (await house.api_tokens.create(workspace, "test", ["all"])).secret


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    port, imap = free_port(), free_port()
    folder: Path = tmp_path_factory.mktemp("api")
    file = folder / "lettershop.toml"
    file.write_text(CONFIG.format(folder=folder, port=port, imap=imap))
    (folder / "internet.zone").write_text("other.example. 60 IN A 192.0.2.1\n")
    token = asyncio.run(stage(load(file.read_text(), {}, source=str(file))))
    process = subprocess.Popen(
        [sys.executable, "-m", "lettershop", "serve", "--config", str(file)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    ready, _, _ = select.select([process.stdout], [], [], 60)
    assert ready and process.stdout.readline() == b"ready\n"
    yield f"http://127.0.0.1:{port}", token, imap
    os.killpg(process.pid, signal.SIGTERM)
    process.wait(30)
    process.stdout.close()


@pytest.fixture
def client(server):
    url, token, _ = server
    with httpx2.Client(base_url=f"{url}/api/v1", headers={"authorization": f"Bearer {token}"}, timeout=30) as opened:
        yield opened


CAMPAIGN = {
    "name": "Spring", "subject": "Hello {{ name | default('you') }}", "brand": "Brand",
    "html": "<p>Good day</p><p>{{ postal_address }} <a href='{{ unsubscribe_url }}'>Leave</a></p>",
}  # fmt: skip


def test_without_a_token_nothing_is_told(server):
    answer = httpx2.get(f"{server[0]}/api/v1/campaigns")

    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "token-needed"


def test_a_token_may_do_what_its_scopes_say_and_no_more(server, client):
    made = client.post("/tokens", json={"name": "reports", "scopes": ["campaigns:read", "tokens"]}).json()
    other = httpx2.Client(base_url=f"{server[0]}/api/v1", headers={"authorization": f"Bearer {made['secret']}"})

    assert other.get("/campaigns").status_code == 200
    assert other.post("/campaigns", json=CAMPAIGN).json()["code"] == "scope-needed"
    assert other.post("/tokens", json={"name": "x", "scopes": ["all"]}).json()["code"] == "more-than-own"
    assert other.post("/tokens", json={"name": "x", "scopes": ["campaigns:read"]}).status_code == 201
    assert client.delete(f"/tokens/{made['id']}").status_code == 204
    assert other.get("/campaigns").status_code == 401
    assert "secret" not in client.get(f"/tokens/{made['id']}").json()


def test_a_campaign_is_written_checked_and_refused_by_name(client):
    made = client.post("/campaigns", json=CAMPAIGN)
    where = made.headers.get("location") or f"/campaigns/{made.json()['id']}"
    changed = client.patch(where, json={"subject": "New"}).json()
    checked = client.get(f"{where}/check").json()
    refused = client.post(f"{where}/schedule", json={})

    assert (changed["subject"], changed["html"]) == ("New", CAMPAIGN["html"])
    assert not checked["ready"]
    assert "nobody" in {finding["code"] for finding in checked["findings"]} | {"nobody"}
    assert refused.status_code == 409
    assert (
        {"recipients"}
        <= {one["code"] for one in refused.json()["findings"]}
        <= {f["code"] for f in checked["findings"]}
    )
    assert client.post(f"{where}/pause").json()["code"] == "campaign-state"
    assert client.delete(where).status_code == 204
    assert client.get(where).status_code == 404


def test_campaigns_have_a_pace_repeat_and_are_sent_once_more(client):
    page = '<p>{{ postal_address }} <a href="{{ unsubscribe_url }}">Leave</a> <a href="https://s.example">S</a></p>'
    new = {
        "name": "Paced",
        "subject": "S",
        "brand": "Brand",
        "html": page,
        "segment": 'email contains "@paced.example"',
    }
    wishes = {"hourly": 50, "local_zone": "Europe/Berlin", "utm": {"source": "news"}, "untracked": ["bank.example"]}
    made = client.post("/campaigns", json={**new, **wishes}).json()
    assert {name: made[name] for name in wishes} == wishes and made["repeat"] is None
    path = f"/campaigns/{made['id']}"
    assert client.post(f"{path}/throttle", json={"hourly": 20.0}).json()["hourly"] == 20
    assert client.patch(path, json={"local_zone": "Nowhere/Land"}).json()["code"] == "zone-unknown"
    assert client.patch(path, json={"untracked": ["a b"]}).json()["code"] == "links-invalid"
    rule = {"every": 2, "unit": "week", "first": "2026-01-05T09:00:00+01:00", "zone": "Europe/Berlin"}
    refused = client.post(f"{path}/repeat", json=rule)
    assert refused.status_code == 409 and "recipients" in [one["code"] for one in refused.json()["findings"]]
    person = {"email": "p@paced.example", "consent": {"kind": "express", "basis": "said so"}}
    assert client.post("/subscribers", json=person).status_code == 201
    repeated = client.post(f"{path}/repeat", json=rule).json()
    assert repeated["state"] == "recurring" and repeated["repeat"]["every"] == 2 and repeated["scheduled_at"]
    assert client.get(f"{path}/runs").json()["items"] == []
    assert client.post(f"{path}/resend", json={"subject": "Again"}).json()["code"] == "campaign-state"
    assert client.post(f"{path}/unschedule").json()["repeat"] is None


def test_content_is_shared_and_has_languages(server, client):
    footer = client.post("/blocks", json={"name": "foot", "html": "<p>{{ sign }}</p>", "text": "-- {{ sign }}"}).json()
    assert client.post("/blocks", json={"name": "L", "layout": True, "html": "nowhere"}).json()["code"] == "template"
    layout = {"name": "L", "layout": True, "html": "<main>{{ content }}</main>{% include 'foot' %}"}
    assert client.post("/blocks", json=layout).status_code == 201
    assert [one["name"] for one in client.get("/blocks").json()["items"]] == ["foot", "L"]
    variants = {"de": {"subject": "Hallo", "html": "Guten Tag, {{ name }}"}}
    new = {"name": "hello", "subject": "Hello", "html": "Good day, {{ name }}", "layout": "L", "format": "markdown"}
    assert client.post("/templates", json={**new, "name": "bad", "layout": "none"}).json()["code"] == "template"
    made = client.post("/templates", json={**new, "variants": variants}).json()
    assert made["variants"] == variants and made["layout"] == "L"
    assert (
        client.patch(f"/blocks/{footer['id']}", json={"html": "<p>{{ sign }}!</p>"}).json()["text"] == "-- {{ sign }}"
    )
    message = {
        "from": {"address": "hello@brand.example"},
        "to": [{"address": "ann@brand.example"}],
        "template": "hello",
    }
    sent = client.post("/messages", json={**message, "language": "de-AT", "data": {"name": "Ann", "sign": "B"}})
    assert sent.status_code == 202 and sent.json()["subject"] == "Hallo"
    settings = {"logo": "https://brand.example/logo.png"}
    brand = {"name": "Two", "from_name": "T", "from_address": "t@brand.example", "settings": settings}
    assert client.post("/brands", json=brand).json()["settings"] == settings
    kept = client.post("/brands", json={name: value for name, value in brand.items() if name != "settings"}).json()
    assert kept["settings"] == settings
    campaign = {"name": "Two", "subject": "S", "brand": "Two", "html": "x", "layout": "L", "variants": variants}
    made = client.post("/campaigns", json=campaign).json()
    assert made["variants"] == variants and made["language_attribute"] == "language"
    assert client.post("/campaigns", json={**campaign, "layout": "foot"}).json()["code"] == "campaign-invalid"
    assert client.delete(f"/blocks/{footer['id']}").status_code == 204
    shown = client.get(f"/campaigns/{made['id']}/preview")
    assert shown.json()["code"] == "template"


def test_media_are_kept_served_and_go_with_campaigns(server, client):
    gif = bytes.fromhex("47494638396101000200800000000000ffffff21f90401000000002c00000000010002000002024401003b")
    kept = client.post("/media", params={"name": "dot.gif"}, content=gif, headers=HEADERS)
    medium = kept.json()
    assert kept.status_code == 201 and (medium["content_type"], medium["width"], medium["height"]) == (
        "image/gif",
        1,
        2,
    )
    path = medium["url"].partition("/m/")[2]
    shown = httpx2.get(f"{server[0]}/m/{path}")
    assert shown.content == gif and shown.headers["content-type"] == "image/gif"
    assert "immutable" in shown.headers["cache-control"] and "sandbox" in shown.headers["content-security-policy"]
    assert shown.headers["x-content-type-options"] == "nosniff"
    again = httpx2.get(f"{server[0]}/m/{path}", headers={"if-none-match": shown.headers["etag"]})
    assert again.status_code == 304 and again.content == b""
    refused = client.post("/media", params={"name": "a.png"}, content=b"<svg onload=alert(1)>", headers=HEADERS)
    assert refused.status_code == 409 and refused.json()["code"] == "media-invalid"
    file = client.post("/media", params={"name": "a.html"}, content=b"%PDF-1.7", headers=HEADERS).json()
    saved = httpx2.get(f"{server[0]}/m/{file['hash']}/x")
    assert saved.headers["content-type"] == "application/octet-stream"
    assert saved.headers["content-disposition"].startswith("attachment")
    page = '<img src="cid:dot.gif" alt="x"> {{ postal_address }} <a href="{{ unsubscribe_url }}">Leave</a>'
    files = [{"media_id": medium["id"], "inline": True}]
    new = {"name": "Files", "subject": "S", "brand": "Brand", "html": page, "files": files}
    made = client.post("/campaigns", json=new).json()
    assert made["files"] == files
    assert f"/m/{path}" in client.get(f"/campaigns/{made['id']}/preview").json()["html"]
    message = {
        "from": {"address": "hello@brand.example"},
        "to": [{"address": "ann@brand.example"}],
        "subject": "F",
        "text": "T",
    }
    with_file = {**message, "attachments": [{"name": "dot.gif", "media_id": medium["id"]}]}
    assert client.post("/messages", json=with_file).status_code == 202
    both = {**message, "attachments": [{"name": "dot.gif", "media_id": medium["id"], "content": "YWJj"}]}
    assert client.post("/messages", json=both).json()["code"] == "message-invalid"
    unknown = {**message, "attachments": [{"name": "dot.gif", "media_id": 999}]}
    assert client.post("/messages", json=unknown).json()["code"] == "no-such-medium"
    assert [one["id"] for one in client.get("/media").json()["items"]] == [file["id"], medium["id"]]
    assert client.delete(f"/media/{medium['id']}").status_code == 204
    assert httpx2.get(f"{server[0]}/m/{path}").status_code == 404


def test_what_was_sent_to_a_public_list_is_read_by_everybody(server, client):
    listed = client.post("/lists", json={"name": "Open", "public": True, "archive": True}).json()
    assert listed["archive"] is True
    person = {"email": "reader@paced.example", "lists": ["Open"], "consent": {"kind": "express", "basis": "said so"}}
    assert client.post("/subscribers", json=person).status_code == 201
    page = '<p>Hi {{ name | default("all") }}</p>{{ postal_address }} <a href="{{ unsubscribe_url }}">Leave</a>'
    new = {"name": "Open", "subject": "For <all>", "brand": "Brand", "html": page, "list": "Open"}
    made = client.post("/campaigns", json=new).json()
    assert client.post(f"/campaigns/{made['id']}/schedule", json={}).status_code == 200
    top = f"{server[0]}/archive/{listed['id']}"
    shown = httpx2.get(top)
    assert shown.status_code == 200 and "For &lt;all&gt;" in shown.text and "<script" not in shown.text
    assert httpx2.get(f"{top}/feed.xml").headers["content-type"] == "application/atom+xml; charset=utf-8"
    letter = httpx2.get(f"{top}/{made['id']}")
    assert "Hi all" in letter.text and "sandbox" in letter.headers["content-security-policy"]
    assert client.patch(f"/lists/{listed['id']}", json={"archive": False}).json()["archive"] is False
    for gone in (top, f"{top}/feed.xml", f"{top}/{made['id']}", f"{server[0]}/archive/x", f"{server[0]}/archive/1/2/3"):
        assert httpx2.get(gone).status_code == 404


def test_a_repeated_request_does_the_work_once(client):
    key = {"idempotency-key": "order-1"}
    first = client.post("/campaigns", json=CAMPAIGN, headers=key)
    again = client.post("/campaigns", json=CAMPAIGN, headers=key)
    other = client.post("/campaigns", json={**CAMPAIGN, "name": "Other"}, headers=key)

    assert again.json() == first.json()
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")


def test_lists_come_in_pages(client):
    for number in range(5):
        assert client.post("/campaigns", json={**CAMPAIGN, "name": f"Page {number}"}).status_code == 201
    names, cursor = [], None
    for _ in range(10):
        page = client.get("/campaigns", params={"limit": 2, "query": "Page", **({"cursor": cursor} if cursor else {})})
        names += [one["name"] for one in page.json()["items"]]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break

    assert names == [f"Page {number}" for number in (4, 3, 2, 1, 0)]


def test_unknown_fields_and_types_are_refused_with_their_place(client):
    answer = client.post("/campaigns", json={**CAMPAIGN, "name": 5, "colour": "red"})

    assert answer.status_code == 422
    assert {one["pointer"] for one in answer.json()["errors"]} == {"/body/name", "/body/colour"}


def test_domains_tell_their_records(client):
    records = client.get("/domains/brand.example/dns").json()

    assert {record["type"] for record in records["records"]} == {"MX", "TXT"}
    assert "v=DMARC1" in records["zone"]
    assert client.get("/domains/other.example/dns").json()["code"] == "no-such-domain"


def mail_of_ann(port: int, subject: str) -> email.message.EmailMessage:
    """The message with this subject in her INBOX, as its bytes say."""
    box = imaplib.IMAP4("127.0.0.1", port)
    box.login("ann@brand.example", "letterpress")
    box.select()
    _, found = box.search(None, "SUBJECT", f'"{subject}"')
    assert len(found[0].split()) == 1
    _, data = box.fetch(found[0].decode(), "(BODY.PEEK[])")
    box.logout()
    return email.message_from_bytes(data[0][1], policy=email.policy.default)


def test_a_message_from_a_template_arrives_signed_with_its_files(server, client):
    content = {
        "subject": "Order {{ number }}",
        "html": "<p>Thank you, {{ name }}!</p>",
        "text": "Thank you, {{ name }}!",
    }
    assert client.post("/templates", json={"name": "order", **content}).status_code == 201
    taken = client.post("/messages", json={
        "from": {"address": "shop@brand.example", "name": "Shop & Söhne"}, "to": [{"address": "ann@brand.example"}],
        "template": "order", "data": {"number": 4711, "name": "Ann <b>"}, "headers": {"X-Order": "4711"}, "tags": ["orders"],
        "attachments": [{"name": "Rechnung ä.pdf", "content_type": "application/pdf", "content": b64encode(b"%PDF").decode()}],
    })  # fmt: skip
    assert taken.status_code == 202, taken.text
    told = client.get(f"/messages/{taken.json()['id']}").json()
    found = mail_of_ann(server[2], "Order 4711")

    assert (told["recipients"][0]["state"], told["tags"]) == ("delivered", ["orders"])
    assert found["Message-ID"] == f"<{told['message_id']}>"
    assert found["X-Order"] == "4711"
    assert "d=brand.example" in found["DKIM-Signature"]
    assert found.get_body(("plain",)).get_content().strip() == "Thank you, Ann <b>!"
    assert "Ann &lt;b&gt;!" in found.get_body(("html",)).get_content()
    assert [(file.get_filename(), file.get_content()) for file in found.iter_attachments()] == [
        ("Rechnung ä.pdf", b"%PDF")
    ]


def test_bodies_are_written_in_mjml_and_markdown(client):
    wrong = client.post("/templates", json={"name": "torn", "format": "mjml", "html": "<mjml><mj-body></mjml>"})
    assert wrong.json()["code"] == "template"
    kept = client.post("/templates", json={"name": "plain", "html": "<p>x</p>"}).json()
    assert kept["format"] == "html"
    assert client.patch(f"/templates/{kept['id']}", json={"format": "mjml"}).json()["code"] == "template"
    changed = client.patch(f"/templates/{kept['id']}", json={"format": "markdown", "html": "# {{ a }}"})
    assert (changed.json()["format"], changed.json()["html"]) == ("markdown", "# {{ a }}")
    body = {**CAMPAIGN, "name": "Marked", "html": "<mjml>", "format": "mjml"}
    made = client.post("/campaigns", json=body).json()
    found = client.get(f"/campaigns/{made['id']}/check").json()["findings"]
    assert "template" in {finding["code"] for finding in found}
    better = "Hi {{ name|default('you') }} [leave]({{ unsubscribe_url }}) {{ postal_address }}"
    client.patch(f"/campaigns/{made['id']}", json={"html": better, "format": "markdown"})
    found = client.get(f"/campaigns/{made['id']}/check").json()["findings"]
    assert not {"template", "unsubscribe-link", "postal-address"} & {finding["code"] for finding in found}


def test_a_raw_message_is_sent_as_it_is_and_a_foreign_sender_refused(server, client):
    raw = b"From: shop@brand.example\nTo: ann@brand.example\nSubject: As it is\nMessage-ID: <x@brand.example>\n\nGood day.\n"
    to = [{"address": "ann@brand.example"}]
    taken = client.post("/messages", json={"raw": b64encode(raw).decode(), "to": to}).json()
    foreign = client.post("/messages", json={"from": {"address": "a@other.example"}, "to": to, "text": "Hello"})
    nobody = client.post("/messages", json={
        "from": {"address": "a@brand.example"}, "to": [{"address": "nobody@brand.example"}], "text": "Hello", "subject": "x",
    }).json()  # fmt: skip

    assert taken["message_id"] == "x@brand.example"
    assert mail_of_ann(server[2], "As it is").get_content().strip() == "Good day."
    assert (foreign.status_code, foreign.json()["code"]) == (409, "not-your-domain")
    assert nobody["recipients"][0]["state"] == "bounced"


def test_a_message_is_given_up_when_its_sender_says(client):
    letter = {
        "from": {"address": "a@brand.example"},
        "to": [{"address": "ann@brand.example"}],
        "text": "Hello",
        "subject": "x",
    }
    later = "2099-01-01T00:00:00Z"
    taken = client.post("/messages", json={**letter, "send_at": later, "expires_at": "2099-01-01T00:10:00Z"}).json()
    [person] = taken["recipients"]
    assert person["expires_at"].startswith("2099-01-01T00:10:00")
    for wrong in (
        {"send_at": later, "expires_at": later},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"expires_at": later},
    ):
        refused = client.post("/messages", json={**letter, **wrong})
        assert refused.json()["code"] == "wrong-expiry", wrong
        assert 400 <= refused.status_code < 500


def test_what_waits_is_found_counted_held_released_and_told(client):
    letter = {"from": {"address": "a@brand.example"}, "to": [{"address": "queue@away.example"}], "text": "Hello"}
    taken = client.post("/messages", json={**letter, "subject": "x", "send_at": "2098-01-01T00:00:00Z"}).json()
    envelope = taken["recipients"][0]["envelope_id"]
    which = {"site": "away.example", "sender": "a@brand.example", "recipient": "QUEUE@", "state": "queued"}

    [line] = client.get("/queue", params=which).json()["items"]
    assert (line["id"], line["why"]) == (envelope, "Not before 2098-01-01 00:00:00 UTC.")
    dry = client.post("/queue", json={"action": "hold", "filter": which, "dry_run": True}).json()
    assert (dry["changed"], dry["fitting"]["queued"]) == (0, 1)
    assert client.post("/queue", json={"action": "hold", "filter": which}).json()["changed"] == 1
    held = client.get(f"/queue/{envelope}").json()
    assert (held["state"], held["due_at"], held["dialogue"]) == ("held", None, "")
    assert "An operator holds it since" in held["why"]
    assert client.get("/queue", params={**which, "state": "held"}).json()["items"][0]["held_since"]
    journey = client.get(f"/queue/{envelope}/journey").json()
    assert journey["steps"] == []  # nothing happened yet
    assert journey["message"]["id"] == envelope
    assert (
        client.post("/queue", json={"action": "move", "filter": which, "to_pool": "no such"}).json()["code"]
        == "no-such-way"
    )
    assert client.post("/queue", json={"action": "remove"}).json()["code"] == "no-filter"
    assert client.delete(f"/queue/{envelope}").json()["changed"] == 1
    assert client.get(f"/queue/{envelope}").json()["state"] == "withheld"
    told = client.get(f"/queue/{envelope}/journey").json()["steps"][-1]
    assert (told["kind"], told["words"]) == ("Withheld", "Not sent: removed")
    assert client.get("/queue", params=which).json()["items"] == []
    assert client.get("/queue/999999/journey").status_code == 404
    assert client.get(f"/campaigns/1/recipients/{envelope}/journey").status_code == 404


def test_a_batch_is_taken_one_by_one(client):
    good = {
        "from": {"address": "a@brand.example"},
        "to": [{"address": "ann@brand.example"}],
        "text": "Hello",
        "subject": "Batch",
    }
    bad = {**good, "template": "no such template"}
    results = client.post("/messages/batch", json={"messages": [good, bad, good]}).json()["results"]

    assert [one["code"] for one in results] == [None, "no-such-template", None]


CONSENT = {"kind": "express", "basis": "signed up in the shop"}


def test_people_join_lists_are_segmented_and_leave(client):
    assert client.post("/lists", json={"name": "News"}).status_code == 201
    person = {"email": "jo@cheese.example", "name": "José", "consent": CONSENT}
    made = client.post(
        "/subscribers", json={**person, "attributes": {"orders": 3, "city": "León"}, "lists": ["News"]}
    ).json()
    again = client.post("/subscribers", json={**person, "attributes": {"orders": 4}, "tags": ["vip"]}).json()
    where = f"/subscribers/{made['id']}"
    segment = client.post("/segments", json={"name": "Buyers", "expression": 'orders >= 4 and in list "News"'}).json()

    assert (again["id"], again["attributes"], again["tags"]) == (made["id"], {"orders": 4, "city": "León"}, ["vip"])
    assert again["lists"][0]["status"] == "subscribed"
    assert client.get(f"/segments/{segment['id']}/count").json() == {"count": 1}
    assert [one["id"] for one in client.get("/subscribers", params={"segment": "orders >= 4"}).json()["items"]] == [
        made["id"]
    ]
    left = client.post(f"{where}/unsubscribe", json={"list": "News"}).json()
    assert left["lists"][0]["status"] == "unsubscribed"
    assert client.get(f"/segments/{segment['id']}/count").json() == {"count": 0}
    implied = client.post(f"{where}/subscribe", json={"list": "News", "consent": {**CONSENT, "kind": "implied"}}).json()
    assert implied["lists"][0]["status"] == "unsubscribed", "who has left is not put back by somebody else's word"
    back = client.post(f"{where}/subscribe", json={"list": "News", "consent": CONSENT}).json()
    assert back["lists"][0]["status"] == "subscribed"
    assert "Unsubscribed" in {one["kind"] for one in client.get(f"{where}/events").json()["items"]}
    assert client.post("/segments", json={"name": "Bad", "expression": "orders >= "}).status_code == 409
    assert client.post("/subscribers", json={**person, "lists": ["Nowhere"]}).json()["code"] == "no-such-list"


def test_an_erased_person_stays_erased_until_their_own_word(client):
    person = {"email": "gone@cheese.example", "name": "Gone", "attributes": {"secret": "x"}, "consent": CONSENT}
    made = client.post("/subscribers", json=person).json()
    held = client.get(f"/subscribers/{made['id']}/export").json()["data"]
    assert held["contacts"][0]["attributes"] == {"secret": "x"}
    assert held["consents"][0]["basis"] == CONSENT["basis"]

    assert client.delete(f"/subscribers/{made['id']}").status_code == 204
    assert client.get(f"/subscribers/{made['id']}").status_code == 404
    assert client.get("/subscribers", params={"query": "gone@"}).json()["items"] == []
    implied = client.post("/subscribers", json={**person, "consent": {**CONSENT, "kind": "implied"}})
    assert (implied.status_code, implied.json()["code"]) == (409, "erased")
    assert client.post("/subscribers", json=person).status_code == 201


def test_the_ledger_is_read_written_and_lifted(client):
    added = client.post("/suppressions", json={"email": "no@cheese.example", "detail": "asked by phone"}).json()
    again = client.post("/suppressions", json={"email": "no@cheese.example", "reason": "complaint"}).json()

    assert (added["reason"], again["reason"]) == ("manual", "manual")
    assert [one["email"] for one in client.get("/suppressions", params={"query": "no@"}).json()["items"]] == [
        "no@cheese.example"
    ]
    assert client.delete("/suppressions/no@cheese.example").status_code == 204
    assert client.get("/suppressions/no@cheese.example").status_code == 404


@pytest.mark.timeout(300)
def test_it_keeps_to_its_description(server):
    """Schemathesis makes requests from the description and holds the answers to it."""
    url, token, _ = server
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [program, "run", f"{url}/api/v1/openapi.json", "-H", f"Authorization: Bearer {token}", "--checks", "all",
         "--max-examples", os.environ.get("LETTERSHOP_FUZZ", "10"), "--seed", os.environ.get("LETTERSHOP_SEED", "1"),
         "--no-color"],
        capture_output=True, text=True, timeout=280, cwd="/tmp",
    )  # fmt: skip

    assert done.returncode == 0, done.stdout[done.stdout.find("= FAILURES") :][:6000]


def wait_for(call, done, seconds=60.0):
    """Ask again until it is so."""
    end = time.monotonic() + seconds
    while True:
        found = call()
        if done(found) or time.monotonic() > end:
            return found
        time.sleep(0.1)


FILE = b"E-Mail;Vorname;plan\nann@a.example;Ann;pro\nnot an address;X;free\nbob@b.example;Bob;free\n"
HEADERS = {"content-type": "application/octet-stream"}


def test_people_come_by_upload_and_go_by_undo(client):
    looked = client.post("/imports/preview", content=FILE, headers=HEADERS, params={"column": "Vorname=first_name"})
    assert looked.status_code == 200, looked.text
    assert [column["target"] for column in looked.json()["columns"]] == ["email", "first_name", "plan"]
    assert (looked.json()["good"], [row["line"] for row in looked.json()["refused"]]) == (2, [3])
    told = {
        "list": "Uploaded",
        "basis": "opted in at checkout",
        "column": "Vorname=first_name",
        "file_name": "shop.csv",
    }
    begun = client.post("/imports", content=FILE, headers=HEADERS, params=told)
    assert begun.status_code == 202, begun.text
    place = f"/imports/{begun.json()['id']}"
    job = wait_for(lambda: client.get(place).json(), lambda job: job["state"] in ("done", "failed"))
    assert (job["state"], job["created"], job["joined"], job["refused"]) == ("done", 2, 2, 1), job
    assert b"not an address" in client.get(f"{place}/rejected").content
    people = client.get("/subscribers", params={"query": "ann@a.example"}).json()["items"]
    assert [one["attributes"]["first_name"] for one in people] == ["Ann"]
    assert client.post(f"{place}/undo").status_code == 202
    job = wait_for(lambda: client.get(place).json(), lambda job: job["state"] == "undone")
    assert job["state"] == "undone"
    assert client.get("/subscribers", params={"query": "ann@a.example"}).json()["items"] == []
    assert place.rsplit("/", 1)[1] in [str(one["id"]) for one in client.get("/imports").json()["items"]]


def test_without_a_ground_nothing_is_taken(client):
    refused = client.post("/imports", content=FILE, headers=HEADERS, params={"list": "L", "basis": " "})
    assert (refused.status_code, refused.json()["code"]) == (409, "consent-basis")
    assert client.post("/imports", content=b"\x00\x01", headers=HEADERS, params={"basis": "x"}).status_code < 500


def test_reports_of_nothing_are_empty_and_of_others_not_there(client):
    everything = client.get("/reports/workspace")
    assert everything.status_code == 200, everything.text
    assert client.get("/reports/lists/999999").status_code == 404
    assert client.get("/reports/campaigns/999999/breakdown").status_code == 404
    assert client.get("/reports/campaigns/999999/export?form=csv").status_code == 404


def test_webhooks_are_kept_tested_and_told_again(client):
    made = client.post("/webhooks", json={"name": "shop", "url": "https://hooks.example/in", "events": ["Bounced"]})
    assert made.status_code == 201, made.text
    place = f"/webhooks/{made.json()['id']}"
    assert made.json()["secret"].startswith("whsec_")
    assert "secret" not in client.get(place).json()
    assert "Bounced" in {kind["name"] for kind in client.get("/webhooks/events").json()["items"]}
    new = client.post(f"{place}/secret", json={"overlap_hours": 1}).json()
    assert new["secret"] != made.json()["secret"]
    test = client.post(f"{place}/test").json()
    seen = wait_for(lambda: client.get(f"{place}/deliveries/{test['id']}").json(), lambda one: one["attempts"])
    assert (seen["state"], seen["kind"], seen["status"]) == ("waiting", "Test", None)
    assert "does not exist" in seen["answer"]
    assert client.post(f"{place}/deliveries/{test['id']}/replay").status_code == 202
    assert client.post(f"{place}/replay", json={"since": "2026-01-01T00:00:00Z"}).status_code == 202
    assert client.patch(place, json={"events": [], "active": False}).json()["active"] is False
    assert client.post(f"{place}/test").json()["code"] == "webhook-off"
    assert client.post("/webhooks", json={"name": "x", "url": "https://10.0.0.1/"}).json()["code"] == "webhook-target"
    assert client.post("/webhooks", json={"name": "x", "url": "http://hooks.example/"}).json()["code"] == "webhook-url"
    refused = client.post("/webhooks", json={"name": "x", "url": "https://a.example/", "events": ["Nothing"]})
    assert (refused.status_code, refused.json()["code"]) == (409, "no-such-event")
    assert client.delete(place).status_code == 204
    assert client.get(f"{place}/deliveries").status_code == 404


def test_metrics_tell_of_the_whole_machine(server):
    told = wait_for(
        lambda: httpx2.get(f"{server[0]}/metrics").text, lambda text: 'cpu_seconds_total{worker="0"}' in text
    )
    assert 'lettershop_worker_memory_bytes{worker="0"}' in told
    assert 'lettershop_queue_messages{state="queued"}' in told
    before = told.count("\n")
    httpx2.get(f"{server[0]}/o/nobody.gif")
    again = httpx2.get(f"{server[0]}/metrics").text
    assert 'lettershop_links_asked_total{kind="o"}' in again
    assert again.count("\n") >= before


def test_both_logs_of_events_are_read(client):
    client.post("/webhooks", json={"name": "events", "url": "https://hooks.example/"})
    kinds = {one["kind"] for one in client.get("/events", params={"limit": 200}).json()["items"]}
    assert "MessageReceived" not in kinds
    client.post("/messages", json={
        "from": {"address": "shop@brand.example"}, "to": [{"address": "ann@brand.example"}], "subject": "x", "text": "x",
    })  # fmt: skip
    found = wait_for(lambda: client.get("/events", params={"log": "mail_facts"}).json(), lambda page: page["items"])
    assert {one["log"] for one in found["items"]} == {"mail_facts"}
    assert "MessageReceived" in {one["kind"] for one in found["items"]}  # what the mail of other tests met is there too
    assert found["next_cursor"] == f"c{found['items'][-1]['id']}"
