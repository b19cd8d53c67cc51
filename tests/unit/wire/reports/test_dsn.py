"""Notices of our own, read back by our own reader; delivery-status fields of others, in any disorder."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lettershop.wire.message import headers, mime
from lettershop.wire.reports import dsn, status
from lettershop.wire.reports.dsn import Failure, Notice
from lettershop.wire.reports.recognise import recognise

NOTICE = Notice(
    "mx.b.example",
    "a@b.example",
    "Mon, 1 Jan 2024 00:00:00 +0000",
    "2@mx.b.example",
    "=_mark",
    "Sun, 31 Dec 2023 00:00:00 +0000",
)
ORIGINAL = b"From: a@b.example\r\nTo: x@c.example\r\nMessage-ID: <1@b.example>\r\nSubject: hi\r\n\r\nSecret\r\n"
DEAD = Failure("x@c.example", "5.1.1", "550 5.1.1 <x@c.example> User unknown", "mx.c.example", "Remove it.")
FULL = Failure("y@c.example", "5.2.2", "552 5.2.2 Mailbox full")


def test_a_bounce_that_we_write_is_a_bounce_that_we_read():
    data = dsn.compose(NOTICE, [DEAD, FULL], ORIGINAL)
    report = recognise(data)
    assert (report.kind, report.standard, report.original.message_id) == ("bounce", True, "1@b.example")
    told = [(r.address, r.action, r.status, r.code, r.diagnostic) for r in report.recipients]
    assert told == [
        ("x@c.example", "failed", "5.1.1", 550, DEAD.answer), ("y@c.example", "failed", "5.2.2", 552, FULL.answer),
    ]  # fmt: skip
    assert report.recipients[0].remote == "mx.c.example"
    assert b"Secret" not in data


def test_a_warning_that_it_takes_longer_says_until_when():
    late = Failure("x@c.example", "4.7.1", "451 4.7.1 Later", "mx.c.example", until="Tue, 2 Jan 2024 00:00:00 +0000")
    data = dsn.compose(replace(NOTICE, action="delayed"), [late], ORIGINAL)
    report = recognise(data)
    assert (report.kind, report.recipients[0].action, report.recipients[0].status) == ("delay", "delayed", "4.7.1")
    assert b"Will-Retry-Until: Tue, 2 Jan 2024 00:00:00 +0000\r\n" in data
    assert b"Nothing more will be tried" not in data


def test_the_form_is_that_of_the_rfc():
    data = dsn.compose(NOTICE, [DEAD], ORIGINAL)
    root = mime.scan(data)
    assert root.mime == "multipart/report" and root.param("report-type") == "delivery-status"
    assert [part.mime for part in root.parts] == ["text/plain", "message/delivery-status", "text/rfc822-headers"]
    header = headers.parse(data)
    assert header.get("Auto-Submitted") == "auto-replied" and header.get("To") == "a@b.example"
    fields = mime.content(data, root.parts[1])
    assert b"\r\n\r\nFinal-Recipient: rfc822; x@c.example\r\nAction: failed\r\nStatus: 5.1.1\r\n" in fields


@given(st.text(max_size=200))
def test_what_a_server_said_cannot_break_the_notice(words):
    data = dsn.compose(NOTICE, [Failure("x@c.example", "5.0.0", words)], ORIGINAL)
    assert len(mime.scan(data).parts) == 3
    (recipient,) = recognise(data).recipients
    assert recipient.address == "x@c.example" and recipient.action == "failed"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Final-Recipient: rfc822;<x@c.example>\nAction: FAILED (really)\nStatus: 5.1.1 (no such user)",
         ("x@c.example", "failed", "5.1.1", 0)),
        ("Final-Recipient: x@c.example\nStatus: 4.4.1\nAction: delayed", ("x@c.example", "delayed", "4.4.1", 0)),
        ("Final-Recipient: utf-8; k\\x{E4}the@c.example\nAction: failed", ("käthe@c.example", "failed", "", 0)),
        ("Original-Recipient: rfc822;x@c.example\n\nAction: failed\nDiagnostic-Code: smtp; 550 5.1.1\n no",
         ("x@c.example", "failed", "", 550)),
        ("Action: failed\nFinal-Recipient: LOCAL; joe\nDiagnostic-Code: X-Unix; 67", ("joe", "failed", "", 0)),
    ],
)  # fmt: skip
def test_delivery_status_in_any_disorder(text, expected):
    (found,) = status.parse(f"Reporting-MTA: dns; mx\n\n{text}\n")
    assert (found.address, found.action, found.status, found.code) == expected


def test_groups_without_an_empty_line_between_them():
    text = "Final-Recipient: rfc822;x@c.example\nStatus: 5.1.1\nFinal-Recipient: rfc822;y@c.example\nStatus: 5.2.2\n"
    assert [(r.address, r.status) for r in status.parse(text)] == [("x@c.example", "5.1.1"), ("y@c.example", "5.2.2")]


@pytest.mark.parametrize(
    ("text", "code", "found"),
    [
        ("550 5.1.1 no", 550, "5.1.1"),
        ("said: 421-4.7.0 slow down", 421, "4.7.0"),
        ("5.1.0 - Unknown address error 550-'5.2.2 full'", 550, "5.1.0"),
        ("host 192.0.5.1.1 said no; port 5501, id 550abc, 5.5.1.1", 0, ""),
        ("250 2.0.0 ok", 0, ""),
        ("(#5.4.4)", 0, "5.4.4"),
    ],
)
def test_codes_in_words(text, code, found):
    assert (status.code_in(text), status.status_in(text)) == (code, found)
