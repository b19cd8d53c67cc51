"""What a received message means for a campaign: the right fact about the right person, and none from ordinary mail."""

from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lettershop.base.facts import AutoReplied, BounceReported, Complained, Replied, Unsubscribed
from lettershop.mail.returned import ORDINARY, Returned
from lettershop.mail.tokens import Recipient, Tokens
from lettershop.wire.reports import arf, dsn
from lettershop.wire.reports.arf import Feedback
from lettershop.wire.reports.dsn import Failure, Notice

TOKENS = Tokens(b"k" * 32)
ANN = Recipient(7, 800, 90)
TOKEN = TOKENS.seal(ANN)
OTHER = Recipient(7, 801, 91)
NOTICE = Notice("mx.c.example", "bounce@b.example", "Mon, 1 Jan 2024 00:00:00 +0000", "2@mx.c.example", "=_mark")
DEAD = Failure("ann@c.example", "5.1.1", "550 5.1.1 User unknown", "mx.c.example")
FULL = Failure("ann@d.example", "5.2.2", "552 5.2.2 Mailbox full")

ORIGINALS = {
    "message id": f"Message-ID: <{TOKEN}@b.example>",
    "folded case": f"Message-ID: <{TOKEN.upper()}@b.example>",
    "bounce address": f"Return-Path: <bounce+{TOKEN}@b.example>",
    "unsubscribe link": f"Message-ID: <x@relay.example>\r\nList-Unsubscribe: <https://b.example/u/{TOKEN}>, <mailto:u@b.example>",
    "unsubscribe mail": f"List-Unsubscribe: <mailto:unsubscribe+{TOKEN}@b.example>",
}


def bounce(original: str, *failures: Failure) -> bytes:
    return dsn.compose(NOTICE, failures or (DEAD,), f"{original}\r\nSubject: News\r\n\r\n".encode())


def mail(*lines: str, body: str = "Thank you!\r\n") -> bytes:
    return "\r\n".join(["From: Ann <ann@c.example>", "To: news@b.example", *lines, "", body]).encode()


ANSWER = f"In-Reply-To: <{TOKEN}@b.example>"


def facts(message: bytes, recipient: Recipient | None = None) -> list:
    return Returned.read(message, TOKENS).facts(recipient, 5, 1.0)


def about(fact) -> Recipient:
    return Recipient(fact.campaign_id, fact.envelope_id, fact.contact_id)


@pytest.mark.parametrize("original", ORIGINALS.values(), ids=ORIGINALS)
def test_a_bounce_names_its_person_by_what_it_quotes(original):
    [fact] = facts(bounce(original))
    assert about(fact) == ANN
    assert isinstance(fact, BounceReported)
    assert (fact.address, fact.status, fact.hard, fact.reason) == ("ann@c.example", "5.1.1", True, "unknown-user")
    assert fact.diagnostic == "550 5.1.1 User unknown"


def test_the_address_it_came_to_counts_more_than_what_is_quoted():
    [fact] = facts(bounce(ORIGINALS["message id"]), OTHER)
    assert about(fact) == OTHER


def test_the_link_in_a_returned_body_is_enough():
    report = bounce("Message-ID: <x@relay.example>").replace(
        b"--=_mark--",
        b"--=_mark\r\nContent-Type: text/html\r\n\r\n<a href=3D\"https://b.example/u/" + TOKEN[:9].encode() + b"=\r\n"
        + TOKEN[9:].encode() + b'">leave</a>\r\n--=_mark--',
    )  # fmt: skip
    assert about(facts(report)[0]) == ANN


def test_a_report_without_a_token_of_ours_is_believed_by_nobody():
    assert facts(bounce("Message-ID: <x@b.example>")) == []
    forged = Tokens(b"other" * 8).seal(ANN)
    assert facts(bounce(f"Message-ID: <{forged}@b.example>")) == []


def test_a_person_is_hard_only_if_every_address_behind_theirs_is():
    assert facts(bounce(ORIGINALS["message id"], DEAD, FULL))[0].hard is False
    assert facts(bounce(ORIGINALS["message id"], DEAD, DEAD))[0].hard is True


def test_a_delay_is_no_bounce():
    late = bounce(ORIGINALS["message id"]).replace(b"Action: failed", b"Action: delayed").replace(b"5.1.1", b"4.4.1")
    assert facts(late, ANN) == []


def complaint(kind: str = "abuse") -> bytes:
    return arf.compose(
        Feedback(kind, "Test/1", "", ("ann@c.example",)), f"{ORIGINALS['message id']}\r\n\r\nNews\r\n".encode(),
        sender="feedback@c.example", recipient="fbl@b.example", date="x", message_id="3@c.example", boundary="=_mark",
    )  # fmt: skip


def test_a_complaint():
    [fact] = facts(complaint())
    assert isinstance(fact, Complained)
    assert (about(fact), fact.address, fact.feedback_type, fact.reporter) == (
        ANN,
        "ann@c.example",
        "abuse",
        "c.example",
    )


def test_not_spam_is_no_complaint():
    assert facts(complaint("not-spam")) == []


@pytest.mark.parametrize("field", [ANSWER, f"References: <1@c.example>\r\n <{TOKEN}@b.example>"])
def test_a_reply(field):
    [fact] = facts(mail(field, "Subject: =?utf-8?q?Re:_Gr=C3=BC=C3=9Fe?="))
    assert isinstance(fact, Replied)
    assert (about(fact), fact.address, fact.message_id, fact.subject) == (ANN, "ann@c.example", 5, "Re: Grüße")


@pytest.mark.parametrize(
    "lines",
    [
        ["Auto-Submitted: auto-replied", ANSWER],
        ["Auto-Submitted: auto-generated", ANSWER],
        ["Subject: Automatische Antwort: News", ANSWER],
        ["Subject: Out of office", f"X-Quoted: <{TOKEN}@b.example>"],
        ["Precedence: auto_reply", ANSWER],
    ],
)
def test_an_automatic_answer_is_neither_a_reply_nor_a_bounce(lines):
    [fact] = facts(mail(*lines))
    assert isinstance(fact, AutoReplied)
    assert (about(fact), fact.address) == (ANN, "ann@c.example")


def test_an_out_of_office_to_the_bounce_address():
    [fact] = facts(mail("Auto-Submitted: auto-replied (vacation)", "Subject: Away"), OTHER)
    assert isinstance(fact, AutoReplied) and about(fact) == OTHER


@pytest.mark.parametrize(
    "body",
    [
        "STOP", "unsubscribe\r\n", "Please unsubscribe me.", "Please remove me from this list, thanks!", "Bitte abmelden!",
        "Hallo,\r\n\r\nbitte austragen\r\n\r\nDanke", "désabonner svp", "Darme de baja, por favor", "Cancellami", "Afmelden",
        "Отписаться", "配信停止", "退订",
        "Unsubscribe\r\n\r\nOn Mon, 1 Jan 2024 at 10:00, News <news@b.example> wrote:\r\n> Hello Ann\r\n> Bye",
        "Stop\r\n\r\n-----Original Message-----\r\nFrom: News <news@b.example>\r\nHello Ann",
        "Abmelden\r\n\r\nVon meinem iPhone gesendet\r\n\r\n> Am 1.1.2024 schrieb News:\r\n> Hallo",
        "Unsubscribe\r\n-- \r\nAnn Miller\r\nDirector",
    ],
)  # fmt: skip
def test_a_reply_that_only_asks_to_leave_unsubscribes(body):
    replied, left = facts(mail(ANSWER, "Subject: Re: News", body=body))
    assert isinstance(replied, Replied) and isinstance(left, Unsubscribed)
    assert (about(left), left.how) == (ANN, "reply")


@pytest.mark.parametrize(
    "body",
    [
        "Thank you, I will stop by your shop tomorrow.",
        "How can I unsubscribe my colleague who left?",
        "Do not stop!",
        "Please stop sending me the paper version, I love the e-mails",
        "Great news!\r\n\r\nOn Monday News <news@b.example> wrote:\r\n> unsubscribe",
        "",
    ],
)
def test_a_reply_that_says_more_does_not(body):
    assert [type(fact) for fact in facts(mail(ANSWER, "Subject: Re: Stop", body=body))] == [Replied]


def test_the_subject_counts_where_nothing_else_is_said():
    assert [type(fact) for fact in facts(mail(ANSWER, "Subject: Unsubscribe", body="\r\n"))] == [Replied, Unsubscribed]


def test_a_reply_in_html():
    body = "<html><body><div>Unsubscribe me please<br></div><blockquote>Hello Ann, stay!</blockquote></body></html>"
    found = facts(mail(ANSWER, "Content-Type: text/html", body=body))
    assert [type(fact) for fact in found] == [Replied, Unsubscribed]


@pytest.mark.parametrize(
    "message",
    [
        mail("Subject: Lunch"),
        mail("Subject: Lunch", f"In-Reply-To: <{TOKEN[:-2]}aa@b.example>"),
        mail("Subject: Look at this", body=f"https://b.example/u/{TOKEN}\r\n"),
        b"", b"\r\n", b"no header at all",
    ],
)  # fmt: skip
def test_ordinary_mail_tells_nothing(message):
    assert facts(message) == []


def test_ordinary_mail_is_not_taken_apart():
    message = mail(
        "Subject: Lunch", *(f"Received: from a{n}.example by b.example; x" for n in range(12)), body="x\r\n" * 99_999
    )
    assert Returned.read(message, TOKENS) is ORDINARY
    start = perf_counter()
    for _ in range(100):
        Returned.read(message, TOKENS)
    assert (perf_counter() - start) / 100 < 0.001


def test_what_goes_into_facts_fits_every_database():
    message = (
        mail(ANSWER, "Subject: =?utf-8?q?a=00b?= ~", body="x").replace(b"ann@", b"ann\x00@").replace(b"~", b"\xff")
    )
    [fact] = Returned.read(message, TOKENS).facts(None, 1, 1.0)
    assert "\x00" not in fact.subject + fact.address
    fact.subject.encode()


PIECES = st.sampled_from([
    b"From: MAILER-DAEMON@c.example\r\n", b"Return-Path: <>\r\n", b"Content-Type: multipart/report; boundary=m\r\n", b"\r\n",
    b"--m\r\n", b"--m--\r\n", b"Content-Type: message/delivery-status\r\n", b"Content-Type: message/feedback-report\r\n",
    b"Content-Type: text/html; charset=utf-7\r\n", b"Content-Type: message/rfc822\r\n", b"Final-Recipient: utf-8; \\x{D800}@c\r\n",
    b"Action: failed\r\nStatus: 5.1.1\r\n", b"550 5.1.1 <x@c.example>\r\n", b'{"notificationType":"Bounce"}',
    b"Subject: \xff=?x?b?//?=\r\n",
    f"In-Reply-To: <{TOKEN}@b.example>\r\n".encode(), b"Content-Transfer-Encoding: base64\r\n", b"Feedback-Type: abuse\r\n",
])  # fmt: skip


@settings(max_examples=300)
@given(st.lists(PIECES | st.binary(max_size=30), max_size=25))
def test_nothing_breaks_it_and_what_it_tells_can_be_stored(pieces):
    for fact in Returned.read(b"".join(pieces), TOKENS).facts(ANN, 1, 1.0):
        for value in fact.data().values():
            assert "\x00" not in str(value)
            str(value).encode()
