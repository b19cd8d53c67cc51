"""The first steps of an installation, as an assistant asks for them: who we are, our domain, a mailbox, a test mail.

Each step is what the other screens do too; here is only how far one has come, and the letter to oneself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lettershop.base.errors import Invalid
from lettershop.insight.explained import Explained, explain
from lettershop.mail.accounts import Accounts
from lettershop.marketing.letter import Letter, Person
from lettershop.marketing.transactional import Message, Transactional
from lettershop.marketing.workspace_campaigns import Brands
from lettershop.store import stored, workspaces
from lettershop.store.accounts import Domain
from lettershop.store.blobs import BlobMissing, Blobs
from lettershop.store.database import Database
from lettershop.store.workspaces import Brand
from lettershop.wire.address import Address

TEXT = """This is the test mail that you have sent to yourself.

If it lies in your inbox and not among the spam, the most important things are right.
Look at the header of this message in your mail program: it should say dkim=pass, spf=pass and dmarc=pass.
"""


class NoSender(Invalid):
    """Nobody has said who the mail is from."""

    code = "no-sender"


@dataclass(frozen=True, slots=True)
class Standing:
    """How far the installation is."""

    organisation: str
    brand: Brand | None
    domains: Sequence[Domain]
    mailboxes: bool
    tested: bool

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return bool(self.brand and self.brand.postal_address and self.domains and self.mailboxes and self.tested)


@dataclass(frozen=True, slots=True)
class TestMail:
    """The letter to oneself: what became of it, and its header."""

    message: Message
    header: Sequence[Explained]


class FirstRun:
    """One object per process."""

    def __init__(
        self, main: Database, accounts: Accounts, brands: Brands, messages: Transactional, blobs: Blobs
    ) -> None:
        self._main = main
        self._accounts = accounts
        self._brands = brands
        self._messages = messages
        self._blobs = blobs

    async def standing(self, workspace_id: int) -> Standing:
        """How far it is."""
        places = {one.id: one.name for one in await self._main.read(workspaces.all_workspaces)}
        brands = await self._brands.all(workspace_id)
        sent = await self._messages.page(workspace_id, limit=1)
        return Standing(
            places.get(workspace_id, ""), brands[0] if brands else None, await self._accounts.domains(),
            await self._accounts.any(), bool(sent),
        )  # fmt: skip

    async def introduce(self, workspace_id: int, organisation: str, sender: str, address: str, postal: str) -> None:
        """Who we are, as recipients see it; the first brand. Raises InvalidAddress, NoSender."""
        if not (organisation and sender and postal):
            raise NoSender(
                "The organisation, the sender's name and the postal address are missing or incomplete.",
                remedy="The law asks for a postal address in every newsletter (CAN-SPAM, 16 CFR 316).",
            )
        before = (await self.standing(workspace_id)).brand
        values = {"from_name": sender, "from_address": str(Address.parse(address)), "postal_address": postal}
        values["reply_to"] = before.reply_to if before else ""
        await self._main.write(workspaces.rename, workspace_id, organisation)
        await self._brands.put(workspace_id, before.name if before else organisation, values)

    async def add_domain(self, workspace_id: int, name: str) -> Domain:
        """Host a domain and send for it; raises DomainKnown, InvalidAddress."""
        return await self._accounts.add_domain(name, workspace_id=workspace_id)

    async def add_mailbox(self, address: str, password: str, name: str) -> None:
        """A mailbox; raises NoSuchDomain, AccountKnown, InvalidAddress."""
        await self._accounts.add(address, password, name=name)

    async def send_test(self, workspace_id: int, to: str) -> int:
        """Send a letter to oneself from the first brand; its id. Raises NoSender, NotYourDomain, InvalidAddress."""
        brand = (await self.standing(workspace_id)).brand
        if brand is None:
            raise NoSender("Nobody has said who the mail is from.", remedy="Begin with the first step.")
        letter = Letter(
            sender=Person(brand.from_address, brand.from_name), to=(Person(str(Address.parse(to))),),
            subject="A test of your new mail server", text=TEXT, tags=("first-run",),
        )  # fmt: skip
        return (await self._messages.send(workspace_id, letter)).sent.id

    async def test(self, workspace_id: int, message_id: int) -> TestMail:
        """What became of it; raises NoSuchMessage."""
        message = await self._messages.get(workspace_id, message_id)
        found = (await self._main.read(stored.stored_messages, [message_id])).get(message_id)
        try:
            header = explain(await self._blobs.get(found.blob)) if found and found.blob else []
        except BlobMissing:
            header = []
        return TestMail(message, header)
