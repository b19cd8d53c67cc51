"""Sign-in, sessions and roles on the real store, both engines."""

import asyncio
from ipaddress import ip_network

import pytest
from sqlalchemy import select

from lettershop.base.errors import Invalid
from lettershop.mail.sealing import Sealing
from lettershop.mail.users import SESSION_LASTS, NoSuchUser, SignInFailed, TooManyTries, UserKnown, Users
from lettershop.store import workspaces
from lettershop.store.schema_main import sessions

PASSWORD = "correct horse"


class PlainPasswords:
    """Stands in for argon2, which costs half a second a call."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    async def hash(self, password: str) -> str:
        return f"plain:{password}"

    async def verify(self, password: str, stored: str | None) -> bool:
        self.asked.append(stored)
        return stored == f"plain:{password}"


@pytest.fixture
def passwords():
    return PlainPasswords()


@pytest.fixture
async def users(store, clock, passwords):
    return Users(store.main, passwords, clock, Sealing(bytes(32)), exempt=[ip_network("192.0.2.0/24")])


async def test_who_signs_in_gets_a_session_with_role_and_rights(users):
    await users.create("Ann@Brand.example", PASSWORD, role="analyst", name="Ann")
    signed = await users.sign_in(" ann@brand.EXAMPLE", PASSWORD, ip="203.0.113.7")
    who = await users.session(signed.secret)
    assert who == signed.who
    assert (who.name, who.role, who.workspace) == ("Ann", "analyst", "Main")
    assert who.may("campaigns.read")
    assert not who.may("campaigns.send")


async def test_the_database_holds_no_secret_that_opens_a_session(users, store):
    await users.create("ann@brand.example", PASSWORD, role="owner")
    signed = await users.sign_in("ann@brand.example", PASSWORD)
    stored = await store.main.read(lambda conn: list(conn.scalars(select(sessions.c.key_hash))))
    assert signed.secret not in stored
    assert await users.session(stored[0]) is None


async def test_every_sign_in_makes_a_new_secret(users):
    await users.create("ann@brand.example", PASSWORD, role="owner")
    first = await users.sign_in("ann@brand.example", PASSWORD)
    second = await users.sign_in("ann@brand.example", PASSWORD)
    assert first.secret != second.secret
    assert first.who.csrf != second.who.csrf


async def test_a_session_ends_by_signing_out_by_time_by_a_new_password_and_by_locking_out(users, clock):
    await users.create("ann@brand.example", PASSWORD, role="owner")

    async def fresh() -> str:
        return (await users.sign_in("ann@brand.example", PASSWORD)).secret

    gone = await fresh()
    await users.sign_out(gone)
    assert await users.session(gone) is None
    old = await fresh()
    clock.advance(SESSION_LASTS + 1)
    assert await users.session(old) is None
    secret = await fresh()
    await users.set_password("ann@brand.example", PASSWORD)
    assert await users.session(secret) is None
    secret = await fresh()
    await users.disable("ann@brand.example")
    assert await users.session(secret) is None
    with pytest.raises(SignInFailed):
        await fresh()


async def test_unknown_address_and_wrong_password_are_told_alike_and_both_are_hashed(users, passwords):
    await users.create("ann@brand.example", PASSWORD, role="owner")
    words = set()
    for email, password in [("nobody@brand.example", PASSWORD), ("ann@brand.example", "wrong one")]:
        with pytest.raises(SignInFailed) as failed:
            await users.sign_in(email, password)
        words.add(failed.value.public)
    assert len(words) == 1
    assert len(passwords.asked) == 2


async def test_guessing_is_slowed_down_for_the_guesser_not_for_the_owner(users, clock):
    await users.create("ann@brand.example", PASSWORD, role="owner")
    for _ in range(6):
        with pytest.raises(SignInFailed):
            await users.sign_in("ann@brand.example", "guess", ip="203.0.113.9")
    with pytest.raises(TooManyTries) as refused:
        await users.sign_in("ann@brand.example", PASSWORD, ip="203.0.113.9")
    assert 0 < refused.value.wait <= 1
    await users.sign_in("ann@brand.example", PASSWORD, ip="203.0.113.10")
    clock.advance(2)
    await users.sign_in("ann@brand.example", PASSWORD, ip="203.0.113.9")


async def test_one_host_that_tries_many_accounts_is_slowed_down_ipv6_by_its_network(users):
    for number in range(21):
        with pytest.raises(SignInFailed):
            await users.sign_in(f"user{number}@brand.example", "guess", ip=f"2001:db8::{number:x}")
    with pytest.raises(TooManyTries):
        await users.sign_in("other@brand.example", "guess", ip="2001:db8::ffff")


async def test_exempt_networks_are_not_slowed_down(users):
    for _ in range(30):
        with pytest.raises(SignInFailed):
            await users.sign_in("ann@brand.example", "guess", ip="192.0.2.4")


async def test_a_person_in_two_workspaces_chooses_and_gets_no_foreign_one(users, store, clock):
    await users.create("ann@brand.example", PASSWORD, role="analyst")
    second = await store.main.write(workspaces.ensure_workspace, "Second", clock.now())
    third = await store.main.write(workspaces.ensure_workspace, "Third", clock.now())
    await users.set_role("ann@brand.example", "owner", second)
    who = (await users.sign_in("ann@brand.example", PASSWORD)).who
    assert who.role == "analyst"
    assert who.in_workspace(second).role == "owner"
    assert who.in_workspace(second).may("campaigns.send")
    assert not who.in_workspace(second).may("server.read")  # the first workspace is the operator's
    assert who.in_workspace(third) == who


async def test_what_is_not_well_formed_is_refused_by_name(users):
    with pytest.raises(Invalid, match="at least"):
        await users.create("ann@brand.example", "short", role="owner")
    with pytest.raises(Invalid, match="no role"):
        await users.create("ann@brand.example", PASSWORD, role="king")
    with pytest.raises(Invalid, match="not an email"):
        await users.create("ann", PASSWORD, role="owner")
    await users.create("ann@brand.example", PASSWORD, role="owner")
    with pytest.raises(UserKnown):
        await users.create("ANN@brand.example", PASSWORD, role="owner")
    await users.remove("ann@brand.example")
    with pytest.raises(NoSuchUser):
        await users.get("ann@brand.example")


async def test_the_list_holds_everybody_with_their_roles(users):
    await users.create("b@brand.example", PASSWORD, role="owner")
    await users.create("a@brand.example", PASSWORD, role="marketer")
    people = await users.everyone()
    assert [(person.email, [m.role for m in roles]) for person, roles in people] == [
        ("a@brand.example", ["marketer"]),
        ("b@brand.example", ["owner"]),
    ]


async def test_sessions_that_ran_out_are_swept_at_the_next_sign_in(users, store, clock):
    await users.create("ann@brand.example", PASSWORD, role="owner")
    await asyncio.gather(*(users.sign_in("ann@brand.example", PASSWORD) for _ in range(3)))
    clock.advance(SESSION_LASTS + 1)
    await users.sign_in("ann@brand.example", PASSWORD)
    stored = await store.main.read(lambda conn: list(conn.scalars(select(sessions.c.key_hash))))
    assert len(stored) == 1


async def test_sessions_are_listed_and_ended_by_their_owner_only(users):
    await users.create("ann@brand.example", PASSWORD, role="owner")
    await users.create("ben@brand.example", PASSWORD, role="analyst")
    here = await users.sign_in("ann@brand.example", PASSWORD, ip="203.0.113.7", user_agent="Here")
    there = await users.sign_in("ann@brand.example", PASSWORD, ip="203.0.113.8", user_agent="There")
    other = await users.sign_in("ben@brand.example", PASSWORD)
    ann, ben = here.who.user_id, other.who.user_id
    found = {one.user_agent: one for one in await users.sessions(ann)}
    assert {name: one.ip for name, one in found.items()} == {"Here": "203.0.113.7", "There": "203.0.113.8"}
    assert users.is_of(found["Here"], here.secret)
    assert not users.is_of(found["There"], here.secret)
    await users.end_session(ben, found["There"].id)
    assert await users.session(there.secret) is not None
    await users.end_session(ann, found["There"].id)
    assert await users.session(there.secret) is None
    third = await users.sign_in("ann@brand.example", PASSWORD)
    await users.end_other_sessions(ann, third.secret)
    assert await users.session(here.secret) is None
    assert await users.session(third.secret) is not None
    assert await users.session(other.secret) is not None


async def test_sessions_that_ran_out_are_not_listed(users, clock):
    await users.create("ann@brand.example", PASSWORD, role="owner")
    signed = await users.sign_in("ann@brand.example", PASSWORD)
    clock.advance(SESSION_LASTS + 1)
    assert await users.sessions(signed.who.user_id) == []


async def test_ones_own_password_needs_the_present_one_and_ends_every_other_session(users):
    await users.create("ann@brand.example", PASSWORD, role="owner")
    old = await users.sign_in("ann@brand.example", PASSWORD)
    with pytest.raises(SignInFailed):
        await users.change_password("ann@brand.example", "guessed", "battery staple")
    with pytest.raises(Invalid):
        await users.change_password("ann@brand.example", PASSWORD, "short")
    assert await users.session(old.secret) is not None
    fresh = await users.change_password("ann@brand.example", PASSWORD, "battery staple")
    assert await users.session(old.secret) is None
    assert await users.session(fresh.secret) is not None
    with pytest.raises(SignInFailed):
        await users.sign_in("ann@brand.example", PASSWORD)


async def test_guessing_the_present_password_is_slowed_down_as_signing_in_is(users):
    await users.create("ann@brand.example", PASSWORD, role="owner")
    with pytest.raises(TooManyTries):
        for _ in range(20):
            with pytest.raises(SignInFailed):
                await users.change_password("ann@brand.example", "guessed", "battery staple", ip="203.0.113.7")
