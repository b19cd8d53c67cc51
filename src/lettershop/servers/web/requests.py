"""Small readings of a bare ASGI request, shared by what is answered without a framework."""

from starlette.types import Receive, Scope


def language_of(scope: Scope) -> str:
    """The first language that the browser asks for, two letters."""
    found = next((value for name, value in scope["headers"] if name == b"accept-language"), b"")
    return found[:2].decode("latin-1").lower() or "en"


def client(scope: Scope) -> str:
    """The address of the client."""
    peer = scope.get("client")
    return str(peer[0]) if peer else ""


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """The request's body, or None if it is longer than `limit`."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body"):
            return bytes(body)
