"""The MIME scanner: where the parts lie, and the standard library as second opinion."""

import email
import email.policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lettershop.wire.message import mime


def crlf(text: str) -> bytes:
    return text.lstrip("\n").replace("\n", "\r\n").encode()


MIXED = crlf("""
From: a@b.example
Content-Type: multipart/mixed; boundary="outer"

preamble
--outer
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

K=C3=A4se

--inner
Content-Type: TEXT/HTML; charset="utf-8" (a comment)

<p>Hi</p>
--inner--

--outer
Content-Type: application/pdf; name="x.pdf"
Content-Disposition: attachment; filename*=utf-8''%e2%82%ac.pdf
Content-Transfer-Encoding: BASE64
Content-ID: <1@b.example>
Content-Description: the
 bill

AAEC
--outer  \t
Content-Type: message/rfc822

Subject: inside
Content-Type: text/plain

text
--outer--
epilogue
""")


def bodies(data: bytes) -> list[tuple[str, bytes]]:
    return [(part.mime, data[part.body : part.end]) for part in mime.scan(data).walk()]


def test_parts_lie_where_they_are():
    assert bodies(MIXED)[2:] == [
        ("text/plain", b"K=C3=A4se\r\n"),
        ("text/html", b"<p>Hi</p>"),
        ("application/pdf", b"AAEC"),
        ("message/rfc822", b"Subject: inside\r\nContent-Type: text/plain\r\n\r\ntext"),
        ("text/plain", b"text"),
    ]


def test_content_fields_are_read():
    root = mime.scan(MIXED)
    pdf = root.parts[1]
    assert (pdf.encoding, pdf.disposition, pdf.filename) == ("base64", "attachment", "€.pdf")
    assert (pdf.id, pdf.description) == ("<1@b.example>", "the bill")
    assert pdf.params == (("name", "x.pdf"),)
    assert mime.content(MIXED, pdf) == b"\0\1\2"
    assert mime.text_of(MIXED, root.parts[0].parts[0]) == "Käse\r\n"
    assert root.parts[0].parts[0].lines == 1
    assert root.parts[2].parts[0].header == root.parts[2].body


def test_headers_are_slices_of_the_message():
    part = mime.scan(MIXED).parts[0].parts[1]
    assert MIXED[part.header : part.body] == b'Content-Type: TEXT/HTML; charset="utf-8" (a comment)\r\n\r\n'


def test_a_missing_closing_boundary_ends_with_the_enclosing_part():
    data = MIXED.replace(b"--inner--\r\n", b"")
    assert [kind for kind, _ in bodies(data)] == [kind for kind, _ in bodies(MIXED)]
    assert bodies(data)[3] == ("text/html", b"<p>Hi</p>\r\n")


def test_a_digest_holds_messages():
    data = crlf("""
Content-Type: multipart/digest; boundary=d

--d

Subject: one

text
--d--
""")
    root = mime.scan(data)
    assert root.parts[0].mime == "message/rfc822"
    assert data[root.parts[0].parts[0].header :].startswith(b"Subject: one")


def test_bare_line_feeds_do():
    data = MIXED.replace(b"\r\n", b"\n")
    assert [body.replace(b"\n", b"\r\n") for _, body in bodies(data)][2:] == [body for _, body in bodies(MIXED)][2:]


@pytest.mark.parametrize(
    "value",
    ["", "text", "/plain", "text/plain/x", ";;", "multipart/mixed", 'multipart/mixed; boundary=""', "a b/c d", "(x"],
)
def test_odd_content_types_are_borne(value):
    assert mime.scan(f"Content-Type: {value}\r\n\r\n--\r\nx".encode()).parts == ()


def test_parameters_with_quotes_and_blanks():
    kind = mime.content_type('text/plain ; charset = "us-ascii" ; name="a \\"b\\"; c" ; x=y')
    assert kind == ("text", "plain", (("charset", "us-ascii"), ("name", 'a "b"; c'), ("x", "y")))


def test_depth_and_number_are_limited():
    nested = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (i, i) for i in range(200))
    assert len(list(mime.scan(nested).walk())) == mime.MAX_DEPTH + 1
    many = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 5000
    assert len(list(mime.scan(many).walk())) <= mime.MAX_PARTS + 1
    chained = b"Content-Type: message/rfc822\r\n\r\n" * 5000
    assert len(list(mime.scan(chained).walk())) == mime.MAX_DEPTH + 1


def test_an_encoded_message_is_opaque():
    data = b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogeA=="
    assert mime.scan(data).parts == ()


@given(st.binary(max_size=400))
def test_no_bytes_break_it(data):
    root = mime.scan(data)
    assert root.header == 0 <= root.body <= root.end == len(data)


WORDS = st.text(alphabet="abc- \n=.", max_size=60)
LEAF = st.tuples(st.sampled_from(["text/plain", "text/html", "application/pdf"]), WORDS)
TREE = st.recursive(LEAF, lambda inner: st.lists(inner, min_size=1, max_size=4), max_leaves=12)


def written(tree, level: int = 0) -> str:
    if isinstance(tree, tuple):
        return f"Content-Type: {tree[0]}\n\n{tree[1]}"
    mark = f"mark{level}"
    parts = "".join(f"--{mark}\n{written(part, level + 1)}\n" for part in tree)
    return f"Content-Type: multipart/mixed; boundary={mark}\n\n{parts}--{mark}--\n"


@given(TREE)
def test_the_standard_library_sees_the_same_parts(tree):
    data = crlf("Subject: x\n" + written(tree))
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    theirs = [
        (part.get_content_type(), None if part.is_multipart() else part.get_payload().encode())
        for part in message.walk()
    ]
    ours = [(kind, None if kind.startswith("multipart/") else body) for kind, body in bodies(data)]
    assert ours == theirs
