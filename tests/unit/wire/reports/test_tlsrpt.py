"""TLS reports: who wants them, what they say."""

import email
import gzip
import json

import pytest

from lettershop.wire.reports.tlsrpt import Failure, PolicyResult, Report, as_json, compose, wanted_at

REPORT = Report(
    "b.example", "mail.a.example", "mail.a.example", "postmaster@a.example", "1a2b@mail.a.example",
    "2026-01-30T00:00:00Z", "2026-01-30T23:59:59Z", (1769731200, 1769817599), (
        PolicyResult("sts", ("version: STSv1", "mode: enforce", "mx: mx1.b.example", "mx: *.b.example", "max_age: 86400"), 7, (
            Failure("certificate-expired", 3, "mx1.b.example", "192.0.2.1", "198.51.100.1"),
            Failure("sts-policy-fetch-error", 1),
        )),
        PolicyResult("no-policy-found", (), 2, ()),
    ),
)  # fmt: skip


@pytest.mark.parametrize(("records", "found"), [
    (["v=TLSRPTv1; rua=mailto:tls@b.example"], ("tls@b.example",)),
    (["v=TLSRPTv1;rua=mailto:a@b.example,https://b.example/tls, mailto:c%2Bd@b.example?subject=x;"], ("a@b.example", "c+d@b.example")),
    (["v=spf1 -all", "v=TLSRPTv1; rua=mailto:tls@b.example; future=1"], ("tls@b.example",)),
    (["v=TLSRPTv1; rua=https://b.example/tls"], ()),
    (["v=TLSRPTv1; rua=mailto:nobody"], ()),
    (["v=TLSRPTv1; rua=mailto:a@b.example", "v=TLSRPTv1; rua=mailto:c@b.example"], ()),
    (["v=TLSRPTv2; rua=mailto:a@b.example"], ()),
    ([], ()),
])  # fmt: skip
def test_who_wants_it(records, found):
    assert wanted_at(records) == found


def test_what_it_says():
    """RFC 8460 4.4."""
    told = json.loads(as_json(REPORT))
    assert told["organization-name"] == "mail.a.example"
    assert told["date-range"] == {"start-datetime": "2026-01-30T00:00:00Z", "end-datetime": "2026-01-30T23:59:59Z"}
    first, second = told["policies"]
    assert first["policy"] == {
        "policy-type": "sts", "policy-domain": "b.example", "policy-string": list(REPORT.policies[0].text),
        "mx-host": ["mx1.b.example", "*.b.example"],
    }  # fmt: skip
    assert first["summary"] == {"total-successful-session-count": 7, "total-failure-session-count": 4}
    assert first["failure-details"] == [
        {
            "result-type": "certificate-expired", "sending-mta-ip": "198.51.100.1", "receiving-mx-hostname": "mx1.b.example",
            "receiving-ip": "192.0.2.1", "failed-session-count": 3,
        },
        {"result-type": "sts-policy-fetch-error", "failed-session-count": 1},
    ]  # fmt: skip
    assert second == {
        "policy": {"policy-type": "no-policy-found", "policy-domain": "b.example"},
        "summary": {"total-successful-session-count": 2, "total-failure-session-count": 0},
    }


def test_the_message_that_brings_it():
    """RFC 8460 5.3, read by another parser."""
    raw = compose(REPORT, ["tls@b.example", "c@b.example"], date="Sat, 31 Jan 2026 03:00:00 +0000", boundary="x")
    message = email.message_from_bytes(raw)
    assert message.get_content_type() == "multipart/report"
    assert message.get_param("report-type") == "tlsrpt"
    assert (message["TLS-Report-Domain"], message["TLS-Report-Submitter"]) == ("b.example", "mail.a.example")
    assert message["TLS-Required"] == "No"
    assert message["Subject"].replace("\r\n", "") == (
        "Report Domain: b.example Submitter: mail.a.example Report-ID: <1a2b@mail.a.example>"
    )
    words, report = message.get_payload()
    assert "9 went well, 4 failed" in words.get_payload(decode=True).decode()
    assert report.get_content_type() == "application/tlsrpt+gzip"
    assert report.get_filename() == "mail.a.example!b.example!1769731200!1769817599!1a2b.json.gz"
    assert json.loads(gzip.decompress(report.get_payload(decode=True))) == json.loads(as_json(REPORT))
    assert max(map(len, raw.split(b"\r\n"))) <= 998
