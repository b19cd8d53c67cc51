"""Two applications behind one door, by the beginning of the path. Pure ASGI."""

from starlette.types import ASGIApp, Receive, Scope, Send


class Fork:
    """What begins with `prefix` goes to `special`, everything else to `usual`."""

    def __init__(self, prefix: str, special: ASGIApp, usual: ASGIApp) -> None:
        self._prefix = prefix
        self._special = special
        self._usual = usual

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        special = scope["type"] == "http" and scope["path"].startswith(self._prefix)
        await (self._special if special else self._usual)(scope, receive, send)
