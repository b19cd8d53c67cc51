"""TLSA records against certificates that an authority in memory makes."""

import datetime
import hashlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from lettershop.wire.trust.dane import Tlsa, examine, is_for, parse, public_key_of, usable

BEGIN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
NOW = (BEGIN + datetime.timedelta(days=30)).timestamp()
LATER = (BEGIN + datetime.timedelta(days=4000)).timestamp()
HOST = "mx.b.example"


class Issuer:
    """An authority, or the server itself."""

    def __init__(self, name, above=None, *, ca=True, names=(), key=None, days=365):
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        signer = above or self
        builder = (
            x509.CertificateBuilder().subject_name(self.name).issuer_name(signer.name).public_key(self.key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(BEGIN)
            .not_valid_after(BEGIN + datetime.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )  # fmt: skip
        if names:
            builder = builder.add_extension(
                x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False
            )
        self.certificate = builder.sign(signer.key, hashes.SHA256())
        self.der = self.certificate.public_bytes(Encoding.DER)

    @property
    def spki(self):
        return self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


ROOT = Issuer("root")
MIDDLE = Issuer("middle", ROOT)
LEAF = Issuer("server", MIDDLE, ca=False, names=[HOST])
STRANGER = Issuer("stranger", ca=False, names=[HOST])
CHAIN = [LEAF.der, MIDDLE.der, ROOT.der]


def record(usage, selector, matching, issuer):
    part = issuer.der if selector == 0 else issuer.spki
    digest = {
        0: lambda data: data,
        1: lambda data: hashlib.sha256(data).digest(),
        2: lambda data: hashlib.sha512(data).digest(),
    }
    return Tlsa(usage, selector, matching, digest[matching](part))


def judge(chain, *records, names=(HOST,), now=NOW):
    return examine(chain, usable(records), names=names, now=now)


@pytest.mark.parametrize("usage", [2, 3])
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_every_usable_kind_of_record_fits_and_refuses(usage, selector, matching):
    named = {2: (MIDDLE, ROOT), 3: (LEAF,)}[usage]
    for issuer in named:
        assert judge(CHAIN, record(usage, selector, matching, issuer)) == ""
    assert judge(CHAIN, record(usage, selector, matching, STRANGER)) == "certificate-not-trusted"


def test_a_record_of_the_certificate_itself_asks_for_no_name_and_no_date():
    assert judge([LEAF.der], record(3, 1, 1, LEAF), names=("other.example",), now=LATER) == ""


def test_a_record_of_an_authority_asks_for_the_name_and_the_dates():
    assert judge(CHAIN, record(2, 0, 1, ROOT), names=("other.example",)) == "certificate-host-mismatch"
    assert judge(CHAIN, record(2, 0, 1, ROOT), names=("other.example", HOST)) == ""
    assert judge(CHAIN, record(2, 0, 1, ROOT), now=LATER) == "certificate-expired"
    short = Issuer("short", ROOT, days=10)
    below = Issuer("server", short, ca=False, names=[HOST])
    assert judge([below.der, short.der], record(2, 0, 1, short)) == "certificate-expired"


def test_one_fitting_record_is_enough():
    assert judge(CHAIN, record(3, 1, 1, STRANGER), record(3, 0, 1, LEAF)) == ""
    assert judge(CHAIN, record(3, 1, 1, STRANGER), record(2, 1, 1, ROOT)) == ""


def test_a_chain_in_disorder_and_with_strangers():
    assert judge([LEAF.der, STRANGER.der, ROOT.der, MIDDLE.der], record(2, 0, 1, ROOT)) == ""


def test_an_authority_that_the_record_itself_holds():
    assert judge([LEAF.der, MIDDLE.der], record(2, 0, 0, ROOT)) == ""
    assert judge([LEAF.der, MIDDLE.der], record(2, 0, 1, ROOT)) == "certificate-not-trusted"


def test_a_signature_that_only_looks_right_is_none():
    false_root = Issuer("root")  # the same name, another key
    assert judge([LEAF.der, MIDDLE.der, false_root.der], record(2, 0, 1, false_root)) == "certificate-not-trusted"


def test_who_is_no_authority_issues_nothing():
    customer = Issuer("customer", ROOT, ca=False, names=["evil.example"])
    forged = Issuer("forged", customer, ca=False, names=[HOST])
    assert judge([forged.der, customer.der, ROOT.der], record(2, 0, 1, ROOT)) == "certificate-not-trusted"


def test_of_several_digests_the_strongest_counts():
    """RFC 7671 9: else a weak one would do for who breaks it."""
    assert judge(CHAIN, record(3, 1, 1, LEAF), record(3, 1, 2, STRANGER)) == "certificate-not-trusted"
    assert judge(CHAIN, record(3, 1, 1, LEAF), record(3, 0, 2, STRANGER)) == ""


@pytest.mark.parametrize("kind", [(0, 1, 1), (1, 1, 1), (4, 0, 1), (3, 2, 1), (3, 1, 3)])
def test_records_that_do_not_count(kind):
    assert usable([Tlsa(*kind, b"x")]) == ()


@pytest.mark.parametrize(("text", "found"), [
    ("3 1 1 0a0B", Tlsa(3, 1, 1, b"\x0a\x0b")), ("2 0 2 0a 0b 0c", Tlsa(2, 0, 2, b"\x0a\x0b\x0c")),
    ("3 1 1", None), ("3 1 x 00", None), ("3 1 1 0", None), ("", None),
])  # fmt: skip
def test_the_text_of_a_record(text, found):
    assert parse(text) == found


@pytest.mark.parametrize(
    "chain", [[], [b""], [b"\x30"], [b"nonsense"], [LEAF.der[:100]], [LEAF.der, b"\x30\x82\xff\xff"]]
)
def test_what_cannot_be_read_fits_nothing(chain):
    for found in (record(3, 1, 1, STRANGER), record(2, 1, 1, STRANGER)):
        assert judge(chain, found) in ("validation-failure", "certificate-not-trusted")


def test_the_public_key_is_found_in_certificates_of_any_kind():
    big = Issuer("rsa", key=rsa.generate_private_key(65537, 2048))
    for issuer in (LEAF, ROOT, big):
        assert public_key_of(issuer.der) == issuer.spki


@pytest.mark.parametrize(("names", "host", "expected"), [
    (["*.b.example"], HOST, True), (["*.b.example"], "a.mx.b.example", False), (["*.b.example"], "b.example", False),
    (["MX.B.example"], HOST, True), (["other.example"], HOST, False),
])  # fmt: skip
def test_names(names, host, expected):
    assert is_for(Issuer("server", names=names).certificate, host) is expected


def test_the_common_name_counts_only_where_there_is_no_other():
    assert is_for(Issuer(HOST).certificate, HOST)
    assert not is_for(Issuer(HOST, names=["other.example"]).certificate, HOST)
