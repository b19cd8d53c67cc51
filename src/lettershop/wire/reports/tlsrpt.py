"""TLS reports: who wants them, and the report of a day as JSON in a message (RFC 8460). [pure]

wanted_at(["v=TLSRPTv1; rua=mailto:tls@b.example"])     -> ("tls@b.example",)
compose(Report(...), date=..., boundary=...)             -> the message
"""

import gzip
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from lettershop.wire.message.compose import Header, attachment, mailbox, multipart, text_part

_VERSION = re.compile(r"v=TLSRPTv1[ \t]*(;|$)")
MOST_ADDRESSES = 5


@dataclass(frozen=True, slots=True)
class Failure:
    """Sessions that failed in one way; hosts and addresses may be unknown."""

    kind: str
    sessions: int
    mx: str = ""
    receiving_ip: str = ""
    sending_ip: str = ""


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """What came of one policy: its kind and text, and the sessions."""

    kind: str
    text: tuple[str, ...]
    succeeded: int
    failures: tuple[Failure, ...]

    @property
    def failed(self) -> int:
        """Sessions that failed."""
        return sum(failure.sessions for failure in self.failures)


@dataclass(frozen=True, slots=True)
class Report:
    """A day of a domain. `begin`, `end` like "2026-01-31T00:00:00Z"; `stamps` the same in seconds since the epoch."""

    domain: str
    organization: str
    submitter: str
    contact: str
    report_id: str
    begin: str
    end: str
    stamps: tuple[int, int]
    policies: tuple[PolicyResult, ...]


def wanted_at(records: Iterable[str]) -> tuple[str, ...]:
    """The mail addresses in the TXT records of _smtp._tls; none where there is not exactly one such record (RFC 8460 3)."""
    ours = [record for record in records if _VERSION.match(record)]
    if len(ours) != 1:
        return ()
    fields = (part.partition("=") for part in ours[0].split(";"))
    uris = [uri.strip() for name, _, value in fields if name.strip().lower() == "rua" for uri in value.split(",")]
    found = [unquote(uri[len("mailto:") :].partition("?")[0]) for uri in uris if uri.lower().startswith("mailto:")]
    return tuple(dict.fromkeys(address for address in found if "@" in address))[:MOST_ADDRESSES]


def as_json(report: Report) -> bytes:
    """The report itself (RFC 8460 4.4)."""
    return json.dumps(
        {
            "organization-name": report.organization,
            "date-range": {"start-datetime": report.begin, "end-datetime": report.end},
            "contact-info": report.contact,
            "report-id": report.report_id,
            "policies": [_policy(report.domain, one) for one in report.policies],
        },
        indent=1,
    ).encode()


def _policy(domain: str, one: PolicyResult) -> dict[str, Any]:
    policy: dict[str, Any] = {"policy-type": one.kind, "policy-domain": domain}
    if one.text:
        policy["policy-string"] = list(one.text)
    if hosts := [line.partition(":")[2].strip() for line in one.text if line.startswith("mx:")]:
        policy["mx-host"] = hosts
    found: dict[str, Any] = {
        "policy": policy,
        "summary": {"total-successful-session-count": one.succeeded, "total-failure-session-count": one.failed},
    }
    if one.failures:
        found["failure-details"] = [_failure(failure) for failure in one.failures]
    return found


def _failure(failure: Failure) -> dict[str, Any]:
    told: dict[str, Any] = {
        "result-type": failure.kind, "sending-mta-ip": failure.sending_ip, "receiving-mx-hostname": failure.mx,
        "receiving-ip": failure.receiving_ip, "failed-session-count": failure.sessions,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value != ""}


def compose(report: Report, recipients: Sequence[str], *, date: str, boundary: str) -> bytes:
    """The message that brings it (RFC 8460 5.3)."""
    begin, end = report.stamps
    name = f"{report.submitter}!{report.domain}!{begin}!{end}!{report.report_id.partition('@')[0]}.json.gz"
    header = Header()
    header.add("From", mailbox("TLS reports", report.contact))
    header.add("To", ", ".join(recipients))
    subject = f"Report Domain: {report.domain} Submitter: {report.submitter} Report-ID: <{report.report_id}>"
    header.text("Subject", subject)
    header.add("Date", date)
    header.add("Message-ID", f"<{report.report_id}>")
    header.add("TLS-Report-Domain", report.domain)
    header.add("TLS-Report-Submitter", report.submitter)
    header.add("TLS-Required", "No")  # RFC 8689 5: broken TLS is what it tells of
    header.add("Auto-Submitted", "auto-generated")
    header.add("MIME-Version", "1.0")
    packed = gzip.compress(as_json(report), mtime=0)
    parts = [text_part(_words(report)), attachment(name, "application/tlsrpt+gzip", packed)]
    return multipart(header, "report", parts, boundary, params='report-type="tlsrpt"')


def _words(report: Report) -> str:
    succeeded = sum(one.succeeded for one in report.policies)
    failed = sum(one.failed for one in report.policies)
    return (
        f"This is a report about TLS on connections from {report.submitter} to the mail servers of {report.domain}\n"
        f"from {report.begin} to {report.end}: {succeeded} went well, {failed} failed. The figures are attached (RFC 8460).\n"
    )
