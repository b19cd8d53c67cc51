"""DKIM for what leaves: the keys of our domains, loaded once, and the signing of messages and campaigns.

    message = await MessageSigner(mail_db).sign(message, now)      submission: the From domain's keys
    signers = await MessageSigner(mail_db).signers("b.example")    a campaign: once, then signer.sign(...) per recipient

The rows are read each time (a key that was added or withdrawn counts at once); only the loading of a key, a
millisecond of arithmetic, is saved.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from lettershop.store import accounts
from lettershop.store.accounts import DkimKey
from lettershop.store.database import Database
from lettershop.wire.address import InvalidAddress, normal_domain
from lettershop.wire.message import headers
from lettershop.wire.message.addresses import mailboxes
from lettershop.wire.message.seven_bit import plain_header, seven_bit
from lettershop.wire.message.words import raw_text
from lettershop.wire.trust.dkim.keys import load_private
from lettershop.wire.trust.dkim.sign import Signer, sign_message

MOST_KEYS = 10_000
"""Loaded keys kept in memory."""


class MessageSigner:
    """Knows the keys of all domains."""

    def __init__(self, mail_db: Database) -> None:
        self._db = mail_db
        self._loaded: dict[DkimKey, Signer] = {}

    async def sign(self, message: bytes, at: float) -> bytes:
        """The message, signed by its From domain or the nearest domain above that has keys; as it is if there is none."""
        domain = from_domain(message)
        keys = await self._db.read(_nearest_keys, domain) if domain else ()
        return sign_message(_durable(message), [self._load(key) for key in keys], at) if keys else message

    async def signers(self, domain: str) -> Sequence[Signer]:
        """A signer for each key of exactly this domain, RSA first; none if it has no key. Raises BadKey."""
        return [self._load(key) for key in await self._db.read(accounts.keys_of, domain)]

    def _load(self, key: DkimKey) -> Signer:
        signer = self._loaded.get(key)
        if signer is None:
            if len(self._loaded) >= MOST_KEYS:
                self._loaded.clear()
            signer = self._loaded[key] = Signer(key.domain, key.selector, load_private(key.private_pem))
        return signer


def _durable(message: bytes) -> bytes:
    """In seven bits where that may be: a server on the way that converted it would break the signature (RFC 6376 5.3)."""
    plain = plain_header(message) or message
    return seven_bit(plain) or plain


def from_domain(message: bytes) -> str:
    """The domain of the From field, in its normal form; empty if there is none that can be used."""
    found = mailboxes(raw_text(headers.parse(message).get("From") or ""))
    try:
        return normal_domain(found[0].domain) if found else ""
    except InvalidAddress:
        return ""


def _nearest_keys(conn: Connection, domain: str) -> list[DkimKey]:
    """The keys of the domain, else of a domain above it: DMARC's relaxed alignment takes them (RFC 9989 4.4)."""
    labels = domain.split(".")
    for start in range(len(labels) - 1):
        keys = accounts.keys_of(conn, ".".join(labels[start:]))
        if keys:
            return keys
    return []
