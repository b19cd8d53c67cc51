"""Domains, their DKIM keys, mail accounts and aliases. Addresses come in normalised (`wire.address`)."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from lettershop.store.database import Transaction
from lettershop.store.rows import insert_one
from lettershop.store.schema_mail import accounts, aliases, dkim_keys, domains, greylist


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain that we host (mail for it is taken in), send for (mail from it is signed), or both."""

    id: int
    name: str
    workspace_id: int | None
    hosted: bool
    sending: bool
    created_at: float


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A signing key. `algorithm` is rsa or ed25519."""

    domain: str
    selector: str
    algorithm: str
    private_pem: str


@dataclass(frozen=True, slots=True)
class Account:
    """A mail account; `quota_bytes` None means no limit."""

    id: int
    address: str
    domain_id: int
    name: str
    password_hash: str
    quota_bytes: int | None
    used_bytes: int
    greylist: bool
    disabled: bool
    created_at: float

    @property
    def full(self) -> bool:
        """Whether its quota is used up."""
        return self.quota_bytes is not None and self.used_bytes >= self.quota_bytes


_DOMAIN = [domains.c[name] for name in Domain.__slots__]
_ACCOUNT = [accounts.c[name] for name in Account.__slots__]


def add_domain(
    tx: Transaction, name: str, at: float, *, workspace_id: int | None = None, hosted: bool = True, sending: bool = True
) -> int:
    """Add a domain; its id. A name that is there already breaks the unique rule."""
    return insert_one(
        tx.conn, domains, name=name, workspace_id=workspace_id, hosted=hosted, sending=sending, created_at=at
    )


def domain_by_name(conn: Connection, name: str) -> Domain | None:
    """The domain, or None."""
    row = conn.execute(select(*_DOMAIN).where(domains.c.name == name)).one_or_none()
    return Domain(*row) if row else None


def hosts(conn: Connection, name: str) -> bool:
    """Whether the mailboxes of this domain are here."""
    found = domain_by_name(conn, name)
    return found is not None and found.hosted


def list_domains(conn: Connection) -> list[Domain]:
    """All domains, by name."""
    return [Domain(*row) for row in conn.execute(select(*_DOMAIN).order_by(domains.c.name))]


def add_key(tx: Transaction, domain_id: int, selector: str, algorithm: str, private_pem: str, at: float) -> int:
    """Add a DKIM key to a domain; its id."""
    return insert_one(
        tx.conn,
        dkim_keys,
        domain_id=domain_id,
        selector=selector,
        algorithm=algorithm,
        private_pem=private_pem,
        created_at=at,
    )


def keys_of(conn: Connection, domain: str) -> list[DkimKey]:
    """The active keys of a domain, RSA first: old receivers look at the first signature only."""
    query = (
        select(domains.c.name, dkim_keys.c.selector, dkim_keys.c.algorithm, dkim_keys.c.private_pem)
        .join(dkim_keys, dkim_keys.c.domain_id == domains.c.id)
        .where(domains.c.name == domain, dkim_keys.c.active)
        .order_by(dkim_keys.c.algorithm.desc(), dkim_keys.c.id)
    )
    return [DkimKey(*row) for row in conn.execute(query)]


def add_accounts(tx: Transaction, rows: Sequence[dict[str, object]]) -> list[int]:
    """Add accounts in bulk (keys: address, domain_id, name, password_hash, quota_bytes, greylist, created_at); ids in order."""
    statement = insert(accounts).returning(accounts.c.id, sort_by_parameter_order=True)
    return list(tx.conn.scalars(statement, list(rows)))


def account_by_address(conn: Connection, address: str) -> Account | None:
    """The account with this very address, or None."""
    row = conn.execute(select(*_ACCOUNT).where(accounts.c.address == address)).one_or_none()
    return Account(*row) if row else None


def account_by_id(conn: Connection, account_id: int) -> Account | None:
    """The account, or None."""
    row = conn.execute(select(*_ACCOUNT).where(accounts.c.id == account_id)).one_or_none()
    return Account(*row) if row else None


def has_accounts(conn: Connection) -> bool:
    """Whether there is one at all."""
    return conn.scalar(select(accounts.c.id).limit(1)) is not None


def list_accounts(conn: Connection, *, after: str = "", limit: int = 1000) -> list[Account]:
    """Accounts by address, a page at a time."""
    query = select(*_ACCOUNT).where(accounts.c.address > after).order_by(accounts.c.address).limit(limit)
    return [Account(*row) for row in conn.execute(query)]


def accounts_after(conn: Connection, workspace_id: int | None, *, after: int, limit: int) -> list[Account]:
    """The accounts in a workspace's domains (None: in all), by id; `after` is the last id of the page before."""
    query = select(*_ACCOUNT).where(accounts.c.id > after).order_by(accounts.c.id).limit(limit)
    if workspace_id is not None:
        own = select(domains.c.id).where(domains.c.workspace_id == workspace_id)
        query = query.where(accounts.c.domain_id.in_(own))
    return [Account(*row) for row in conn.execute(query)]


def set_password(tx: Transaction, account_id: int, password_hash: str) -> None:
    """Change the stored hash."""
    tx.conn.execute(update(accounts).where(accounts.c.id == account_id).values(password_hash=password_hash))


def remove_account(tx: Transaction, account_id: int) -> None:
    """Remove an account with its mailboxes and messages."""
    tx.conn.execute(delete(accounts).where(accounts.c.id == account_id))


def add_alias(tx: Transaction, address: str, account_id: int) -> int:
    """Another address of an account; "@domain" takes all that nobody else takes."""
    return insert_one(tx.conn, aliases, address=address, account_id=account_id)


def aliases_of(conn: Connection, account_id: int) -> list[str]:
    """The other addresses of an account, by address; catch-alls too."""
    return list(
        conn.scalars(select(aliases.c.address).where(aliases.c.account_id == account_id).order_by(aliases.c.address))
    )


def route(conn: Connection, candidates: Sequence[str]) -> Account | None:
    """The account that takes mail for the first of `candidates` that is an address or an alias."""
    for address in candidates:
        found = account_by_address(conn, address)
        if found:
            return found
        account_id = conn.scalar(select(aliases.c.account_id).where(aliases.c.address == address))
        if account_id is not None:
            return account_by_id(conn, account_id)
    return None


def first_account(conn: Connection, domain_id: int | None) -> Account | None:
    """The oldest account of a domain (None: of all), who gets what is written to role addresses that nobody has."""
    query = select(*_ACCOUNT).order_by(accounts.c.id).limit(1)
    row = conn.execute(query if domain_id is None else query.where(accounts.c.domain_id == domain_id)).one_or_none()
    return Account(*row) if row else None


def greylisted(tx: Transaction, triplet: str, now: float, delay: float) -> bool:
    """Whether this triplet has to wait still; its first time is noted."""
    first_seen = tx.conn.scalar(select(greylist.c.first_seen).where(greylist.c.triplet == triplet))
    if first_seen is None:
        tx.conn.execute(insert(greylist).values(triplet=triplet, first_seen=now))
        return True
    if now - first_seen < delay:
        return True
    tx.conn.execute(update(greylist).where(greylist.c.triplet == triplet).values(passed_at=now))
    return False
