"""Signing with the keys of our domains: whose keys, loaded once, gone when they are withdrawn."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from sqlalchemy import update

from lettershop.insight.dnsrecords import dkim_value
from lettershop.mail.sign import MessageSigner, from_domain
from lettershop.store import accounts
from lettershop.store.accounts import DkimKey
from lettershop.store.schema_mail import dkim_keys
from lettershop.wire.trust.dkim.canonical import body_hash, relaxed_body
from lettershop.wire.trust.dkim.verify import checks
from lettershop.wire.trust.questions import Answer, drive

NOW = 1_700_000_000.0


def pem(key) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


KEYS = [
    DkimKey("b.example", "r", "rsa", pem(rsa.generate_private_key(65537, 2048))),
    DkimKey("b.example", "e", "ed25519", pem(ed25519.Ed25519PrivateKey.generate())),
]
ZONE = {f"{key.selector}._domainkey.b.example": dkim_value(key) for key in KEYS}


def add(tx) -> None:
    domain = accounts.add_domain(tx, "b.example", NOW)
    for key in KEYS:
        accounts.add_key(tx, domain, key.selector, key.algorithm, key.private_pem, NOW)


@pytest.fixture
async def signer(store):
    await store.mail.write(add)
    return MessageSigner(store.mail)


def verdicts(message: bytes) -> list[tuple[str, str]]:
    results = [drive(check, lambda query: Answer("ok", (ZONE[query.name],))) for check in checks(message, NOW)]
    return [(result.algorithm, result.verdict) for result in results]


BOTH = [("rsa-sha256", "pass"), ("ed25519-sha256", "pass")]


async def test_a_message_is_signed_for_its_from_domain(signer):
    message = b"From: A <a@B.example>\r\nSubject: x\r\n\r\nHi\r\n"
    signed = await signer.sign(message, NOW)
    assert signed.endswith(message) and verdicts(signed) == BOTH


async def test_a_domain_below_ours_is_signed_with_our_keys(signer):
    assert verdicts(await signer.sign(b"From: a@news.b.example\r\n\r\nHi\r\n", NOW)) == BOTH


@pytest.mark.parametrize("field", [b"From: a@other.example", b"From: nobody", b"Subject: x", b"From: a@[192.0.2.1]"])
async def test_other_messages_stay_as_they_are(signer, field):
    message = field + b"\r\n\r\nHi\r\n"
    assert await signer.sign(message, NOW) == message


async def test_a_withdrawn_key_signs_no_more(signer, store):
    await store.mail.write(
        lambda tx: tx.conn.execute(update(dkim_keys).where(dkim_keys.c.selector == "r").values(active=False))
    )
    assert verdicts(await signer.sign(b"From: a@b.example\r\n\r\nHi\r\n", NOW)) == BOTH[1:]


async def test_a_campaign_signs_what_is_canonical_already_with_every_key(signer):
    names = ("from", "list-unsubscribe", "subject")
    canonical = b"from:a@b.example\r\nlist-unsubscribe:<https://b.example/>\r\n"
    signers = await signer.signers("b.example")
    digest = body_hash(relaxed_body(b"Hi\r\n"))
    signature = b"".join(one.sign(canonical, digest, names, NOW) for one in signers)
    message = b"From: a@b.example\r\nList-Unsubscribe: <https://b.example/>\r\n\r\nHi\r\n"
    assert verdicts(signature + message) == BOTH
    assert [verdict for _, verdict in verdicts(signature + b"Subject: added\r\n" + message)] == ["fail", "fail"]
    assert await signer.signers("other.example") == []


def test_the_from_domain():
    assert from_domain("From: a@bücher.example\r\n\r\n".encode()) == "xn--bcher-kva.example"
    assert from_domain(b"From: a@@@\r\n\r\n") == ""


async def test_what_is_signed_survives_servers_of_seven_bits(signer):
    message = "From: Käthe <k@b.example>\r\nSubject: Grüße\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße\r\n".encode()
    signed = await signer.sign(message, NOW)
    assert signed.isascii()
    assert verdicts(signed) == BOTH


async def test_where_seven_bits_are_impossible_the_message_is_signed_as_it_is(signer):
    message = b"From: k@b.example\r\nContent-Type: multipart/signed; boundary=x\r\n\r\n--x\r\n\r\n\xc3\xbc\r\n--x--\r\n"
    signed = await signer.sign(message, NOW)
    assert signed.endswith(message)
    assert verdicts(signed) == BOTH
