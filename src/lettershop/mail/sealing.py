"""Secrets that the database keeps for us, sealed with a key that it does not have: AES-256-GCM (NIST SP 800-38D). [pure]

    sealed = sealing.seal("JBSWY3DP…", about="7", nonce=clock.token(12))    -> "sealed:…"
    sealing.open(sealed, about="7")                                        -> the secret, or WrongKey

`about` binds a secret to its owner: copied into another row it does not open. What was written before there was a key has
no mark, and is given as it is.
"""

from base64 import b64decode, b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from lettershop.base.errors import Conflict

MARK = "sealed:"
KEY_SIZE, NONCE_SIZE = 32, 12


class WrongKey(Conflict):
    """The secret was sealed with another key."""

    code = "wrong-key"


class Sealing:
    """Seals and opens with one key."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def seal(self, secret: str, *, about: str, nonce: bytes) -> str:
        """The form in which it is stored; a nonce is used once."""
        return MARK + b64encode(nonce + self._cipher.encrypt(nonce, secret.encode(), about.encode())).decode()

    def open(self, stored: str, *, about: str) -> str:
        """The secret; raises WrongKey."""
        if not stored.startswith(MARK):
            return stored
        raw = b64decode(stored.removeprefix(MARK))
        try:
            return self._cipher.decrypt(raw[:NONCE_SIZE], raw[NONCE_SIZE:], about.encode()).decode()
        except InvalidTag as error:
            raise WrongKey(
                "A stored secret cannot be read with the key of this server.",
                remedy="Put back the file secrets.key that was there when it was made; it belongs to every backup.",
            ) from error
