"""Who may change whom in a workspace, on both engines."""

import pytest

from lettershop.base.errors import Invalid
from lettershop.mail.people import Actor, ElsewhereToo, LastOwner, NotOneself, OnlyOwners, People
from lettershop.mail.sealing import Sealing
from lettershop.mail.users import NoSuchUser, SignInFailed, UserKnown, Users
from lettershop.store import users as rows
from lettershop.store import workspaces

PASSWORD = "correct horse"


class PlainPasswords:
    """Stands in for argon2."""

    async def hash(self, password: str) -> str:
        return f"plain:{password}"

    async def verify(self, password: str, stored: str | None) -> bool:
        return stored == f"plain:{password}"


@pytest.fixture
async def users(store, clock):
    return Users(store.main, PlainPasswords(), clock, Sealing(bytes(32)))


@pytest.fixture
async def places(store):
    first = await store.main.write(workspaces.ensure_workspace, "Operator", 1.0)
    return first, await store.main.write(workspaces.ensure_workspace, "Client", 2.0)


@pytest.fixture
async def people(store, users, places):
    """ann owns the client's workspace, adam is its admin, mia a marketer."""
    for email, role in (("ann@b.example", "owner"), ("adam@b.example", "admin"), ("mia@b.example", "marketer")):
        await users.create(email, PASSWORD, role=role, workspace_id=places[1])
    return People(store.main, users)


@pytest.fixture
async def actor(people, places):
    async def make(name: str) -> Actor:
        member = await people.member(places[1], f"{name}@b.example")
        return Actor(places[1], member.role, member.id)

    return make


async def test_added_people_sign_in_with_their_role(people, users, actor):
    made = await people.add(await actor("ann"), "New@B.example", PASSWORD, role="analyst", name="New")
    assert (made.email, made.role, made.name) == ("new@b.example", "analyst", "New")
    assert (await users.sign_in("new@b.example", PASSWORD)).who.role == "analyst"
    with pytest.raises(UserKnown):
        await people.add(await actor("ann"), "new@b.example", PASSWORD, role="analyst")
    with pytest.raises(Invalid):
        await people.add(await actor("ann"), "x@b.example", PASSWORD, role="emperor")


async def test_an_admin_neither_makes_nor_touches_an_owner(people, users, actor):
    admin = await actor("adam")
    for deed in (
        people.add(admin, "friend@b.example", PASSWORD, role="owner"),
        people.give_role(admin, "mia@b.example", "owner"),
        people.give_role(admin, "adam@b.example", "owner"),
        people.give_role(admin, "ann@b.example", "analyst"),
        people.lock(admin, "ann@b.example"),
        people.set_password(admin, "ann@b.example", "battery staple"),
        people.take_out(admin, "ann@b.example"),
    ):
        with pytest.raises(OnlyOwners):
            await deed
    assert (await users.sign_in("ann@b.example", PASSWORD)).who.role == "owner"
    await people.give_role(admin, "mia@b.example", "analyst")
    assert (await users.sign_in("mia@b.example", PASSWORD)).who.role == "analyst"


async def test_nobody_changes_their_own_role_or_shuts_themselves_out(people, actor):
    ann = await actor("ann")
    for deed in (
        people.give_role(ann, "ann@b.example", "admin"),
        people.lock(ann, "ann@b.example"),
        people.set_password(ann, "ann@b.example", "battery staple"),
        people.take_out(ann, "ann@b.example"),
    ):
        with pytest.raises(NotOneself):
            await deed


async def test_one_who_may_do_everything_is_left(people, places, actor):
    token = Actor(places[1])
    await people.take_out(token, "adam@b.example")
    for deed in (
        people.give_role(token, "ann@b.example", "analyst"),
        people.lock(token, "ann@b.example"),
        people.take_out(token, "ann@b.example"),
    ):
        with pytest.raises(LastOwner):
            await deed
    await people.give_role(token, "mia@b.example", "admin")
    await people.give_role(token, "ann@b.example", "analyst")


async def test_a_workspace_does_not_reach_into_another_one(people, users, store, places, actor):
    await users.create("olga@op.example", PASSWORD, role="owner", workspace_id=places[0])
    ann = await actor("ann")
    for deed in (
        people.give_role(ann, "olga@op.example", "analyst"),
        people.lock(ann, "olga@op.example"),
        people.set_password(ann, "olga@op.example", "battery staple"),
        people.take_out(ann, "olga@op.example"),
    ):
        with pytest.raises(NoSuchUser):
            await deed
    olga = (await users.get("olga@op.example")).id
    await store.main.write(rows.set_role, olga, places[1], "marketer")
    for deed in (people.lock(ann, "olga@op.example"), people.set_password(ann, "olga@op.example", "battery staple")):
        with pytest.raises(ElsewhereToo):
            await deed
    await people.give_role(ann, "olga@op.example", "analyst")
    await people.take_out(ann, "olga@op.example")
    assert (await users.sign_in("olga@op.example", PASSWORD)).who.role == "owner"
    await users.create("second@op.example", PASSWORD, role="owner", workspace_id=places[0])
    await people.set_password(Actor(places[0], operator=True), "olga@op.example", "battery staple")
    await users.sign_in("olga@op.example", "battery staple")


async def test_locking_out_ends_sessions_and_letting_in_allows_new_ones(people, users, actor):
    ann = await actor("ann")
    signed = await users.sign_in("mia@b.example", PASSWORD)
    await people.lock(ann, "mia@b.example")
    assert await users.session(signed.secret) is None
    with pytest.raises(SignInFailed):
        await users.sign_in("mia@b.example", PASSWORD)
    await people.lock(ann, "mia@b.example", locked=False)
    await users.sign_in("mia@b.example", PASSWORD)


async def test_whose_last_workspace_it_was_is_removed(people, users, actor):
    await people.take_out(await actor("ann"), "mia@b.example")
    with pytest.raises(NoSuchUser):
        await users.get("mia@b.example")
