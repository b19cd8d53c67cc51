"""The text of an SPF record -> its terms. [pure]

Everything is checked here, before any term is evaluated: a syntax error anywhere is a permerror (RFC 7208 4.6).
"""

import re
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Literal

from lettershop.wire.trust.spf.macros import BadRecord, MacroString, parse, parse_domain

Verdict = Literal["none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"]
Name = Literal["all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"]

QUALIFIERS: dict[str, Verdict] = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}

_VERSION = re.compile(r"v=spf1(?: |\Z)", re.IGNORECASE)
_MODIFIER = re.compile(r"([A-Za-z][A-Za-z0-9._-]*)=(.*)", re.DOTALL)
_MECHANISM = re.compile(
    r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)(?:(:)(.*?))?((?:/\d+)?(?://\d+)?)\Z", re.IGNORECASE | re.DOTALL
)
_CIDR = re.compile(r"(?:/(0|[1-9]\d?))?(?://(0|[1-9]\d{0,2}))?\Z")
_NETWORK = re.compile(r"[0-9.]+|[0-9A-Fa-f:.]+")


@dataclass(frozen=True, slots=True)
class Mechanism:
    """One mechanism with its qualifier as the verdict that a match gives. `text` as written, for reports."""

    verdict: Verdict
    name: Name
    text: str
    domain: MacroString = ()
    bits4: int = 32
    bits6: int = 128
    network: IPv4Network | IPv6Network | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """A record: mechanisms in order, and the two modifiers that have a meaning."""

    mechanisms: tuple[Mechanism, ...]
    redirect: MacroString = ()
    explanation: MacroString = ()
    unknown: tuple[str, ...] = field(default=())


def is_spf(text: str) -> bool:
    """Whether a TXT record is an SPF record (RFC 7208 4.5)."""
    return _VERSION.match(text) is not None


def parse_record(text: str) -> Record:
    """A record that `is_spf`. Raises BadRecord."""
    if not text.isascii():
        raise BadRecord("the record is not ASCII")  # RFC 7208 3.1
    mechanisms: list[Mechanism] = []
    modifiers: dict[str, MacroString] = {}
    unknown: list[str] = []
    for term in text[len("v=spf1") :].split(" "):
        modifier = _MODIFIER.fullmatch(term)
        if modifier is None:
            mechanisms += [_mechanism(term)] if term else []
        elif modifier[1].lower() in ("redirect", "exp"):
            _add(modifiers, modifier[1].lower(), parse_domain(modifier[2]))
        else:
            parse(modifier[2])  # RFC 7208 6: unknown ones are passed over, but must be well formed
            unknown.append(term)
    return Record(tuple(mechanisms), modifiers.get("redirect", ()), modifiers.get("exp", ()), tuple(unknown))


def _add(modifiers: dict[str, MacroString], name: str, value: MacroString) -> None:
    if name in modifiers:
        raise BadRecord(f"{name}= twice")  # RFC 7208 6
    modifiers[name] = value


def _mechanism(term: str) -> Mechanism:
    match = _MECHANISM.fullmatch(term)
    if match is None:
        raise BadRecord(f"unknown term {term[:40]!r}")
    verdict, name = QUALIFIERS[match[1] or "+"], _name(match[2])
    argument = match[4] if match[3] else None
    if name in ("ip4", "ip6"):
        return Mechanism(verdict, name, term, network=_network(name, argument, match[5]))
    if argument is None and name in ("include", "exists"):
        raise BadRecord(f"{name} without a domain")
    if (argument is not None and name == "all") or (match[5] and name not in ("a", "mx")):
        raise BadRecord(f"{name} takes no such argument")
    bits4, bits6 = _bits(match[5])
    return Mechanism(verdict, name, term, () if argument is None else parse_domain(argument), bits4, bits6)


def _name(text: str) -> Name:
    lower = text.lower()
    for name in ("all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"):
        if lower == name:
            return name
    raise BadRecord("unknown mechanism")


def _bits(text: str) -> tuple[int, int]:
    match = _CIDR.fullmatch(text)
    if match is None:
        raise BadRecord("no prefix length")
    bits4, bits6 = int(match[1] or 32), int(match[2] or 128)
    if bits4 > 32 or bits6 > 128:
        raise BadRecord("a prefix length that is too long")
    return bits4, bits6


def _network(name: Name, address: str | None, cidr: str) -> IPv4Network | IPv6Network:
    if not address or _NETWORK.fullmatch(address) is None or cidr.startswith("//"):
        raise BadRecord(f"{name} without an address")
    bits = cidr.removeprefix("/")
    if "/" in bits or (len(bits) > 1 and bits.startswith("0")):
        raise BadRecord("no prefix length")
    kind = IPv4Network if name == "ip4" else IPv6Network
    try:
        return kind(f"{address}{cidr}", strict=False)
    except ValueError as error:
        raise BadRecord(f"{address} is no {name} network") from error
