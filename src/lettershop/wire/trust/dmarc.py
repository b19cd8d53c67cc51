"""DMARC: RFC 9989, with records of RFC 7489 read. A Check that walks the DNS tree. [pure]

    policy: the record at the From domain, else at its organisational domain, else at the public suffix above it
    aligned: an SPF or DKIM domain that passed is the From domain (strict), or has the same organisational domain
    pass if one is aligned; else fail, and the policy says what its owner wants done

The organisational domain is found by asking `_dmarc.` names from the longest to the shortest, at most 8 (4.10): no
public suffix list.
"""

import re
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from lettershop.wire.trust.questions import Answer, Check, Query

Policy = Literal["none", "quarantine", "reject"]
Verdict = Literal["pass", "fail", "none", "temperror", "permerror"]

LONGEST_WALK = 8

T = TypeVar("T")
_Step = Generator[Query, Answer, T]

_VERSION = re.compile(r"\s*v\s*=\s*DMARC1\s*(?:;|\Z)")
_POLICIES: dict[str, Policy] = {"none": "none", "quarantine": "quarantine", "reject": "reject"}
_SOFTER: dict[Policy, Policy] = {"reject": "quarantine", "quarantine": "none", "none": "none"}


@dataclass(frozen=True, slots=True)
class Record:
    """A policy record (RFC 9989 4.7). `sp` and `np` are filled in from `p`. `testing`: t=y, or pct=0 of RFC 7489."""

    p: Policy
    sp: Policy
    np: Policy
    adkim: Literal["r", "s"] = "r"
    aspf: Literal["r", "s"] = "r"
    psd: Literal["y", "n", "u"] = "u"
    testing: bool = False
    rua: tuple[str, ...] = ()
    ruf: tuple[str, ...] = ()
    fo: tuple[str, ...] = ("0",)


@dataclass(frozen=True, slots=True)
class DmarcResult:
    """`policy`: what the owner wants done with this message, testing taken into account; "none" unless it failed."""

    verdict: Verdict
    domain: str
    policy: Policy = "none"
    reason: str = ""
    record_domain: str = ""
    record: Record | None = None
    aligned: tuple[Literal["spf", "dkim"], ...] = ()


def parse_record(text: str) -> Record | None:
    """A record, or None if it is none. Unknown tags and values are passed over (RFC 9989 4.7)."""
    if _VERSION.match(text) is None:
        return None
    pairs = (piece.partition("=") for piece in text.split(";"))
    tags = {name.strip().lower(): value.strip() for name, equals, value in pairs if equals}
    lower = {name: value.lower() for name, value in tags.items()}
    rua, ruf = _list(tags.get("rua", ""), ","), _list(tags.get("ruf", ""), ",")
    p = _POLICIES.get(lower.get("p", "none"))
    if p is None and not rua:
        return None  # RFC 9989 4.7: without a readable p=, only the wish for reports keeps it alive
    p = p or "none"
    sp = _POLICIES.get(lower.get("sp", ""), p)
    return Record(
        p, sp, _POLICIES.get(lower.get("np", ""), sp),
        "s" if lower.get("adkim") == "s" else "r", "s" if lower.get("aspf") == "s" else "r",
        "y" if lower.get("psd") == "y" else "n" if lower.get("psd") == "n" else "u",
        lower.get("t", "y" if lower.get("pct") == "0" else "n") == "y", rua, ruf, _list(lower.get("fo", "0"), ":"),
    )  # fmt: skip


def _list(text: str, separator: str) -> tuple[str, ...]:
    return tuple(item for piece in text.split(separator) if (item := piece.strip()))


class _NoAnswer(Exception):
    """The DNS did not answer: temperror."""


def check(author: str, spf: str | None, dkim: Iterable[str]) -> Check[DmarcResult]:
    """The verdict. `author`: the From domain; `spf`, `dkim`: domains that passed; all lower-case A-labels."""
    walks = _Walks()
    try:
        found = yield from walks.policy(author)
        if found is None:
            return DmarcResult("none", author, reason="no DMARC record")
        domain, record = found
        aligned: list[Literal["spf", "dkim"]] = []
        if spf is not None and (yield from walks.aligned(author, spf, record.aspf)):
            aligned.append("spf")
        for signer in dict.fromkeys(dkim):
            if (yield from walks.aligned(author, signer, record.adkim)):
                aligned.append("dkim")
                break
        if aligned:
            return DmarcResult("pass", author, "none", "", domain, record, tuple(aligned))
        policy = yield from _policy(author, domain, record)
        return DmarcResult("fail", author, _SOFTER[policy] if record.testing else policy, "", domain, record)
    except _NoAnswer:
        return DmarcResult("temperror", author, reason="no answer for the DMARC record")


def _policy(author: str, domain: str, record: Record) -> _Step[Policy]:
    """Which of p, sp, np counts (RFC 9989 4.7); np is for names that do not exist at all (RFC 8020)."""
    if author == domain:
        return record.p
    if record.np != record.sp and (yield Query(author, "A")).status == "nxdomain":
        return record.np
    return record.sp


class _Walks:
    """Tree walks, each name asked once."""

    def __init__(self) -> None:
        self._records: dict[str, Record | None] = {}

    def policy(self, author: str) -> _Step[tuple[str, Record] | None]:
        """RFC 9989 4.10.1: (where it stands, the record) that counts for the author domain."""
        own = yield from self._record(author)
        if own is not None:
            return author, own
        found = yield from self._walk(author)
        organisation = _organisation(author, found)
        for domain, record in found:
            if domain == organisation or (record.psd == "y" and organisation.partition(".")[2] == domain):
                return domain, record
        return None

    def aligned(self, author: str, identifier: str, mode: Literal["r", "s"]) -> _Step[bool]:
        """RFC 9989 4.4: the same domain, or in relaxed mode the same organisational domain."""
        if author == identifier:
            return True
        if mode == "s" or author.rpartition(".")[2] != identifier.rpartition(".")[2]:
            return False
        ours = _organisation(author, (yield from self._walk(author)))
        return ours == _organisation(identifier, (yield from self._walk(identifier)))

    def _walk(self, domain: str) -> _Step[list[tuple[str, Record]]]:
        """RFC 9989 4.10: the records from the domain upwards; a psd= that says y or n ends the walk."""
        found: list[tuple[str, Record]] = []
        for name in walk_names(domain):
            record = yield from self._record(name)
            if record is not None:
                found.append((name, record))
                if record.psd != "u":
                    break
        return found

    def _record(self, domain: str) -> _Step[Record | None]:
        if domain not in self._records:
            answer = yield Query(f"_dmarc.{domain}", "TXT")
            if answer.status == "failed":
                raise _NoAnswer
            found = [record for text in answer.records if (record := parse_record(text)) is not None]
            self._records[domain] = found[0] if len(found) == 1 else None  # RFC 9989 4.10: several count as none
        return self._records[domain]


def walk_names(domain: str) -> list[str]:
    """The names of a tree walk: the domain, then its parents; long names jump to seven labels (RFC 9989 4.10)."""
    labels = domain.split(".")
    rest = labels[1:] if len(labels) < LONGEST_WALK else labels[-(LONGEST_WALK - 1) :]
    return [domain, *(".".join(rest[i:]) for i in range(len(rest)))]


def _organisation(start: str, found: list[tuple[str, Record]]) -> str:
    """RFC 9989 4.10.2, from the longest to the shortest name that has a record."""
    for domain, record in found:
        if record.psd == "n":
            return domain
        if record.psd == "y" and domain != start:
            above = domain.count(".") + 2
            return ".".join(start.split(".")[-above:])
    return found[-1][0] if found else start
