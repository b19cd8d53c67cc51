"""Reasons and hardness of what reports say, with the rules handed in."""

import pytest

from lettershop.mail.bounces import inspect, understand
from lettershop.wire.message.compose import Header, body_part, multipart


def report(action: str, status: str, said: str) -> bytes:
    """A notification about one recipient, as another server would write it."""
    header, fields = Header(), Header()
    header.add("From", "mailer-daemon@mx.c.example")
    fields.add("Final-Recipient", "rfc822; x@c.example")
    fields.add("Action", action)
    fields.add("Status", status)
    fields.add("Diagnostic-Code", f"smtp; {said}")
    parts = [
        body_part("text/plain", b"It failed.\r\n"),
        body_part("message/delivery-status", b"Reporting-MTA: dns; mx.c.example\r\n\r\n" + fields.encode()),
        body_part("text/rfc822-headers", b"Message-ID: <1@b.example>\r\n"),
    ]
    return multipart(header, "report", parts, "=_mark", params="report-type=delivery-status")


def asked(message: bytes) -> list[tuple[int, str, str]]:
    calls = []

    def classify(code: int, enhanced: str, text: str) -> tuple[str, bool]:
        calls.append((code, enhanced, text))
        return "some-reason", True

    found = inspect(message, classify)
    assert {person.reason for person in found.recipients} <= {"some-reason"}
    return calls


def test_the_rules_are_asked_with_code_status_and_words():
    said = "550 5.1.1 <x@c.example> User unknown here"
    assert asked(report("failed", "5.1.1", said)) == [(550, "5.1.1", said)]


def test_a_vague_status_is_replaced_by_what_the_words_mean():
    said = "the mailbox is full at the moment, sorry"
    assert asked(report("failed", "5.0.0", said)) == [(550, "5.2.2", said)]


def test_a_temporary_answer_stays_temporary_unless_the_address_is_wrong():
    assert asked(report("failed", "4.4.1", "421 4.4.1 No answer from host"))[0][0] == 421
    assert asked(report("failed", "4.1.1", "450 4.1.1 Unknown in our tables"))[0][0] == 550


def test_a_delay_is_never_hard():
    found = inspect(report("delayed", "4.1.1", "450 4.1.1 x"), lambda *_: ("unknown-user", True))
    assert (found.kind, found.recipients[0].hard) == ("delay", False)


@pytest.mark.parametrize(
    ("said", "reason", "hard"),
    [
        ("550 5.1.1 <x@c.example>: Recipient address rejected: User unknown", "unknown-user", True),
        ("552 5.2.2 Mailbox full", "mailbox-full", False),
        ("550 5.7.1 Message rejected as spam", "content", False),
        ("550 Unknown user x@c.example (in reply to end of DATA command)", "unknown-user", False),
    ],
)
def test_with_the_rules_of_the_engine(said, reason, hard):
    found = understand(report("failed", "5.0.0", said))
    assert (found.recipients[0].reason, found.recipients[0].hard) == (reason, hard)


def test_as_json_has_the_names_of_the_contract():
    found = understand(report("failed", "5.1.1", "550 5.1.1 User unknown"))
    value = found.as_json()
    assert value["kind"] == "bounce" and value["message_id"] == "1@b.example" and value["advice"]
    assert value["recipients"][0] == {
        "address": "x@c.example", "status": "5.1.1", "code": 550, "hard": True, "class": "unknown-user",
        "diagnostic": "550 5.1.1 User unknown", "original": "",
    }  # fmt: skip


def test_forms_that_nobody_of_ours_reads_go_to_the_fallback():
    text = "From: MAILER-DAEMON@c.example\r\nSubject: Delivery failure\r\n\r\nYour message could not be delivered.\r\n"
    assert inspect(text.encode(), lambda *_: ("x", False)).recipients == ()
