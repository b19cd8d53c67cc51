"""A mail server with two mailboxes and two people, as the webmail needs it: the real services on a test's database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lettershop.base.clock import Clock
from lettershop.mail.accounts import Accounts, NewAccount
from lettershop.mail.authenticate import Authenticator
from lettershop.mail.inbound import Inbound, Policy
from lettershop.mail.mailbox.service import Mailboxes, Upload
from lettershop.mail.own_mailboxes import OwnMailboxes
from lettershop.mail.passwords import Passwords, stored_key
from lettershop.mail.sign import MessageSigner
from lettershop.mail.submission import Submission
from lettershop.mail.tokens import Tokens
from lettershop.mail.users import Users
from lettershop.mail.webmail.desk import Desk, Place
from lettershop.mail.webmail.post import Post
from lettershop.net.zones import ZoneResolver
from lettershop.servers.web.app import build
from lettershop.servers.web.ports import Services
from lettershop.store.blobs import open_blobs

HOST = "mail.brand.example"
ANN, EVE, PASSWORD = "ann@brand.example", "eve@brand.example", "letterpress"


class QuickPasswords(Passwords):
    """Without argon2, which is slow on purpose."""

    async def hash(self, password: str) -> str:
        """A key instead of a password."""
        return stored_key(password)


@dataclass
class Office:
    """Ann reads ann@ (by a grant) and Eve eve@; `app` is the interface."""

    accounts: Accounts
    users: Users
    own: OwnMailboxes
    mailboxes: Mailboxes
    desk: Desk
    post: Post
    submission: Submission
    tokens: Tokens
    app: Any
    ann: int
    eve: int
    ann_account: int
    eve_account: int

    async def put(self, data: bytes, box: str = "INBOX", *, account: int | None = None, flags: int = 0) -> int:
        """A message into a folder of Ann's (or another's) mailbox; its UID."""
        (kept,) = await self.mailboxes.append(account or self.ann_account, box, [Upload(data, flags=flags)])
        return kept.uid

    async def place(self, box: str = "INBOX") -> Place:
        """A folder of Ann's."""
        return Place(self.ann, self.ann_account, (await self.mailboxes.find(self.ann_account, box)).id)


@asynccontextmanager
async def office(store: Any, clock: Clock, folder: Path, **services: Any) -> AsyncIterator[Office]:
    """Build it."""
    passwords, tokens = QuickPasswords(clock), Tokens(b"k" * 32)
    accounts, users = Accounts(store.mail, passwords, clock), Users(store.main, passwords, clock)
    await accounts.add_domain("brand.example")
    await accounts.add_many(
        [NewAccount(ANN, stored_key("ann-key"), "Ann Printer"), NewAccount(EVE, stored_key("eve-key"), quota=1_000_000)]
    )
    await accounts.alias("press@brand.example", ANN)
    for email, role in ((ANN, "marketer"), (EVE, "owner")):
        await users.create(email, PASSWORD, role=role)
    own = OwnMailboxes(store.main, store.mail, accounts, users, clock)
    for email in (ANN, EVE):
        await own.grant(email, email, "owner")
    blobs = open_blobs(f"file://{folder}/blobs", clock)
    mailboxes = Mailboxes(store.mail, blobs, clock)
    inbound = Inbound(
        store.mail, blobs, Authenticator(ZoneResolver.parse(""), clock, HOST), tokens, clock, Policy(HOST)
    )
    submission = Submission(
        store.mail, store.main, blobs, inbound, MessageSigner(store.mail), clock, hostname=HOST, expire=86_400
    )
    desk = Desk(own, mailboxes)
    post = Post(desk, submission, clock, HOST)
    made = Services(users=users, own_mailboxes=own, webmail=desk, post=post, mail_server=accounts, **services)
    app = build(made, public_url=f"http://{HOST}")
    ids = [(await users.get(email)).id for email in (ANN, EVE)] + [
        (await accounts.get(email)).id for email in (ANN, EVE)
    ]
    yield Office(accounts, users, own, mailboxes, desk, post, submission, tokens, app, *ids)
    await blobs.close()
