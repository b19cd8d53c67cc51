"""The first steps: how far one is, who we are, the letter to oneself with its header."""

import pytest
from sqlalchemy import select

from lettershop.marketing.first_run import FirstRun, NoSender
from lettershop.marketing.workspace_campaigns import Brands
from lettershop.store import workspaces
from lettershop.store.blobs import open_blobs
from lettershop.store.database import Transaction
from lettershop.store.schema_delivery import outgoing
from lettershop.store.stored import enqueue_stored


class FakeAccounts:
    """A mail server with nothing on it."""

    def __init__(self):
        self.hosted, self.boxes = [], []

    async def domains(self):
        return self.hosted

    async def any(self):
        return bool(self.boxes)

    async def add_domain(self, name, *, workspace_id):
        self.hosted.append((name, workspace_id))
        return name

    async def add(self, address, password, *, name):
        self.boxes.append(address)


class FakeMessages:
    """Keeps letters as stored messages."""

    def __init__(self, store, clock, blobs):
        self.store, self.clock, self.blobs, self.letters = store, clock, blobs, []

    async def page(self, workspace_id, *, limit):
        return self.letters[:limit]

    async def send(self, workspace_id, letter):
        blob = await self.blobs.put(b"From: x@brand.example\r\nList-Id: <a>\r\n\r\nHello")

        def write(tx: Transaction):
            return enqueue_stored(
                tx, workspace_id=workspace_id, mail_from="x@brand.example", blob=blob, size=4, now=self.clock.now(),
                expires_at=self.clock.now() + 9, recipients=[(letter.to[0].address, "e.example")],
            ).outgoing_id  # fmt: skip

        number = await self.store.main.write(write)
        self.letters.append(letter)
        return type("Message", (), {"sent": type("Sent", (), {"id": number})})

    async def get(self, workspace_id, message_id):
        return "the message"


@pytest.fixture
async def house(store, clock, tmp_path):
    blobs = open_blobs(f"file://{tmp_path}", clock)
    accounts, messages = FakeAccounts(), FakeMessages(store, clock, blobs)
    workspace = await store.main.write(workspaces.ensure_workspace, "First", clock.now())
    yield FirstRun(store.main, accounts, Brands(store.main, clock), messages, blobs), workspace, messages
    await blobs.close()


async def test_from_nothing_to_the_letter_to_oneself(house):
    first, workspace, messages = house
    with pytest.raises(NoSender):
        await first.send_test(workspace, "me@e.example")
    with pytest.raises(NoSender):
        await first.introduce(workspace, "Shop", "The Shop", "news@brand.example", "")
    await first.introduce(workspace, "Shop", "The Shop", "news@BRAND.example", "1 Street")
    await first.introduce(workspace, "The Shop Ltd", "The Shop", "news@brand.example", "2 Street")
    standing = await first.standing(workspace)
    assert (standing.organisation, standing.brand.name, standing.brand.postal_address) == (
        "The Shop Ltd",
        "Shop",
        "2 Street",
    )
    assert not standing.done
    await first.add_domain(workspace, "brand.example")
    await first.add_mailbox("ann@brand.example", "secret", "Ann")
    number = await first.send_test(workspace, "Me@e.example")
    assert (messages.letters[0].to[0].address, messages.letters[0].sender.address) == (
        "Me@e.example",
        "news@brand.example",
    )
    assert (await first.standing(workspace)).done
    test = await first.test(workspace, number)
    assert [field.name for field in test.header] == ["From", "List-Id"]
    await messages.blobs.delete(await messages.store.main.read(_blob))
    assert (await first.test(workspace, number)).header == []


def _blob(conn):
    return conn.scalar(select(outgoing.c.blob))
