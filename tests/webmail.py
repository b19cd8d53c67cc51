"""A mail server with two mailboxes and two people, as the webmail needs it: the real services on a test's database."""

import email
import email.policy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lettershop.base.clock import Clock, ManualClock
from lettershop.mail.accounts import Accounts, NewAccount
from lettershop.mail.authenticate import Authenticator
from lettershop.mail.inbound import Inbound, Policy
from lettershop.mail.mailbox.search import search
from lettershop.mail.mailbox.selected import select as open_mailbox
from lettershop.mail.mailbox.service import Mailboxes, Upload
from lettershop.mail.own_mailboxes import OwnMailboxes
from lettershop.mail.passwords import Passwords, stored_key
from lettershop.mail.sealing import Sealing
from lettershop.mail.sign import MessageSigner
from lettershop.mail.submission import Submission
from lettershop.mail.tokens import Recipient, Tokens
from lettershop.mail.users import Users
from lettershop.mail.webmail.desk import Desk, Place
from lettershop.mail.webmail.post import Post
from lettershop.marketing.campaigns import Campaigns, Draft
from lettershop.marketing.inbox import Gathering, Inbox
from lettershop.net.zones import ZoneResolver
from lettershop.servers.web.app import build
from lettershop.servers.web.ports import Services
from lettershop.store import contacts, workspaces
from lettershop.store.blobs import open_blobs
from lettershop.store.contacts import NewContact
from lettershop.wire.address import Address
from lettershop.wire.imap.values import All
from lettershop.wire.smtp.events import MailFrom, RcptTo

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
    inbound: Inbound
    blobs: Any
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
async def office(
    store: Any, clock: Clock, folder: Path, *, inbox: Any = None, **services: Any
) -> AsyncIterator[Office]:
    """Build it. `inbox`: makes that service of submission, tokens and blobs."""
    passwords, tokens = QuickPasswords(clock), Tokens(b"k" * 32)
    accounts, users = Accounts(store.mail, passwords, clock), Users(store.main, passwords, clock, Sealing(bytes(32)))
    await accounts.add_domain("brand.example")
    await accounts.add_many(
        [NewAccount(ANN, stored_key("ann-key"), "Ann Printer"), NewAccount(EVE, stored_key("eve-key"), quota=1_000_000)]
    )
    await accounts.alias("press@brand.example", ANN)
    for person, role in ((ANN, "marketer"), (EVE, "owner")):
        await users.create(person, PASSWORD, role=role)
    own = OwnMailboxes(store.main, store.mail, accounts, users, clock)
    for person in (ANN, EVE):
        await own.grant(person, person, "owner")
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
    if inbox is not None:
        services["inbox"] = inbox(submission, tokens, blobs)
    made = Services(users=users, own_mailboxes=own, webmail=desk, post=post, mail_server=accounts, **services)
    app = build(made, public_url=f"http://{HOST}")
    ids = [(await users.get(email)).id for email in (ANN, EVE)] + [
        (await accounts.get(email)).id for email in (ANN, EVE)
    ]
    yield Office(accounts, users, own, mailboxes, desk, post, submission, inbound, blobs, tokens, app, *ids)
    await blobs.close()


class Shop:
    """A campaign from press@ (Ann's mailbox), and Eve, who has got it."""

    def __init__(self, mail: Office, store: Any, clock: Any, inbox: Inbox, gathering: Gathering) -> None:
        self.mail, self.store, self.clock = mail, store, clock
        self.inbox, self.gathering = inbox, gathering

    async def begin(self) -> None:
        """Make them."""
        now = self.clock.now()
        self.workspace = await self.store.main.write(workspaces.ensure_workspace, "Main", now)
        brand = {
            "name": "Brand",
            "from_name": "The Press",
            "from_address": "news@brand.example",
            "reply_to": "press@brand.example",
        }
        await self.store.main.write(lambda tx: workspaces.ensure_brand(tx, self.workspace, at=now, **brand))
        campaigns = Campaigns(self.store.main, self.store.mail, self.clock, "http://mail.brand.example")
        draft = Draft(
            name="Winter",
            subject="Winter papers",
            brand="Brand",
            html="<p>Hello {{ unsubscribe_url }} {{ postal_address }}</p>",
        )
        self.campaign = await campaigns.create(self.workspace, draft)
        self.eve = await self.contact(EVE, "Eve")
        self.token = self.mail.tokens.seal(Recipient(self.campaign, 7, self.eve))

    async def contact(self, address: str, name: str = "") -> int:
        """A person of the workspace."""
        row = NewContact(email=address, email_key=address, name=name, domain=address.rpartition("@")[2], attributes={})
        return await self.store.main.write(
            lambda tx: contacts.ensure(tx, self.workspace, row, self.clock.now(), source="test")
        )

    async def comes(
        self, text: str, *, to: str = "", subject: str = "Re: Winter papers", sender: str = EVE, **fields: str
    ) -> None:
        """A message to press@ that answers `to`."""
        extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
        data = (
            f"From: Eve <{sender}>\r\nTo: press@brand.example\r\nSubject: {subject}\r\n"
            f"Message-ID: <{len(text)}.{self.clock.now()}@b.example>\r\n"
            f"In-Reply-To: <{to or self.token + '.1@brand.example'}>\r\n{extra}\r\n{text}\r\n"
        ).encode()
        to_press = [RcptTo(Address.parse("press@brand.example"))]
        await self.mail.inbound.store(to_press, MailFrom(Address.parse(sender)), data, None, None, self.clock.now())
        if isinstance(self.clock, ManualClock):
            self.clock.advance(60)

    async def gather(self) -> None:
        """What the worker does."""
        while await self.gathering.step():
            pass

    async def one(self):
        """The only conversation."""
        (found,) = await self.inbox.page(self.workspace)
        return found

    async def eve_s_mail(self) -> list[email.message.EmailMessage]:
        """Her INBOX."""
        selected = await open_mailbox(self.mail.mailboxes, self.mail.eve_account, "INBOX", read_only=True, claim=False)
        place = Place(self.mail.eve, self.mail.eve_account, selected.mailbox_id)
        uids = [selected.view.uids[at] for at in await search(selected, All())]
        return [
            email.message_from_bytes(await self.mail.desk.source(place, uid), policy=email.policy.SMTP) for uid in uids
        ]
