"""Where mail goes: mailboxes, aliases, details, catch-alls, role addresses, our own services, elsewhere, nowhere."""

import pytest

from lettershop.mail.accounts import Accounts, NewAccount
from lettershop.mail.passwords import Passwords, stored_key
from lettershop.mail.route import Elsewhere, Nowhere, ToMailbox, ToService, destination
from lettershop.mail.tokens import Recipient, Tokens
from lettershop.wire.address import Address

TOKENS = Tokens(b"k" * 32)
WHO = Recipient(7, 8, 9)


@pytest.fixture
async def accounts(store, clock):
    accounts = Accounts(store.mail, Passwords(clock), clock)
    for domain in ("b.example", "c.example"):
        await accounts.add_domain(domain)
    await accounts.add_many(
        [NewAccount(name, stored_key("x")) for name in ("boss@b.example", "ann@b.example", "all@c.example")]
    )
    await accounts.alias("sales@b.example", "ann@b.example")
    await accounts.alias("@c.example", "all@c.example")
    return accounts


async def route(store, address: str):
    return await store.mail.read(destination, Address.parse(address), TOKENS, "mx.b.example")


@pytest.mark.parametrize(
    ("address", "account"),
    [
        ("ann@b.example", "ann@b.example"),
        ("Ann@B.Example", "ann@b.example"),
        ("ann+lists@b.example", "ann@b.example"),
        ("sales@b.example", "ann@b.example"),
        ("anybody@c.example", "all@c.example"),
        ("postmaster@b.example", "boss@b.example"),
        ("fbl@b.example", "boss@b.example"),
        ("postmaster@mx.b.example", "boss@b.example"),
    ],
)
async def test_to_a_mailbox(store, accounts, address, account):
    found = await route(store, address)
    assert isinstance(found, ToMailbox) and found.account.address == account


async def test_to_our_own_services(store, accounts):
    token = TOKENS.seal(WHO)
    assert await route(store, f"bounce+{token}@b.example") == ToService("bounce", WHO)
    assert await route(store, f"UNSUBSCRIBE+{token.upper()}@b.example") == ToService("unsubscribe", WHO)


@pytest.mark.parametrize("address", ["nobody@b.example", "bounce+forged@b.example", "bounce+@b.example"])
async def test_nowhere(store, accounts, address):
    assert isinstance(await route(store, address), Nowhere)


@pytest.mark.parametrize("address", ["ann@other.example", "ann@sub.b.example", "ann@mx.b.example"])
async def test_elsewhere(store, accounts, address):
    assert isinstance(await route(store, address), Elsewhere)
