"""Where mail goes and how it is secured on its way: routes, policies of receivers."""

import ssl
from pathlib import Path

from lettershop.app.house import House
from lettershop.base.clock import Clock
from lettershop.egress import relays_file
from lettershop.egress.dane import Dane
from lettershop.egress.own import Ourselves
from lettershop.egress.protection import Protection
from lettershop.egress.site import Routes
from lettershop.egress.sts import StsPolicies
from lettershop.egress.tls_results import TlsResults
from lettershop.mail.tls_reports import Deliver, TlsReports
from lettershop.net.fetch import Fetcher
from lettershop.net.tls import verifying_context
from lettershop.store import accounts as account_rows

REFRESH = 3600.0
"""Seconds between two looks for policies that are old."""


def build_routes(house: House, results: TlsResults | None = None) -> Routes:
    """Where mail goes."""
    delivery = house.config.delivery

    async def hosted(domain: str) -> bool:
        return await house.mail_db.read(account_rows.hosts, domain)

    return Routes(
        house.resolver,
        house.clock,
        hostname=house.config.server.hostname,
        own=Ourselves.of(house.config),
        port=delivery.smtp_port,
        families=[int(family[-1]) for family in delivery.families],
        guards=Protection(
            delivery.require_tls, build_policies(house), Dane(house.resolver) if delivery.dane else None, results
        ),
        fixed=relays_file.load(delivery),
        hosted=hosted,
    )


def trusted_context(house: House) -> ssl.SSLContext:
    """For servers that must prove their name."""
    authorities = house.config.tls.authorities
    return verifying_context(Path(authorities) if authorities else None)


def build_policies(house: House) -> StsPolicies | None:
    """Policies of MTA-STS, or None where the operator does not want them."""
    if not house.config.delivery.mta_sts:
        return None
    return StsPolicies(house.main_db, house.resolver, Fetcher(house.resolver, trusted_context(house)), house.clock)


def build_tls_reports(house: House, deliver: Deliver) -> TlsReports:
    """What tells domains how TLS to them went."""
    config = house.config
    hostname = config.server.hostname
    return TlsReports(
        house.main_db, house.resolver, house.clock, deliver, hostname=hostname,
        contact=config.delivery.tls_report_from or f"postmaster@{hostname}", send=config.delivery.tls_reports,
    )  # fmt: skip


class Refresh:
    """Keeps policies fresh, as one process of all."""

    def __init__(self, policies: StsPolicies, clock: Clock) -> None:
        self._policies = policies
        self._clock = clock
        self._next = 0.0

    async def step(self) -> bool:
        """Refresh if it is time; there is never more to do at once."""
        if self._clock.now() >= self._next:
            self._next = self._clock.now() + REFRESH
            await self._policies.refresh()
        return False
