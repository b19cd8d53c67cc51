"""Which mail accounts a person may open in the web interface.

People sign in to the interface, mail accounts have passwords of their own; a link joins the two. It is made by somebody
who runs the server (`grant`), or by the person with the account's password (`link`, checked and throttled as a log-in
over IMAP). A link by password ends with that password; a link to an account that was removed opens nothing, also not
an account that is made under the same address later.

    account = await own.open(user_id, account_id)        raises NoSuchAccount: of others one learns nothing
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import Refused
from lettershop.mail.accounts import Accounts, NoSuchAccount
from lettershop.mail.users import Users
from lettershop.store import accounts as account_rows
from lettershop.store import mailbox_links as rows
from lettershop.store.accounts import Account
from lettershop.store.database import Database
from lettershop.store.mailbox_links import Link
from lettershop.wire.sasl import Credentials


class WrongPassword(Refused):
    """The account's password was wrong, or there is no such account; which one is not told."""

    code = "wrong-password"


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody who may open an account. `granted_by` empty: the link was made with the account's password."""

    user_id: int
    email: str
    since: float
    granted_by: str


class OwnMailboxes:
    """One object per process."""

    def __init__(self, main: Database, mail: Database, accounts: Accounts, users: Users, clock: Clock) -> None:
        self._main = main
        self._mail = mail
        self._accounts = accounts
        self._users = users
        self._clock = clock

    async def of(self, user_id: int) -> Sequence[Account]:
        """The accounts that the person may open, the first linked first."""
        links = await self._main.read(rows.of_user, user_id)
        return await self._mail.read(_valid, links) if links else []

    async def open(self, user_id: int, account_id: int) -> Account:
        """One of them; raises NoSuchAccount."""
        for account in await self.of(user_id):
            if account.id == account_id:
                return account
        raise NoSuchAccount("There is no such mailbox among yours.")

    async def link(self, user_id: int, address: str, password: str, ip: str) -> Account:
        """Link one's own account by its password; raises WrongPassword, TooManyTries."""
        principal = await self._accounts.login(Credentials(address.strip(), password), ip)
        if principal is None:
            raise WrongPassword("This address and password do not belong together.")
        account = await self.account(principal.account_id)
        await self._put(user_id, account, proof=_proof(account))
        return account

    async def unlink(self, user_id: int, account_id: int) -> None:
        """The person's link goes; the account stays. Raises NoSuchAccount."""
        if not await self._main.write(rows.take_away, user_id, account_id):
            raise NoSuchAccount("There is no such mailbox among yours.")

    # -- what those do who run the server -------------------------------------------------------------------------

    async def grant(self, email: str, address: str, by: str) -> Account:
        """Let a person open an account; raises NoSuchUser, NoSuchAccount."""
        person, account = await self._users.get(email), await self._accounts.get(address)
        await self._put(person.id, account, by=by)
        return account

    async def withdraw(self, email: str, address: str) -> None:
        """Let a person open an account no more; raises NoSuchUser, NoSuchAccount."""
        person, account = await self._users.get(email), await self._accounts.get(address)
        await self.unlink(person.id, account.id)

    async def account(self, account_id: int) -> Account:
        """Any account; raises NoSuchAccount."""
        found = await self._mail.read(account_rows.account_by_id, account_id)
        if found is None:
            raise NoSuchAccount("There is no such account.")
        return found

    async def readers(self, account: Account) -> Sequence[Reader]:
        """Who may open an account, by address."""
        found = await self._main.read(rows.of_account, account.id)
        return [
            Reader(link.user_id, email, link.made_at, link.made_by) for link, email in found if _opens(link, account)
        ]

    async def everyone(self) -> Sequence[str]:
        """The addresses of all people who sign in."""
        return [person.email for person, _ in await self._users.everyone()]

    async def _put(self, user_id: int, account: Account, *, proof: str = "", by: str = "") -> None:
        link = Link(user_id, account.id, account.created_at, proof, self._clock.now(), by)
        await self._main.write(rows.put, link)


def _valid(conn: Connection, links: Sequence[Link]) -> list[Account]:
    found = [(link, account_rows.account_by_id(conn, link.account_id)) for link in links]
    return [account for link, account in found if account is not None and _opens(link, account)]


def _opens(link: Link, account: Account) -> bool:
    alive = not account.disabled and link.account_since == account.created_at
    return alive and link.proof in ("", _proof(account))


def _proof(account: Account) -> str:
    """Changes with the password, and tells nothing of it."""
    return sha256(f"{account.id} {account.password_hash}".encode()).hexdigest()
