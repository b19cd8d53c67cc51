"""People who log in to the web interface: accounts, roles, sign-in, sessions.

A session is a row; its key is the SHA-256 of a secret that only the cookie holds, so a copy of the database opens no
session. Every sign-in makes a new secret: a cookie planted before it is worth nothing. Who may do what is one table
here, `RIGHTS`; nobody else compares roles.

    signed = await users.sign_in("ann@brand.example", "…", ip="203.0.113.7")     -> SignedIn(secret, who)
    who = await users.session(secret)                                             -> Who or None
    who.may("campaigns.send")
"""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from lettershop.base.clock import Clock
from lettershop.base.errors import Conflict, Invalid, NotFound, Refused, Temporary
from lettershop.mail.passwords import Passwords
from lettershop.mail.sealing import Sealing
from lettershop.mail.second_factor import CodeNeeded, SecondFactor
from lettershop.mail.shared_throttle import SharedThrottle
from lettershop.mail.throttle import Limit
from lettershop.store import audit, workspaces
from lettershop.store import users as rows
from lettershop.store.audit import Act
from lettershop.store.database import Database, Transaction
from lettershop.store.users import Membership, OpenSession, SessionRow, User

SESSION_LASTS = 14 * 86_400.0
SHORTEST_PASSWORD = 8  # NIST SP 800-63B 5.1.1.2
LONGEST_PASSWORD = 1024  # hashing costs time: nobody may send a novel

OPERATOR = frozenset({"queue.all", "server.read", "server.write", "mailboxes.grant"})
"""Rights over the whole server. They count in the oldest workspace only, which is the operator's own."""
_ALL = OPERATOR | {
    "campaigns.read", "campaigns.send", "contacts.read", "contacts.write", "queue.read", "queue.act", "settings", "inbox",
}  # fmt: skip
RIGHTS: dict[str, frozenset[str]] = {
    "owner": _ALL,
    "admin": _ALL,
    "marketer": frozenset(
        {"campaigns.read", "campaigns.send", "contacts.read", "contacts.write", "queue.read", "inbox"}
    ),
    "analyst": frozenset({"campaigns.read", "contacts.read"}),
    "postmaster": (OPERATOR - {"mailboxes.grant"}) | {"campaigns.read", "queue.read", "queue.act"},
    "inbox agent": frozenset({"contacts.read", "inbox"}),
}
"""What each role may do in its workspace."""
ROLES = tuple(RIGHTS)

PER_ACCOUNT_AND_ADDRESS = Limit(free=5)
PER_ADDRESS = Limit(free=20)  # an office behind one address forgets passwords too
PER_ACCOUNT = Limit(free=50, longest=60.0)  # many addresses, one account: slow, but nobody can lock a person out


class SignInFailed(Refused):
    """Unknown address, wrong password or locked out; which one is not told."""

    code = "sign-in-failed"


class TooManyTries(Temporary):
    """Too many failures; `wait` is the number of seconds left."""

    code = "too-many-tries"

    def __init__(self, wait: float) -> None:
        super().__init__(f"Too many failed sign-ins. Try again in {max(1, round(wait))} seconds.")
        self.wait = wait


class UserKnown(Conflict):
    """The address has an account already."""

    code = "user-known"


class NoSuchUser(NotFound):
    """Nobody has this address."""

    code = "no-such-user"


@dataclass(frozen=True, slots=True)
class Who:
    """A person with an open session, in one of their workspaces (`workspace_id` None: a member of none)."""

    user_id: int
    email: str
    name: str
    csrf: str
    memberships: tuple[Membership, ...]
    workspace_id: int | None
    workspace: str
    role: str
    operators: int | None = None  # the oldest workspace

    def may(self, right: str) -> bool:
        """Whether the role in this workspace has the right."""
        here = right not in OPERATOR or self.workspace_id == self.operators
        return here and right in RIGHTS.get(self.role, frozenset())

    def in_workspace(self, workspace_id: int | None) -> "Who":
        """The same person in another of their workspaces; unchanged if they are no member of it."""
        for membership in self.memberships:
            if membership.workspace_id == workspace_id:
                return replace(self, workspace_id=workspace_id, workspace=membership.workspace, role=membership.role)
        return self


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh session: `secret` goes into the cookie and is kept nowhere else."""

    secret: str
    who: Who
    lasts: float


class Users:
    """One object per process."""

    def __init__(
        self,
        db: Database,
        passwords: Passwords,
        clock: Clock,
        sealing: Sealing,
        *,
        exempt: Sequence[IPv4Network | IPv6Network] = (),
    ) -> None:
        self._db = db
        self._passwords = passwords
        self._clock = clock
        self._throttle = SharedThrottle(db, clock, "password")
        self.second = SecondFactor(db, clock, sealing)
        self._exempt = exempt

    # -- who there is ----------------------------------------------------------------------------------------------

    async def create(
        self, email: str, password: str, *, role: str, name: str = "", workspace_id: int | None = None
    ) -> User:
        """A new person with a role in a workspace (None: the oldest one); raises UserKnown, Invalid."""
        key = address_key(email)
        check_role(role)
        check_password(password)
        if await self._db.read(rows.user_by_email, key):
            raise UserKnown(f"{key} has an account already.")
        stored = await self._passwords.hash(password)
        await self._db.write(_create, key, name, stored, role, workspace_id, self._clock.now())
        return await self.get(key)

    async def get(self, email: str) -> User:
        """The person; raises NoSuchUser."""
        found = await self._db.read(rows.user_by_email, address_key(email))
        if found is None:
            raise NoSuchUser(f"Nobody signs in as {email}.")
        return found

    async def everyone(self) -> list[tuple[User, list[Membership]]]:
        """All people with their memberships, by address."""
        people = await self._db.read(rows.list_users)
        return [(person, await self._db.read(rows.memberships_of, person.id)) for person in people]

    async def set_role(self, email: str, role: str, workspace_id: int) -> None:
        """Give a role in a workspace."""
        check_role(role)
        await self._db.write(rows.set_role, (await self.get(email)).id, workspace_id, role)

    async def set_password(self, email: str, password: str) -> None:
        """Change the password; every session of the person ends."""
        check_password(password)
        person = await self.get(email)
        await self._db.write(rows.set_password_hash, person.id, await self._passwords.hash(password))

    async def disable(self, email: str, *, disabled: bool = True) -> None:
        """Lock a person out (or in again); every session ends at once."""
        await self._db.write(rows.set_disabled, (await self.get(email)).id, disabled)

    async def remove(self, email: str) -> None:
        """Remove a person."""
        await self._db.write(rows.remove_user, (await self.get(email)).id)

    # -- sign-in and sessions --------------------------------------------------------------------------------------

    async def sign_in(self, email: str, password: str, *, ip: str = "", user_agent: str = "") -> SignedIn:
        """Open a session; raises SignInFailed, TooManyTries, CodeNeeded. An unknown address takes as long as a known one."""
        person = await self._known(email, password, ip)
        if (await self.second.standing(person.id)).on:
            raise CodeNeeded(await self.second.ticket(person.id))
        return await self._open(person, ip, user_agent)

    async def sign_in_with_code(self, ticket: str, code: str, *, ip: str = "", user_agent: str = "") -> SignedIn:
        """The second step, after CodeNeeded; raises WrongCode, TicketOver, TooManyCodes, SignInFailed."""
        person = await self._db.read(rows.user_by_id, await self.second.redeem(ticket, code))
        if person is None or person.disabled:
            raise SignInFailed("This account is closed.")
        return await self._open(person, ip, user_agent)

    async def _known(self, email: str, password: str, ip: str) -> User:
        key = email.strip().lower()
        limits = self._limits(key, ip)
        wait = await self._throttle.begin(limits)
        if wait > 0:
            raise TooManyTries(wait)
        person = await self._right_person(key, password)
        if person is None:
            await self._db.write(_note_failure, key, self._clock.now(), ip)
            raise SignInFailed("This address and password do not belong together.")
        await self._throttle.good(limits)
        return person

    def form_token(self) -> str:
        """A secret for the sign-in form of one browser, which has no session yet."""
        return self._fresh()

    async def session(self, secret: str) -> Who | None:
        """Who holds this secret, in the oldest of their workspaces; None if the session is unknown or over."""
        found = await self._db.read(rows.find_session, _hash(secret), self._clock.now())
        if found is None:
            return None
        return _who(found)

    async def sign_out(self, secret: str) -> None:
        """End the session."""
        await self._db.write(rows.end_session, _hash(secret))

    async def sessions(self, user_id: int) -> list[OpenSession]:
        """The open sessions of a person, newest first."""
        return await self._db.read(rows.list_sessions, user_id, self._clock.now())

    def is_of(self, session: OpenSession, secret: str) -> bool:
        """Whether this secret opens the session."""
        return session.id == _hash(secret)

    async def end_session(self, user_id: int, session_id: str) -> None:
        """End one of a person's own sessions; another's is not touched."""
        await self._db.write(rows.end_session, session_id, user_id)

    async def end_other_sessions(self, user_id: int, secret: str) -> None:
        """End all sessions of a person but the one with this secret."""
        await self._db.write(rows.end_sessions_of, user_id, _hash(secret))

    async def change_password(self, email: str, old: str, new: str, *, ip: str = "", user_agent: str = "") -> SignedIn:
        """One's own password: the old one is asked for, all sessions end, a fresh one begins. Raises as `sign_in`, Invalid."""
        check_password(new)
        await self._known(email, old, ip)
        await self.set_password(email, new)
        return await self._open(await self.get(email), ip, user_agent)

    async def _right_person(self, key: str, password: str) -> User | None:
        person = await self._db.read(rows.user_by_email, key)
        usable = person is not None and not person.disabled and len(password) <= LONGEST_PASSWORD
        stored = person.password_hash if person is not None and usable else None
        right = await self._passwords.verify(password[:LONGEST_PASSWORD], stored)
        return person if right else None

    async def _open(self, person: User, ip: str, user_agent: str) -> SignedIn:
        secret, csrf = self._fresh(), self._fresh()
        now = self._clock.now()
        await self._db.write(_open, _hash(secret), person, csrf, now, ip, user_agent[:300])
        who = await self.session(secret)
        assert who is not None
        return SignedIn(secret, who, SESSION_LASTS)

    def _fresh(self) -> str:
        return urlsafe_b64encode(self._clock.token(32)).decode().rstrip("=")

    def _limits(self, key: str, ip: str) -> list[tuple[str, Limit]]:
        if self._is_exempt(ip):
            return []
        network = _network(ip)
        return [(f"{key} {ip}", PER_ACCOUNT_AND_ADDRESS), (network, PER_ADDRESS), (key, PER_ACCOUNT)]

    def _is_exempt(self, ip: str) -> bool:
        try:
            address = ip_address(ip)
        except ValueError:
            return False
        return any(address in network for network in self._exempt)


def address_key(email: str) -> str:
    """The form in which addresses are compared; raises Invalid."""
    key = email.strip().lower()
    local, _, domain = key.rpartition("@")
    if not local or not domain or any(c.isspace() for c in key) or len(key) > 254:
        raise Invalid(f"{email!r} is not an email address.", code="not-an-address")
    return key


def check_password(password: str) -> None:
    """Raises Invalid if it is too short or too long."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise Invalid(f"A password has at least {SHORTEST_PASSWORD} characters.", code="weak-password")


def check_role(role: str) -> None:
    """Raises Invalid if there is no such role."""
    if role not in RIGHTS:
        raise Invalid(f"There is no role {role!r}.", code="no-such-role", remedy=f"Roles: {', '.join(ROLES)}.")


def _create(
    tx: Transaction, email: str, name: str, password_hash: str, role: str, workspace_id: int | None, at: float
) -> None:
    user_id = rows.add_user(tx, email, name, password_hash, at)
    if workspace_id is None:
        known = workspaces.all_workspaces(tx.conn)
        workspace_id = known[0].id if known else workspaces.ensure_workspace(tx, "Main", at)
    rows.set_role(tx, user_id, workspace_id, role)


def _open(tx: Transaction, key: str, person: User, csrf: str, now: float, ip: str, user_agent: str) -> None:
    rows.add_session(tx, key, person.id, csrf, now, now + SESSION_LASTS, ip=ip, user_agent=user_agent)
    audit.note(tx, Act(now, _home(tx, person.id), "screen", person.email, "sign-in", "", ip[:45]))


def _note_failure(tx: Transaction, key: str, now: float, ip: str) -> None:
    """Who is not known is not named: people type their passwords into the wrong field."""
    person = rows.user_by_email(tx.conn, key)
    workspace = _home(tx, person.id) if person is not None else None
    actor = person.email if person is not None else ""
    audit.note(tx, Act(now, workspace, "screen", actor, "sign-in-failed", "", ip[:45]))


def _home(tx: Transaction, user_id: int) -> int | None:
    """The workspace in whose log the sign-ins of a person stand: the oldest of theirs."""
    return next((one.workspace_id for one in rows.memberships_of(tx.conn, user_id)), None)


def _who(session: SessionRow) -> Who:
    person, memberships = session.user, session.memberships
    who = Who(person.id, person.email, person.name, session.csrf, memberships, None, "", "", session.oldest_workspace)
    return who.in_workspace(memberships[0].workspace_id) if memberships else who


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def _network(ip: str) -> str:
    """The key under which an address is counted: IPv6 by /64, for a host has that many."""
    try:
        address = ip_address(ip)
    except ValueError:
        return f"ip {ip}"
    return f"ip {ip_network((address, 64), strict=False)}" if address.version == 6 else f"ip {address}"
