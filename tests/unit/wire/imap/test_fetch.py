"""FETCH answers: columns of a page become lines."""

from lettershop.wire.imap.fetch import Page, answers, flag_answers, set_seen
from lettershop.wire.imap.values import Attribute, Binary, Section

PAGE = Page(
    numbers=[1, 4], uids=[10, 40], flags=[1, 24], words=["", "Work"], recent={40}, modseqs=[5, 6], sizes=[100, 200],
    dates=[0.0, 86_399.5], envelopes=[b"(A)", b"(B)"], bodies=[b"(c)", b"(d)"], structures=[b"(C)", b"(D)"],
    sections=[[b"ab", None], [7, None]],
)  # fmt: skip


def test_every_item() -> None:
    names = ("UID", "FLAGS", "MODSEQ", "RFC822.SIZE", "INTERNALDATE", "ENVELOPE", "BODY", "BODYSTRUCTURE")
    items = [Attribute(name) for name in names]
    assert answers(items, PAGE) == (
        b'* 1 FETCH (UID 10 FLAGS (\\Seen) MODSEQ (5) RFC822.SIZE 100 INTERNALDATE " 1-Jan-1970 00:00:00 +0000"'
        b" ENVELOPE (A) BODY (c) BODYSTRUCTURE (C))\r\n"
        b"* 4 FETCH (UID 40 FLAGS (\\Deleted \\Draft Work \\Recent) MODSEQ (6) RFC822.SIZE 200"
        b' INTERNALDATE " 1-Jan-1970 23:59:59 +0000" ENVELOPE (B) BODY (d) BODYSTRUCTURE (D))\r\n'
    )


def test_sections_go_out_as_literals_and_what_is_missing_as_nil() -> None:
    items = [Section((1,), "MIME", partial=(5, 2)), Binary((2,), size_only=True)]
    assert answers(items, PAGE) == (
        b"* 1 FETCH (BODY[1.MIME]<5> {2}\r\nab BINARY.SIZE[2] 7)\r\n* 4 FETCH (BODY[1.MIME]<5> NIL BINARY.SIZE[2] NIL)\r\n"
    )


def test_nul_bytes_go_out_only_in_a_binary_literal() -> None:
    page = Page(numbers=[1], uids=[1], sections=[[b"a\0b"], [b"a\0b"]])
    assert answers([Section(), Binary((1,))], page) == b"* 1 FETCH (BODY[] {3}\r\na\x80b BINARY[1] ~{3}\r\na\0b)\r\n"


def test_percent_signs_in_contents_are_left_alone() -> None:
    page = Page(numbers=[1], uids=[1], sections=[[b"%d %s"]], envelopes=[b'("%b")'])
    assert (
        answers([Attribute("ENVELOPE"), Section(label=b"RFC822")], page)
        == b'* 1 FETCH (ENVELOPE ("%b") RFC822 {5}\r\n%d %s)\r\n'
    )


def test_flag_answers() -> None:
    assert flag_answers(PAGE, uid=True, modseq=True).startswith(b"* 1 FETCH (UID 10 FLAGS (\\Seen) MODSEQ (5))\r\n")
    assert flag_answers(PAGE, uid=False, modseq=False).startswith(b"* 1 FETCH (FLAGS (\\Seen))\r\n")


def test_what_marks_as_read() -> None:
    assert set_seen([Section()])
    assert not set_seen([Attribute("FLAGS"), Section(peek=True), Binary((1,), peek=True)])
