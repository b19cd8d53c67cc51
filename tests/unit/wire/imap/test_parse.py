"""Commands, and that what the formatter writes the parser reads back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lettershop.base.errors import ProtocolError
from lettershop.wire.imap import format as form
from lettershop.wire.imap import values as v
from lettershop.wire.imap.fetch import label
from lettershop.wire.imap.parse import parse
from lettershop.wire.imap.parse_search import BadCharset
from lettershop.wire.imap.scan import BadSyntax, Scanner
from lettershop.wire.imap.values import STAR, Attribute, Binary, Section, SequenceSet


def arguments(text: str | bytes, *literals: bytes) -> Any:
    return parse(b"a " + (text.encode() if isinstance(text, str) else text), literals).arguments


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LOGIN ann secret", v.Login("ann", "secret")),
        ('LOGIN "a\\"b" "c\\\\d"', v.Login('a"b', "c\\d")),
        ("AUTHENTICATE plain", v.Authenticate("PLAIN")),
        ("AUTHENTICATE PLAIN AGEAYg==", v.Authenticate("PLAIN", b"AGEAYg==")),
        ("AUTHENTICATE PLAIN =", v.Authenticate("PLAIN", b"=")),
        ("ENABLE condstore X", v.Words(("CONDSTORE", "X"))),
        ("ID NIL", v.Words(())),
        ('ID ("name" "x" "version" NIL)', v.Words(("name", "x", "version", ""))),
        ("SELECT INBOX (CONDSTORE)", v.Mailbox(b"INBOX", condstore=True)),
        ("CREATE x (USE (\\Sent))", v.Mailbox(b"x", special_use="\\Sent")),
        ("RENAME a b", v.Rename(b"a", b"b")),
        ('LIST "" *', v.List(b"", (b"*",))),
        ("LIST (SUBSCRIBED) x (a% b) RETURN (CHILDREN STATUS (MESSAGES))", v.List(
            b"x", (b"a%", b"b"), frozenset(("SUBSCRIBED",)), frozenset(("CHILDREN",)), ("MESSAGES",), True)),
        ("STATUS x (messages UNSEEN messages)", v.Status(b"x", ("MESSAGES", "UNSEEN"))),
        ("FETCH 1:* FAST", v.Fetch(SequenceSet(((1, STAR),)), (
            Attribute("FLAGS"), Attribute("INTERNALDATE"), Attribute("RFC822.SIZE")))),
        ("FETCH 2,4:3 (UID BODY[1.2.TEXT]<5.10>)", v.Fetch(
            SequenceSet(((2, 2), (4, 3))), (Attribute("UID"), Section((1, 2), "TEXT", partial=(5, 10))))),
        ("FETCH 1 body.peek[header.fields.not (from to)]", v.Fetch(
            SequenceSet(((1, 1),)), (Section(kind="HEADER.FIELDS.NOT", fields=(b"from", b"to"), peek=True),))),
        ("FETCH 1 (BINARY.SIZE[2] BINARY.PEEK[1])", v.Fetch(
            SequenceSet(((1, 1),)), (Binary((2,), peek=True, size_only=True), Binary((1,), peek=True)))),
        ("FETCH 1 FLAGS (CHANGEDSINCE 12345678901)", v.Fetch(
            SequenceSet(((1, 1),)), (Attribute("FLAGS"),), 12345678901)),
        ("STORE 1 +FLAGS.SILENT (\\seen Work)", v.Store(SequenceSet(((1, 1),)), "add", v.Flags(1, ("Work",)), True)),
        ("STORE 1 (UNCHANGEDSINCE 0) FLAGS \\Deleted \\Draft", v.Store(
            SequenceSet(((1, 1),)), "set", v.Flags(24), False, 0)),
        ("COPY $ x", v.Copy(SequenceSet(saved=True), b"x")),
        ("SEARCH UNSEEN FROM bob", v.Search(v.And((v.Not(v.HasFlag(1)), v.Contains("HEADER", "bob", "FROM"))))),
        ("SEARCH RETURN () OR 1 (NOT UID 5 ALL)", v.Search(v.Or(
            v.Numbers(SequenceSet(((1, 1),))), v.And((v.Not(v.Numbers(SequenceSet(((5, 5),)), True)), v.All()))),
            frozenset(("ALL",)))),
        ("SEARCH SINCE 1-Feb-1994 SENTON \"2-Jan-1970\"", v.Search(v.And((
            v.Day("internal", "since", 8797), v.Day("sent", "on", 1))))),
        ('SEARCH MODSEQ "/flags/\\\\seen" all 7', v.Search(v.ModSeq(7), uses_modseq=True)),
    ],
)  # fmt: skip
def test_commands(text: str, expected: object) -> None:
    assert arguments(text) == expected


def test_append_with_everything() -> None:
    got = arguments('APPEND x (\\Seen X) "17-Jul-1996 02:44:25 -0700" {3}\r\n {2}\r\n', b"abc", b"de")
    assert got.messages == (v.NewMessage(b"abc", v.Flags(1, ("X",)), 837596665.0), v.NewMessage(b"de"))
    assert arguments("APPEND x ~{3}\r\n", b"a\0b").messages[0].binary


def test_uid_commands() -> None:
    assert parse(b"a UID FETCH 1 FLAGS").uid
    assert parse(b"a UID EXPUNGE 1:2").arguments == v.Expunge(SequenceSet(((1, 2),)))


@pytest.mark.parametrize(
    "text",
    [
        "LOGIN ann", "LOGIN ann  x", "LOGIN ann x y", "SELECT", "SELECT a b", "SELECT (", "FETCH 0 FLAGS", "FETCH x FLAGS",
        "FETCH 1 ()", "FETCH 1 NOTHING", "FETCH 1 BODY[", "FETCH 1 BODY[MIME]", "FETCH 1 BODY[0]", "FETCH 1 BODY[]<1>",
        "FETCH 1 BODY[]<1.0>", "FETCH 1 BODY[HEADER.FIELDS ()]", 'FETCH 1 BODY[HEADER.FIELDS ("a b")]',
        "FETCH 1 (ALL)", "FETCH 4294967296 UID", "STORE 1 FLAGS (\\Recent)", "STORE 1 +-FLAGS x", "STORE 1 BODY x",
        "SEARCH", "SEARCH ()", "SEARCH NOT", "SEARCH ON 31-Feb-2000", "SEARCH LARGER x", "SEARCH BOGUS", "SEARCH RETURN (X) ALL",
        "LIST (X) a b", "LIST (RECURSIVEMATCH) a b", "STATUS x ()", "STATUS x (X)", "UID NOOP", "ID (x", "ENABLE",
        "EXPUNGE 1", 'APPEND x "1-Jan-2000" {1}', "SEARCH " + "(" * 60 + "ALL" + ")" * 60, "SEARCH " + "NOT " * 60 + "ALL",
    ],
)  # fmt: skip
def test_what_is_not_well_formed_is_refused(text: str) -> None:
    with pytest.raises(BadSyntax):
        arguments(text)


def test_charsets() -> None:
    assert arguments(b"SEARCH CHARSET utf-8 SUBJECT {2}\r\n", "ä".encode()).key == v.Contains("HEADER", "ä", "SUBJECT")
    with pytest.raises(BadCharset):
        arguments("SEARCH CHARSET koi8-r ALL")
    with pytest.raises(BadSyntax):
        arguments(b"SEARCH SUBJECT {1}\r\n", b"\xe4")


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=60))
def test_no_command_breaks_the_parser(text: str) -> None:
    for name in ("", "FETCH ", "SEARCH ", "LIST ", "STORE 1 ", "APPEND ", "UID FETCH 1 "):
        try:
            arguments(name + text)
        except ProtocolError:
            continue
        except StopIteration:
            assert "{" in text  # the machine gives a literal for every mark at a line's end


EDGES = st.integers(0, 2**32 - 1)


@given(st.lists(st.tuples(EDGES, EDGES), min_size=1, max_size=6))
def test_sets_round_trip(ranges: list[tuple[int, int]]) -> None:
    numbers = SequenceSet(tuple(ranges))
    scan = Scanner(",".join(f"{low or '*'}:{high or '*'}" for low, high in ranges).encode())
    assert scan.set() == numbers
    assert scan.done()


@given(st.binary(max_size=80))
def test_strings_round_trip(value: bytes) -> None:
    for wire in (form.string(value), form.astring(value)):
        head, end, tail = wire.partition(b"}\r\n")
        if end and head.lstrip(b"~").startswith(b"{"):
            scan = Scanner(head + end, [tail])
            assert scan.literal()[0] == value
        else:
            assert Scanner(wire).astring() == value


@given(st.integers(0, 4_102_444_799))
def test_dates_round_trip(at: int) -> None:
    assert Scanner(form.internal_date(at)).moment() == at


@given(st.integers(0, 31), st.lists(st.from_regex(r"[a-z$][a-z0-9]{0,8}", fullmatch=True), unique=True, max_size=4))
def test_flags_round_trip(bits: int, words: list[str]) -> None:
    assert Scanner(form.flags(bits, " ".join(words))).flags() == v.Flags(bits, tuple(words))


KINDS = st.sampled_from(["", "HEADER", "TEXT", "MIME", "HEADER.FIELDS", "HEADER.FIELDS.NOT"])
PARTS = st.lists(st.integers(1, 2**31), max_size=4).map(tuple)


@given(PARTS, KINDS, st.lists(st.from_regex(r"[!-9;-~]{1,10}", fullmatch=True), min_size=1, max_size=3))
def test_sections_round_trip(part: tuple[int, ...], kind: Any, fields: list[str]) -> None:
    if kind == "MIME" and not part:
        return
    named = tuple(field.encode() for field in fields) if kind.startswith("HEADER.FIELDS") else ()
    item = Section(part, kind, named)
    assert arguments(b"FETCH 1 " + label(item)).items == (item,)


def test_positions_of_a_set() -> None:
    uids = [3, 5, 9, 12]
    assert SequenceSet(((5, STAR),)).positions(uids) == [1, 2, 3]
    assert SequenceSet(((STAR, STAR),)).positions(uids) == [3]
    assert SequenceSet(((100, STAR),)).positions(uids) == [3]  # RFC 9051 6.4.8: "*" is always there
    assert SequenceSet(((9, 4), (1, 5))).positions(uids) == [0, 1, 2]
    assert SequenceSet(((1, STAR),)).positions([]) == []
