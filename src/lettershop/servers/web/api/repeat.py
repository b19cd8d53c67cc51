"""`Idempotency-Key`: a client that got no answer says the same again, and the work is done once.

The first request with a key is done and its answer kept for a day; the same request again gets the kept answer with
`Idempotency-Replayed: true`; another request with the same key is refused (422), one that is still under way too (409).
Keys belong to the token. An answer that failed on our side (5xx) is not kept.
"""

from hashlib import sha256
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lettershop.servers.web.api.problems import Problem, answer
from lettershop.servers.web.security import SAFE_METHODS
from lettershop.store.idempotency import Kept

LONGEST_KEY = 255


class Ledger(Protocol):
    """`mail.repeats.Repeats`."""

    async def claim(self, owner: str, name: str, fingerprint: str) -> Kept | None:
        """Begin; None if it is new."""

    async def keep(self, owner: str, name: str, status: int, content_type: str, body: bytes) -> None:
        """Keep the answer."""

    async def let_go(self, owner: str, name: str) -> None:
        """Forget it."""


class Repeatable:
    """ASGI around the API."""

    def __init__(self, app: ASGIApp, ledger: Ledger) -> None:
        self._app = app
        self._ledger = ledger

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        headers = dict(scope.get("headers", ()))
        name = headers.get(b"idempotency-key", b"").decode("latin-1")
        token = headers.get(b"authorization", b"")
        if scope["type"] != "http" or not name or not token or scope["method"] in SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        if len(name) > LONGEST_KEY or not name.isprintable():
            problem = Problem(title="The Idempotency-Key is too long or not printable.", status=422, code="invalid")
            await answer(problem)(scope, receive, send)
            return
        body = await _whole(receive)
        fingerprint = sha256(b"\0".join([scope["method"].encode(), scope["raw_path"], body])).hexdigest()
        owner = sha256(token).hexdigest()
        kept = await self._ledger.claim(owner, name, fingerprint)
        if kept is None:
            await self._first(scope, body, send, owner, name)
        else:
            await _again(kept, fingerprint, scope, receive, send)

    async def _first(self, scope: Scope, body: bytes, send: Send, owner: str, name: str) -> None:
        recorded = _Recorded(send)
        done = False
        try:
            await self._app(scope, _replay(body), recorded)
            done = 200 <= recorded.status < 500 and recorded.status not in (401, 403, 429)
            if done:
                await self._ledger.keep(owner, name, recorded.status, recorded.content_type, bytes(recorded.body))
        finally:
            if not done:
                await self._ledger.let_go(owner, name)


class _Recorded:
    """Passes the answer on and remembers it."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 500
        self.content_type = ""
        self.body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.content_type = dict(message["headers"]).get(b"content-type", b"").decode("latin-1")
        else:
            self.body += message.get("body", b"")
        await self._send(message)


async def _again(kept: Kept, fingerprint: str, scope: Scope, receive: Receive, send: Send) -> None:
    if kept.fingerprint != fingerprint:
        problem = Problem(title="This Idempotency-Key was used for another request.", status=422, code="key-reused")
        await answer(problem)(scope, receive, send)
        return
    if kept.under_way:
        problem = Problem(title="The first request with this key is still under way.", status=409, code="under-way")
        await answer(problem)(scope, receive, send)
        return
    headers = [(b"content-type", kept.content_type.encode("latin-1")), (b"idempotency-replayed", b"true")]
    if not kept.content_type:
        headers = headers[1:]
    await send({"type": "http.response.start", "status": kept.status, "headers": headers})
    await send({"type": "http.response.body", "body": kept.body or b""})


async def _whole(receive: Receive) -> bytes:
    pieces = []
    while True:
        message = await receive()
        pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(pieces)


def _replay(body: bytes) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive
