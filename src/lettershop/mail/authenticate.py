"""Who a received message is from: SPF, DKIM and DMARC together, as one report. Drives `wire.trust` with the resolver.

    report = await authenticate(message, client_ip=..., helo=..., mail_from=..., resolver=..., now=..., authserv_id=...)
    report.header        the Authentication-Results field to put on top (after `authres.without_forged`)

SPF and every DKIM signature are asked for at the same time, DMARC after them. No rule here: mail.screen decides.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from lettershop.base.clock import Clock
from lettershop.net.resolver import DnsError, Resolver
from lettershop.wire.address import InvalidAddress, normal_domain
from lettershop.wire.message import headers
from lettershop.wire.message.addresses import mailboxes
from lettershop.wire.message.words import raw_text
from lettershop.wire.trust import authres, dmarc
from lettershop.wire.trust.authres import Property, Result
from lettershop.wire.trust.dkim.verify import DkimResult, checks
from lettershop.wire.trust.dmarc import DmarcResult
from lettershop.wire.trust.questions import FAILED, Answer, Check, Query
from lettershop.wire.trust.spf.check import Client, SpfResult, check_host

T = TypeVar("T")

MOST_FROM = 4
"""From fields that are read; more than one is against RFC 5322 3.6 anyway, and several domains cannot be judged."""


@dataclass(frozen=True, slots=True)
class AuthReport:
    """What is true of the message. The short words are for facts and figures, the results for who wants to know why."""

    spf_result: SpfResult
    dkim_results: tuple[DkimResult, ...]
    dmarc_result: DmarcResult
    header: str

    @property
    def spf(self) -> str:
        """pass, fail, softfail, neutral, none, temperror or permerror."""
        return self.spf_result.verdict

    @property
    def dkim(self) -> str:
        """pass if any signature passes, else the verdict of the first, or none."""
        verdicts = [result.verdict for result in self.dkim_results]
        return "pass" if "pass" in verdicts else next(iter(verdicts), "none")

    @property
    def dmarc(self) -> str:
        """pass, fail, none, temperror or permerror."""
        return self.dmarc_result.verdict

    @property
    def dmarc_policy(self) -> str:
        """What the From domain's owner wants done with this message: none, quarantine or reject."""
        return self.dmarc_result.policy


async def answer(check: Check[T], resolver: Resolver) -> T:
    """Run a check of `wire.trust` to its result, with answers from the resolver."""
    try:
        query = next(check)
        while True:
            query = check.send(await _ask(resolver, query))
    except StopIteration as done:
        result: T = done.value
        return result


async def _ask(resolver: Resolver, query: Query) -> Answer:
    try:
        return await resolver.query(query.name, query.rdtype)
    except DnsError:
        return FAILED


async def authenticate(
    message: bytes, *, client_ip: str, helo: str, mail_from: str, resolver: Resolver, now: float, authserv_id: str
) -> AuthReport:
    """The report. `mail_from` is "" for the null sender; `message` as it came, with CRLF line ends."""
    client = Client(client_ip, helo, authserv_id, now)
    spf, signatures = await asyncio.gather(
        answer(check_host(client, mail_from), resolver),
        asyncio.gather(*(answer(check, resolver) for check in checks(message, now))),
    )
    policy = await _dmarc(message, spf, signatures, resolver)
    results = [_spf(spf, mail_from, helo), *_dkim(signatures), _dmarc_field(policy)]
    return AuthReport(spf, tuple(signatures), policy, authres.compose(authserv_id, results))


class Authenticator:
    """`authenticate` with everything that stays the same. `hostname` is our authserv-id (RFC 8601 2.5)."""

    def __init__(self, resolver: Resolver, clock: Clock, hostname: str) -> None:
        self._resolver = resolver
        self._clock = clock
        self._hostname = hostname

    async def check(self, message: bytes, *, client_ip: str, helo: str, mail_from: str) -> AuthReport:
        """The report on a message as it came from the client."""
        return await authenticate(
            message, client_ip=client_ip, helo=helo, mail_from=mail_from, resolver=self._resolver,
            now=self._clock.now(), authserv_id=self._hostname,
        )  # fmt: skip

    def cleaned(self, message: bytes) -> bytes:
        """The message without Authentication-Results fields that pretend to be ours; do this before adding the header."""
        return authres.without_forged(message, self._hostname)


async def _dmarc(message: bytes, spf: SpfResult, signatures: Sequence[DkimResult], resolver: Resolver) -> DmarcResult:
    domains = author_domains(message)
    if len(domains) != 1:  # RFC 9989 5.3.1: nobody, or several domains, cannot be judged
        return DmarcResult("permerror", "", reason="no From domain" if not domains else "several From domains")
    passed = [result.domain for result in signatures if result.verdict == "pass"]
    return await answer(dmarc.check(domains[0], spf.domain if spf.verdict == "pass" else None, passed), resolver)


def author_domains(message: bytes) -> list[str]:
    """The different domains in the From fields, in their normal form; what is no domain stays as an empty one."""
    found: dict[str, None] = {}
    for field in headers.parse(message).all("From")[:MOST_FROM]:
        for mailbox in mailboxes(raw_text(field.value)):
            try:
                found[normal_domain(mailbox.domain)] = None
            except InvalidAddress:
                found[""] = None
    return [] if list(found) == [""] else list(found)


def _spf(result: SpfResult, mail_from: str, helo: str) -> Result:
    """RFC 8601 2.7.2."""
    identity = Property("smtp", "mailfrom", mail_from) if result.scope == "mfrom" else Property("smtp", "helo", helo)
    return Result("spf", result.verdict, (identity,), result.reason)


def _dkim(results: Sequence[DkimResult]) -> list[Result]:
    """RFC 8601 2.7.1; header.b tells two signatures of one domain apart (RFC 6008)."""
    return [
        Result(
            "dkim", result.verdict,
            (Property("header", "d", result.domain), Property("header", "s", result.selector),
             Property("header", "a", result.algorithm), Property("header", "b", result.start)),
            _reason(result),
        )
        for result in results
    ] or [Result("dkim", "none")]  # fmt: skip


def _reason(result: DkimResult) -> str:
    if result.verdict == "pass" and result.uncovered:
        return f"{result.uncovered} octets at the end are not signed"
    return result.reason


def _dmarc_field(result: DmarcResult) -> Result:
    """RFC 9989 8.1 (header.from), and what the owner wants where it failed."""
    wanted = (Property("policy", "dmarc", result.policy),) if result.verdict == "fail" else ()
    return Result("dmarc", result.verdict, (Property("header", "from", result.domain), *wanted), result.reason)
