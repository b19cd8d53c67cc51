"""check_host of RFC 7208 4: a Check that asks for records until it has a verdict. [pure]

    domain -> its record -> mechanisms in order, the first that matches decides -> else redirect -> else neutral

At most 10 terms that ask the DNS, 2 questions that find nothing, 10 hosts of an MX and 10 names of an address
(RFC 7208 4.6.4): a record must not be an amplifier.
"""

from collections.abc import Generator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Literal, TypeVar

import idna

from lettershop.wire.trust.questions import Answer, Check, Query
from lettershop.wire.trust.spf import macros
from lettershop.wire.trust.spf.macros import BadRecord, MacroString
from lettershop.wire.trust.spf.record import Mechanism, Record, Verdict, is_spf, parse_record

MOST_TERMS, MOST_VOID, MOST_HOSTS = 10, 2, 10

T = TypeVar("T")
_Step = Generator[Query, Answer, T]


@dataclass(frozen=True, slots=True)
class Client:
    """Who connects. `receiver` is our own name, `now` seconds since the epoch; both only for explanations."""

    ip: str
    helo: str
    receiver: str = "unknown"
    now: float = 0.0


@dataclass(frozen=True, slots=True)
class SpfResult:
    """The verdict on `domain`. `term`: the mechanism that decided; `reason`: what was wrong, if something was.

    `explanation` is the domain owner's text for a fail: foreign words, never trusted.
    """

    verdict: Verdict
    scope: Literal["mfrom", "helo"]
    domain: str
    term: str = ""
    reason: str = ""
    explanation: str = ""


class _Stop(Exception):
    """The evaluation is over: an error on which RFC 7208 gives up."""

    def __init__(self, verdict: Verdict, reason: str) -> None:
        super().__init__(reason)
        self.verdict: Verdict = verdict
        self.reason = reason


def check_host(client: Client, mail_from: str) -> Check[SpfResult]:
    """The verdict on the sender "local@domain"; an empty sender is checked as postmaster of HELO (RFC 7208 2.4)."""
    local, _, domain = mail_from.rpartition("@")
    scope: Literal["mfrom", "helo"] = "mfrom" if domain else "helo"
    name = _normal(domain or client.helo)
    if name is None:
        return SpfResult("none", scope, domain or client.helo, reason="no domain name")  # RFC 7208 4.3
    evaluation = _Evaluation(client, local or "postmaster", name)
    try:
        verdict, term, explanation = yield from evaluation.run(name)
    except _Stop as stop:
        return SpfResult(stop.verdict, scope, name, reason=stop.reason)
    return SpfResult(verdict, scope, name, term, explanation=explanation)


def _normal(domain: str) -> str | None:
    """The domain in A-labels, or None where there can be no record: no dot, bad labels, an address literal."""
    if not domain.isascii():
        try:
            domain = idna.encode(domain, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    labels = domain.lower().removesuffix(".").split(".")
    if len(labels) < 2 or domain.startswith("[") or not all(0 < len(label) < 64 for label in labels):
        return None
    return ".".join(labels)


class _Evaluation:
    """One check, with what its limits count."""

    def __init__(self, client: Client, local: str, domain: str) -> None:
        address = ip_address(client.ip)
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        self._ip: IPv4Address | IPv6Address = mapped or address
        self._client = client
        self._local = local
        self._sender_domain = domain
        self._terms = 0
        self._void = 0
        self._names: list[str] | None = None

    def run(self, domain: str) -> _Step[tuple[Verdict, str, str]]:
        """(verdict, term, explanation) of the domain's record; raises _Stop."""
        text = yield from self._record(domain)
        if text is None:
            return "none", "", ""
        try:
            record = parse_record(text)
        except BadRecord as error:
            raise _Stop("permerror", error.public) from None
        for mechanism in record.mechanisms:
            if (yield from self._matches(mechanism, domain)):
                explanation = ""
                if mechanism.verdict == "fail":
                    explanation = yield from self._explanation(record, domain)
                return mechanism.verdict, mechanism.text, explanation
        if not record.redirect:
            return "neutral", "", ""
        return (yield from self._redirected(record.redirect, domain))

    def _record(self, domain: str) -> _Step[str | None]:
        answer = yield Query(domain, "TXT")
        if answer.status == "failed":
            raise _Stop("temperror", f"no answer for {domain}")
        found = [text for text in answer.records if is_spf(text)]
        if len(found) > 1:
            raise _Stop("permerror", f"{domain} has several records")  # RFC 7208 4.5
        return found[0] if found else None

    def _redirected(self, target: MacroString, domain: str) -> _Step[tuple[Verdict, str, str]]:
        self._count_term()
        name = yield from self._domain(target, domain)
        verdict, term, explanation = yield from self.run(name)
        if verdict == "none":
            raise _Stop("permerror", f"redirected to {name}, which has no record")  # RFC 7208 6.1
        return verdict, term, explanation

    # -- mechanisms (RFC 7208 5) ------------------------------------------------------------------------------------

    def _matches(self, mechanism: Mechanism, domain: str) -> _Step[bool]:
        if mechanism.name == "all":
            return True
        if mechanism.network is not None:
            return self._ip in mechanism.network
        self._count_term()
        target = (yield from self._domain(mechanism.domain, domain)) if mechanism.domain else domain
        if mechanism.name == "include":
            return (yield from self._included(target))
        if mechanism.name == "a":
            return (yield from self._has_address(target, mechanism))
        if mechanism.name == "mx":
            return (yield from self._is_mx(target, mechanism))
        if mechanism.name == "ptr":
            return (yield from self._is_named(target))
        return bool((yield from self._ask(target, "A")).records)  # exists: type A, even for IPv6 clients

    def _included(self, target: str) -> _Step[bool]:
        verdict, _, _ = yield from self.run(target)
        if verdict == "none":
            raise _Stop("permerror", f"{target} is included but has no record")  # RFC 7208 5.2
        return verdict == "pass"

    def _has_address(self, host: str, mechanism: Mechanism) -> _Step[bool]:
        answer = yield from self._ask(host, self._address_type)
        bits = mechanism.bits4 if self._ip.version == 4 else mechanism.bits6
        return any(self._ip in ip_network(f"{record}/{bits}", strict=False) for record in answer.records)

    def _is_mx(self, target: str, mechanism: Mechanism) -> _Step[bool]:
        answer = yield from self._ask(target, "MX")
        hosts = [record.split(" ", 1)[-1].rstrip(".") for record in answer.records]
        if len(hosts) > MOST_HOSTS:
            raise _Stop("permerror", f"{target} has too many MX records")
        for host in hosts:
            if host and (yield from self._has_address(host, mechanism)):
                return True
        return False

    def _is_named(self, target: str) -> _Step[bool]:
        names = yield from self._validated()
        target = target.lower()
        return any(name == target or name.endswith(f".{target}") for name in names)

    def _validated(self) -> _Step[list[str]]:
        """The names of the client that lead back to it (RFC 7208 5.5); what fails on the way is left out."""
        if self._names is None:
            answer = yield Query(self._ip.reverse_pointer, "PTR")
            self._count_void(answer)
            self._names = []
            for record in answer.records[:MOST_HOSTS]:
                name = record.rstrip(".").lower()
                back = yield Query(name, self._address_type)
                if any(ip_address(address) == self._ip for address in back.records):
                    self._names.append(name)
        return self._names

    @property
    def _address_type(self) -> str:
        return "A" if self._ip.version == 4 else "AAAA"

    # -- questions and limits ---------------------------------------------------------------------------------------

    def _ask(self, name: str, rdtype: str) -> _Step[Answer]:
        answer = yield Query(name, rdtype)
        if answer.status == "failed":
            raise _Stop("temperror", f"no answer for {name}")
        self._count_void(answer)
        return answer

    def _count_term(self) -> None:
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise _Stop("permerror", "too many DNS look-ups")

    def _count_void(self, answer: Answer) -> None:
        self._void += answer.status in ("nodata", "nxdomain")
        if self._void > MOST_VOID:
            raise _Stop("permerror", "too many DNS look-ups that find nothing")

    # -- macros and explanation -------------------------------------------------------------------------------------

    def _domain(self, pieces: MacroString, domain: str) -> _Step[str]:
        return macros.as_domain((yield from self._expanded(pieces, domain)))

    def _expanded(self, pieces: MacroString, domain: str) -> _Step[str]:
        values = {
            "s": f"{self._local}@{self._sender_domain}", "l": self._local, "o": self._sender_domain, "d": domain,
            "i": self._dotted(), "v": "in-addr" if self._ip.version == 4 else "ip6", "h": self._client.helo,
            "c": str(self._ip), "r": self._client.receiver, "t": str(int(self._client.now)),
        }  # fmt: skip
        if macros.wants(pieces, "p"):
            values["p"] = yield from self._own_name(domain)
        return macros.expand(pieces, values)

    def _dotted(self) -> str:
        if self._ip.version == 4:
            return str(self._ip)
        return ".".join(self._ip.exploded.replace(":", "")).upper()

    def _own_name(self, domain: str) -> _Step[str]:
        """RFC 7208 7.3 "p": the domain itself, else a name below it, else any, else "unknown"."""
        names = yield from self._validated()
        below = [name for name in names if name.endswith(f".{domain}")]
        return domain if domain in names else (below or names or ["unknown"])[0]

    def _explanation(self, record: Record, domain: str) -> _Step[str]:
        """RFC 7208 6.2: whatever goes wrong here, there is simply no explanation."""
        if not record.explanation:
            return ""
        try:
            name = yield from self._domain(record.explanation, domain)
            answer = yield Query(name, "TXT")
            if len(answer.records) != 1 or not answer.records[0].isascii():
                return ""
            return (yield from self._expanded(macros.parse(answer.records[0], explaining=True), domain))
        except (BadRecord, _Stop):
            return ""
