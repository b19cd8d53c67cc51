"""Domains and accounts: what operators do, and who may log in."""

import pytest

from lettershop.mail.accounts import AccountKnown, Accounts, DomainKnown, NoSuchAccount, NoSuchDomain, TooManyTries
from lettershop.mail.passwords import Passwords
from lettershop.store import mailboxes
from lettershop.wire.sasl import Credentials


@pytest.fixture
async def accounts(store, clock):
    made = Accounts(store.mail, Passwords(clock), clock)
    await made.add_domain("Bücher.example")
    await made.add("Ann@bücher.example", "correct horse")
    return made


async def test_a_domain_gets_a_key_of_each_kind_and_is_known_by_its_a_label(accounts):
    assert [domain.name for domain in await accounts.domains()] == ["xn--bcher-kva.example"]
    assert [key.algorithm for key in await accounts.keys("BÜCHER.example")] == ["rsa", "ed25519"]
    with pytest.raises(DomainKnown):
        await accounts.add_domain("xn--bcher-kva.example")
    with pytest.raises(NoSuchDomain):
        await accounts.keys("other.example")


async def test_an_account_has_its_mailboxes(accounts, store):
    account = await accounts.get("ann@bücher.example")
    names = [box.name for box in await store.mail.read(mailboxes.list_mailboxes, account.id)]
    assert {"INBOX", "Sent", "Drafts", "Trash", "Junk"} <= set(names)


async def test_an_address_is_given_once(accounts):
    with pytest.raises(AccountKnown):
        await accounts.add("ann@bücher.example", "x" * 10)
    with pytest.raises(AccountKnown):
        await accounts.alias("ann@bücher.example", "ann@bücher.example")
    with pytest.raises(NoSuchDomain):
        await accounts.add("ann@other.example", "x" * 10)


@pytest.mark.parametrize(
    ("user", "password", "in_"),
    [
        ("ANN@bücher.example", "correct horse", True),
        ("ann@xn--bcher-kva.example", "correct horse", True),
        ("ann@bücher.example", "wrong", False),
        ("bob@bücher.example", "correct horse", False),
        ("ann", "correct horse", False),
    ],
)
async def test_logging_in(accounts, user, password, in_):
    found = await accounts.login(Credentials(user, password), "192.0.2.1")
    assert (found is not None) == in_


async def test_nobody_acts_for_somebody_else(accounts):
    assert (
        await accounts.login(Credentials("ann@bücher.example", "correct horse", "bob@x.example"), "192.0.2.1") is None
    )


async def test_guessing_is_slowed_and_the_wait_ends(accounts, clock):
    wrong = Credentials("ann@bücher.example", "wrong")
    for _ in range(11):
        assert await accounts.login(wrong, "192.0.2.1") is None
    with pytest.raises(TooManyTries):
        await accounts.login(Credentials("ann@bücher.example", "correct horse"), "192.0.2.1")
    clock.advance(30)
    assert await accounts.login(Credentials("ann@bücher.example", "correct horse"), "192.0.2.1") is not None


async def test_removing_and_changing_passwords(accounts):
    await accounts.set_password("ann@bücher.example", "battery staple")
    assert await accounts.login(Credentials("ann@bücher.example", "correct horse"), "192.0.2.1") is None
    assert await accounts.login(Credentials("ann@bücher.example", "battery staple"), "192.0.2.1") is not None
    await accounts.remove("ann@bücher.example")
    with pytest.raises(NoSuchAccount):
        await accounts.get("ann@bücher.example")
    assert list(await accounts.list()) == []
