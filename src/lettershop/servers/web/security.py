"""What guards every answer and every request: headers, body limits, origins, local redirects. Pure ASGI and [pure] checks.

The policy allows our own files only: no inline script or style, no frame, no third party. `data:` images are allowed for
the few icons that Tabler draws in its style sheet.
"""

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Headers = tuple[tuple[bytes, bytes], ...]

POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
HEADERS: Headers = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
)
HSTS = (b"strict-transport-security", b"max-age=31536000")
SMALL_BODY = 1_048_576
"""Bytes that a form may have; an upload raises its own limit."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class SecurityHeaders:
    """Adds the headers to every answer that does not set them itself; forbids caching unless the answer allows it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        extra = (*HEADERS, (b"cache-control", b"no-store"), *((HSTS,) if scope.get("scheme") == "https" else ()))

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = with_defaults(message.get("headers", ()), extra)
            await send(message)

        await self._app(scope, receive, guarded)


def with_defaults(headers: Iterable[tuple[bytes, bytes]], extra: Headers) -> list[tuple[bytes, bytes]]:
    """The headers and those of `extra` that are not among them."""
    own = list(headers)
    present = {name.lower() for name, _ in own}
    return own + [entry for entry in extra if entry[0] not in present]


class BodyLimit:
    """Refuses request bodies over `limit` bytes with 413, whether or not their length was announced.

    `larger`: paths that take more, with how much.
    """

    def __init__(self, app: ASGIApp, limit: int = SMALL_BODY, larger: Mapping[str, int] | None = None) -> None:
        self._app = app
        self._limit = limit
        self._larger = larger or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        announced = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        limit = self._larger.get(scope["path"], self._limit)
        if not announced.isdigit() or int(announced) > limit:
            await too_large(send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > limit:
                raise HTTPException(413)
            return message

        await self._app(scope, counted, send)


async def too_large(send: Send) -> None:
    """413, and the connection ends: the rest of the body is not read."""
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": b"This request is too large.\n"})


def same_origin(headers: Mapping[str, str], own_hosts: frozenset[str]) -> bool:
    """Whether an unsafe request comes from our own pages.

    `Sec-Fetch-Site` is set by the browser and cannot be forged by a page; `Origin` is for browsers that lack it. A
    request with neither is left to the CSRF token.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    if origin is None:
        return True
    return urlsplit(origin).netloc in own_hosts | {headers.get("host", "")}


def local_path(target: str, fallback: str = "/") -> str:
    """`target` if it is a path on this host, else `fallback`: a redirect never leads away."""
    plain = target.isprintable() and " " not in target and "\\" not in target
    if not plain or not target.startswith("/") or target.startswith("//"):
        return fallback
    return target
