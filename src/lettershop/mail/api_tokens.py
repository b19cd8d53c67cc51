"""API tokens: made, shown once, checked, revoked. What a token may do is a list of scopes, checked here and nowhere else.

    made = await tokens.create(workspace_id, "shop", ["campaigns", "subscribers:read"])   -> MadeToken(secret, …)
    caller = await tokens.caller(secret)                                                  -> Caller or None
    caller.may("campaigns", write=True)

A scope is `all`, `read`, `write`, a resource (`campaigns`), or a resource and what may be done (`campaigns:read`,
`campaigns:write`). `write` includes `read`. The secret has 256 random bits, so its plain hash is enough to keep.
"""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from lettershop.base.clock import Clock
from lettershop.base.errors import Conflict, Invalid, NotFound, Refused, Temporary
from lettershop.store import api_tokens as rows
from lettershop.store.api_tokens import USE_NOTED_EVERY, ApiToken
from lettershop.store.database import Database

PREFIX = "lst_"
"""How secrets begin, so that scanners of leaked files know them."""

RESOURCES = (
    "lists", "subscribers", "segments", "templates", "campaigns", "automations", "messages", "events", "suppressions",
    "webhooks", "domains", "accounts", "users", "tokens", "imports", "reports", "queue", "brands", "media",
    "audit",
)  # fmt: skip
EVERYTHING = frozenset({"all", "*", "admin"})


class NoSuchToken(NotFound):
    """There is no such token in this workspace."""

    code = "no-such-token"


class MoreThanOwn(Refused):
    """A token cannot give more rights than it has."""

    code = "more-than-own"


class OwnToken(Conflict):
    """A program that cuts its own branch cannot tell anybody."""

    code = "own-token"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a token in its workspace. `operator`: the workspace is the oldest, which is the operator's own."""

    token_id: int
    workspace_id: int
    name: str
    scopes: frozenset[str]
    operator: bool

    @property
    def by(self) -> str:
        """The name that stands in the log of who did what."""
        return f"token {self.name}"

    def may(self, resource: str, *, write: bool) -> bool:
        """Whether a scope allows it."""
        enough = {resource, f"{resource}:write", "write", *EVERYTHING}
        return bool(self.scopes & (enough if write else enough | {f"{resource}:read", "read"}))

    def check_may_grant(self, scopes: Sequence[str]) -> None:
        """Raises MoreThanOwn if any of these scopes allows what this token may not do itself."""
        for scope in scopes:
            if not all(self.may(resource, write=write) for resource, write in _allows(scope)):
                raise MoreThanOwn(f"The scope {scope!r} is more than this token has itself.")


@dataclass(frozen=True, slots=True)
class MadeToken:
    """A fresh token with its secret, which is shown this once."""

    secret: str
    token: ApiToken


class ApiTokens:
    """One object per process."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def create(
        self, workspace_id: int, name: str, scopes: Sequence[str], *, by: str = "", expires_at: float | None = None
    ) -> MadeToken:
        """A new token; raises Invalid for an unknown scope."""
        kept = check_scopes(scopes)
        if not name.strip():
            raise Invalid("A token needs a name.", code="token-name", remedy="Say what will use it.")
        secret = PREFIX + urlsafe_b64encode(self._clock.token(32)).decode().rstrip("=")
        token_id = await self._db.write(
            rows.add, workspace_id, name.strip(), _hash(secret), kept, self._clock.now(), created_by=by,
            expires_at=expires_at,
        )  # fmt: skip
        return MadeToken(secret, await self.get(workspace_id, token_id))

    async def caller(self, secret: str) -> Caller | None:
        """Who holds this secret; None if it is unknown, revoked or expired."""
        now = self._clock.now()
        found = await self._db.read(rows.by_hash, _hash(secret), now)
        if found is None:
            return None
        token, oldest = found
        if token.used_at is None or token.used_at < now - USE_NOTED_EVERY:
            with suppress(Temporary):  # a full disk keeps nobody from reading
                await self._db.write(rows.note_use, token.id, now)
        return Caller(token.id, token.workspace_id, token.name, frozenset(token.scopes), token.workspace_id == oldest)

    async def get(self, workspace_id: int, token_id: int) -> ApiToken:
        """One token; raises NoSuchToken."""
        found = await self._db.read(rows.by_id, workspace_id, token_id)
        if found is None:
            raise NoSuchToken("There is no such token.")
        return found

    async def find(self, workspace_id: int, name_or_id: str) -> ApiToken:
        """The token by its number or its name; raises NoSuchToken."""
        if name_or_id.isdecimal() and len(name_or_id) < 19:
            return await self.get(workspace_id, int(name_or_id))
        found = await self._db.read(rows.by_name, workspace_id, name_or_id)
        if found is None:
            raise NoSuchToken(f"There is no token {name_or_id!r}.")
        return found

    async def page(self, workspace_id: int, *, after: int = 0, limit: int = 100) -> Sequence[ApiToken]:
        """The workspace's tokens, by id."""
        return await self._db.read(rows.page, workspace_id, after=after, limit=limit)

    async def revoke(self, workspace_id: int, token_id: int, *, asked_with: int | None = None) -> None:
        """End a token at once. Raises NoSuchToken, OwnToken (`asked_with` is the same)."""
        if asked_with == token_id:
            raise OwnToken("A token cannot revoke itself.", remedy="Use another token, or the command line.")
        await self.get(workspace_id, token_id)
        await self._db.write(rows.revoke, workspace_id, token_id, self._clock.now())


def check_scopes(scopes: Sequence[str]) -> list[str]:
    """The scopes, each once; raises Invalid for one that does not exist."""
    if not scopes:
        raise Invalid("A token needs a scope.", code="no-scope", remedy=_known())
    for scope in scopes:
        resource, colon, action = scope.partition(":")
        whole = scope in EVERYTHING or scope in ("read", "write")
        if not whole and (resource not in RESOURCES or (colon and action not in ("read", "write"))):
            raise Invalid(f"There is no scope {scope!r}.", code="no-such-scope", remedy=_known())
    return sorted(set(scopes))


def _allows(scope: str) -> list[tuple[str, bool]]:
    """What a scope allows, as (resource, write) pairs."""
    resource, _, action = scope.partition(":")
    if scope in EVERYTHING or scope == "write":
        return [(one, True) for one in RESOURCES]
    if scope == "read":
        return [(one, False) for one in RESOURCES]
    return [(resource, action != "read")]


def _known() -> str:
    return f"Scopes: all, read, write, or a resource, alone or with :read or :write ({', '.join(RESOURCES)})."


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()
