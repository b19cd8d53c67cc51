"""What is held on a person, and its erasure, across both halves (GDPR 15, 17, 20). `store.privacy` has the statements.

Mail in somebody's mailbox is that person's correspondence: it is told, but erasing it is for the owner of the mailbox.
"""

from typing import Any

from lettershop.base.clock import Clock
from lettershop.store import privacy as rows
from lettershop.store import secrets
from lettershop.store.database import Database
from lettershop.wire.address import Address

KEY = "erasure"


class Privacy:
    """One object per process."""

    def __init__(self, main: Database, clock: Clock) -> None:
        self._main = main
        self._clock = clock

    async def export(self, workspace_id: int, address: str) -> dict[str, Any]:
        """Everything held on an address, as plain values by table."""
        return await self._main.read(rows.collect, workspace_id, Address.parse(address).key)

    async def erase(self, workspace_id: int, address: str) -> int:
        """Erase a person; how many contacts that were. Doing it again is no error."""
        now = self._clock.now()
        key = await self._main.write(secrets.ensure, KEY, self._clock.token(32), now)
        return await self._main.write(rows.erase, workspace_id, Address.parse(address).key, key, now)

    async def erased(self, workspace_id: int, email_keys: list[str]) -> set[str]:
        """Which of these addresses were erased: an import must leave them out."""
        key = await self._main.read(secrets.find, KEY)
        return await self._main.read(rows.known_erased, workspace_id, email_keys, key) if key else set()

    async def came_back(self, workspace_id: int, address: str) -> None:
        """The person subscribed again by their own word."""
        key = await self._main.read(secrets.find, KEY)
        if key:
            await self._main.write(rows.forget_erasure, workspace_id, Address.parse(address).key, key)
