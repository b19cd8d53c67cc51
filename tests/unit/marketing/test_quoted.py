"""Quoted-printable that already is canonical: the corners."""

import quopri

import pytest

from lettershop.marketing.quoted import SOFT, clean, encode, is_plain


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("", b""),
        ("Ann", b"Ann"),
        ("a=b", b"a=3Db"),
        ("Zoë", b"Zo=C3=AB"),
        ("two  blanks", b"two =20blanks"),
        ("end ", b"end=20"),
        (" start", b" start"),
        ("tab\tstop", b"tab=09stop"),
        (".dot", b"=2Edot"),
        ("line\n.next", b"line\r\n=2Enext"),
        ("a \nb", b"a=20\r\nb"),
        (".", b"=2E"),
    ],
)
def test_how_text_is_written(text, wire):
    assert encode(text) == wire
    assert quopri.decodestring(wire).replace(b"\r\n", b"\n").decode() == text


def test_long_lines_get_soft_breaks():
    wire = encode("ü" * 100 + "." * 200)
    assert max(len(line) for line in wire.split(b"\r\n")) <= 76
    assert all(not line.startswith(b".") for line in wire.split(b"\r\n"))
    assert quopri.decodestring(wire).decode() == "ü" * 100 + "." * 200


def test_pieces_are_joined_by_soft_breaks_whatever_they_are():
    pieces = ["Hello ", "", " Ann ", ".", "\n"]
    wire = SOFT.join([encode(piece) for piece in pieces])
    assert quopri.decodestring(wire).replace(b"\r\n", b"\n").decode() == "".join(pieces)


@pytest.mark.parametrize("text", ["Anna Smith", "München"[:1], "12.50", "a-b_c", "x" * 75])
def test_plain_text_stands_for_itself(text):
    assert is_plain(text)
    assert encode(text) == text.encode()


@pytest.mark.parametrize(
    "text", ["", ".a", "a  b", " a", "a ", "a&b", "a<b", "a'b", 'a"b', "a=b", "ü", "x" * 76, "a\nb"]
)
def test_what_is_not_plain(text):
    assert not is_plain(text)


def test_control_characters_go():
    assert clean("a\x00b\x07c\r\nd\te\ue000f\u2028") == "abc\nd\tef"
    assert clean("Zoë  x") == "Zoë  x"
