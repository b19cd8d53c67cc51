"""SPF, DKIM and DMARC together, answered by a staged DNS."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from lettershop.mail.authenticate import Authenticator, author_domains
from lettershop.net.zones import ZoneResolver
from lettershop.wire.message import headers
from lettershop.wire.trust.authres import Property, parse
from lettershop.wire.trust.dkim.sign import Signer, sign_message
from lettershop.wire.trust.questions import FAILED

KEY = Ed25519PrivateKey.generate()
PUBLIC = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
MESSAGE = b"From: A <a@b.example>\r\nSubject: x\r\n\r\nHello\r\n"

ZONE = ZoneResolver.of(
    {
        ("b.example", "TXT"): ["v=spf1 ip4:192.0.2.1 -all"],
        ("s._domainkey.b.example", "TXT"): [f"v=DKIM1; k=ed25519; p={PUBLIC}"],
        ("_dmarc.b.example", "TXT"): ["v=DMARC1; p=reject"],
    }
)


def signed(clock, message: bytes = MESSAGE) -> bytes:
    return sign_message(message, [Signer("b.example", "s", KEY)], clock.now())


def read(header: str) -> dict[str, str]:
    (field,) = headers.parse(header.encode()).fields
    assert field.name == "Authentication-Results"
    results = parse(field.value)
    assert results.authserv_id == "mx.c.example"
    return {result.method: result.result for result in results.results}


@pytest.fixture
def authenticator(clock):
    return Authenticator(ZONE, clock, "mx.c.example")


async def test_everything_passes(authenticator, clock):
    report = await authenticator.check(
        signed(clock), client_ip="192.0.2.1", helo="mx.b.example", mail_from="bounce@b.example"
    )
    assert (report.spf, report.dkim, report.dmarc, report.dmarc_policy) == ("pass", "pass", "pass", "none")
    assert read(report.header) == {"spf": "pass", "dkim": "pass", "dmarc": "pass"}
    assert report.header.endswith("\r\n")


async def test_a_forger_fails_and_the_owner_wants_it_refused(authenticator):
    report = await authenticator.check(MESSAGE, client_ip="198.51.100.1", helo="x", mail_from="a@b.example")
    assert (report.spf, report.dkim, report.dmarc, report.dmarc_policy) == ("fail", "none", "fail", "reject")
    results = parse(headers.parse(report.header.encode()).fields[0].value).results
    assert results[-1].properties == (Property("header", "from", "b.example"), Property("policy", "dmarc", "reject"))


async def test_forwarded_mail_passes_by_its_signature(authenticator, clock):
    report = await authenticator.check(signed(clock), client_ip="198.51.100.1", helo="x", mail_from="list@c.example")
    assert (report.spf, report.dkim, report.dmarc) == ("none", "pass", "pass")


async def test_a_bounce_is_checked_by_helo(authenticator):
    report = await authenticator.check(MESSAGE, client_ip="192.0.2.1", helo="b.example", mail_from="")
    assert (report.spf, report.dmarc) == ("pass", "pass")
    assert "smtp.helo=b.example" in report.header


async def test_no_answer_is_temporary(clock):
    down = ZoneResolver({(name, "TXT"): FAILED for name in ("b.example", "s._domainkey.b.example", "_dmarc.b.example")})
    report = await Authenticator(down, clock, "mx.c.example").check(
        signed(clock), client_ip="192.0.2.1", helo="b.example", mail_from="a@b.example"
    )
    assert (report.spf, report.dkim, report.dmarc) == ("temperror", "temperror", "temperror")


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"", "no From domain"),
        (b"From: nobody\r\n", "no From domain"),
        (b"From: a@b.example, c@d.example\r\n", "several From domains"),
        (b"From: a@b.example\r\nFrom: c@d.example\r\n", "several From domains"),
        (b"From: a@b.example, nonsense\r\n", "several From domains"),
    ],
)
async def test_without_one_from_domain_there_is_no_verdict(authenticator, head, reason):
    report = await authenticator.check(head + b"\r\nx\r\n", client_ip="192.0.2.1", helo="x", mail_from="a@b.example")
    assert (report.dmarc, report.dmarc_result.reason) == ("permerror", reason)


async def test_what_the_sender_writes_cannot_add_a_field(authenticator):
    report = await authenticator.check(MESSAGE, client_ip="192.0.2.1", helo="x\r\nEvil: y", mail_from="")
    assert read(report.header)["spf"] == "none"


def test_the_domain_of_from_is_read_as_people_read_it():
    assert author_domains("From: =?utf-8?q?a=40b.example?= <x@Bücher.example>\r\n\r\n".encode()) == [
        "xn--bcher-kva.example"
    ]


def test_forged_results_are_taken_out(authenticator):
    assert authenticator.cleaned(b"Authentication-Results: mx.c.example; dkim=pass\r\n" + MESSAGE) == MESSAGE
