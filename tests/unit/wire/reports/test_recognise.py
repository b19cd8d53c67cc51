"""What a received message is. Samples written here; real ones are in tests/vectors/test_bounces.py."""

import json
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lettershop.wire.reports import arf
from lettershop.wire.reports.arf import Feedback
from lettershop.wire.reports.recognise import recognise
from lettershop.wire.reports.view import split


def mail(head: str, body: str = "") -> bytes:
    return f"{head.strip()}\n\n{body.lstrip(chr(10))}".replace("\n", "\r\n").encode()


DAEMON = "From: Mail Delivery System <mailer-daemon@mx.c.example>\nTo: a@b.example\n"

FORMS = {
    "qmail": """
Hi. This is the qmail-send program at mx.c.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<x@c.example>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 <x@c.example>... User unknown

--- Below this line is a copy of the message.

Return-Path: <a@b.example>
Message-ID: <1@b.example>
Subject: hi
""",
    "exim": """
A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  x@c.example
    (generated from old@b.example)
    host mx.c.example [192.0.2.1]: 550 5.1.1 No such user here

------ This is a copy of the message, including all the headers. ------

Return-path: <a@b.example>
Message-ID: <1@b.example>
""",
    "sendmail": """
   ----- The following addresses had permanent fatal errors -----
<x@c.example>

   ----- Transcript of session follows -----
... while talking to mx.c.example.:
>>> RCPT To:<x@c.example>
<<< 550 5.1.1 <x@c.example>... User unknown

   ----- Original message follows -----

Return-Path: <a@b.example>
Message-ID: <1@b.example>
""",
    "james": """
I'm afraid I wasn't able to deliver your message to the following addresses.

Failed recipient(s):
x@c.example

Error message:
550 5.1.1 Unknown user

--- Original message ---

From: a@b.example
Message-ID: <1@b.example>
To: x@c.example
""",
    "mailfoundry": """
Unable to deliver message to: <x@c.example>
Delivery failed for the following reason:
Server mx.c.example[192.0.2.1] failed with: 550 5.1.1 <x@c.example> No such user here

This has been a permanent failure.  No further delivery attempts will be made.

From: a@b.example
Message-ID: <1@b.example>
To: x@c.example
""",
    "labels": """
Your message could not be delivered.

    Recipient: <x@c.example>
    >>> RCPT TO:<x@c.example>
    <<< 550 5.1.1 <x@c.example>: User unknown

Original message follows.

Received: from b.example
Message-ID: <1@b.example>
""",
}


@pytest.mark.parametrize("name", FORMS)
def test_bounces_in_words(name):
    report = recognise(mail(DAEMON + "Subject: failure notice", FORMS[name]))
    assert (report.kind, report.standard) == ("bounce", False)
    (recipient,) = report.recipients
    assert (recipient.address, recipient.status, recipient.code, recipient.action) == (
        "x@c.example",
        "5.1.1",
        550,
        "failed",
    )
    assert report.original.message_id == "1@b.example"


def test_the_address_before_a_forwarding_is_told():
    report = recognise(mail(DAEMON + "Subject: Mail delivery failed", FORMS["exim"]))
    assert report.recipients[0].original == "old@b.example"


def test_each_recipient_gets_its_own_words():
    body = """
I wasn't able to deliver your message to the following addresses.

<x@c.example>:
550 5.1.1 User unknown

<y@c.example>:
552 5.2.2 Mailbox full
"""
    report = recognise(mail(DAEMON + "Subject: failure notice", body))
    assert [(r.address, r.status, r.code) for r in report.recipients] == [
        ("x@c.example", "5.1.1", 550), ("y@c.example", "5.2.2", 552),
    ]  # fmt: skip


def test_words_without_codes_still_tell():
    report = recognise(
        mail(DAEMON + "Subject: Undeliverable", "Could not be delivered to: <x@c.example>\nAs their mailbox is full.\n")
    )
    assert (report.recipients[0].address, report.recipients[0].status) == ("x@c.example", "5.2.2")


def test_a_warning_is_a_delay():
    body = """
THIS IS A WARNING MESSAGE ONLY. YOU DO NOT NEED TO RESEND YOUR MESSAGE.

<x@c.example>: connect to mx.c.example[192.0.2.1]:25: Connection timed out
"""
    report = recognise(mail(DAEMON + "Subject: Delayed Mail (still being retried)", body))
    assert (report.kind, report.recipients[0].action) == ("delay", "delayed")


def test_a_status_of_the_server_counts_more_than_that_of_the_reporter():
    body = """--m
Content-Type: text/plain

Failed.
--m
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.c.example

Final-Recipient: rfc822; x@c.example
Action: failed
Status: 5.0.0
Diagnostic-Code: smtp; 550-5.7.1 Blocked by our list
    550 5.7.1 again
Remote-MTA: dns; mx.d.example
--m
Content-Type: text/rfc822-headers

Message-ID: <1@b.example>
--m--
"""
    head = DAEMON + "Subject: x\nContent-Type: multipart/report; report-type=delivery-status; boundary=m"
    report = recognise(mail(head, body))
    (recipient,) = report.recipients
    assert (recipient.status, recipient.code, recipient.remote) == ("5.7.1", 550, "mx.d.example")
    assert report.standard and report.original.message_id == "1@b.example"


PERSON = "From: Jane <jane@c.example>\nTo: a@b.example\n"


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (PERSON + "Subject: Fwd: Undelivered Mail Returned to Sender", FORMS["qmail"]),
        (PERSON + "Subject: Undeliverable?", "What does this mean?\n\n" + FORMS["exim"] + "\nReferences: x"),
        (
            PERSON + "Subject: Re: failure notice\nReferences: <1@b.example>",
            "> " + FORMS["sendmail"].replace("\n", "\n> "),
        ),
        (DAEMON + "Subject: Your quota report", "You use 5 % of your mailbox.\n"),
        ("From: Postmaster <postmaster@c.example>\nSubject: Question", "Who runs your mail server?\n"),
        (PERSON + "Subject: News", "Our mailbox is full of ideas. 550 people came.\n"),
    ],
)
def test_people_and_friendly_machines_send_no_bounces(head, body):
    assert recognise(mail(head, body)).kind == "ordinary"


@pytest.mark.parametrize(
    "head",
    [
        "Subject: Out of Office: hi",
        "Subject: Automatic reply: hi",
        "Subject: =?utf-8?q?Automatische_Antwort:_Gr=C3=BC=C3=9Fe?=",
        "Subject: Réponse automatique",
        "Subject: hi\nAuto-Submitted: auto-replied (vacation)",
        "Subject: hi\nPrecedence: auto_reply",
        "Subject: hi\nX-Autoreply: yes",
        "Subject: 自動返信: hi",
    ],
)
def test_automatic_answers(head):
    report = recognise(mail(PERSON + head + "\nIn-Reply-To: <1@b.example>", "I am away.\n"))
    assert (report.kind, report.original.message_id) == ("auto-reply", "1@b.example")


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("To: unsubscribe+token@b.example\nSubject: x", ""),
        ("To: a@b.example\nSubject: Unsubscribe", ""),
        ("To: a@b.example\nSubject: Re: News", "unsubscribe\n"),
        ("To: a@b.example\nSubject: Re: News", "Abmelden!\n"),
    ],
)
def test_wishes_to_leave(head, body):
    assert recognise(mail("From: jane@c.example\n" + head, body)).kind == "unsubscribe"


def test_a_complaint_names_the_person_and_the_message():
    original = b"From: a@b.example\r\nTo: x@c.example\r\nMessage-ID: <1@b.example>\r\nSubject: hi\r\n\r\nBody\r\n"
    data = arf.compose(
        Feedback("abuse", "Test/1", "bounce@b.example", ("x@c.example",), "192.0.2.1", "b.example"), original,
        sender="complaints@c.example", recipient="abuse@b.example", date="Mon, 1 Jan 2024 00:00:00 +0000",
        message_id="2@c.example", boundary="=_mark",
    )  # fmt: skip
    report = recognise(data)
    assert (report.kind, report.feedback, report.original.message_id) == ("complaint", "abuse", "1@b.example")
    assert [recipient.address for recipient in report.recipients] == ["x@c.example"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("opt-out", "unsubscribe"), ("not-spam", "ordinary"), ("fraud", "complaint"), ("auth-failure", "dmarc-report")],
)
def test_feedback_is_not_always_a_complaint(kind, expected):
    data = arf.compose(
        Feedback(kind), b"To: x@c.example\r\n\r\n", sender="c@c.example", recipient="a@b.example", date="x",
        message_id="2@c.example", boundary="=_mark",
    )  # fmt: skip
    assert recognise(data).kind == expected


def test_feedback_fields():
    text = "Feedback-Type: Abuse\nOriginal-Rcpt-To: <x@c.example>\nOriginal-Rcpt-To: y@c.example\nOriginal-Mail-From: <s@b.example>\n"
    assert arf.parse(text) == Feedback("abuse", "", "s@b.example", ("x@c.example", "y@c.example"))


@pytest.mark.parametrize(
    ("notice", "kind", "address"),
    [
        ({"notificationType": "Bounce", "bounce": {"bounceType": "Permanent", "bouncedRecipients": [
            {"emailAddress": "x@c.example", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 no"}]}}, "bounce", "x@c.example"),
        ({"notificationType": "Complaint", "complaint": {"complainedRecipients": [
            {"emailAddress": "x@c.example"}]}}, "complaint", "x@c.example"),
        ({"notificationType": "Delivery", "delivery": {"recipients": ["x@c.example"]}}, "ordinary", "x@c.example"),
        ({"notificationType": "Other"}, "ordinary", None),
        ({"notificationType": "Bounce", "bounce": []}, "ordinary", None),
    ],
)  # fmt: skip
def test_json_notices(notice, kind, address):
    report = recognise(mail("From: no-reply@sns.example\nSubject: AWS Notification Message", json.dumps(notice)))
    assert report.kind == kind
    assert [recipient.address for recipient in report.recipients] == ([address] if address else [])


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        ("Subject: Report domain: b.example Submitter: c.example Report-ID: <1>", "dmarc-report"),
        (
            'Subject: x\nContent-Type: application/gzip; name="c.example!b.example!1700000000!1700086399.xml.gz"',
            "dmarc-report",
        ),
        (
            "Subject: x\nContent-Disposition: attachment; filename=c.example!b.example!1700000000!1700086399!7.zip",
            "dmarc-report",
        ),
        ("Subject: x\nTLS-Report-Domain: b.example", "tls-report"),
        ('Subject: x\nContent-Type: multipart/report; report-type="tlsrpt"; boundary=x', "tls-report"),
        ("Subject: x\nContent-Type: application/zip; name=report.zip", "ordinary"),
    ],
)
def test_reports_of_receivers(head, kind):
    assert recognise(mail(PERSON + head)).kind == kind


def test_the_original_in_a_text_is_found_without_a_separator():
    notice, header = split("It failed.\n\nReceived: from b.example\nMessage-ID: <1@b.example>\nSubject: hi\n\nBody")
    assert notice.strip() == "It failed." and b"Message-ID: <1@b.example>\r\n" in header and b"Body" not in header


@pytest.mark.parametrize(
    "body",
    ["<style" * 60_000, "<" * 300_000, "-" * 300_000, "a@" * 150_000, '{"notificationType":' + "[" * 100_000],
    ids=["open tags", "brackets", "dashes", "half addresses", "nested json"],
)
@pytest.mark.parametrize("kind", ["html", "plain"])
def test_no_size_stops_it(body, kind):
    start = perf_counter()
    recognise(mail(DAEMON + f"Subject: failure notice\nContent-Type: text/{kind}", body))
    assert perf_counter() - start < 5.0  # a pattern that is not linear takes minutes


@given(st.text(max_size=300))
def test_no_text_breaks_it(text):
    recognise(mail(DAEMON + "Subject: failure notice", text))


@given(st.binary(max_size=300))
def test_no_bytes_break_it(data):
    recognise(data)
    recognise(b"From: mailer-daemon@c.example\r\nContent-Type: message/delivery-status\r\n\r\n" + data)
