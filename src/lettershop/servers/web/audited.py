"""Every unsafe request that was done is noted before it is answered: who, from where, what, to what. Pure ASGI.

Who asks is known inside, where tokens and sessions are checked: they leave an `Acting` in the request's state. The act is
named by the pattern of its path, never by its content.
"""

import re
from dataclasses import dataclass
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lettershop.servers.web.security import SAFE_METHODS

NAMELESS = re.compile(r"/suppressions/")
"""Paths that name a person: the pattern stands for them, so that an erasure need not change the log."""

_CONVERTER = re.compile(r":[a-z]+\}")


@dataclass(frozen=True, slots=True)
class Acting:
    """Who asks. `door`: api or screen."""

    workspace_id: int | None
    door: str
    actor: str


class Notes(Protocol):
    """`mail.audit.Audit`."""

    async def note(
        self, workspace_id: int | None, door: str, actor: str, action: str, target: str = "", ip: str = ""
    ) -> None:
        """Keep an act."""


class Audited:
    """ASGI around whatever people and programs may change something with."""

    def __init__(self, app: ASGIApp, notes: Notes) -> None:
        self._app = app
        self._notes = notes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})

        async def noting(message: Message) -> None:
            acting = state.get("acting")
            if message["type"] == "http.response.start" and message["status"] < 400 and acting is not None:
                await self._note(scope, acting)
            await send(message)

        await self._app(scope, receive, noting)

    async def _note(self, scope: Scope, acting: Acting) -> None:
        path: str = scope["path"]
        route = scope.get("route")
        pattern = _CONVERTER.sub("}", getattr(route, "path", path))
        peer = scope.get("client")
        target = "" if NAMELESS.search(path) else path
        action = f"{scope['method']} {pattern}"
        await self._notes.note(acting.workspace_id, acting.door, acting.actor, action, target, peer[0] if peer else "")
