"""Which people may open which mail accounts in the web interface (main half)."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from lettershop.store.database import Transaction
from lettershop.store.rows import upsert
from lettershop.store.schema_main import users
from lettershop.store.schema_webmail import mailbox_links


@dataclass(frozen=True, slots=True)
class Link:
    """A person and an account. `account_since`: when the account was made; `proof`: see `schema_webmail`."""

    user_id: int
    account_id: int
    account_since: float
    proof: str
    made_at: float
    made_by: str


_LINK = [mailbox_links.c[name] for name in Link.__slots__]


def put(tx: Transaction, link: Link) -> None:
    """Make a link, or make it anew."""
    row = {name: getattr(link, name) for name in Link.__slots__}
    upsert(tx.conn, mailbox_links, [row], key=["user_id", "account_id"])


def take_away(tx: Transaction, user_id: int, account_id: int) -> bool:
    """Take a link away; whether there was one."""
    c = mailbox_links.c
    found = tx.conn.execute(delete(mailbox_links).where(c.user_id == user_id, c.account_id == account_id))
    return found.rowcount > 0


def of_user(conn: Connection, user_id: int) -> list[Link]:
    """A person's links, oldest first."""
    c = mailbox_links.c
    query = select(*_LINK).where(c.user_id == user_id).order_by(c.made_at, c.account_id)
    return [Link(*row) for row in conn.execute(query)]


def of_account(conn: Connection, account_id: int) -> list[tuple[Link, str]]:
    """Who may open an account: links with the person's address, by address."""
    query = select(*_LINK, users.c.email).join(users, users.c.id == mailbox_links.c.user_id)
    rows = conn.execute(query.where(mailbox_links.c.account_id == account_id).order_by(users.c.email)).all()
    return [(Link(*row[:-1]), row[-1]) for row in rows]
