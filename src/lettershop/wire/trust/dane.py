"""DANE: TLSA records, and whether the certificates that a mail server shows are those that they name (RFC 6698, 7671, 7672). [pure]

    records = [found for text in answer.records if (found := parse(text)) is not None]
    failure = examine(chain, usable(records), names=("mx.b.example", "b.example"), now=...)     # "" if all is well

Whether records may be believed at all (DNSSEC) is decided in `egress.dane`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

TA, EE = 2, 3
"""Usages: the record names an authority above the server's certificate, or that certificate itself."""
FULL, SHA256, SHA512 = 0, 1, 2
DEEPEST = 10
"""Certificates between the server's own and the authority at most."""


@dataclass(frozen=True, slots=True)
class Tlsa:
    """A record: usage, selector (0 whole certificate, 1 public key), matching type, what it is compared to."""

    usage: int
    selector: int
    matching: int
    data: bytes

    @property
    def is_usable(self) -> bool:
        """Whether it counts for mail; usages 0 and 1 do not (RFC 7672 3.1.3)."""
        return self.usage in (TA, EE) and self.selector in (0, 1) and self.matching in (FULL, SHA256, SHA512)

    def matches(self, der: bytes) -> bool:
        """Whether it names this certificate."""
        part = der if self.selector == 0 else public_key_of(der)
        if self.matching == FULL:
            return self.data == part
        return self.data == (hashlib.sha256 if self.matching == SHA256 else hashlib.sha512)(part).digest()


def parse(record: str) -> Tlsa | None:
    """A record from its text "3 1 1 0123…"; None if it is none."""
    parts = record.split(None, 3)
    try:
        usage, selector, matching = (int(part) for part in parts[:3])
        return Tlsa(usage, selector, matching, bytes.fromhex("".join(parts[3].split())))
    except (ValueError, IndexError):
        return None


def usable(records: Sequence[Tlsa]) -> tuple[Tlsa, ...]:
    """Those that count: of several digests of the same part only the strongest (RFC 7671 9)."""
    ours = [record for record in records if record.is_usable and record.data]
    strong = {(record.usage, record.selector) for record in ours if record.matching == SHA512}
    return tuple(one for one in ours if one.matching != SHA256 or (one.usage, one.selector) not in strong)


def examine(chain: Sequence[bytes], records: Sequence[Tlsa], *, names: Sequence[str], now: float) -> str:
    """Empty if one of the records fits, else what is wrong, as RFC 8460 4.3 names it. `chain`: DER, the server's own first."""
    if not chain:
        return "validation-failure"
    try:
        if any(record.usage == EE and record.matches(chain[0]) for record in records):
            return ""  # RFC 7672 3.1.1: neither its names nor its dates count
        anchors = [record for record in records if record.usage == TA]
        return _below(chain, anchors, names, datetime.fromtimestamp(now, UTC)) if anchors else "certificate-not-trusted"
    except (ValueError, IndexError, UnsupportedAlgorithm):  # a certificate that cannot be read
        return "validation-failure"


def _below(chain: Sequence[bytes], anchors: Sequence[Tlsa], names: Sequence[str], now: datetime) -> str:
    """RFC 7672 3.1.2: a path up to the authority, all dates, and the name."""
    leaf = x509.load_der_x509_certificate(chain[0])
    shown = [(der, x509.load_der_x509_certificate(der)) for der in chain[1:]]
    told = [
        (record.data, x509.load_der_x509_certificate(record.data))
        for record in anchors
        if (record.selector, record.matching) == (0, FULL)
    ]
    path = _path(leaf, [*shown, *told], anchors)
    if path is None:
        return "certificate-not-trusted"
    if not all(one.not_valid_before_utc <= now <= one.not_valid_after_utc for one in path):
        return "certificate-expired"
    return "" if any(is_for(leaf, name) for name in names) else "certificate-host-mismatch"


def _path(
    leaf: x509.Certificate, others: Sequence[tuple[bytes, x509.Certificate]], anchors: Sequence[Tlsa]
) -> list[x509.Certificate] | None:
    """From the leaf up to a certificate that a record names; others may come in any order (RFC 8446 4.4.2)."""
    path, left = [leaf], list(others)
    while len(path) <= DEEPEST:
        issuer = next((one for one in left if _issued(path[-1], one[1])), None)
        if issuer is None:
            return None
        left.remove(issuer)
        path.append(issuer[1])
        if any(record.matches(issuer[0]) for record in anchors):
            return path
    return None


def _issued(below: x509.Certificate, above: x509.Certificate) -> bool:
    try:
        below.verify_directly_issued_by(above)
        return above.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False
    except (ValueError, TypeError, InvalidSignature):
        return False


def is_for(certificate: x509.Certificate, name: str) -> bool:
    """Whether it is for this name; a star stands for the first label (RFC 7672 3.2.3)."""
    name = name.lower().rstrip(".")
    parent = name.partition(".")[2]
    return any(one.lower().rstrip(".") in (name, f"*.{parent}") for one in _names(certificate))


def _names(certificate: x509.Certificate) -> Sequence[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return [str(one.value) for one in common]
    return found.get_values_for_type(x509.DNSName)


def public_key_of(certificate: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate (RFC 5280 4.1), byte for byte as it stands there. Raises ValueError."""
    whole = _inside(certificate, 0)
    at = _inside(certificate, whole)
    if certificate[at] == 0xA0:  # the version, which may be missing
        at = _behind(certificate, at)
    for _ in range(5):  # serial number, algorithm, issuer, validity, subject
        at = _behind(certificate, at)
    return certificate[at : _behind(certificate, at)]


def _inside(der: bytes, at: int) -> int:
    """Where the content of the element at `at` begins."""
    first = der[at + 1]
    return at + 2 + (first & 0x7F if first & 0x80 else 0)


def _behind(der: bytes, at: int) -> int:
    """Where the element after the one at `at` begins."""
    start, first = _inside(der, at), der[at + 1]
    end = start + (int.from_bytes(der[at + 2 : start], "big") if first & 0x80 else first)
    if end > len(der):
        raise ValueError("a certificate breaks off")
    return end
