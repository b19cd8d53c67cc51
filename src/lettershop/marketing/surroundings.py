"""What the check before sending asks of the world: DNS of the sender, links, forecast, the domain's recent complaints.

    Surroundings.look(case) > DNS records of the sender > links of the message, each asked once > forecast > what was counted lately
    > findings, all of them warnings: what somebody else's server answers today keeps no campaign from going

Bounded: so many links, at once so few, so many seconds for all. Links go to public addresses only (`net.reach`); nothing is
followed further, and what a server says beyond its status is not looked at.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Protocol

from lettershop.base.clock import Clock
from lettershop.base.errors import LettershopError
from lettershop.egress.breakers import Rulebook
from lettershop.egress.forecast import Forecast
from lettershop.insight.dnscheck import Finding as DnsFinding
from lettershop.marketing.compliance import Case, Finding
from lettershop.net.callout import Answer, CannotReach
from lettershop.net.reach import BadTarget, Target, TargetRefused, target_of
from lettershop.store import breakers
from lettershop.store.database import Database

_HREF = re.compile(r"""href=["'](https?://[^"']+)""")
MOST_LINKS = 40
AT_ONCE = 6
PATIENCE = 20.0
"""Seconds for all links together; what has not answered by then is not judged."""
RECENT = 30 * 86_400.0
SAMPLE = 500
"""Messages of late below which a share of complaints says nothing."""
GONE = frozenset({404, 410}) | frozenset(range(500, 600))
"""Answers that mean a broken link. Others that are no success are often meant for machines only (401, 403, 429)."""


class Line(Protocol):
    """`net.callout.Line`."""

    async def get(self) -> Answer: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


class Opens(Protocol):
    """`net.callout.Callouts`."""

    async def open(self, target: Target) -> Line: ...  # noqa: D102


class Surroundings:
    """One per process. `dns`: the records that a domain needs, as DNS has them; `forecast`: of a campaign by its number."""

    def __init__(
        self, main: Database, clock: Clock, rules: Rulebook, callouts: Opens, *,
        dns: Callable[[str], Awaitable[Sequence[DnsFinding]]], forecast: Callable[[int], Awaitable[Forecast]],
    ) -> None:  # fmt: skip
        self._main = main
        self._clock = clock
        self._rules = rules
        self._callouts = callouts
        self._dns = dns
        self._forecast = forecast

    async def look(self, case: Case) -> list[Finding]:
        """All findings."""
        domain, links = case.design.domain, _links(case)
        own = f"{case.design.public_url.rstrip('/')}/healthz"
        found = await asyncio.gather(
            self._records(domain) if case.domain_known else _nothing(), self._broken(links), self._reached(own),
            self._room(case.design.campaign_id), self._reputation(case.design.workspace_id, domain),
        )  # fmt: skip
        return [finding for part in found for finding in part]

    async def _records(self, domain: str) -> list[Finding]:
        try:
            return list(dns_findings(domain, await self._dns(domain)))
        except LettershopError:
            return [Finding("sender-dns", "warning", f"The DNS of {domain} could not be looked up.")]

    async def _broken(self, urls: Sequence[str]) -> list[Finding]:
        places = asyncio.Semaphore(AT_ONCE)
        tasks = [asyncio.create_task(self._asked(url, places)) for url in urls]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=PATIENCE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        words = [task.result() for task in tasks if task.done() and not task.cancelled()]
        return [Finding("link", "warning", one, "Open it and mend it.") for one in words if one]

    async def _reached(self, own: str) -> list[Finding]:
        """Whether our own pages, the way out among them, are where the links of the message lead."""
        try:
            async with asyncio.timeout(PATIENCE):
                wrong = await self._asked(own, asyncio.Semaphore(1))
        except TimeoutError:
            wrong = "It does not answer."
        if not wrong:
            return []
        words = f"From here the pages to which this message links, the way out among them, are not reached: {own}"
        return [Finding("public-address", "warning", words, "Set [web] public_url to where readers reach this server.")]

    async def _asked(self, url: str, places: asyncio.Semaphore) -> str:
        """What is wrong with a link; empty: nothing."""
        async with places:
            try:
                line = await self._callouts.open(target_of(url.partition("#")[0]))
                try:
                    status = (await line.get()).status
                finally:
                    line.close()
            except TargetRefused:
                return f"The link {url} leads to an address that nobody outside reaches."
            except (BadTarget, CannotReach) as error:
                return f"The link {url} does not work: {error.public}"
        return f"The link {url} is answered with {status}." if status in GONE else ""

    async def _room(self, campaign_id: int) -> list[Finding]:
        """Where warm-up or a circuit breaker makes it take longer."""
        try:
            found = await self._forecast(campaign_id)
        except LettershopError:
            return []  # told by the rules: the segment cannot be asked, or nobody is in it
        slow = [site for site in found.sites if site.held_by in ("warm-up", "breaker")]
        people = sum(site.waiting for site in slow)
        if not slow:
            return []
        words = f"{people} of {found.waiting} people wait: {slow[0].site}: {slow[0].words}"
        return [Finding("warm-up" if slow[0].held_by == "warm-up" else "breaker", "warning", words)]

    async def _reputation(self, workspace_id: int, domain: str) -> list[Finding]:
        since = self._clock.now() - RECENT
        delivered, complained = await self._main.read(breakers.complaints_of, workspace_id, domain, since)
        limit = self._rules.usual.complaints[0]
        if delivered < SAMPLE or complained / delivered < limit:
            return []
        words = f"{complained} of {delivered} people to whom {domain} wrote in the last 30 days complained; receivers ask for less than"
        return [
            Finding("reputation", "warning", f"{words} {limit:.1%}.", "Write to those who want it, and less often.")
        ]


async def _nothing() -> list[Finding]:
    return []


def dns_findings(domain: str, records: Sequence[DnsFinding]) -> Iterator[Finding]:
    """What DNS lacks for SPF, DKIM and DMARC to pass, aligned with the From domain."""
    for one in records:
        if one.record.type != "TXT" or one.verdict == "ok":
            continue
        code, what = _kind(one.record.name, one.record.value)
        if one.verdict == "unknown":
            yield Finding("sender-dns", "warning", f"{what} of {domain} could not be looked up.", one.remedy)
        elif one.verdict == "missing":
            yield Finding(
                code,
                "warning",
                f"{what} of {domain} is not in DNS; large receivers refuse bulk mail without it.",
                one.remedy,
            )
        elif code == "sender-dkim":
            yield Finding(
                code, "warning", f"The key of {domain} in DNS is another one than ours: signatures fail.", one.remedy
            )
        elif code == "sender-spf":
            words = f"The SPF record of {domain} is not the one that we propose; it must let our addresses through."
            yield Finding(code, "warning", words, one.remedy)


def _kind(name: str, value: str) -> tuple[str, str]:
    if "._domainkey." in name:
        return "sender-dkim", "The DKIM key"
    if name.startswith("_dmarc."):
        return "sender-dmarc", "The DMARC record"
    return ("sender-spf", "The SPF record") if value.startswith("v=spf1") else ("sender-dns", f"The record {name}")


def _links(case: Case) -> list[str]:
    """The links that are the same for everybody, each once."""
    if case.compiled is None:
        return []
    urls = [link.url for link in case.compiled.links]
    if not case.design.track_clicks:
        urls = [url for design in (case.design, *case.design.languages.values()) for url in _HREF.findall(design.html)]
    return list(dict.fromkeys([url for url in urls if "{" not in url]))[:MOST_LINKS]
