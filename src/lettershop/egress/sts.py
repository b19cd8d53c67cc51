"""Which MTA-STS policy counts for a domain: from memory, the database, or fetched anew (RFC 8461).

    the record _mta-sts.DOMAIN says id X
      X is known, and fetched lately -> the policy as it is kept
      else                           -> fetched over HTTPS, kept for all processes; if that fails, the old one while it lasts
    no record -> the policy that is kept, until it expires: who blocks the DNS must not switch it off (RFC 8461 10.2)

A policy is fetched again when half its life is over, at the latest after a day, also by `refresh` where no mail goes.
"""

import asyncio
from typing import Protocol, cast

from lettershop.base.clock import Clock
from lettershop.base.errors import NotFound, Temporary
from lettershop.base.log import get_logger
from lettershop.net.fetch import CannotFetch
from lettershop.net.resolver import Resolver
from lettershop.store import sts_policies
from lettershop.store.database import Database
from lettershop.store.sts_policies import KeptPolicy
from lettershop.wire.trust import mtasts
from lettershop.wire.trust.mtasts import BadPolicy, Mode, Policy

DAY = 86_400.0
NEWS = 30.0
"""Seconds after which what other processes have fetched is read."""
OVERLAP = 600.0
"""Seconds by which reads of news overlap: clocks of machines differ, and commits take time."""
AGAIN = 900.0
"""Seconds before a fetch that failed is tried again; RFC 8461 3.3 asks for a limit."""
FAILURES = 20_000
TOGETHER = 20
"""Policies refreshed at once."""


class Files(Protocol):
    """Who fetches."""

    async def get(self, host: str, path: str) -> bytes:
        """A file over HTTPS. Raises CannotFetch."""


class StsPolicies:
    """One per process."""

    def __init__(self, db: Database, resolver: Resolver, files: Files, clock: Clock) -> None:
        self._db = db
        self._resolver = resolver
        self._files = files
        self._clock = clock
        self._kept: dict[str, KeptPolicy] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        self._read_at = 0.0
        self._reading: asyncio.Lock = asyncio.Lock()
        self._log = get_logger("egress.sts")

    async def find(self, domain: str) -> Policy | None:
        """The policy in force; None if there is none, or it says so itself. Raises Temporary if the database is away."""
        await self._news()
        now = self._clock.now()
        kept = self._kept.get(domain)
        if kept is not None and kept.expires_at <= now:
            kept = None
        announced = await self._announced(domain)
        if announced is not None and (kept is None or kept.policy_id != announced or _is_old(kept, now)):
            kept = await self._fetch(domain, announced) or kept
        return None if kept is None or kept.mode == "none" else policy_of(kept)

    def failure(self, domain: str) -> str:
        """Why the policy that is announced could not be had lately, as RFC 8460 4.3 names it; empty if it could."""
        return self._failed.get(domain, (0.0, ""))[1]

    async def refresh(self) -> None:
        """Fetch again what is kept and old, so that it does not expire where mail is rare (RFC 8461 10.2)."""
        now = self._clock.now()
        await self._db.write(sts_policies.forget_expired, now)
        await self._news()
        old = [one.domain for one in self._kept.values() if one.expires_at > now and _is_old(one, now)]
        for start in range(0, len(old), TOGETHER):
            await asyncio.gather(*(self.find(domain) for domain in old[start : start + TOGETHER]))

    async def _news(self) -> None:
        """What any process has fetched since the last look."""
        async with self._reading:
            now = self._clock.now()
            if now < self._read_at + NEWS:
                return
            since = self._read_at - OVERLAP if self._read_at else 0.0
            for one in await self._db.read(sts_policies.fetched_since, since, now):
                self._kept[one.domain] = one
            self._kept = {domain: one for domain, one in self._kept.items() if one.expires_at > now}
            self._read_at = now

    async def _announced(self, domain: str) -> str | None:
        try:
            return mtasts.policy_id(await self._resolver.txt(f"_mta-sts.{domain}"))
        except (NotFound, Temporary):
            return None

    async def _fetch(self, domain: str, announced: str) -> KeptPolicy | None:
        now = self._clock.now()
        if self._failed.get(domain, (0.0, ""))[0] > now:
            return None
        try:
            policy = mtasts.parse(await self._files.get(f"mta-sts.{domain}", "/.well-known/mta-sts.txt"))
        except (CannotFetch, BadPolicy) as error:
            kind = error.kind if isinstance(error, CannotFetch) else "sts-policy-invalid"
            if len(self._failed) >= FAILURES:
                self._failed.clear()
            self._failed[domain] = (now + AGAIN, kind)
            self._log.info("a policy cannot be had", domain=domain, why=error.public)
            return None
        self._failed.pop(domain, None)
        kept = KeptPolicy(domain, announced, policy.mode, policy.mx, policy.max_age, now, now + policy.max_age)
        self._kept[domain] = kept
        await self._db.write(sts_policies.keep, [kept])
        return kept


def policy_of(kept: KeptPolicy) -> Policy:
    """As it was parsed before it was kept."""
    return Policy(cast(Mode, kept.mode), kept.mx, kept.max_age)


def _is_old(kept: KeptPolicy, now: float) -> bool:
    return now >= kept.fetched_at + min(DAY, kept.max_age / 2)
