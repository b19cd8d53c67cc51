"""The cookies and the check of unsafe requests. Rules of sessions themselves are in `mail.users`.

Under https the session cookie has the prefix `__Host-`: no other host and no plain-text page can plant one.
Before anybody has a session, the sign-in form carries a token that a cookie of its own repeats.
"""

import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from lettershop.mail.users import SignedIn, Who
from lettershop.servers.web.languages import LANGUAGES
from lettershop.servers.web.ports import SignIn
from lettershop.servers.web.security import same_origin

SESSION = "lettershop"
BEFORE = "lettershop-sign-in"
WORKSPACE = "lettershop-workspace"
LANGUAGE = "lettershop-language"
TOKEN_FIELD = "csrf"  # noqa: S105 (the name of a form field)
TOKEN_HEADER = "x-csrf-token"  # noqa: S105 (the name of a header)
A_YEAR = 31_536_000


class Sessions:
    """Reads and writes the cookies; `public_url` tells under which other name we may be called by a proxy."""

    def __init__(self, users: SignIn, public_url: str) -> None:
        self._users = users
        outer = urlsplit(public_url)
        self._own = frozenset({outer.netloc})
        self._over_tls = outer.netloc if outer.scheme == "https" else None  # a proxy before us ends TLS

    async def who(self, request: Request) -> Who | None:
        """The person with the session that the cookie names, in the workspace they chose last."""
        secret = self.secret(request)
        who = await self._users.session(secret) if secret else None
        chosen = request.cookies.get(self._name(WORKSPACE, request), "")
        return who.in_workspace(int(chosen)) if who and chosen.isdecimal() and len(chosen) < 19 else who

    def secret(self, request: Request) -> str:
        """The secret in the cookie, or empty."""
        return request.cookies.get(self._name(SESSION, request), "")

    def keep(self, request: Request, response: Response, signed: SignedIn) -> None:
        """Set the cookie of a fresh session."""
        self._set(request, response, SESSION, signed.secret, int(signed.lasts))
        self._drop(request, response, BEFORE)

    def forget(self, request: Request, response: Response) -> None:
        """Take the cookies away."""
        for name in (SESSION, WORKSPACE):
            self._drop(request, response, name)

    def choose(self, request: Request, response: Response, workspace_id: int) -> None:
        """Remember the workspace."""
        self._set(request, response, WORKSPACE, str(workspace_id), A_YEAR)

    def spoken(self, request: Request) -> str:
        """The language that the person has chosen; empty: as the browser asks."""
        chosen = request.cookies.get(self._name(LANGUAGE, request), "")
        return chosen if chosen in LANGUAGES else ""

    def speak(self, request: Request, response: Response, language: str) -> None:
        """Remember the language, or none."""
        if language in LANGUAGES:
            self._set(request, response, LANGUAGE, language, A_YEAR)
        else:
            self._drop(request, response, LANGUAGE)

    def before(self, request: Request) -> str:
        """The token of the sign-in form that this browser got, or empty."""
        return request.cookies.get(self._name(BEFORE, request), "")

    def keep_before(self, request: Request, response: Response, token: str) -> None:
        """Remember the token of the sign-in form for this browser window."""
        self._set(request, response, BEFORE, token, None)

    def trusted(self, request: Request, expected: str, form: Mapping[str, object]) -> bool:
        """Whether an unsafe request comes from a page of ours, twice: by its origin and by the token."""
        given = request.headers.get(TOKEN_HEADER) or str(form.get(TOKEN_FIELD, ""))
        right = bool(expected) and hmac.compare_digest(given.encode(), expected.encode())
        return right and same_origin(request.headers, self._own)

    def _secure(self, request: Request) -> bool:
        return request.url.scheme == "https" or request.headers.get("host") == self._over_tls

    def _name(self, name: str, request: Request) -> str:
        return f"__Host-{name}" if self._secure(request) else name

    def _set(self, request: Request, response: Response, name: str, value: str, lasts: int | None) -> None:
        secure = self._secure(request)
        cookie = self._name(name, request)
        response.set_cookie(cookie, value, max_age=lasts, path="/", httponly=True, samesite="lax", secure=secure)

    def _drop(self, request: Request, response: Response, name: str) -> None:
        secure = self._secure(request)
        response.delete_cookie(self._name(name, request), path="/", httponly=True, samesite="lax", secure=secure)
