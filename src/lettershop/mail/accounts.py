"""Domains with their keys, and the people who have mail here.

Addresses are normalised once, here (`wire.address`), so that the store compares plain strings. A domain gets an RSA-2048
and an Ed25519 key when it is added (RFC 8301, RFC 8463): receivers that know only RSA still verify.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network, ip_address

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from lettershop.base.clock import Clock
from lettershop.base.errors import Conflict, NotFound, Temporary
from lettershop.mail.passwords import Passwords
from lettershop.mail.throttle import Limit, Throttle
from lettershop.store import accounts as rows
from lettershop.store import mailboxes
from lettershop.store.database import Database, Transaction
from lettershop.wire.address import Address, InvalidAddress, normal_domain
from lettershop.wire.sasl import Credentials, Principal


class DomainKnown(Conflict):
    """The domain is there already."""

    code = "domain-known"


class AccountKnown(Conflict):
    """The address is an account or alias already."""

    code = "account-known"


class NoSuchDomain(NotFound):
    """The domain is not one of ours."""

    code = "no-such-domain"


class NoSuchAccount(NotFound):
    """There is no such account."""

    code = "no-such-account"


class TooManyTries(Temporary):
    """Too many wrong passwords; nobody may log in from there, or as that account, for a while."""

    code = "too-many-tries"


BY_ACCOUNT = Limit(free=10)
BY_PEER = Limit(free=30)
"""Wrong passwords that cost nothing: an account's own mail client with an old password must not lock a family out."""


class Accounts:
    """What operators do with domains and accounts, and how mail clients log in."""

    def __init__(
        self, db: Database, passwords: Passwords, clock: Clock, *, exempt: Sequence[IPv4Network | IPv6Network] = ()
    ) -> None:
        self._db = db
        self._passwords = passwords
        self._clock = clock
        self._exempt = exempt
        self._throttle = Throttle(clock)

    async def add_domain(self, name: str, *, workspace_id: int | None = None, hosted: bool = True) -> rows.Domain:
        """Host a domain and send for it, with fresh signing keys; raises DomainKnown."""
        name = normal_domain(name)
        if await self._db.read(rows.domain_by_name, name):
            raise DomainKnown(f"{name} is hosted here already.")
        now = self._clock.now()
        keys = await asyncio.to_thread(_generate_keys, now)
        await self._db.write(_add_domain, name, now, workspace_id, hosted, keys)
        found = await self._db.read(rows.domain_by_name, name)
        assert found is not None
        return found

    async def domains(self) -> Sequence[rows.Domain]:
        """All domains."""
        return await self._db.read(rows.list_domains)

    async def keys(self, domain: str) -> Sequence[rows.DkimKey]:
        """The active signing keys of a domain; raises NoSuchDomain."""
        name = normal_domain(domain)
        if not await self._db.read(rows.domain_by_name, name):
            raise NoSuchDomain(f"{name} is not hosted here.", remedy=f"Add it with: lettershop domain add {name}")
        return await self._db.read(rows.keys_of, name)

    async def add(
        self, address: str, password: str, *, name: str = "", quota: int | None = None, greylist: bool = False
    ) -> rows.Account:
        """A new account with its mailboxes; raises AccountKnown, NoSuchDomain."""
        stored = await self._passwords.hash(password)
        await self.add_many([NewAccount(address, stored, name, quota, greylist)])
        return await self.get(address)

    async def add_many(self, new: "Sequence[NewAccount]") -> None:
        """Accounts in bulk, all or none."""
        domains = {domain.name: domain.id for domain in await self.domains()}
        values = [_row(account, domains, self._clock.now()) for account in new]
        for value in values:
            if await self._db.read(rows.route, [str(value["address"])]):
                raise AccountKnown(f"{value['address']} is an account or an alias already.")
        await self._db.write(_add_accounts, values, self._clock.now())

    async def get(self, address: str) -> rows.Account:
        """The account; raises NoSuchAccount."""
        found = await self._db.read(rows.account_by_address, Address.parse(address).key)
        if found is None:
            raise NoSuchAccount(f"There is no account {address}.")
        return found

    async def alias(self, alias: str, address: str) -> None:
        """Another address of an account."""
        account = await self.get(address)
        key = alias if alias.startswith("@") else Address.parse(alias).key
        if await self._db.read(rows.route, [key]):
            raise AccountKnown(f"{alias} is an account or an alias already.")
        await self._db.write(rows.add_alias, key, account.id)

    async def list(self) -> Sequence[rows.Account]:
        """All accounts, by address."""
        found: Sequence[rows.Account] = ()
        while page := await self._db.read(rows.list_accounts, after=found[-1].address if found else ""):
            found = [*found, *page]
        return found

    async def any(self) -> bool:
        """Whether there is an account at all."""
        return await self._db.read(rows.has_accounts)

    async def set_password(self, address: str, password: str) -> None:
        """Change a password."""
        account = await self.get(address)
        await self._db.write(rows.set_password, account.id, await self._passwords.hash(password))

    async def remove(self, address: str) -> None:
        """Remove an account with all its mail."""
        account = await self.get(address)
        await self._db.write(rows.remove_account, account.id)

    async def login(self, credentials: Credentials, peer_ip: str) -> Principal | None:
        """Who this is, or None. Takes as long for a name that nobody has; raises TooManyTries."""
        limits = self._limits(credentials.user, peer_ip)
        if self._throttle.wait(limits) > 0:
            raise TooManyTries("Too many wrong passwords. Try again later.")
        account = await self._find(credentials.user)
        usable = (
            account if account and not account.disabled and credentials.authorize_as in ("", credentials.user) else None
        )
        if await self._passwords.verify(credentials.password, usable.password_hash if usable else None) and usable:
            for key, _ in limits[:1]:
                self._throttle.succeeded(key)
            return Principal(usable.id, usable.address)
        self._throttle.failed(limits)
        return None

    def _limits(self, user: str, peer_ip: str) -> Sequence[tuple[str, Limit]]:
        if any(ip_address(peer_ip) in network for network in self._exempt):
            return []
        return [(f"account {user.lower()}", BY_ACCOUNT), (f"peer {peer_ip}", BY_PEER)]

    async def _find(self, user: str) -> rows.Account | None:
        try:
            key = Address.parse(user).key
        except InvalidAddress:
            return None
        return await self._db.read(rows.account_by_address, key)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account to add; `stored` comes from Passwords.hash or Passwords.generate."""

    address: str
    stored: str
    name: str = ""
    quota: int | None = None
    greylist: bool = False


def _row(account: NewAccount, domains: dict[str, int], now: float) -> dict[str, object]:
    address = Address.parse(account.address)
    if address.domain not in domains:
        raise NoSuchDomain(
            f"{address.domain} is not hosted here.", remedy=f"Add it with: lettershop domain add {address.domain}"
        )
    return {
        "address": address.key, "domain_id": domains[address.domain], "name": account.name, "password_hash": account.stored,
        "quota_bytes": account.quota, "greylist": account.greylist, "created_at": now,
    }  # fmt: skip


def _add_accounts(tx: Transaction, values: list[dict[str, object]], now: float) -> None:
    for account_id in rows.add_accounts(tx, values):
        mailboxes.ensure_mailboxes(tx, account_id, now)


def _generate_keys(now: float) -> list[tuple[str, str, str]]:
    """Fresh keys as (selector, algorithm, PEM); the selector tells the month, for those who rotate them."""
    month = datetime.fromtimestamp(now, UTC).strftime("%Y%m")
    made: dict[str, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey] = {
        "rsa": rsa.generate_private_key(public_exponent=65537, key_size=2048),
        "ed25519": ed25519.Ed25519PrivateKey.generate(),
    }
    return [(f"{month}{algorithm[0]}", algorithm, _pem(key)) for algorithm, key in made.items()]


def _pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> str:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()


def _add_domain(
    tx: Transaction, name: str, now: float, workspace_id: int | None, hosted: bool, keys: list[tuple[str, str, str]]
) -> None:
    domain_id = rows.add_domain(tx, name, now, workspace_id=workspace_id, hosted=hosted)
    for selector, algorithm, pem in keys:
        rows.add_key(tx, domain_id, selector, algorithm, pem, now)
