"""Certificates: made, kept, remade, reloaded."""

import ssl
from pathlib import Path

import pytest
from cryptography import x509

from lettershop.base.clock import ManualClock
from lettershop.net.tls import (
    Certificate,
    CertificateError,
    PemFiles,
    opportunistic_context,
    self_made,
    verifying_context,
)

DAY = 86_400


def test_it_is_made_once_and_kept_private(tmp_path: Path, clock: ManualClock) -> None:
    files = self_made(tmp_path / "tls", "mail.example", clock)
    assert files.key.stat().st_mode & 0o777 == 0o600
    assert files.certificate.parent.stat().st_mode & 0o777 == 0o700
    before = files.certificate.read_bytes()
    assert self_made(tmp_path / "tls", "mail.example", clock).certificate.read_bytes() == before
    names = x509.load_pem_x509_certificate(before).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert set(names.get_values_for_type(x509.DNSName)) == {"mail.example", "localhost"}
    assert sorted(path.name for path in files.key.parent.iterdir()) == ["self-made.crt", "self-made.key"]


def test_it_is_remade_before_its_end(tmp_path: Path, clock: ManualClock) -> None:
    files = self_made(tmp_path, "mail.example", clock)
    first, end = files.certificate.read_bytes(), files.expires()
    clock.advance(end - clock.now() - 31 * DAY)
    assert self_made(tmp_path, "mail.example", clock).certificate.read_bytes() == first
    clock.advance(2 * DAY)
    assert self_made(tmp_path, "mail.example", clock).certificate.read_bytes() != first
    assert files.expires() > end


def test_it_is_remade_for_another_name_and_when_damaged(tmp_path: Path, clock: ManualClock) -> None:
    files = self_made(tmp_path, "mail.example", clock)
    first = files.certificate.read_bytes()
    assert self_made(tmp_path, "other.example", clock).certificate.read_bytes() != first
    files.key.write_bytes(b"damaged")
    self_made(tmp_path, "other.example", clock)
    Certificate(files)


def test_reload_takes_new_files_and_keeps_the_old_ones_if_they_are_bad(tmp_path: Path, clock: ManualClock) -> None:
    files = self_made(tmp_path, "mail.example", clock)
    certificate = Certificate(files)
    context = certificate.context
    assert not certificate.reload()
    self_made(tmp_path, "other.example", clock)
    assert certificate.reload()
    assert certificate.context is context
    assert _shown(context, files) == "other.example"
    files.key.write_bytes(b"damaged")
    with pytest.raises(CertificateError):
        certificate.reload()
    assert _shown(context, files) == "other.example"


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match=r"nothing\.crt"):
        Certificate(PemFiles(tmp_path / "nothing.crt", tmp_path / "nothing.key"))
    with pytest.raises(CertificateError):
        PemFiles(tmp_path / "nothing.crt", tmp_path / "nothing.key").expires()


def test_client_contexts(tmp_path: Path, clock: ManualClock) -> None:
    assert opportunistic_context().verify_mode is ssl.CERT_NONE
    files = self_made(tmp_path, "mail.example", clock)
    strict = verifying_context(files.certificate)
    assert strict.verify_mode is ssl.CERT_REQUIRED and strict.check_hostname
    assert strict.minimum_version is ssl.TLSVersion.TLSv1_2


def _shown(context: ssl.SSLContext, files: PemFiles) -> str:
    """The name in the certificate that a client is shown, without a socket."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(to_server, to_client, server_side=True)
    client = opportunistic_context().wrap_bio(to_client, to_server)
    for _ in range(5):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    shown = x509.load_der_x509_certificate(client.getpeercert(binary_form=True) or b"")
    return str(shown.subject.rfc4514_string()).removeprefix("CN=")
