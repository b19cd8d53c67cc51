"""The storage and the services of one process, built from the configuration."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lettershop.app.bell import Bell
from lettershop.app.key_file import key_of
from lettershop.base.clock import Clock, SystemClock
from lettershop.base.config import Config
from lettershop.base.errors import NotFound
from lettershop.mail.accounts import Accounts
from lettershop.mail.api_tokens import ApiTokens
from lettershop.mail.audit import Audit
from lettershop.mail.own_mailboxes import OwnMailboxes
from lettershop.mail.passwords import Passwords
from lettershop.mail.sealing import Sealing
from lettershop.mail.sign import MessageSigner
from lettershop.mail.tokens import Tokens
from lettershop.mail.users import Users
from lettershop.mail.webhooks.desk import Webhooks
from lettershop.net.resolver import Resolver
from lettershop.net.zones import open_resolver
from lettershop.store import envelopes, secrets, workspaces
from lettershop.store.blobs import Blobs, open_blobs
from lettershop.store.database import Database
from lettershop.store.migrate import MAIL, MAIN, open_half, upgrade

if TYPE_CHECKING:
    from lettershop.app.campaigns import Marketing

FIRST_WORKSPACE = "Main"


class NotInstalled(NotFound):
    """A part of the program is not there."""

    code = "not-installed"


@dataclass(frozen=True, slots=True)
class House:
    """What commands and workers share. `marketing` is None where the package marketing/ is not installed."""

    config: Config
    clock: Clock
    mail_db: Database
    main_db: Database
    blobs: Blobs
    resolver: Resolver
    passwords: Passwords
    tokens: Tokens
    signer: MessageSigner
    accounts: Accounts
    users: Users
    api_tokens: ApiTokens
    webhooks: Webhooks
    audit: Audit
    own_mailboxes: OwnMailboxes
    marketing: "Marketing | None"
    bell: Bell
    key: bytes = field(repr=False)

    def need_marketing(self) -> "Marketing":
        """The services of marketing; raises NotInstalled."""
        if self.marketing is None:
            raise NotInstalled(
                "This installation has no marketing part.", remedy="Install the whole package lettershop."
            )
        return self.marketing

    async def ensure_workspace(self, name: str) -> int:
        """The workspace of this name; made if it is not there."""
        return await self.main_db.write(workspaces.ensure_workspace, name, self.clock.now())

    async def first_workspace(self) -> int:
        """The oldest workspace; made if there is none."""
        found = await self.main_db.read(workspaces.all_workspaces)
        return found[0].id if found else await self.ensure_workspace(FIRST_WORKSPACE)


async def prepare_storage(config: Config) -> None:
    """The newest schema; every start brings it."""
    await upgrade(config.database_url)


@asynccontextmanager
async def open_house(
    config: Config, clock: Clock | None = None, *, resolver: Resolver | None = None
) -> AsyncIterator[House]:
    """The services on their storage, closed in the end. Without a clock and a resolver, the real ones."""
    clock = clock or SystemClock()
    await prepare_storage(config)
    mail_db, main_db = open_half(config.database_url, MAIL), open_half(config.database_url, MAIN)
    blobs = open_blobs(config.blobs_url, clock)
    try:
        yield await _build(config, clock, mail_db, main_db, blobs, resolver or open_resolver(config.dns, clock))
    finally:
        await blobs.close()
        await mail_db.close()
        await main_db.close()


async def _build(
    config: Config, clock: Clock, mail_db: Database, main_db: Database, blobs: Blobs, resolver: Resolver
) -> House:
    passwords = Passwords(clock)
    exempt = config.security.login_limit_exempt
    tokens = Tokens(await main_db.write(secrets.ensure, "links", clock.token(32), clock.now()))
    accounts = Accounts(mail_db, passwords, clock, exempt=exempt)
    signer = MessageSigner(mail_db)
    marketing = None
    if find_spec("lettershop.marketing") is not None:
        from lettershop.app.campaigns import build_marketing  # noqa: PLC0415  (the mail server starts without marketing/)

        marketing = build_marketing(config, clock, main_db, mail_db, signer, tokens, resolver, blobs)
    key = key_of(config, clock)
    users = Users(main_db, passwords, clock, Sealing(key), exempt=exempt)
    await users.second.seal_old()
    return House(
        config=config, clock=clock, mail_db=mail_db, main_db=main_db, blobs=blobs, resolver=resolver, passwords=passwords,
        tokens=tokens, signer=signer, accounts=accounts, users=users,
        own_mailboxes=OwnMailboxes(main_db, mail_db, accounts, users, clock),
        api_tokens=ApiTokens(main_db, clock), marketing=marketing,
        audit=Audit(main_db, clock), key=key,
        webhooks=Webhooks(main_db, mail_db, clock, allowed=config.webhooks.allow_networks),
        bell=Bell(Path(config.server.data_dir) / "bells"),
    )  # fmt: skip


def owner_of(config: Config, number: int) -> str:
    """The name under which a worker holds leases: the same after a restart, so that it can be given back."""
    return f"{config.server.hostname}/{number}"


async def give_back_leases(config: Config, numbers: Iterable[int]) -> None:
    """Envelopes that dead workers held go back to the queue."""
    database = open_half(config.database_url, MAIN)
    try:
        for number in numbers:
            await database.write(envelopes.release_owner, owner_of(config, number))
    finally:
        await database.close()
