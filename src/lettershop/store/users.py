"""People who log in to the web interface, their memberships in workspaces, and their sessions."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select, update

from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new, insert_one, upsert
from lettershop.store.schema_main import memberships, sessions, users, workspaces
from lettershop.store.schema_signin import half_sign_ins


@dataclass(frozen=True, slots=True)
class User:
    """A person; `email` in lower case. Times in seconds since the epoch."""

    id: int
    email: str
    name: str
    password_hash: str
    created_at: float
    disabled: bool


@dataclass(frozen=True, slots=True)
class Membership:
    """What a person may do in a workspace: `role` is one of `mail.users.ROLES`."""

    workspace_id: int
    workspace: str
    role: str


@dataclass(frozen=True, slots=True)
class Member:
    """A person as one workspace sees them."""

    id: int
    email: str
    name: str
    role: str
    disabled: bool


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A session that is valid: who, the secret that its forms carry, the workspaces of the person and the oldest of all."""

    user: User
    csrf: str
    expires_at: float
    memberships: tuple[Membership, ...]
    oldest_workspace: int | None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as its owner sees it in a list; `id` is the hash of the secret and opens nothing."""

    id: str
    created_at: float
    expires_at: float
    ip: str
    user_agent: str


_USER = [users.c[name] for name in User.__slots__]


def add_user(tx: Transaction, email: str, name: str, password_hash: str, at: float) -> int:
    """Add a person; the id. An address that is there already breaks the unique rule."""
    return insert_one(tx.conn, users, email=email, name=name, password_hash=password_hash, created_at=at)


def user_by_email(conn: Connection, email: str) -> User | None:
    """The person, or None."""
    row = conn.execute(select(*_USER).where(users.c.email == email)).one_or_none()
    return User(*row) if row else None


def user_by_id(conn: Connection, user_id: int) -> User | None:
    """The person, or None."""
    row = conn.execute(select(*_USER).where(users.c.id == user_id)).one_or_none()
    return User(*row) if row else None


def list_users(conn: Connection) -> list[User]:
    """All people, by address."""
    return [User(*row) for row in conn.execute(select(*_USER).order_by(users.c.email))]


def set_password_hash(tx: Transaction, user_id: int, password_hash: str) -> None:
    """Change the stored hash; all sessions of the person end."""
    tx.conn.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))
    end_sessions_of(tx, user_id)


def set_disabled(tx: Transaction, user_id: int, disabled: bool) -> None:
    """Lock a person out, or in again; all sessions end."""
    tx.conn.execute(update(users).where(users.c.id == user_id).values(disabled=disabled))
    end_sessions_of(tx, user_id)


def remove_user(tx: Transaction, user_id: int) -> None:
    """Remove a person with memberships and sessions."""
    tx.conn.execute(delete(users).where(users.c.id == user_id))


def set_role(tx: Transaction, user_id: int, workspace_id: int, role: str) -> None:
    """Make a person a member of a workspace, or change the role."""
    row = {"user_id": user_id, "workspace_id": workspace_id, "role": role}
    upsert(tx.conn, memberships, [row], key=["user_id", "workspace_id"])


def memberships_of(conn: Connection, user_id: int) -> list[Membership]:
    """A person's workspaces, oldest first."""
    query = (
        select(workspaces.c.id, workspaces.c.name, memberships.c.role)
        .join(memberships, memberships.c.workspace_id == workspaces.c.id)
        .where(memberships.c.user_id == user_id)
        .order_by(workspaces.c.id)
    )
    return [Membership(*row) for row in conn.execute(query)]


def members(conn: Connection, workspace_id: int) -> list[Member]:
    """The people of a workspace, by address."""
    query = (
        select(users.c.id, users.c.email, users.c.name, memberships.c.role, users.c.disabled)
        .join(memberships, memberships.c.user_id == users.c.id)
        .where(memberships.c.workspace_id == workspace_id)
        .order_by(users.c.email)
    )
    return [Member(*row) for row in conn.execute(query)]


def end_membership(tx: Transaction, user_id: int, workspace_id: int) -> None:
    """Take a person out of a workspace."""
    c = memberships.c
    tx.conn.execute(delete(memberships).where(c.user_id == user_id, c.workspace_id == workspace_id))


def add_session(
    tx: Transaction,
    key_hash: str,
    user_id: int,
    csrf: str,
    at: float,
    expires_at: float,
    *,
    ip: str = "",
    user_agent: str = "",
) -> None:
    """Open a session; those of anybody that have run out go."""
    tx.conn.execute(delete(sessions).where(sessions.c.expires_at <= at))
    row = {
        "key_hash": key_hash, "user_id": user_id, "csrf": csrf, "created_at": at, "expires_at": expires_at,
        "ip": ip, "user_agent": user_agent,
    }  # fmt: skip
    insert_new(tx.conn, sessions, [row])


def find_session(conn: Connection, key_hash: str, now: float) -> SessionRow | None:
    """The session with this key; None if it is unknown, over, or the person is locked out."""
    query = (
        select(*_USER, sessions.c.csrf, sessions.c.expires_at)
        .join(users, users.c.id == sessions.c.user_id)
        .where(sessions.c.key_hash == key_hash, sessions.c.expires_at > now, users.c.disabled.is_(False))
    )
    row = conn.execute(query).one_or_none()
    if row is None:
        return None
    *person, csrf, expires_at = tuple(row)
    user = User(*person)
    oldest = conn.scalar(select(func.min(workspaces.c.id)))
    return SessionRow(user, csrf, expires_at, tuple(memberships_of(conn, user.id)), oldest)


def list_sessions(conn: Connection, user_id: int, now: float) -> list[OpenSession]:
    """The open sessions of a person, newest first."""
    c = sessions.c
    query = select(c.key_hash, c.created_at, c.expires_at, c.ip, c.user_agent)
    query = query.where(c.user_id == user_id, c.expires_at > now).order_by(c.created_at.desc(), c.key_hash)
    return [OpenSession(*row) for row in conn.execute(query)]


def end_session(tx: Transaction, key_hash: str, user_id: int | None = None) -> None:
    """End one session; with `user_id` only if it is that person's."""
    query = delete(sessions).where(sessions.c.key_hash == key_hash)
    tx.conn.execute(query if user_id is None else query.where(sessions.c.user_id == user_id))


def end_sessions_of(tx: Transaction, user_id: int, keep: str = "") -> None:
    """End all sessions of a person, but the one with the hash `keep`; sign-ins that wait for their code end too."""
    tx.conn.execute(delete(half_sign_ins).where(half_sign_ins.c.user_id == user_id))
    tx.conn.execute(delete(sessions).where(sessions.c.user_id == user_id, sessions.c.key_hash != keep))
