"""Tells domains how TLS to them went, once a day, if they want to know (RFC 8460).

    step: a day of a domain that is over and due > does _smtp._tls name an address? > report > `deliver` > done with

A report is delivered before it is noted as done: after a crash it comes a second time, with the same Message-ID. Run it in
one process at a time.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from itertools import groupby

from lettershop.base.clock import Clock
from lettershop.base.errors import NotFound, Temporary
from lettershop.base.log import get_logger
from lettershop.net.resolver import Resolver
from lettershop.store import tls_results
from lettershop.store.database import Database
from lettershop.store.tls_results import DAY, Counted
from lettershop.wire.address import Address, InvalidAddress
from lettershop.wire.message.dates import format_date
from lettershop.wire.reports import tlsrpt
from lettershop.wire.reports.tlsrpt import Failure, PolicyResult, Report

SPREAD = 4 * 3600
"""Seconds after midnight over which reports are spread; RFC 8460 4.1 asks for it."""
LOOK = 60.0
"""Seconds between two looks for what is due."""
GIVE_UP = 3
"""Days after which nobody is told any more."""
KEPT = 30
"""Days that results are kept for people."""
TOGETHER = 50

Deliver = Callable[[str, bytes], Awaitable[None]]
"""(recipient, message) from the null sender."""


class TlsReports:
    """The worker's step. `send`: whether reports are sent at all; results are tidied up in any case."""

    def __init__(
        self, main: Database, resolver: Resolver, clock: Clock, deliver: Deliver, *, hostname: str, contact: str,
        send: bool = True,
    ) -> None:  # fmt: skip
        self._main = main
        self._resolver = resolver
        self._clock = clock
        self._deliver = deliver
        self._hostname = hostname
        self._contact = contact
        self._send = send
        self._next = 0.0
        self._log = get_logger("mail.tls_reports")

    async def step(self) -> bool:
        """Report what is due; True if there may be more."""
        now = self._clock.now()
        if now < self._next:
            return False
        today = int(now // DAY)
        waiting = await self._main.read(tls_results.unreported, today)
        due = [(day, domain) for day, domain in waiting if now >= due_at(day, domain)]
        for day, domain in due[:TOGETHER]:
            await self._tell(day, domain, today)
        if len(due) > TOGETHER:
            return True
        self._next = now + LOOK
        await self._main.write(tls_results.forget, today - KEPT)
        return False

    async def _tell(self, day: int, domain: str, today: int) -> None:
        addresses: Sequence[str] = ()
        if self._send and day >= today - GIVE_UP:
            try:
                addresses = [one for one in await self._wanted_at(domain) if _is_address(one)]
            except Temporary:  # the DNS is silent: asked again with the next look
                return
        if addresses:
            message = self._report(day, domain, await self._main.read(tls_results.of_day, day, domain), addresses)
            for address in addresses:
                await self._deliver(address, message)
            self._log.info("a TLS report goes out", domain=domain, to=", ".join(addresses))
        await self._main.write(tls_results.reported, day, domain, ", ".join(addresses), self._clock.now())

    async def _wanted_at(self, domain: str) -> Sequence[str]:
        try:
            return tlsrpt.wanted_at(await self._resolver.txt(f"_smtp._tls.{domain}"))
        except NotFound:
            return ()

    def _report(self, day: int, domain: str, counted: Sequence[Counted], to: Sequence[str]) -> bytes:
        begin, end = day * DAY, (day + 1) * DAY - 1
        name = hashlib.sha256(f"{day} {domain} {self._hostname}".encode()).hexdigest()[:20]
        report = Report(
            domain, self._hostname, self._hostname, self._contact, f"{name}@{self._hostname}", _stamp(begin), _stamp(end),
            (begin, end), policies_of(counted),
        )  # fmt: skip
        return tlsrpt.compose(report, to, date=format_date(self._clock.now()), boundary=f"tlsrpt-{name}")


def due_at(day: int, domain: str) -> float:
    """When a day of a domain is told: some hours after its end, always the same for a domain."""
    dice = int.from_bytes(hashlib.sha256(domain.encode()).digest()[:4], "big")
    return (day + 1) * DAY + dice % SPREAD


def policies_of(counted: Sequence[Counted]) -> tuple[PolicyResult, ...]:
    """What was counted, by policy."""
    in_order = sorted(counted, key=lambda one: one.result)
    groups = groupby(in_order, key=lambda one: (one.result.kind, one.result.policy))
    return tuple(_policy(kind, text, list(group)) for (kind, text), group in groups)


def _policy(kind: str, text: str, counted: Sequence[Counted]) -> PolicyResult:
    failures = [
        Failure(one.result.failure, one.sessions, one.result.mx, one.result.receiving_ip, one.result.sending_ip)
        for one in counted
        if one.result.failure
    ]
    succeeded = sum(one.sessions for one in counted if not one.result.failure)
    return PolicyResult(kind, tuple(text.split("\n")) if text else (), succeeded, tuple(failures))


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _is_address(text: str) -> bool:
    try:
        Address.parse(text)
    except InvalidAddress:
        return False
    return True
