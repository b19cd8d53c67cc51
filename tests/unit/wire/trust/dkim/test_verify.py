"""What verification refuses, and in which words; key records with all their tags."""

import base64
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from hypothesis import given
from hypothesis import strategies as st

from lettershop.wire.trust.dkim import keys
from lettershop.wire.trust.dkim.keys import Revoked, parse_record
from lettershop.wire.trust.dkim.sign import Signer, sign_message
from lettershop.wire.trust.dkim.tags import BadTags, parse_signature, parse_tags
from lettershop.wire.trust.dkim.verify import MOST, checks
from lettershop.wire.trust.questions import FAILED, NO_SUCH_NAME, Answer, Query, drive

KEY = ed25519.Ed25519PrivateKey.generate()
P = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
OTHER = base64.b64encode(ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
RECORD = f"v=DKIM1; k=ed25519; p={P}"
NOW = 1_700_000_000.0
MESSAGE = b"From: a@b.example\r\nSubject: x\r\n\r\nHello\r\n"
SIGNED = sign_message(MESSAGE, [Signer("b.example", "s", KEY)], NOW)


def verdict(message: bytes = SIGNED, answer: Answer | str = RECORD, now: float = NOW):
    reply = Answer("ok", (answer,)) if isinstance(answer, str) else answer
    (result,) = [drive(check, lambda query: reply) for check in checks(message, now)]
    return result.verdict, result.reason


def test_the_question_is_for_the_selector():
    asked = []

    def ask(query: Query) -> Answer:
        asked.append(query)
        return Answer("ok", (RECORD,))

    assert drive(checks(SIGNED, NOW)[0], ask).verdict == "pass"
    assert asked == [Query("s._domainkey.b.example", "TXT")]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (FAILED, ("temperror", "no answer for the key")),
        (NO_SUCH_NAME, ("permerror", "no key for signature")),
        (Answer("nodata"), ("permerror", "no key for signature")),
        ("v=DKIM1; k=ed25519; p=", ("permerror", "key revoked")),
        (f"v=DKIM1; k=ed25519; s=tlsrpt; p={P}", ("permerror", "the key is not for mail")),
        (f"v=DKIM1; k=ed25519; h=sha1; p={P}", ("permerror", "the key does not allow sha256")),
        (f"v=DKIM2; k=ed25519; p={P}", ("permerror", "no DKIM1 key record")),
        (f"k=ed25519; v=DKIM1; p={P}", ("permerror", "no DKIM1 key record")),
        ("v=DKIM1; k=ed25519; p=AAAA", ("permerror", "the key cannot be read")),
        ("v=DKIM1; k=ed25519; p=!", ("permerror", "p= is no base64")),
        ("v=DKIM1; k=dsa; p=AAAA", ("permerror", "the key cannot be read")),
        (f"k=ed25519; p={P}", ("pass", "")),
        (f" v = DKIM1 ; k=ed25519; s=email:x; t=y:s; n=note; h = sha1 : sha256 ; p={P[:10]} {P[10:]} ;", ("pass", "")),
        (Answer("ok", ("v=spf1 -all", RECORD)), ("pass", "")),
        (f"v=DKIM1; k=ed25519; p={OTHER}", ("fail", "signature did not verify")),
    ],
    ids=range(15),  # the keys are fresh in each process: names made of them would differ between xdist's
)  # fmt: skip
def test_keys(answer, expected):
    assert verdict(answer=answer) == expected


def test_a_test_key_is_noted():
    result = drive(checks(SIGNED, NOW)[0], lambda query: Answer("ok", (RECORD + "; t=y",)))
    assert (result.verdict, result.testing) == ("pass", True)


def test_short_rsa_keys_are_not_accepted(monkeypatch):
    key = rsa.generate_private_key(65537, 1024)
    signed = sign_message(MESSAGE, [Signer("b.example", "s", key)], NOW)
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    record = f"p={base64.b64encode(key.public_key().public_bytes(*form)).decode()}"
    assert keys.FEWEST_BITS == 1024 and verdict(signed, record) == ("pass", "")
    monkeypatch.setattr(keys, "FEWEST_BITS", 1025)  # shorter keys are not made by the library any more
    assert verdict(signed, record) == ("policy", "RSA key of 1024 bits")


def test_a_changed_body_or_header_fails():
    assert verdict(SIGNED.replace(b"Hello", b"Hallo")) == ("fail", "body hash did not verify")
    assert verdict(SIGNED.replace(b"Subject: x", b"Subject: y")) == ("fail", "signature did not verify")


def changed(tag: str, value: str | None) -> bytes:
    """The signed message with one tag of its signature replaced, or left out."""
    start, end = SIGNED.index(b":") + 1, SIGNED.index(b"From:")
    tags = parse_tags(SIGNED[start:end].decode())
    tags.pop(tag, None)
    tags |= {} if value is None else {tag: value}
    field = "; ".join(f"{name}={text}" for name, text in tags.items())
    return b"DKIM-Signature: " + field.encode() + b"\r\n" + MESSAGE


@pytest.mark.parametrize(
    ("tag", "value", "expected"),
    [
        ("v", "2", ("neutral", "unknown version")),
        ("v", None, ("neutral", "no v= in the signature")),
        ("a", "rsa-sha1", ("policy", "rsa-sha1 is not accepted")),
        ("a", "rsa-md5", ("neutral", "unknown algorithm")),
        ("a", "rsa-sha256", ("permerror", "the key is for another algorithm")),
        ("d", "no domain", ("fail", "signature did not verify")),
        ("d", "@", ("neutral", "d= is no domain name")),
        ("i", "x@other.example", ("neutral", "i= is not below d=")),
        ("h", "subject:to", ("neutral", "From is not signed")),
        ("c", "strange", ("neutral", "unknown canonicalisation")),
        ("x", "1699990000", ("neutral", "expires before it was made")),
        ("t", "soon", ("neutral", "t= is no number")),
        ("l", "1000", ("permerror", "l= is more than the body")),
        ("q", "carrier/pigeon", ("neutral", "unknown query method")),
        ("bh", "AAAA", ("fail", "body hash did not verify")),
        ("b", "?", ("neutral", "b= is no base64")),
    ],
)
def test_signatures_that_are_not_valid(tag, value, expected):
    assert verdict(changed(tag, value)) == expected


def test_an_expired_signature_fails():
    assert verdict(changed("x", "1700000001"), now=NOW + 1000) == ("fail", "signature expired")
    assert verdict(changed("x", "1700000001"))[1] == "signature did not verify"  # not yet expired


def test_a_strict_key_wants_the_domain_itself():
    assert verdict(changed("i", "@sub.b.example"), RECORD + "; t=s") == ("permerror", "i= is not d= itself")


def test_only_so_many_signatures_are_looked_at():
    assert len(checks(SIGNED[: SIGNED.index(b"From:")] * 50 + MESSAGE, NOW)) == MOST


def test_an_unsigned_message_has_nothing_to_check():
    assert checks(MESSAGE, NOW) == []


@pytest.mark.parametrize("text", ["", "a", "a=1; a=2", "1=2", "a=1;;b=2"])
def test_bad_tag_lists(text):
    with pytest.raises(BadTags):
        parse_tags(text)


def test_a_revoked_key_is_told_apart():
    with pytest.raises(Revoked):
        parse_record("p=")


@given(st.text(max_size=80))
def test_no_text_breaks_the_parsers(text):
    for parse in (parse_tags, parse_signature, parse_record):
        with suppress(BadTags, Revoked, keys.Unacceptable):
            parse(text)


@given(st.binary(max_size=120))
def test_no_bytes_break_the_verifier(data):
    for check in checks(b"DKIM-Signature: " + data + b"\r\n" + MESSAGE, NOW):
        assert drive(check, lambda query: Answer("ok", (RECORD,))).verdict != "pass"
