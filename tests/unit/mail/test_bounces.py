"""Reasons, hardness and advice of what reports say."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lettershop.egress.classify import shipped
from lettershop.mail import bounces
from lettershop.mail.bounces import understand
from lettershop.wire.message.compose import Header, body_part, multipart


def report(*people: tuple[str, str, str]) -> bytes:
    """A notification as another server would write it: action, status and words of each recipient."""
    header = Header()
    header.add("From", "mailer-daemon@mx.c.example")
    groups = []
    for number, (action, status, said) in enumerate(people):
        fields = Header()
        fields.add("Final-Recipient", f"rfc822; {'xyz'[number]}@c.example")
        fields.add("Action", action)
        fields.add("Status", status)
        fields.add("Diagnostic-Code", f"smtp; {said}")
        groups.append(fields.encode())
    parts = [
        body_part("text/plain", b"It failed.\r\n"),
        body_part("message/delivery-status", b"\r\n".join([b"Reporting-MTA: dns; mx.c.example\r\n", *groups])),
        body_part("text/rfc822-headers", b"Message-ID: <1@b.example>\r\n"),
    ]
    return multipart(header, "report", parts, "=_mark", params="report-type=delivery-status")


@pytest.mark.parametrize(
    ("status", "said", "reason", "hard"),
    [
        ("5.1.1", "550 5.1.1 <x@c.example>: Recipient address rejected: User unknown", "unknown-user", True),
        ("5.0.0", "552 5.2.2 Mailbox full", "mailbox-full", False),
        ("5.0.0", "the mailbox is full at the moment, sorry", "mailbox-full", False),
        ("5.0.0", "550 5.7.1 Message rejected as spam", "content", False),
        ("5.0.0", "550 Unknown user x@c.example (in reply to end of DATA command)", "filtered", False),
        ("5.0.0", "550 : User unknown", "filtered", False),
        ("4.4.1", "421 4.4.1 No answer from host", "network", False),
        ("4.1.1", "450 4.1.1 User unknown in our tables", "unknown-user", True),
        ("4.4.7", "delivery time expired", "expired", False),
    ],
)
def test_a_quoted_answer_is_judged_as_one_that_we_were_given(status, said, reason, hard):
    [person] = understand(report(("failed", status, said))).recipients
    assert (person.reason, person.hard) == (reason, hard)


def test_a_delay_is_never_hard():
    found = understand(report(("delayed", "4.1.1", "450 4.1.1 User unknown")))
    assert (found.kind, found.recipients[0].hard, found.advice) == ("delay", False, bounces.ADVICE["delay"])


def test_the_advice_of_a_bounce_is_that_of_most_of_its_recipients():
    full = ("failed", "5.2.2", "552 5.2.2 Mailbox full")
    found = understand(report(("failed", "5.1.1", "550 5.1.1 User unknown"), full, full))
    assert [person.advice for person in found.recipients] == [
        shipped().advice("unknown-user"), shipped().advice("mailbox-full"), shipped().advice("mailbox-full"),
    ]  # fmt: skip
    assert found.advice == shipped().advice("mailbox-full")


def test_as_json_has_the_names_of_the_contract():
    value = understand(report(("failed", "5.1.1", "550 5.1.1 User unknown"))).as_json()
    assert (value["kind"], value["message_id"], value["advice"]) == (
        "bounce",
        "1@b.example",
        shipped().advice("unknown-user"),
    )
    assert value["recipients"] == [
        {
            "address": "x@c.example", "status": "5.1.1", "code": 550, "hard": True, "class": "unknown-user",
            "diagnostic": "550 5.1.1 User unknown", "advice": shipped().advice("unknown-user"), "original": "", "provider": "",
        }
    ]  # fmt: skip


def test_a_bounce_that_names_nobody_says_so():
    text = "From: MAILER-DAEMON@c.example\r\nSubject: Delivery failure\r\n\r\nYour message could not be delivered.\r\n"
    found = understand(text.encode())
    assert (found.kind, found.recipients, found.advice) == ("bounce", (), bounces.ADVICE["bounce"])


def test_what_our_own_reader_cannot_find_the_fallback_does():
    text = (
        "From: Mail Delivery Subsystem <MAILER-DAEMON@AOL.com>\r\nSubject: Mail Delivery Problem\r\n\r\n"
        "Your mail to the following recipients could not be delivered because they are not accepting mail from a@b.example:\r\n"
        "\tscreenname\r\n"
    )
    assert [person.address for person in understand(text.encode()).recipients] == ["screenname@aol.com"]


@given(st.binary(max_size=300))
def test_nothing_breaks_it(data):
    understand(data)
    understand(b"From: mailer-daemon@c.example\r\nSubject: failure notice\r\n\r\n" + data)


HEAD = b"From: MAILER-DAEMON@c.example\nSubject: failure notice\n\n"
FIELDS = report(("failed", "5.0.0", "no")).replace(
    b"smtp; no", b"smtp; 550 " + b"the message account user mailbox " * 60_000
)
HUGE = {
    "pairs": HEAD + b"a@" * 1_000_000, "labels": HEAD + b"x@" + b"a." * 1_000_000, "codes": HEAD + b"550-5." * 400_000,
    "words": HEAD + b"mailbox user account address message " * 60_000, "people": HEAD + b"x@c.example: 550 no\n" * 60_000,
    "sender": b"From: " + b"a@b.example, " * 150_000 + b"\n\n", "page": b"From: postmaster@c.example\nContent-Type: text/html\n\n"
    + b"<div " * 400_000, "returns": b"\r" * 2_000_000, "fields": FIELDS,
}  # fmt: skip


@pytest.mark.parametrize("name", list(HUGE))
def test_megabytes_take_seconds_at_most(name):
    """They take tenths of a second; what is quadratic would take hours."""
    begun = perf_counter()
    understand(HUGE[name])
    assert perf_counter() - begun < 30


def test_the_address_is_the_senders_where_the_last_host_knows_only_its_own():
    message = report(("failed", "5.1.1", "550 5.1.1 User unknown")).replace(
        b"Final-Recipient: rfc822; x@c.example",
        b"Final-Recipient: rfc822; x@store-daemon\r\nOriginal-Recipient: rfc822;x@c.example",
    )
    assert [person.address for person in understand(message).recipients] == ["x@c.example"]
