"""Domains and accounts as a workspace sees them: its own, or all of them for the operator. Changes are `mail.accounts`'."""

from collections.abc import Sequence

from lettershop.mail.accounts import NoSuchAccount, NoSuchDomain
from lettershop.store import accounts as rows
from lettershop.store.accounts import Account, Domain
from lettershop.store.database import Database
from lettershop.wire.address import Address


class Directory:
    """Reads only; what belongs to another workspace is not there. `everything`: the operator asks."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def domains(self, workspace_id: int, *, everything: bool = False) -> Sequence[Domain]:
        """The domains, by name."""
        found = await self._db.read(rows.list_domains)
        return [domain for domain in found if everything or domain.workspace_id == workspace_id]

    async def domain(self, workspace_id: int, name: str, *, everything: bool = False) -> Domain:
        """One domain; raises NoSuchDomain."""
        found = await self._db.read(rows.domain_by_name, name)
        if found is None or not (everything or found.workspace_id == workspace_id):
            raise NoSuchDomain(f"{name} is not one of your domains.")
        return found

    async def accounts(
        self, workspace_id: int, *, everything: bool = False, after: int = 0, limit: int = 50
    ) -> Sequence[Account]:
        """The accounts, by id, a page after the id `after`."""
        own = None if everything else workspace_id
        return await self._db.read(rows.accounts_after, own, after=after, limit=limit)

    async def account(self, workspace_id: int, address: str, *, everything: bool = False) -> Account:
        """One account; raises NoSuchAccount."""
        found = await self._db.read(rows.account_by_address, Address.parse(address).key)
        own = {domain.id for domain in await self.domains(workspace_id, everything=everything)}
        if found is None or found.domain_id not in own:
            raise NoSuchAccount(f"There is no account {address}.")
        return found
