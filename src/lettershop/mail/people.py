"""The people of a workspace as those who run it change them: add, give a role, lock out, set a password, take out.

The rules of who may do what to whom stand here once, for the pages and the API:
owners are made and changed by owners only; nobody changes their own role or locks themselves out; somebody who may do
everything is left; and whoever belongs to other workspaces too is locked out or given a password by the operator only,
for that reaches beyond this workspace.

    actor = Actor(workspace_id, role="admin", user_id=4)
    await people.give_role(actor, "ann@brand.example", "analyst")
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from lettershop.base.errors import Conflict, Refused
from lettershop.mail.users import NoSuchUser, Users, address_key, check_password, check_role
from lettershop.store import users as rows
from lettershop.store.database import Database, Transaction
from lettershop.store.users import Member

EVERYTHING = ("owner", "admin")
"""Roles of which one must be left."""


class LastOwner(Conflict):
    """Somebody must be left who may do everything."""

    code = "last-owner"


class OnlyOwners(Refused):
    """Owners are made and changed by owners."""

    code = "only-owners"


class NotOneself(Conflict):
    """A change that people may not make to themselves."""

    code = "not-oneself"


class ElsewhereToo(Refused):
    """The change would reach into workspaces that the actor does not run."""

    code = "elsewhere-too"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes: the role in the workspace; `user_id` None for a token; `operator`: runs the whole server."""

    workspace_id: int
    role: str = "owner"
    user_id: int | None = None
    operator: bool = False


class People:
    """One object per process."""

    def __init__(self, db: Database, users: Users) -> None:
        self._db = db
        self._users = users

    async def of_workspace(self, workspace_id: int) -> list[Member]:
        """The people of one workspace, by address."""
        return await self._db.read(rows.members, workspace_id)

    async def member(self, workspace_id: int, email: str) -> Member:
        """A person of the workspace; raises NoSuchUser."""
        return await self._db.read(_member, workspace_id, address_key(email))

    async def add(self, actor: Actor, email: str, password: str, *, role: str, name: str = "") -> Member:
        """A new person in the actor's workspace; raises UserKnown, Invalid, OnlyOwners."""
        _check_gives(actor, role)
        await self._users.create(email, password, role=role, name=name, workspace_id=actor.workspace_id)
        return await self.member(actor.workspace_id, email)

    async def give_role(self, actor: Actor, email: str, role: str) -> None:
        """Another role in this workspace; raises NoSuchUser, LastOwner, OnlyOwners, NotOneself."""
        check_role(role)
        _check_gives(actor, role)
        await self._db.write(_give_role, actor, address_key(email), role)

    async def lock(self, actor: Actor, email: str, *, locked: bool = True) -> None:
        """Lock a person out of the server, or in again; every session ends. Raises as `give_role`, and ElsewhereToo."""
        await self._db.write(_lock, actor, address_key(email), locked)

    async def set_password(self, actor: Actor, email: str, password: str) -> None:
        """Give a new password; every session of the person ends. Raises as `lock`."""
        check_password(password)
        person = await self._db.read(_check_reach, actor, address_key(email))
        _check_other(actor, person)
        await self._users.set_password(email, password)

    async def take_out(self, actor: Actor, email: str) -> None:
        """Take a person out of the workspace; whose last one it was is removed. Raises as `give_role`."""
        await self._db.write(_take_out, actor, address_key(email))


def _member(conn: Connection, workspace_id: int, key: str) -> Member:
    found = next((one for one in rows.members(conn, workspace_id) if one.email == key), None)
    if found is None:
        raise NoSuchUser(f"Nobody in this workspace signs in as {key}.")
    return found


def _check_gives(actor: Actor, role: str) -> None:
    if role == "owner" and actor.role != "owner":
        raise OnlyOwners("Only an owner makes somebody an owner.", remedy="Ask an owner.")


def _check_reach(conn: Connection, actor: Actor, key: str) -> Member:
    """The person, whom the actor may lock out or give a password."""
    person = _check_may_change(conn, actor, key)
    elsewhere = [one for one in rows.memberships_of(conn, person.id) if one.workspace_id != actor.workspace_id]
    if elsewhere and not actor.operator:
        raise ElsewhereToo(
            f"{person.email} belongs to other workspaces too.",
            remedy="Take the person out of this workspace, or ask the operator of the server.",
        )
    return person


def _check_may_change(conn: Connection, actor: Actor, key: str) -> Member:
    person = _member(conn, actor.workspace_id, key)
    if person.role == "owner" and actor.role != "owner":
        raise OnlyOwners("Only an owner changes an owner.", remedy="Ask an owner.")
    return person


def _check_other(actor: Actor, person: Member) -> None:
    if actor.user_id == person.id:
        raise NotOneself("Nobody does this to themselves.", remedy="Ask another owner or admin.")


def _check_not_last(conn: Connection, actor: Actor, person: Member) -> None:
    able = [one for one in rows.members(conn, actor.workspace_id) if one.role in EVERYTHING and not one.disabled]
    if [one.id for one in able] == [person.id]:
        raise LastOwner(
            f"{person.email} is the last who may do everything here.", remedy="Make somebody else an owner first."
        )


def _give_role(tx: Transaction, actor: Actor, key: str, role: str) -> None:
    person = _check_may_change(tx.conn, actor, key)
    _check_other(actor, person)
    if role not in EVERYTHING:
        _check_not_last(tx.conn, actor, person)
    rows.set_role(tx, person.id, actor.workspace_id, role)


def _lock(tx: Transaction, actor: Actor, key: str, locked: bool) -> None:
    person = _check_reach(tx.conn, actor, key)
    _check_other(actor, person)
    if locked:
        _check_not_last(tx.conn, actor, person)
    rows.set_disabled(tx, person.id, locked)


def _take_out(tx: Transaction, actor: Actor, key: str) -> None:
    person = _check_may_change(tx.conn, actor, key)
    _check_other(actor, person)
    _check_not_last(tx.conn, actor, person)
    rows.end_membership(tx, person.id, actor.workspace_id)
    if not rows.memberships_of(tx.conn, person.id):
        rows.remove_user(tx, person.id)
