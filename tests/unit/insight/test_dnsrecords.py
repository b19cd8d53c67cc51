"""The records of a domain: a zone file that a name server reads, with the public halves of the keys."""

import base64

import dns.zone
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from lettershop.insight.dnsrecords import Record, dkim_value, domain_records, host_records, zone_text
from lettershop.store.accounts import DkimKey


def pem(key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture(scope="module")
def keys():
    return [
        DkimKey("brand.example", "r", "rsa", pem(rsa.generate_private_key(65537, 2048))),
        DkimKey("brand.example", "e", "ed25519", pem(ed25519.Ed25519PrivateKey.generate())),
    ]


def test_the_zone_text_is_read_by_a_name_server_library(keys):
    records = domain_records("brand.example", "mail.brand.example", keys)
    records += host_records("mail.brand.example", ["192.0.2.1", "2001:db8::1"])
    zone = dns.zone.from_text(zone_text(records), origin=".", relativize=False, check_origin=False)
    text = b"".join(zone.get_rdataset("r._domainkey.brand.example.", "TXT")[0].strings).decode()
    assert text == dkim_value(keys[0]) and len(text) > 255
    assert zone.get_rdataset("brand.example.", "MX")[0].to_text() == "10 mail.brand.example."
    assert zone.get_rdataset("1.2.0.192.in-addr.arpa.", "PTR")[0].to_text() == "mail.brand.example."
    assert zone.get_rdataset("mail.brand.example.", "AAAA")[0].to_text() == "2001:db8::1"


def test_an_ed25519_key_is_published_as_its_32_bytes(keys):
    value = dkim_value(keys[1])
    assert value.startswith("v=DKIM1; k=ed25519; p=")
    assert len(base64.b64decode(value.partition("p=")[2])) == 32


def test_quotes_in_a_text_are_escaped():
    assert Record("a.example", "TXT", 'say "hi"', "").zone_line() == 'a.example. 3600 IN TXT "say \\"hi\\""'
