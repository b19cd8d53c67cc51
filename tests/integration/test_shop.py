"""The story of a shop, told through the API alone: people come from a file, segments, a newsletter, bounces and complaints,
what readers do, the report, the next newsletter, single messages, access and erasure. The real server, on both databases.
"""

import asyncio
import email
import email.policy
import os
import re
import select
import signal
import smtplib
import subprocess
import sys
import time
import urllib.request
from base64 import b64decode
from contextlib import asynccontextmanager
from email.message import EmailMessage, Message
from email.mime.message import MIMEMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest
from tests.faults.serving import free_ports
from tests.receivers import Network, refuse

from lettershop.app.house import open_house
from lettershop.base.config import load
from lettershop.client import (
    ApiProblem,
    ChangedCampaign,
    Client,
    Consent,
    NewAccount,
    NewBrand,
    NewCampaign,
    NewDomain,
    NewList,
    NewMessage,
    NewSegment,
    NewSubscriber,
    NewTemplate,
    Trial,
    When,
    Written,
)

pytestmark = pytest.mark.timeout(240)

CONFIG = """
[server]
hostname = "mail.brand.example"
data_dir = "{folder}"
workers = 2
log_level = "warning"
[listen]
smtp = ["127.0.0.1:{smtp}"]
submission = ["127.0.0.1:{submission}"]
submissions = []
imap = []
imaps = []
pop3 = []
pop3s = []
http = ["127.0.0.1:{http}"]
[web]
public_url = "http://127.0.0.1:{http}"
[database]
url = "{database}"
[blobs]
url = "file://{folder}/blobs"
[dns]
zone_files = ["{folder}/internet.zone"]
[delivery]
routes = {{ "readers.example" = "smtp://127.0.0.1:{receiver}" }}
retry = [1, 2]
[delivery.breakers]
enabled = false
[mail]
greylist_delay = 0
"""
PHONE = {
    "User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148",
    "Accept-Language": "en",
    "Accept": "image/*",
}
PEOPLE = 60
DEAD, BUSY, LATER = "p01@readers.example", "p02@readers.example", "p03@readers.example"
COMPLAINS, LEAVES, WRITES, READS = (f"p{number:02}@readers.example" for number in (4, 5, 6, 7))
HTML = """<html><body><p>Hello {{ first_name | default("reader") }},</p>
<p>you have ordered {{ orders }} times. <a href="https://shop.example/new">New things</a></p>
<p>{{ postal_address }} <a href="{{ unsubscribe_url }}">Leave</a></p></body></html>"""


@asynccontextmanager
async def shop(folder, database):
    """(client, receiver of the readers, SMTP port): a server that knows nothing but a workspace and a token."""
    http, smtp, submission = free_ports(3)
    async with Network() as network:
        readers = await network.receiver("readers.example")
        text = CONFIG.format(
            folder=folder, database=database, http=http, smtp=smtp, submission=submission, receiver=readers.port
        )
        (folder / "internet.zone").write_text("readers.example. 60 IN A 127.0.0.1\n")
        file = folder / "lettershop.toml"
        file.write_text(text)
        async with open_house(load(text, {}, source=str(file))) as house:
            token = (await house.api_tokens.create(await house.first_workspace(), "shop", ["all"])).secret
        process = subprocess.Popen(  # noqa: ASYNC220  (it returns at once)
            [sys.executable, "-m", "lettershop", "serve", "--config", str(file)],
            stdout=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        try:
            ready, _, _ = await asyncio.to_thread(select.select, [process.stdout], [], [], 60)
            assert ready and process.stdout.readline() == b"ready\n"
            with Client(f"http://127.0.0.1:{http}", token) as client:
                yield client, readers, smtp
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            await asyncio.to_thread(process.wait, 30)
            process.stdout.close()


async def until(call, good, seconds=60.0):
    """Ask until the answer is good; the last answer."""
    end = time.monotonic() + seconds
    while True:
        found = await asyncio.to_thread(call)
        if good(found) or time.monotonic() > end:
            return found
        await asyncio.sleep(0.1)


def audience():
    """A file as a shop's cash desk exports it: semicolons, a byte-order mark, its own names of columns, two bad rows."""
    rows = ["\ufeffE-Mail;Vorname;Bestellungen;Land"]
    rows += [f"p{n:02}@readers.example;Jörg {n};{n % 10};{'DE' if n % 2 else 'AT'}" for n in range(1, PEOPLE + 1)]
    return "\r\n".join([*rows, "nobody at home;X;1;DE", ";Y;2;AT"]).encode()


def body_of(received):
    """A message's plain HTML, and the message."""
    message = email.message_from_bytes(received.data, policy=email.policy.default)
    part = message.get_body(("html",))
    return part.get_content(), message


def asked(url, method="GET", data=None):
    """A reader's program asks for something; the status."""
    request = urllib.request.Request(url, data, PHONE, method=method)

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    try:
        with urllib.request.build_opener(Stay).open(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, dict(answer.headers)


def complaint(received):
    """What a provider sends when somebody presses "this is spam" (RFC 5965)."""
    report = MIMEMultipart("report", report_type="feedback-report")
    report["From"], report["To"], report["Subject"] = "fbl@readers.example", "fbl@brand.example", "complaint"
    report.attach(MIMEText("This is a complaint."))
    machine = Message()
    machine["Content-Type"] = "message/feedback-report"
    machine.set_payload(f"Feedback-Type: abuse\r\nVersion: 1\r\nOriginal-Rcpt-To: {received.recipient}\r\n")
    report.attach(machine)
    report.attach(MIMEMessage(email.message_from_bytes(received.data)))
    return "fbl@readers.example", "fbl@brand.example", report.as_bytes()


def bounce(received):
    """What a receiver sends that has said 250 and thought better of it (RFC 3464)."""
    report = MIMEMultipart("report", report_type="delivery-status")
    report["From"], report["To"] = "MAILER-DAEMON@readers.example", received.mail_from
    report["Subject"] = "Undelivered Mail Returned to Sender"
    report.attach(MIMEText("It could not be delivered."))
    status, whole, one = Message(), Message(), Message()
    status["Content-Type"] = "message/delivery-status"
    whole["Reporting-MTA"] = "dns; mx.readers.example"
    one["Final-Recipient"], one["Action"], one["Status"] = f"rfc822; {received.recipient}", "failed", "5.1.1"
    one["Diagnostic-Code"] = "smtp; 550 5.1.1 No such user"
    status.set_payload([whole, one])
    report.attach(status)
    return "", received.mail_from, report.as_bytes()


def reply(received):
    """What a person writes back."""
    message = EmailMessage()
    answered = email.message_from_bytes(received.data, policy=email.policy.default)
    message["From"], message["To"], message["Subject"] = received.recipient, answered["Reply-To"], "Re: News"
    message["In-Reply-To"] = message["References"] = answered["Message-ID"]
    message.set_content("Do you ship to the islands?")
    return received.recipient, "hello@brand.example", message.as_bytes()


def post(port, sender, recipient, data):
    """Mail from outside."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname="mx.readers.example", timeout=30) as mail:
        mail.sendmail(sender, [recipient], data)


def newest(readers, address, subject):
    """The message with this subject that a reader got."""
    for received in reversed(readers.messages):
        if received.recipient == address and subject in body_of(received)[1]["Subject"]:
            return received
    raise AssertionError(f"{address} has no {subject!r}")


async def test_the_story_of_a_shop(tmp_path, database_url):
    async with shop(tmp_path, database_url) as (client, readers, smtp):
        readers.on(DEAD, refuse(550, "5.1.1", "No such user"))
        readers.on(BUSY, refuse(452, "4.2.2", "Mailbox full"), refuse(452, "4.2.2", "Mailbox full"), readers.default)
        await asyncio.to_thread(open_shop, client)
        await people_come(client)
        campaign = await first_newsletter(client, readers)
        await readers_act(client, readers, smtp, campaign)
        await the_next_one_leaves_out_who_must_be(client, readers)
        await single_messages(client, readers)
        await access_and_erasure(client, readers)
        await asyncio.to_thread(who_did_what, client)


def who_did_what(client):
    """Every act stands in the log, and no address with it."""
    acts = [(one.door, one.actor, one.action) for one in client.audit.all(limit=200)]
    assert ("api", "token shop", "POST /campaigns/{campaign_id}/schedule") in acts
    assert sum(action == "POST /messages" for _, _, action in acts) == 2, "two orders of three requests"
    assert READS not in str(acts)
    assert [one.target for one in client.audit.all(action="DELETE /subscribers")] != []


def open_shop(client):
    """A domain, mailboxes for replies and complaints, who writes, a list."""
    client.domains.create(NewDomain(name="brand.example"))
    for name in ("hello", "fbl"):
        client.accounts.create(NewAccount(address=f"{name}@brand.example", password="letterpress and ink"))
    client.brands.create(
        NewBrand(
            name="Shop", from_name="The Shop", from_address="news@brand.example", reply_to="hello@brand.example",
            postal_address="1 Harbour Street, 20457 Hamburg",
        )
    )  # fmt: skip
    client.lists.create(NewList(name="Newsletter", double_opt_in=False))
    client.segments.create(NewSegment(name="Loyal", expression="orders >= 3"))
    assert {record.type for record in client.domains.dns("brand.example").records} >= {"TXT", "MX"}


COLUMNS = ["Vorname=first_name", "Bestellungen=orders", "Land=country"]


async def people_come(client):
    """From a file, looked at first; what was refused comes back as a file."""
    looked = client.imports.preview(audience(), column=COLUMNS)
    assert (looked.delimiter, looked.good, len(looked.refused)) == (";", PEOPLE, 2)
    begun = client.imports.create(
        audience(), basis="customers of the shop", consent="express", list="Newsletter", column=COLUMNS, file_name="desk.csv"
    )  # fmt: skip
    done = await until(lambda: client.imports.get(begun.id), lambda job: job.state in ("done", "failed"))
    assert (done.state, done.created, done.joined, done.refused) == ("done", PEOPLE, PEOPLE, 2)
    assert b"nobody at home" in client.imports.rejected(begun.id)
    (first,) = client.subscribers.all(query="p01@")
    assert first.attributes["first_name"] == "Jörg 1"
    (loyal,) = client.segments.all()
    assert client.segments.count(loyal.id).count == sum(n % 10 >= 3 for n in range(1, PEOPLE + 1))
    late = NewSubscriber(
        email=LATER, tags=["vip"], consent=Consent(kind="express", basis="asked in the shop"), lists=["Newsletter"]
    )
    assert client.subscribers.create(late).tags == ["vip"]
    assert sum(1 for _ in client.subscribers.all(limit=7)) == PEOPLE


async def first_newsletter(client, readers):
    """Written, checked, tried, sent to everybody on the list."""
    draft = client.campaigns.create(
        NewCampaign(
            name="First", subject="News for {{ first_name }}", brand="Shop", list="Newsletter",
            html=HTML.replace("{{ postal_address }}", ""),
        )
    )  # fmt: skip
    with pytest.raises(ApiProblem) as refused:
        client.campaigns.schedule(draft.id, When())
    assert refused.value.status == 409
    assert any("address" in finding["code"] for finding in refused.value.findings)
    client.campaigns.change(draft.id, ChangedCampaign(html=HTML))
    assert client.campaigns.check(draft.id).ready
    (someone,) = client.subscribers.all(query=READS)
    assert "Jörg 7" in client.campaigns.preview(draft.id, subscriber_id=someone.id).html
    client.campaigns.test(draft.id, Trial(to=["tester@readers.example"]))
    client.campaigns.schedule(draft.id, When())
    sent = await until(lambda: client.campaigns.get(draft.id), lambda one: one.state == "done")
    assert (sent.state, sent.recipients) == ("done", PEOPLE)
    html, message = body_of(newest(readers, READS, "News"))
    assert "Jörg 7" in html
    assert message["Subject"] == "News for Jörg 7"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert readers.tries[BUSY] == 3
    return draft.id


async def readers_act(client, readers, smtp, campaign):
    """They open, click, leave, complain, write back; one address dies after the 250. All of it comes home."""
    html, _ = body_of(newest(readers, READS, "News"))
    pixel = re.search(r'src="(http[^"]+\.gif)"', html)[1]
    link = re.search(r'href="(http[^"]+/c/[^"]+)"', html)[1]
    await asyncio.sleep(6)  # nobody reads within the first seconds; machines do
    assert (await asyncio.to_thread(asked, pixel))[0] == 200
    status, headers = await asyncio.to_thread(asked, link)
    assert (status, headers["location"]) == (302, "https://shop.example/new")

    leaving = re.search(r"<(http[^>]+)>", body_of(newest(readers, LEAVES, "News"))[1]["List-Unsubscribe"])[1]
    assert (await asyncio.to_thread(asked, leaving))[0] == 200  # a scanner looks: nothing happens
    (still,) = client.subscribers.all(query=LEAVES)
    assert still.lists[0].status == "subscribed"
    assert (await asyncio.to_thread(asked, leaving, "POST", b"List-Unsubscribe=One-Click"))[0] == 200

    for made, address in ((complaint, COMPLAINS), (bounce, LATER), (reply, WRITES)):
        await asyncio.to_thread(post, smtp, *made(newest(readers, address, "News")))

    wanted = {
        "recipients": PEOPLE, "sent": PEOPLE, "delivered": PEOPLE - 2, "bounced_hard": 2, "bounced_soft": 0, "waiting": 0,
        "opened": 1, "clicked": 1, "unsubscribed": 1, "complained": 1, "replied": 1, "withheld": 0,
    }  # fmt: skip

    def figures():
        report = client.reports.campaign(campaign)
        return {name: getattr(report, name) for name in wanted}

    assert await until(figures, lambda found: found == wanted) == wanted
    report = client.reports.campaign(campaign)
    assert [(one.url, one.people) for one in report.links] == [("https://shop.example/new", 1)]
    assert {one.provider: one.delivered for one in report.providers} == {"readers.example": PEOPLE - 2}
    among = client.reports.segment(
        campaign, client.segments.create(NewSegment(name="Addressed", expression="orders >= 0")).id
    )
    for name in ("recipients", "delivered", "opened", "clicked", "unsubscribed", "complained", "replied", "withheld"):
        assert getattr(among, name) == wanted[name], name
    assert (among.members, among.bounced, among.queued) == (PEOPLE, 2, 0)
    few = client.reports.segment(campaign, next(iter(client.segments.all())).id)
    assert 0 < few.recipients < PEOPLE
    (now,) = client.reports.cohorts(last=1).cohorts
    (first,) = now.periods
    assert (now.people, first.delivered, first.opened, first.clicked) == (PEOPLE, PEOPLE - 2, 1, 1)
    ledger = {one.email: one.reason for one in client.suppressions.all()}
    assert ledger == {DEAD: "hard-bounce", LATER: "hard-bounce", COMPLAINS: "complaint"}
    (person,) = client.subscribers.all(query=READS)
    kinds = [event.kind for event in client.subscribers.events(person.id)]
    assert {"Delivered", "Opened", "Clicked"} <= set(kinds)
    assert sorted(entry.kind for entry in client.subscribers.timeline(person.id, limit=2)) == sorted(kinds)
    newest_first = list(client.subscribers.timeline(person.id))
    assert [entry.at for entry in newest_first] == sorted((entry.at for entry in newest_first), reverse=True)
    (writer,) = client.subscribers.all(query=WRITES)
    assert "Replied" in [entry.kind for entry in client.subscribers.timeline(writer.id)]
    assert client.segments.try_out(written("clicked in last 1 days")).count == 1
    assert client.segments.try_out(written("replied in last 1 days")).count == 1


def written(expression):
    """A segment in words."""
    return Written(expression=expression)


async def the_next_one_leaves_out_who_must_be(client, readers):
    """To a segment of the list: nobody who left, complained or bounced gets it."""
    before = len(readers.messages)
    second = client.campaigns.create(
        NewCampaign(name="Second", subject="Again", brand="Shop", html=HTML, list="Newsletter", segment='in segment "Loyal"')
    )  # fmt: skip
    client.campaigns.schedule(second.id, When())
    await until(lambda: client.campaigns.get(second.id), lambda one: one.state == "done")
    got = {one.recipient for one in readers.messages[before:]}
    loyal = {f"p{n:02}@readers.example" for n in range(1, PEOPLE + 1) if n % 10 >= 3}
    assert got == loyal - {LEAVES, COMPLAINS, LATER}


def to_one(address):
    """A single message."""
    return NewMessage.model_validate(
        {
            "from": {"address": "news@brand.example"},
            "to": [{"address": address}],
            "subject": "Hello",
            "text": "You there?",
        }
    )


async def single_messages(client, readers):
    """An order's confirmation by template, said twice with one key and sent once; to a dead address it is refused by name."""
    client.templates.create(
        NewTemplate(name="Order", subject="Order {{ number }}", html="<p>Thank you for {{ number }}.</p>")
    )
    order = NewMessage.model_validate(
        {
            "from": {"address": "news@brand.example", "name": "The Shop"}, "to": [{"address": LEAVES}],
            "template": "Order", "data": {"number": "A-17"},
            "attachments": [{"name": "bill.txt", "content_type": "text/plain", "content": "QmlsbA=="}],
        }
    )  # fmt: skip
    first = client.messages.send(order, key="order-A-17")
    assert client.messages.send(order, key="order-A-17").id == first.id
    await until(lambda: sum(one.recipient == LEAVES for one in readers.messages), lambda got: got >= 2)
    html, message = body_of(newest(readers, LEAVES, "Order A-17"))
    assert "Thank you for A-17." in html
    assert [part.get_filename() for part in message.iter_attachments()] == ["bill.txt"]
    assert b64decode("QmlsbA==") == next(message.iter_attachments()).get_payload(decode=True)
    assert "List-Unsubscribe" not in message
    (leaver,) = client.subscribers.all(query=LEAVES)
    both = lambda: [one.campaign for one in client.subscribers.timeline(leaver.id) if one.kind == "Delivered"]  # noqa: E731
    assert await until(both, lambda found: len(found) == 2) == ["", "First"]
    assert sum("Order" in body_of(one)[1]["Subject"] for one in readers.messages) == 1


async def access_and_erasure(client, readers):
    """What is held is handed out; then it is gone, and does not come back by the next file."""
    (person,) = client.subscribers.all(query=READS)
    held = client.subscribers.export(person.id).data
    assert held["contacts"][0]["email"] == READS
    assert held["consents"][0]["basis"] == "customers of the shop"
    client.subscribers.erase(person.id)
    with pytest.raises(ApiProblem) as gone:
        client.subscribers.get(person.id)
    assert gone.value.status == 404
    assert list(client.subscribers.all(query=READS)) == []
    assert READS not in str([event.model_dump() for event in client.events.all(limit=200)])
    again = client.imports.create(audience(), basis="customers", consent="implied", list="Newsletter", column=COLUMNS)
    done = await until(lambda: client.imports.get(again.id), lambda job: job.state in ("done", "failed"))
    assert done.state == "done"
    assert list(client.subscribers.all(query=READS)) == []
    (angry,) = client.subscribers.all(query=COMPLAINS)
    client.subscribers.erase(angry.id)
    sent = client.messages.send(to_one(COMPLAINS))
    told = await until(
        lambda: client.messages.get(sent.id), lambda one: one.recipients[0].state not in ("queued", "leased")
    )
    assert told.recipients[0].state == "withheld", "the objection outlives the erasure"
    third = client.campaigns.create(
        NewCampaign(name="Third", subject="Third", brand="Shop", html=HTML, list="Newsletter")
    )
    before = len(readers.messages)
    client.campaigns.schedule(third.id, When())
    await until(lambda: client.campaigns.get(third.id), lambda one: one.state == "done")
    got = {one.recipient for one in readers.messages[before:]}
    assert len(got) == PEOPLE - 5
    assert not got & {DEAD, LATER, COMPLAINS, LEAVES, READS}
