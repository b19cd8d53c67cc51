"""Signing, with dkimpy as the receiver; and verifying what dkimpy signs."""

import base64
import re
import warnings

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from lettershop.wire.message import headers
from lettershop.wire.trust.dkim import keys
from lettershop.wire.trust.dkim.canonical import body_hash, relaxed_field
from lettershop.wire.trust.dkim.keys import BadKey, load_private
from lettershop.wire.trust.dkim.sign import Signer, sign_message
from lettershop.wire.trust.dkim.verify import checks
from lettershop.wire.trust.questions import Answer, drive

RSA = rsa.generate_private_key(65537, 2048)
ED = ed25519.Ed25519PrivateKey.generate()


def public(key) -> str:
    der = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return f"v=DKIM1; k=ed25519; p={base64.b64encode(key.public_key().public_bytes_raw()).decode()}"
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"


def pem(key) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


ZONE = {"r._domainkey.b.example": public(RSA), "e._domainkey.b.example": public(ED)}
SIGNERS = [Signer("b.example", "r", RSA), Signer("b.example", "e", ED)]

MESSAGE = (
    b"Received: from x\r\n\tby y; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
    b"From: A <a@b.example>\r\nTo: c@d.example\r\nSubject: A  subject\r\n\tthat is folded \r\n"
    b"Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <1@b.example>\r\n"
    b"List-Unsubscribe: <https://b.example/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nHello  \t you \r\n\r\nbye\r\n\r\n\r\n"
)


def theirs(message: bytes) -> list[bool]:
    """What dkimpy says of each signature."""

    def txt(name, timeout=5):
        return ZONE[name.decode().rstrip(".")].encode()

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        verifier = dkim.DKIM(message)
        count = sum(1 for name, _ in verifier.headers if name.lower() == b"dkim-signature")
        return [verifier.verify(idx=index, dnsfunc=txt) for index in range(count)]


def ours(message: bytes, now: float = 1_700_000_000.0):
    return [drive(check, lambda query: Answer("ok", (ZONE[query.name],))) for check in checks(message, now)]


def test_both_signatures_are_valid_to_dkimpy_and_to_us():
    signed = sign_message(MESSAGE, SIGNERS, 1_700_000_000)
    assert signed.endswith(MESSAGE)
    assert theirs(signed) == [True, True]
    assert [(r.verdict, r.algorithm, r.domain) for r in ours(signed)] == [
        ("pass", "rsa-sha256", "b.example"), ("pass", "ed25519-sha256", "b.example"),
    ]  # fmt: skip


def test_the_field_is_well_folded():
    signed = sign_message(MESSAGE, SIGNERS, 1_700_000_000)
    for line in signed[: signed.index(b"Received")].split(b"\r\n"):
        assert len(line) <= 78 and line.rstrip() == line


def test_list_fields_are_covered_and_from_is_sealed():
    signed = sign_message(MESSAGE, SIGNERS, 1_700_000_000)
    names = ours(signed)[0].names
    assert {"list-unsubscribe", "list-unsubscribe-post", "content-type"} <= set(names)
    assert names.count("from") == 2 and "received" not in names
    for added in (b"From: evil@x.example\r\n", b"Subject: buy\r\n", b"Reply-To: evil@x.example\r\n"):
        assert {r.verdict for r in ours(added + signed)} == {"fail"}
        assert not any(theirs(added + signed))


def test_what_a_relay_may_do_does_no_harm():
    signed = sign_message(MESSAGE, SIGNERS, 1_700_000_000)
    relayed = b"Received: from z\r\n by w\r\n" + signed.replace(b"A  subject\r\n\tthat", b"A subject that").replace(
        b"Hello  \t", b"Hello "
    )
    assert {r.verdict for r in ours(relayed)} == {"pass"}


def test_the_hot_path_makes_the_same_signature():
    header = headers.parse(MESSAGE)
    wanted = [field for field in header.fields if field.name != "Received"]
    canonical = b"".join(relaxed_field(field.name, field.raw) for field in wanted)
    names = (*(field.name.lower() for field in wanted), "from")
    digest = body_hash(b"Hello you\r\n\r\nbye\r\n")
    fields = b"".join(signer.sign(canonical, digest, names, 1_700_000_000.9) for signer in SIGNERS)
    assert b" t=1700000000; bh=" in fields
    assert theirs(fields + MESSAGE) == [True, True]
    assert [r.verdict for r in ours(fields + MESSAGE)] == ["pass", "pass"]
    assert b"t=" not in SIGNERS[1].sign(canonical, digest, names, None).partition(b"bh=")[0]


@pytest.mark.parametrize("header_form", [b"simple", b"relaxed"])
@pytest.mark.parametrize("body_form", [b"simple", b"relaxed"])
@pytest.mark.parametrize("length", [False, True])
def test_we_verify_what_dkimpy_signs(header_form, body_form, length):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        field = dkim.sign(
            MESSAGE, b"r", b"b.example", pem(rsa_pkcs1()).encode(), canonicalize=(header_form, body_form), length=length
        )
    ZONE["r._domainkey.b.example"] = public(RSA)
    (result,) = ours(field + MESSAGE, now=10_000_000_000)
    assert (result.verdict, result.reason) == ("pass", "")
    (more,) = ours(field + MESSAGE + b"more words\r\n", now=10_000_000_000)
    assert more.verdict == ("pass" if length else "fail")
    assert (more.uncovered > 0) is length


def rsa_pkcs1():
    class Traditional:
        """dkimpy reads only the old form of RSA keys."""

        def private_bytes(self, encoding, form, encryption):
            return RSA.private_bytes(encoding, serialization.PrivateFormat.TraditionalOpenSSL, encryption)

    return Traditional()


def test_we_verify_dkimpys_ed25519():
    seed = base64.b64encode(ED.private_bytes_raw())
    field = dkim.sign(
        MESSAGE, b"e", b"b.example", seed, signature_algorithm=b"ed25519-sha256", canonicalize=(b"relaxed", b"relaxed")
    )
    assert [r.verdict for r in ours(field + MESSAGE, now=10_000_000_000)] == ["pass"]


NAMES = st.sampled_from(["From", "To", "Subject", "X-Other", "List-Id", "SUBJECT"])
VALUES = st.text("ab \t:;=", max_size=30).map(lambda text: text.replace("\r", ""))
BODY = st.lists(st.sampled_from([b"a", b" ", b"\t", b"\r\n", b"line"]), max_size=20).map(
    lambda parts: b"".join([*parts, b"\r\n"])
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=8), BODY)
@settings(max_examples=60, deadline=None)
def test_any_message_is_signed_so_that_dkimpy_agrees(fields, body):
    head = "From: a@b.example\r\n" + "".join(f"{name}: x{value}y\r\n" for name, value in fields if name != "From")
    signed = sign_message(head.encode() + b"\r\n" + body, SIGNERS[1:], 1_700_000_000)
    assert [r.verdict for r in ours(signed)] == ["pass"]
    assert theirs(signed) == [True]


def test_keys_are_loaded_from_pem():
    assert load_private(pem(RSA)).key_size == 2048
    assert isinstance(load_private(pem(ED)), ed25519.Ed25519PrivateKey)
    with pytest.raises(BadKey):
        load_private("no key")
    from cryptography.hazmat.primitives.asymmetric import ec

    with pytest.raises(BadKey):
        load_private(pem(ec.generate_private_key(ec.SECP256R1())))


def test_many_lists_of_names_do_not_fill_the_memory():
    for number in range(200):
        SIGNERS[1].sign(b"", b"x" * 32, (f"x-{number}",), None)
    assert len(SIGNERS[1]._starts) <= 65


def test_key_records_of_dns_are_the_public_halves():
    assert keys.parse_record(ZONE["r._domainkey.b.example"]).algorithm == "rsa-sha256"
    assert re.fullmatch(r"[\w-]+", keys.parse_record(ZONE["e._domainkey.b.example"]).algorithm)
