"""Which mailboxes a person may open, on both engines."""

import pytest

from lettershop.mail.accounts import Accounts, NewAccount, NoSuchAccount, TooManyTries
from lettershop.mail.own_mailboxes import OwnMailboxes, WrongPassword
from lettershop.mail.passwords import Passwords, stored_key
from lettershop.mail.sealing import Sealing
from lettershop.mail.users import RIGHTS, NoSuchUser, Users

ANN, BOB = "ann@brand.example", "bob@brand.example"


class PlainPasswords(Passwords):
    """Stands in for argon2."""

    async def hash(self, password: str) -> str:
        return stored_key(password)


@pytest.fixture
async def house(store, clock):
    passwords = PlainPasswords(clock)
    accounts, users = Accounts(store.mail, passwords, clock), Users(store.main, passwords, clock, Sealing(bytes(32)))
    await accounts.add_domain("brand.example")
    await accounts.add_many(
        [NewAccount(f"{name}@brand.example", stored_key(f"{name}-key")) for name in ("ann", "sales")]
    )
    for email in (ANN, BOB):
        await users.create(email, "long enough", role="marketer")
    return OwnMailboxes(store.main, store.mail, accounts, users, clock), accounts, users


async def ids(users):
    return (await users.get(ANN)).id, (await users.get(BOB)).id


async def addresses(own, user):
    return [account.address for account in await own.of(user)]


async def test_nobody_opens_anything_until_it_is_granted_and_only_that(house):
    own, accounts, users = house
    ann, bob = await ids(users)
    sales = await accounts.get("sales@brand.example")
    assert await addresses(own, ann) == []  # not even the account of one's own address
    await own.grant(ANN, "Sales@brand.example", "owner@brand.example")
    assert await addresses(own, ann) == ["sales@brand.example"]
    assert (await own.open(ann, sales.id)).address == "sales@brand.example"
    with pytest.raises(NoSuchAccount):
        await own.open(bob, sales.id)
    assert [(one.email, one.granted_by) for one in await own.readers(sales)] == [(ANN, "owner@brand.example")]
    await own.withdraw(ANN, "sales@brand.example")
    assert await addresses(own, ann) == []
    with pytest.raises(NoSuchAccount):
        await own.withdraw(ANN, "sales@brand.example")


async def test_granting_needs_a_person_and_an_account(house):
    own, *_ = house
    with pytest.raises(NoSuchUser):
        await own.grant("eve@brand.example", "sales@brand.example", "")
    with pytest.raises(NoSuchAccount):
        await own.grant(ANN, "nobody@brand.example", "")


async def test_a_link_by_password_ends_with_the_password_a_granted_one_stays(house):
    own, accounts, users = house
    ann, bob = await ids(users)
    await own.link(ann, " ann@brand.example", "ann-key", "203.0.113.7")
    await own.grant(BOB, "ann@brand.example", "owner")
    await accounts.set_password("ann@brand.example", "another one")
    assert await addresses(own, ann) == []
    assert await addresses(own, bob) == ["ann@brand.example"]
    assert [one.email for one in await own.readers(await accounts.get("ann@brand.example"))] == [BOB]
    await own.link(ann, "ann@brand.example", "another one", "203.0.113.7")
    assert await addresses(own, ann) == ["ann@brand.example"]


async def test_a_wrong_password_links_nothing_and_guessing_is_slowed_down(house):
    own, _, users = house
    ann, _ = await ids(users)
    with pytest.raises(WrongPassword):
        await own.link(ann, "nobody@brand.example", "ann-key", "203.0.113.8")
    with pytest.raises(TooManyTries):
        for _ in range(40):
            with pytest.raises(WrongPassword):
                await own.link(ann, "ann@brand.example", "guess", "203.0.113.7")
    assert await addresses(own, ann) == []


async def test_an_account_that_is_made_again_under_its_old_name_is_not_opened(house, clock):
    own, accounts, users = house
    ann, _ = await ids(users)
    await own.grant(ANN, "sales@brand.example", "owner")
    await accounts.remove("sales@brand.example")
    assert await addresses(own, ann) == []
    clock.advance(1)
    await accounts.add_many([NewAccount("sales@brand.example", stored_key("x"))])
    assert await addresses(own, ann) == []
    assert await own.readers(await accounts.get("sales@brand.example")) == []


async def test_who_is_removed_has_no_links(house):
    own, accounts, users = house
    await own.grant(ANN, "sales@brand.example", "owner")
    await users.remove(ANN)
    assert await own.readers(await accounts.get("sales@brand.example")) == []


def test_running_the_server_is_no_reason_to_read_mail():
    assert {role for role, rights in RIGHTS.items() if "mailboxes.grant" in rights} == {"owner", "admin"}
