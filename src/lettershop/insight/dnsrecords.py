"""The DNS records that a domain needs, from its keys and our host name, as values and as zone-file text. [pure]

`lettershop domain dns` prints them, `insight.dnscheck` looks whether they are there, the demo's resolver answers with
them: one source for all three.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from lettershop.store.accounts import DkimKey

STRING = 255
"""Most octets in one character-string of a TXT record (RFC 1035 3.3)."""

TTL = 3600
"""Seconds that resolvers may keep a record."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record to set. `name` without the final dot; `why` in words for the operator."""

    name: str
    type: Literal["A", "AAAA", "MX", "TXT", "PTR"]
    value: str
    why: str

    def zone_line(self) -> str:
        """The record as a line of a zone file (RFC 1035 5.1)."""
        return f"{self.name}. {TTL} IN {self.type} {self._rdata()}"

    def _rdata(self) -> str:
        if self.type == "TXT":
            pieces = [self.value[i : i + STRING] for i in range(0, len(self.value), STRING)]
            return " ".join('"' + piece.replace("\\", "\\\\").replace('"', '\\"') + '"' for piece in pieces)
        return f"{self.value}." if self.type in ("MX", "PTR") else self.value


def domain_records(domain: str, hostname: str, keys: Sequence[DkimKey], *, report_to: str = "") -> list[Record]:
    """What the domain itself needs: MX, SPF, DKIM, DMARC. `report_to` gets the DMARC reports; empty: postmaster of the domain."""
    dkim = [
        Record(
            f"{key.selector}._domainkey.{domain}", "TXT", dkim_value(key),
            f"DKIM: receivers check our {key.algorithm} signature with this key.",
        )
        for key in keys
    ]  # fmt: skip
    reports = report_to or f"postmaster@{domain}"
    return [
        Record(domain, "MX", f"10 {hostname}", "Mail for this domain comes to us."),
        Record(domain, "TXT", "v=spf1 mx -all", "SPF: only our servers send with this domain in MAIL FROM."),
        *dkim,
        Record(
            f"_dmarc.{domain}", "TXT", f"v=DMARC1; p=quarantine; rua=mailto:{reports}",
            "DMARC: what receivers do with mail that pretends to be from this domain, and where they report it.",
        ),
    ]  # fmt: skip


def host_records(hostname: str, addresses: Sequence[str]) -> list[Record]:
    """What our host name needs: its addresses, its own SPF (bounces are sent with the null sender), and PTR at the provider."""
    records = [
        Record(hostname, "TXT", "v=spf1 a -all", "SPF for mail with an empty sender, such as bounces (RFC 7208 2.4).")
    ]
    for text in addresses:
        address = ip_address(text)
        records.append(Record(hostname, "A" if address.version == 4 else "AAAA", str(address), "Where this server is."))
        records.append(
            Record(
                address.reverse_pointer,
                "PTR",
                hostname,
                "Set by who gave you the address; receivers refuse mail without it.",
            )
        )
    return records


def dkim_value(key: DkimKey) -> str:
    """The TXT value with the public half of a key (RFC 6376 3.6.1, RFC 8463 4)."""
    private = serialization.load_pem_private_key(key.private_pem.encode(), password=None)
    assert isinstance(private, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey)
    public = private.public_key()
    if isinstance(public, ed25519.Ed25519PublicKey):
        return f"v=DKIM1; k=ed25519; p={b64encode(public.public_bytes_raw()).decode()}"
    spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return f"v=DKIM1; k=rsa; p={b64encode(spki).decode()}"


def zone_text(records: Sequence[Record]) -> str:
    """The records as zone-file text with a comment each."""
    return "".join(f"; {record.why}\n{record.zone_line()}\n" for record in records)
