"""From a hop and an address to a session that is as secure as the hop's guard demands, or to none.

    guard "may": STARTTLS where it is offered; a handshake that breaks -> a fresh connection in clear, remembered for a while
    guard above: STARTTLS or nothing; there is no way from here into clear text

What a domain demands is decided in `egress.protection`; the socket is `net.dial`.
"""

import ssl
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from lettershop.base.clock import Clock
from lettershop.egress.guard import ENCRYPTED, OPEN, Guard
from lettershop.egress.relays import Relay
from lettershop.egress.settings import Settings as EngineSettings
from lettershop.egress.site import Hop
from lettershop.egress.sources import Source
from lettershop.egress.tls_results import TlsResults
from lettershop.net.dial import CannotConnect, Examine, SmtpConnection, Target, Timeouts, dial
from lettershop.wire.smtp.outgoing import Settings
from lettershop.wire.trust import dane

REMEMBER_BROKEN = 3600.0
"""Seconds for which a host whose TLS broke is spoken to in clear at once; then TLS is tried again."""
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Contexts:
    """`anybody` encrypts and checks nothing, `trusted` checks the host's name; without `anybody` no TLS at all."""

    anybody: ssl.SSLContext | None = None
    trusted: ssl.SSLContext | None = None


class Dialler:
    """One per engine: who we say we are, TLS, time-outs, and whose TLS is broken."""

    def __init__(
        self,
        hostname: str,
        contexts: Contexts,
        timeouts: Timeouts | None,
        clock: Clock,
        results: TlsResults | None = None,
        *,
        chunking: bool = True,
    ) -> None:
        self.results = results or TlsResults(clock)
        self._settings = Settings(hostname, chunking=chunking)
        self._contexts = contexts
        self._timeouts = timeouts
        self._clock = clock
        self._broken: dict[tuple[str, int], float] = {}

    @classmethod
    def of(cls, settings: EngineSettings, clock: Clock) -> "Dialler":
        """As the engine is told."""
        contexts = Contexts(settings.tls, settings.trusted)
        return cls(
            settings.hostname, contexts, settings.timeouts, clock, settings.tls_results, chunking=settings.chunking
        )

    async def connect(self, hop: Hop, address: str, source: Source) -> SmtpConnection:
        """A session over which the hop's mail may go. Raises CannotConnect."""
        target = Target(address, hop.port, server_name=hop.host, source=source.address or None)
        if hop.relay is not None and (hop.relay.implicit or hop.relay.credentials is not None):
            return await self._told(hop.relay, target, source)
        guard = hop.guard
        if not guard.trial:
            return await self._as_demanded(target, source, guard)
        broken = CannotConnect("The policy does not name this host.", "tls", tls="validation-failure")
        try:
            if guard.listed:
                return await self._as_demanded(target, source, guard)
        except CannotConnect as error:
            if not error.tls:
                raise
            broken = error
        connection = await self._as_demanded(target, source, ENCRYPTED if guard.encrypted else OPEN)
        connection.broken = broken
        return connection

    async def _as_demanded(self, target: Target, source: Source, guard: Guard) -> SmtpConnection:
        if guard.demand == "may":
            return await self._freely(target, source)
        context = self._contexts.trusted if guard.demand == "trusted" else self._contexts.anybody
        if context is None:
            raise CannotConnect(
                "This server sends without TLS, and the domain demands it.", "tls", tls="validation-failure"
            )
        examine = None
        if guard.demand == "dane":
            examine = partial(dane.examine, records=guard.tlsa, names=guard.names, now=self._clock.now())
        return await self._dial(target, source, "must", context, examine, verified=guard.demand != "encrypted")

    async def _told(self, relay: Relay, target: Target, source: Source) -> SmtpConnection:
        """As the operator wants it: with TLS at once, or logged in; in clear to this very machine only."""
        context = self._contexts.trusted if relay.proves else self._contexts.anybody
        if context is None and (relay.proves or relay.implicit):
            raise CannotConnect("This server sends without TLS, and the route demands it.", "tls")
        target = replace(target, implicit=relay.implicit)
        tls: Literal["may", "must"] = "must" if relay.proves else "may"
        settings = replace(
            self._settings, hostname=source.ehlo or self._settings.hostname, tls=tls, credentials=relay.credentials,
            verified=relay.proves,
        )  # fmt: skip
        try:
            return await dial(target, settings, tls=context, timeouts=self._timeouts)
        except CannotConnect as error:
            if error.stage != "auth":
                raise
            words = str(error.reply or error.public)  # 535 is our own trouble, not the recipients'
            raise CannotConnect(f"{relay.host} refused the log-in: {words}", "auth") from error

    async def _freely(self, target: Target, source: Source) -> SmtpConnection:
        place = (target.host, target.port)
        if self._contexts.anybody is None or self._broken.get(place, 0.0) > self._clock.monotonic():
            return await self._dial(target, source, "never", None)
        connection = await self._dial(target, source, "may", self._contexts.anybody)
        if connection.broken is not None:
            self._remember(place)
        return connection

    def _remember(self, place: tuple[str, int]) -> None:
        now = self._clock.monotonic()
        if len(self._broken) >= REMEMBERED:
            self._broken = {key: until for key, until in self._broken.items() if until > now}
        self._broken[place] = now + REMEMBER_BROKEN

    async def _dial(
        self,
        target: Target,
        source: Source,
        tls: Literal["never", "may", "must"],
        context: ssl.SSLContext | None,
        examine: Examine | None = None,
        *,
        verified: bool = False,
    ) -> SmtpConnection:
        settings = replace(self._settings, hostname=source.ehlo or self._settings.hostname, tls=tls, verified=verified)
        return await dial(target, settings, tls=context, timeouts=self._timeouts, examine=examine)
