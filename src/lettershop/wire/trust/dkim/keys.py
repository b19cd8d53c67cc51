"""Keys: the record in the DNS (RFC 6376 3.6.1, RFC 8463 4), and private keys from PEM. [pure]"""

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_private_key

from lettershop.base.errors import Invalid
from lettershop.wire.trust.dkim.tags import BadTags, base64, parse_tags

FEWEST_BITS, MOST_BITS = 1024, 8192
"""RSA keys accepted. RFC 8301 3.2 sets the lower bound; the upper keeps one message from costing much time."""


class BadKey(Invalid):
    """A private key that cannot sign mail."""

    code = "dkim-key"


class Revoked(Invalid):
    """The key record is there with an empty p= (RFC 6376 3.6.1)."""

    code = "dkim-revoked"


class Unacceptable(Invalid):
    """A key that works but is not accepted: too short or too long (RFC 8301 3.2)."""

    code = "dkim-unacceptable"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key record. `testing`: t=y, `strict`: t=s, the identity's domain must be d= itself."""

    key: RSAPublicKey | Ed25519PublicKey
    hashes: tuple[str, ...]
    testing: bool
    strict: bool

    @property
    def algorithm(self) -> str:
        """What its signatures say in a=."""
        return "rsa-sha256" if isinstance(self.key, RSAPublicKey) else "ed25519-sha256"

    def verifies(self, digest: bytes, signature: bytes) -> bool:
        """Whether `signature` was made with this key over the SHA-256 `digest` of the signed header."""
        try:
            if isinstance(self.key, RSAPublicKey):
                self.key.verify(signature, digest, PKCS1v15(), Prehashed(SHA256()))
            else:
                self.key.verify(signature, digest)  # RFC 8463 3: the hash is what is signed
        except InvalidSignature:
            return False
        return True


def parse_record(text: str) -> PublicKey:
    """A key record. Raises BadTags, Revoked or Unacceptable."""
    tags = parse_tags(text)
    if "v" in tags and (tags["v"] != "DKIM1" or next(iter(tags)) != "v"):  # RFC 6376 3.6.1
        raise BadTags("no DKIM1 key record")
    if "p" not in tags:
        raise BadTags("no p= in the key record")
    if not tags["p"]:
        raise Revoked("the key is revoked")
    services, flags = _list(tags.get("s", "*")), _list(tags.get("t", ""))
    if not {"*", "email"} & set(services):
        raise BadTags("the key is not for mail")
    key = _load(tags.get("k", "rsa").lower(), base64(tags["p"], "p"))
    return PublicKey(key, _list(tags.get("h", "")), "y" in flags, "s" in flags)


def _list(text: str) -> tuple[str, ...]:
    return tuple(item for piece in text.split(":") if (item := piece.strip().lower()))


def _load(kind: str, data: bytes) -> RSAPublicKey | Ed25519PublicKey:
    try:
        key = Ed25519PublicKey.from_public_bytes(data) if kind == "ed25519" else load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadTags("the key cannot be read") from error
    if isinstance(key, RSAPublicKey):
        if not FEWEST_BITS <= key.key_size <= MOST_BITS:
            raise Unacceptable(f"RSA key of {key.key_size} bits")
        if kind == "rsa":
            return key
    if isinstance(key, Ed25519PublicKey) and kind == "ed25519":
        return key
    raise BadTags("unknown kind of key")


def load_private(pem: str) -> RSAPrivateKey | Ed25519PrivateKey:
    """A private key from PEM. Raises BadKey."""
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise BadKey("The DKIM key cannot be read.") from error
    if isinstance(key, RSAPrivateKey) and key.key_size >= FEWEST_BITS:
        return key
    if isinstance(key, Ed25519PrivateKey):
        return key
    raise BadKey("The DKIM key is neither RSA with at least 1024 bits nor Ed25519.")
