"""Signatures of webhooks as Standard Webhooks 1.0 has them: three headers that the receiver can check. [pure]

    webhook-id: evt_…              the same at every try, so that a receiver can tell a repetition
    webhook-timestamp: 1763888400  of this try; receivers refuse what is old, so that nobody can replay what they overheard
    webhook-signature: v1,… v1,…   HMAC-SHA256 of "id.timestamp.body" in base64, one for each secret in force

A secret is `whsec_` and base64 of its bytes. While it is changed, both the new and the old one sign.
"""

import binascii
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence

from lettershop.base.errors import Invalid

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
"""Bytes of a secret (Standard Webhooks, "Symmetric key")."""
TOLERANCE = 300.0
"""Seconds that a receiver's clock may differ from ours."""


class BadSecret(Invalid):
    """Not a secret as Standard Webhooks writes it."""

    code = "webhook-secret"


def secret_of(key: bytes) -> str:
    """A key as it is shown to people."""
    return PREFIX + b64encode(key).decode()


def key_of(secret: str) -> bytes:
    """The bytes of a secret. Raises BadSecret."""
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadSecret("This is no webhook secret.", remedy="It is whsec_ and base64 of 24 to 64 bytes.") from error
    if not SHORTEST <= len(key) <= LONGEST:
        raise BadSecret("A webhook secret has 24 to 64 bytes.", remedy="Let us make one.")
    return key


def headers(secrets: Sequence[str], event_id: str, at: float, body: bytes) -> tuple[tuple[str, str], ...]:
    """The three headers of a try at `at`, signed with each of the secrets."""
    timestamp = str(int(at))
    signatures = " ".join(signature(key_of(secret), event_id, timestamp, body) for secret in secrets)
    return (("webhook-id", event_id), ("webhook-timestamp", timestamp), ("webhook-signature", signatures))


def signature(key: bytes, event_id: str, timestamp: str, body: bytes) -> str:
    """One signature with its version in front."""
    signed = b".".join((event_id.encode(), timestamp.encode(), body))
    return "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()


def verify(secret: str, event_id: str, timestamp: str, signatures: str, body: bytes, *, now: float) -> bool:
    """Whether a request is from who holds the secret, and fresh: what a receiver does."""
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 12):
        return False
    wanted = signature(key_of(secret), event_id, timestamp, body).encode()
    fresh = abs(now - int(timestamp)) <= TOLERANCE
    return fresh and any(hmac.compare_digest(wanted, one.encode()) for one in signatures.split(" "))
