"""Work that a browser does before a form is taken: a captcha that asks people nothing and no third party anything. [pure]

    challenge = challenges.issue(list_id, now, nonce)      "LIST.TIME.NONCE.MAC"
    the browser looks for a number so that SHA-256("CHALLENGE:NUMBER") begins with `bits` zero bits: about a second
    challenges.solved("CHALLENGE:NUMBER", list_id, now)

It proves nothing about a person; it makes a thousand requests cost a thousand times as much. Who has no JavaScript brings no
proof, and is let in more slowly.
"""

import hmac
from hashlib import sha256

LASTS = 3600.0
MAC_SIZE = 16
LONGEST = 200


class Challenges:
    """Makes and checks them with one key. `bits` 0: no work is asked for, and every request counts as proven."""

    def __init__(self, key: bytes, bits: int) -> None:
        self._key = key
        self.bits = bits

    def issue(self, list_id: int, now: float, nonce: bytes) -> str:
        """A fresh one for the form of a list; empty if none is asked for."""
        if not self.bits:
            return ""
        words = f"{list_id}.{int(now)}.{nonce.hex()}"
        return f"{words}.{self._mac(words)}"

    def solved(self, proof: str, list_id: int, now: float) -> bool:
        """Whether the work was done, for this list, within an hour."""
        if not self.bits:
            return True
        challenge, colon, _ = proof.rpartition(":")
        words, _, mac = challenge.rpartition(".")
        if not colon or len(proof) > LONGEST or not hmac.compare_digest(mac.encode(), self._mac(words).encode()):
            return False
        about, at, _ = words.split(".")  # it is ours, so it has its form
        fresh = 0 <= now - int(at) + 1 <= LASTS
        return about == str(list_id) and fresh and _zeros(sha256(proof.encode()).digest()) >= self.bits

    def _mac(self, words: str) -> str:
        return hmac.digest(self._key, words.encode(), "sha256")[:MAC_SIZE].hex()


def _zeros(digest: bytes) -> int:
    """Leading zero bits."""
    return len(digest) * 8 - int.from_bytes(digest).bit_length()
