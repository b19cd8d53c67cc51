"""TLS contexts: the server's certificate from PEM files, or a self-made one until there is a real one; the client's.

What lives here: which protocol versions, loading, reloading in place, making and remaking of the self-made
certificate. What must not: when to reload (workers), ACME.

A `Certificate` keeps one SSLContext for life: `reload` loads the files into it, connections that begin afterwards get
the new chain, and listeners need not know.
"""

import asyncio
import os
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from lettershop.base.clock import Clock
from lettershop.base.errors import ConfigError

_FAILURES = {
    10: "certificate-expired", 62: "certificate-host-mismatch", 64: "certificate-host-mismatch",
    18: "certificate-not-trusted", 19: "certificate-not-trusted", 20: "certificate-not-trusted", 21: "certificate-not-trusted",
}  # fmt: skip
"""OpenSSL's codes of what is wrong with a chain (X509_V_ERR_…)."""
LIFETIME = timedelta(days=397)
REMAKE_BEFORE = timedelta(days=30)


class CertificateError(ConfigError):
    """The certificate and the key cannot be used."""

    code = "certificate"


@dataclass(frozen=True, slots=True)
class PemFiles:
    """Paths of the chain and of the private key."""

    certificate: Path
    key: Path

    def expires(self) -> float:
        """When the certificate ends, seconds since the epoch. Raises CertificateError."""
        try:
            return x509.load_pem_x509_certificate(self.certificate.read_bytes()).not_valid_after_utc.timestamp()
        except (OSError, ValueError) as error:
            raise CertificateError(f"Cannot read the certificate {self.certificate}.") from error

    def shown(self) -> tuple[tuple[str, ...], bool]:
        """The DNS names in the certificate, and whether it is signed by itself. Raises CertificateError."""
        try:
            certificate = x509.load_pem_x509_certificate(self.certificate.read_bytes())
        except (OSError, ValueError) as error:
            raise CertificateError(f"Cannot read the certificate {self.certificate}.") from error
        try:
            found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            names = tuple(found.get_values_for_type(x509.DNSName))
        except x509.ExtensionNotFound:
            names = ()
        return names, certificate.issuer == certificate.subject


class Certificate:
    """What servers show. `context` serves any number of listeners."""

    def __init__(self, files: PemFiles) -> None:
        """Raises CertificateError."""
        self.files = files
        self.context = server_context(files)
        self._seen = self._stamp()

    def reload(self) -> bool:
        """Take the files as they are now; True if they had changed. Raises CertificateError and keeps the old ones."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        server_context(self.files)  # half-written files must not harm the context in use
        self.context.load_cert_chain(self.files.certificate, self.files.key)
        self._seen = stamp
        return True

    def _stamp(self) -> tuple[int, ...]:
        try:
            states = [path.stat() for path in (self.files.certificate, self.files.key)]
        except OSError as error:
            raise CertificateError(f"Cannot read {self.files.certificate} and {self.files.key}.") from error
        return tuple(part for state in states for part in (state.st_mtime_ns, state.st_size, state.st_ino))


def server_context(files: PemFiles) -> ssl.SSLContext:
    """A context for SMTP, IMAP, POP3 and HTTPS. Raises CertificateError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8997: TLS 1.0 and 1.1 are not for mail
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION  # work that a client could ask for without end
    try:
        context.load_cert_chain(files.certificate, files.key)
    except (OSError, ssl.SSLError) as error:
        raise CertificateError(
            f"The certificate {files.certificate} and the key {files.key} cannot be used together.",
            remedy="Check that both are PEM files, readable, and belong to each other.",
        ) from error
    return context


def opportunistic_context() -> ssl.SSLContext:
    """For sending to anybody (RFC 7435): encrypts, checks nothing, since the alternative is plain text."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def verifying_context(authority: Path | None = None) -> ssl.SSLContext:
    """For servers that must prove their name (MTA-STS, smart hosts); `authority` replaces the system's roots."""
    context = ssl.create_default_context(cafile=str(authority) if authority else None)
    context.hostname_checks_common_name = False  # RFC 9525 2: names stand in subjectAltName
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def peer_chain(transport: asyncio.BaseTransport) -> list[bytes]:
    """The certificates that the other side showed (DER, its own first), whether or not they were checked."""
    wrapped: Any = transport.get_extra_info("ssl_object")
    if wrapped is None:
        return []
    if hasattr(wrapped, "get_unverified_chain"):  # Python 3.13
        return list(wrapped.get_unverified_chain())
    shown = wrapped._sslobj.get_unverified_chain() or ()  # the same, before it was made public
    return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in shown]


def failure_of(error: Exception) -> str:
    """What went wrong in a handshake, as RFC 8460 4.3.1 names it."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return "validation-failure"
    return _FAILURES.get(error.verify_code, "validation-failure")


def self_made(folder: Path, hostname: str, clock: Clock) -> PemFiles:
    """A certificate of our own for `hostname`, kept in `folder`, made anew within 30 days of its end."""
    files = PemFiles(folder / "self-made.crt", folder / "self-made.key")
    now = datetime.fromtimestamp(clock.now(), UTC)
    if _still_good(files, hostname, now):
        return files
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    key = ec.generate_private_key(ec.SECP256R1())
    chain = _sign(key, hostname, now, int.from_bytes(clock.token(16), "big") >> 1)
    # the key first: whoever reads between the two sees a pair that does not fit, and keeps what it has
    _write(files.key, _private_pem(key))
    _write(files.certificate, chain.public_bytes(serialization.Encoding.PEM))
    return files


def _still_good(files: PemFiles, hostname: str, now: datetime) -> bool:
    try:
        chain = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        server_context(files)
    except (OSError, ValueError, CertificateError):
        return False
    names = chain.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    fits = bool(names) and names[0].value == hostname[:64]
    return fits and chain.not_valid_before_utc <= now < chain.not_valid_after_utc - REMAKE_BEFORE


def _sign(key: ec.EllipticCurvePrivateKey, hostname: str, now: datetime, serial: int) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hostname[:64])])
    alternatives: list[x509.GeneralName] = [
        x509.DNSName(hostname),
        x509.DNSName("localhost"),
        x509.IPAddress(ip_address("127.0.0.1")),
        x509.IPAddress(ip_address("::1")),
    ]
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(serial or 1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, readable by us alone."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
