"""Reading, cleaning, searching and writing messages: the pure parts of the webmail."""

import email
import email.policy
import re
from dataclasses import replace

import pytest

from lettershop.mail.webmail import writing
from lettershop.mail.webmail.clean import cleaned, page
from lettershop.mail.webmail.letter import File, Person, file_of, head_of, html_of, letter_of, pictures_of
from lettershop.mail.webmail.threads import related
from lettershop.mail.webmail.wishes import wish
from lettershop.mail.webmail.writing import Fields, NoAddress, Stamp, Thread
from lettershop.wire.imap.values import And, Contains, Day, HasFlag, Not

STAMP = Stamp(1_700_000_000.0, "one@shop.example", "=_b")
ANN = Person("Ann", "ann@shop.example")


def mixed() -> bytes:
    """A message as mail programs make it: alternative with a picture within, a PDF, and a message passed on."""
    made = email.message.EmailMessage(policy=email.policy.SMTP)
    made["From"], made["To"], made["Subject"] = '"Bob, the printer" <bob@b.example>', "ann@shop.example", "Grüße"
    made["Message-ID"], made["Date"] = "<m1@b.example>", "Tue, 14 Nov 2023 22:13:20 +0000"
    made.set_content("Hello Ann,\n\nplain words.\n")
    made.add_alternative('<p>Hello <b>Ann</b></p><img src="cid:logo@b" alt="Logo">', subtype="html")
    made.get_body(("html",)).add_related(b"PNG!", "image", "png", cid="<logo@b>", filename="logo.png")
    made.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="../Prüfung.pdf")
    made.add_attachment(email.message_from_bytes(b"Subject: inner\r\n\r\nx", policy=email.policy.SMTP))
    return bytes(made)


def test_a_message_is_taken_apart_for_people():
    letter = letter_of(mixed())
    assert letter.head.subject == "Grüße"
    assert letter.head.sender == (Person("Bob, the printer", "bob@b.example"),)
    assert letter.head.date == 1_700_000_000.0
    assert letter.text == "Hello Ann,\n\nplain words."
    assert letter.html
    assert [(one.name, one.type) for one in letter.files] == [
        ("_Prüfung.pdf", "application/pdf"),
        ("message.eml", "message/rfc822"),
    ]
    assert file_of(mixed(), letter.files[0].number) == File("_Prüfung.pdf", "application/pdf", b"%PDF-1.7")
    assert file_of(mixed(), 0) is None  # the message itself is no file of it
    assert pictures_of(mixed()).keys() == {"logo@b"}


@pytest.mark.parametrize(
    ("data", "text", "html", "files"),
    [
        (b"Subject: x\r\n\r\nbody\r\n", "body", False, 0),
        (b"", "", False, 0),
        (b"Content-Type: text/html; charset=utf-8\r\n\r\n<p>One</p><p>Two</p>", "One\n\nTwo", True, 0),
        (b"Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nfile", "", False, 1),
        (b"Content-Type: application/pdf\r\n\r\n%PDF", "", False, 1),
        (b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nfirst\r\n--x\r\nContent-Type: text/html"
         b"\r\n\r\n<i>two</i>\r\n--x--",
         "first\n\ntwo", True, 0),
        (b"Content-Type: multipart/mixed\r\n\r\nno boundary", "", False, 0),
    ],
)  # fmt: skip
def test_odd_messages_are_read_too(data, text, html, files):
    letter = letter_of(data)
    assert (letter.text, letter.html, len(letter.files)) == (text, html, files)


def test_names_that_turn_the_direction_or_the_folder_are_made_plain():
    data = b'Content-Type: application/x; name="a/../\xe2\x80\xaefdp.exe"\r\n\r\nx'
    assert letter_of(data).files[0].name == "a_.._fdp.exe"


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><a href=javascript:alert(1)>x</a></svg>",
    "<a href='java&#10;script:alert(1)'>x</a>",
    "<iframe src=https://evil.example></iframe>",
    "<form action=https://evil.example><input></form>",
    "<style>@import 'https://evil.example/x.css'; body{background:url(https://evil.example)}</style>",
    "<base href=https://evil.example>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<link rel=stylesheet href=https://evil.example>",
    "<p style='background:url(https://evil.example)'>x</p>",
    "<p style='background:u\\72l(https://evil.example)'>x</p>",
    "<p style='background-image:image-set(\"https://evil.example\" 1x)'>x</p>",
    "<table background=https://evil.example><tr><td>x</table>",
    "<img srcset='https://evil.example 1x'>",
    "<video src=https://evil.example poster=https://evil.example></video>",
    "<object data=https://evil.example></object>",
    "<embed src=https://evil.example>",
    "<img src='data:image/svg+xml,<svg onload=alert(1)>'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<p style='width:expression(alert(1))'>x</p>",
    "<img src=//evil.example/x.png>",
    "<img src='https://evil.example/pixel.gif'>",
    "<input type=image src=https://evil.example>",
    "<body background=https://evil.example>",
    "<img src='cid:none'>",
    "<bgsound src=https://evil.example>",
    "<audio src=https://evil.example>",
    "<p id=x class=y name=z>x</p>",
]


@pytest.mark.parametrize("html", HOSTILE)
def test_foreign_html_can_do_nothing_and_fetches_nothing(html):
    shown = cleaned(html, {}, remote=False).html
    assert not re.search(r"<(?!/?(p|a|img|table|tbody|tr|td)\b)", shown)
    assert "script" not in shown
    assert "javascript:" not in shown
    assert "evil.example" not in shown
    assert not re.search(r"\son\w+=|srcset|\sid=|class=|data:", shown)


def test_remote_pictures_are_counted_and_come_only_when_asked_for():
    html = '<img src="https://a.example/1.png"><img src="http://a.example/2.png" alt="two"><p style="color:red;background:url(https://x.example)">x</p>'
    shut, opened = cleaned(html, {}, remote=False), cleaned(html, {}, remote=True)
    assert shut.blocked == 2
    assert "a.example" not in shut.html
    assert 'alt="two"' in shut.html
    assert opened.blocked == 0
    assert "https://a.example/1.png" in opened.html
    assert "x.example" not in opened.html
    assert "color:red" in opened.html


def test_pictures_of_the_message_are_carried_within():
    found = cleaned(html_of(mixed()), pictures_of(mixed()), remote=False)
    assert 'src="data:image/png;base64,UE5HIQ=="' in found.html
    assert "<b>Ann</b>" in page(found)
    drawing = {"logo@b": File("x", "image/svg+xml", b"<svg onload=alert(1)>")}
    assert "svg" not in cleaned(html_of(mixed()), drawing, remote=False).html


def test_links_open_elsewhere_and_tell_nothing():
    shown = cleaned('<a href="https://a.example/?q=1">x</a>', {}, remote=False).html
    assert 'target="_blank"' in shown
    assert 'rel="noopener noreferrer nofollow"' in shown


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ("", None),
        ("spring", And((Contains("TEXT", "spring"),))),
        ('"spring sale" from:ann', And((Contains("TEXT", "spring sale"), Contains("HEADER", "ann", "from")))),
        ('subject:"two words"', And((Contains("HEADER", "two words", "subject"),))),
        ("is:unread is:FLAGGED", And((Not(HasFlag(1)), HasFlag(4)))),
        ("since:2023-11-14", And((Day("internal", "since", 19675),))),
        ("since:yesterday http://x", And((Contains("TEXT", "since:yesterday"), Contains("TEXT", "http://x")))),
    ],
)
def test_the_words_of_a_search(words, key):
    assert wish(words) == key


def test_a_thread_is_found_through_messages_that_name_each_other():
    envelopes = {
        "question": b'("d" "s" NIL NIL "<q@a>")',
        "answer": b'("d" "s" NIL "<q@a>" "<r@b>")',
        "again": b'("d" "s" NIL "<r@b>" "<s@a>")',
        "other": b'("d" "<x@y> in a subject" NIL "<o@a>")',
        "broken": b"",
    }
    assert related(["s@a"], envelopes) == {"question", "answer", "again"}
    assert related([], envelopes) == set()


def test_an_answer_goes_to_who_wrote_and_quotes():
    fields = writing.answer(letter_of(mixed()), ["ann@shop.example"], everybody=False)
    assert fields.to == '"Bob, the printer" <bob@b.example>'
    assert fields.sender == "ann@shop.example"
    assert fields.subject == "Re: Grüße"
    assert (
        fields.text
        == '\n\n"Bob, the printer" <bob@b.example>, 2023-11-14 22:13 UTC:\n> Hello Ann,\n>\n> plain words.\n'
    )


def test_an_answer_to_all_leaves_oneself_out_and_names_each_once():
    head = head_of(
        b"From: b@b.example\r\nReply-To: list@l.example\r\nTo: ANN@shop.example, C <c@c.example>\r\n"
        b"Cc: c@c.example, list@l.example\r\nSubject: Re: x\r\n"
    )
    fields = writing.answer(replace(letter_of(b""), head=head), ["ann@shop.example"], everybody=True)
    assert (fields.to, fields.subject) == ("list@l.example", "Re: x")
    assert fields.cc == "C <c@c.example>, c@c.example"
    own = replace(letter_of(b""), head=head_of(b"From: ann@shop.example\r\nTo: c@c.example\r\n"))
    assert writing.answer(own, ["ann@shop.example"], everybody=False).to == "c@c.example"


def test_what_is_written_is_read_again_by_another_reader():
    fields = Fields(
        "ann@shop.example",
        "Zoë <zoe@z.example>; b@b.example",
        "",
        "hidden@h.example",
        "Grüße\r\nBcc: x@y",
        "Zeile 1\nZeile 2 – ü",
    )
    files = [File("Prüfung.pdf", "application/pdf", b"%PDF" * 1000)]
    data = writing.written(fields, ANN, Thread("q@b", ("p@b",)), files, STAMP, bcc=False)
    parsed = email.message_from_bytes(data, policy=email.policy.SMTP)
    assert parsed["Subject"] == "Grüße Bcc: x@y"
    assert parsed["Bcc"] is None
    assert [one.addr_spec for one in parsed["To"].addresses] == ["zoe@z.example", "b@b.example"]
    assert parsed["In-Reply-To"] == "<q@b>"
    assert parsed["References"] == "<p@b> <q@b>"
    assert parsed.get_body(("plain",)).get_content().splitlines() == ["Zeile 1", "Zeile 2 – ü"]
    (attached,) = parsed.iter_attachments()
    assert (attached.get_filename(), attached.get_content()) == ("Prüfung.pdf", b"%PDF" * 1000)
    copy = email.message_from_bytes(
        writing.written(fields, ANN, Thread(), (), STAMP, bcc=True), policy=email.policy.SMTP
    )
    assert copy["Bcc"] == "hidden@h.example"
    again = writing.again(letter_of(writing.written(fields, ANN, Thread(), (), STAMP, bcc=True)))
    assert (again.to, again.bcc, again.text) == (
        "Zoë <zoe@z.example>, b@b.example",
        "hidden@h.example",
        "Zeile 1\nZeile 2 – ü",
    )


@pytest.mark.parametrize("words", ["nobody", "a@", "a@b.example, c", "<>", ", ;x"])
def test_a_slip_in_an_address_is_told(words):
    with pytest.raises(NoAddress):
        writing.people(words)


def test_each_recipient_counts_once_and_somebody_must_be_there():
    found = writing.recipients(Fields(to="a@b.example, A <a@B.example>", bcc="c@d.example"))
    assert [str(one) for one in found] == ["a@b.example", "c@d.example"]
    with pytest.raises(NoAddress):
        writing.recipients(Fields(subject="x"))
