"""Liveness, readiness and metrics, as bare ASGI. Metrics are for loopback and trusted networks only."""

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from lettershop.servers.web.metrics import Told
from lettershop.servers.web.ports import Measured

Network = IPv4Network | IPv6Network


class System:
    """`ready` says whether work can be done (None: always); `trusted` may read the metrics beside loopback."""

    def __init__(
        self, ready: Callable[[], Awaitable[bool]] | None, trusted: Sequence[Network], measured: Measured | None
    ) -> None:
        self._measured = measured
        self._ready = ready
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        answer = await self._answer(scope["path"], scope)
        answer.headers["cache-control"] = "no-store"
        await answer(scope, receive, send)

    async def _answer(self, path: str, scope: Scope) -> Response:
        if path == "/healthz":
            return PlainTextResponse("ok\n")
        if path == "/readyz":
            ready = self._ready is None or await self._ready()
            return PlainTextResponse("ready\n" if ready else "not ready\n", 200 if ready else 503)
        if self._measured is None or not self._may_measure(scope):
            return PlainTextResponse("Not found.\n", 404)
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Told(*self._measured.total(), await self._measured.depths()))
        return Response(generate_latest(registry), headers={"content-type": CONTENT_TYPE_LATEST})

    def _may_measure(self, scope: Scope) -> bool:
        try:
            address = ip_address(scope["client"][0])
        except (TypeError, ValueError, KeyError):
            return False
        return address.is_loopback or any(address in network for network in self._trusted)
