"""Makes DKIM-Signature fields (RFC 6376 5), relaxed/relaxed, RSA and Ed25519. [pure]

Two ways in:
    signer.sign(canonical_header, body_hash, names, at)     everything canonical already: a campaign's hot path
    sign_message(message, signers, at)                      any message; one field per signer is put on top

The field is written so that its own relaxed form follows by replacing the folds; the part that does not change from
message to message is made once per list of names.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from lettershop.wire.message import headers
from lettershop.wire.message.headers import Field
from lettershop.wire.trust.dkim.canonical import body_hash, relaxed_body, relaxed_field

SEALED = ("from", "to", "cc", "subject", "date", "reply-to", "message-id", "mime-version", "content-type",
          "content-transfer-encoding")  # fmt: skip
"""Fields of which nobody may add another after signing: each is named once more than it stands (RFC 6376 8.15)."""

ALSO = frozenset(
    ("sender", "in-reply-to", "references", "resent-from", "resent-to", "resent-cc", "resent-date", "resent-message-id",
     "list-id", "list-unsubscribe", "list-unsubscribe-post", "list-help", "list-post", "list-subscribe", "list-owner",
     "list-archive", "feedback-id", "auto-submitted", "content-id", "content-description")
)  # fmt: skip
"""Fields that are signed where they stand (RFC 6376 5.4.1; RFC 8058 4 wants both List-Unsubscribe fields covered)."""

_LINE = 72
_WIDTH = 76
_PADDING, _HASH = PKCS1v15(), SHA256()


class Signer:
    """A domain's key, loaded and ready."""

    def __init__(self, domain: str, selector: str, key: RSAPrivateKey | Ed25519PrivateKey) -> None:
        self.domain = domain
        self.selector = selector
        self.algorithm = "rsa-sha256" if isinstance(key, RSAPrivateKey) else "ed25519-sha256"
        self._key = key
        self._starts: dict[tuple[str, ...], tuple[bytes, bytes]] = {}

    def sign(self, canonical_header: bytes, digest: bytes, names: tuple[str, ...], at: float | None) -> bytes:
        """The field in wire form, with its CRLF.

        `canonical_header`: the signed fields in relaxed form, each with its CRLF, in the order of `names`; `digest`: of
        `body_hash`; `names` may name fields that do not stand there, to seal them; `at` becomes t=, None leaves it out.
        """
        wire, canonical = self._starts.get(names) or self._start(names)
        time = b"" if at is None else b"t=%d; " % at
        rest = b" " + time + b"bh=" + b64encode(digest) + b";"
        signature = b64encode(self._sign(b"".join((canonical_header, canonical, rest, b" b="))))
        lines = [signature[i : i + _LINE] for i in range(0, len(signature), _LINE)]
        return b"".join((wire, b"\r\n", rest, b"\r\n b=", b"\r\n ".join(lines), b"\r\n"))

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(data, _PADDING, _HASH)
        return self._key.sign(sha256(data).digest())  # RFC 8463 3

    def _start(self, names: tuple[str, ...]) -> tuple[bytes, bytes]:
        """What comes before t= and bh=: in wire form and in relaxed form."""
        head = f"v=1; a={self.algorithm}; c=relaxed/relaxed; d={self.domain};"
        lines = [f"DKIM-Signature: {head}", f" s={self.selector};", *_folded_names(names)]
        wire = "\r\n".join(lines).encode("ascii")
        canonical = "".join([f"dkim-signature:{head}", *lines[1:]]).encode("ascii")
        if len(self._starts) > 64:  # names vary little; a caller that varies them must not fill the memory
            self._starts.clear()
        self._starts[names] = (wire, canonical)
        return wire, canonical


def _folded_names(names: Iterable[str]) -> list[str]:
    """h= on lines of at most 76; white space may stand after a colon (RFC 6376 3.5 "h=")."""
    lines = [" h="]
    for name in names:
        if len(lines[-1]) + len(name) + 1 > _WIDTH and lines[-1] != " h=":
            lines.append(" ")
        lines[-1] += f"{name}:"
    lines[-1] = lines[-1][:-1] + ";"
    return lines


def sign_message(message: bytes, signers: Sequence[Signer], at: float | None) -> bytes:
    """The message with one DKIM-Signature field per signer on top. Line ends must be CRLF already."""
    header = headers.parse(message)
    digest = body_hash(relaxed_body(message[header.body :]))
    names, canonical = _chosen(header.fields)
    return b"".join([*(signer.sign(canonical, digest, names, at) for signer in signers), message])


def _chosen(fields: Sequence[Field]) -> tuple[tuple[str, ...], bytes]:
    """The names to sign, and the fields in relaxed form, the lowest of a name first (RFC 6376 5.4.2)."""
    names: list[str] = []
    canonical: list[bytes] = []
    for field in reversed(fields):
        name = field.name.lower()
        if name in ALSO or name in SEALED:
            names.append(name)
            canonical.append(relaxed_field(field.name, field.raw))
    return (*names, *SEALED), b"".join(canonical)
