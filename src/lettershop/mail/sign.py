"""DKIM for what leaves: the keys of our domains, loaded once, and the signing of messages and campaigns.

    message = await MessageSigner(mail_db).sign(message, now)      submission: the From domain's keys
    signer = await MessageSigner(mail_db).signer("b.example")      a campaign: once, then signer.sign(...) per recipient

The rows are read each time (a key that was added or withdrawn counts at once); only the loading of a key, a
millisecond of arithmetic, is saved.
"""

from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import Connection

from lettershop.store import accounts
from lettershop.store.accounts import DkimKey
from lettershop.store.database import Database
from lettershop.wire.address import InvalidAddress, normal_domain
from lettershop.wire.message import headers
from lettershop.wire.message.addresses import mailboxes
from lettershop.wire.message.words import raw_text
from lettershop.wire.trust.dkim.keys import load_private
from lettershop.wire.trust.dkim.sign import SEALED, Signer, sign_message

MOST_KEYS = 10_000
"""Loaded keys kept in memory."""


class CanonicalField(Protocol):
    """A header field that is in relaxed canonical form beside its wire form."""

    @property
    def name(self) -> str:
        """As written."""

    @property
    def canonical(self) -> bytes:
        """RFC 6376 3.4.2, with its CRLF."""


class DomainSigner:
    """Signs for one domain with every key it has: an RSA key for everybody, Ed25519 for who knows it (RFC 8463)."""

    def __init__(self, domain: str, signers: Sequence[Signer]) -> None:
        self.domain = domain
        self._signers = tuple(signers)

    def sign(self, fields: Sequence[CanonicalField], body_hash: bytes, at: float) -> bytes:
        """The DKIM-Signature fields in wire form. Every field given is signed, and the usual ones are sealed."""
        names = (*[field.name.lower() for field in fields], *SEALED)
        canonical = b"".join([field.canonical for field in fields])
        return b"".join([signer.sign(canonical, body_hash, names, at) for signer in self._signers])

    def sign_message(self, message: bytes, at: float) -> bytes:
        """The message with its signatures on top."""
        return sign_message(message, self._signers, at)


class MessageSigner:
    """Knows the keys of all domains."""

    def __init__(self, mail_db: Database) -> None:
        self._db = mail_db
        self._loaded: dict[DkimKey, Signer] = {}

    async def sign(self, message: bytes, at: float) -> bytes:
        """The message, signed by its From domain or the nearest domain above that has keys; as it is if there is none."""
        signer = await self._nearest(from_domain(message))
        return message if signer is None else signer.sign_message(message, at)

    async def signer(self, domain: str) -> DomainSigner | None:
        """The signer of exactly this domain; None if it has no key. Raises BadKey."""
        return self._made(await self._db.read(accounts.keys_of, domain))

    async def _nearest(self, domain: str) -> DomainSigner | None:
        return self._made(await self._db.read(_nearest_keys, domain)) if domain else None

    def _made(self, keys: Sequence[DkimKey]) -> DomainSigner | None:
        return DomainSigner(keys[0].domain, [self._load(key) for key in keys]) if keys else None

    def _load(self, key: DkimKey) -> Signer:
        signer = self._loaded.get(key)
        if signer is None:
            if len(self._loaded) >= MOST_KEYS:
                self._loaded.clear()
            signer = self._loaded[key] = Signer(key.domain, key.selector, load_private(key.private_pem))
        return signer


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
