"""Looks up the records that a domain needs and says what is missing or different, with the remedy."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lettershop.insight.dnsrecords import Record
from lettershop.net.resolver import DnsError, Resolver

Verdict = Literal["ok", "missing", "different", "unknown"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One record, what DNS says of it, and what to do."""

    record: Record
    verdict: Verdict
    found: tuple[str, ...]
    remedy: str


async def check(records: Sequence[Record], resolver: Resolver) -> list[Finding]:
    """Look up all records at once; a resolver that does not answer gives the verdict "unknown"."""
    return list(await asyncio.gather(*(_check(record, resolver) for record in records)))


async def _check(record: Record, resolver: Resolver) -> Finding:
    try:
        answer = await resolver.query(record.name, record.type)
    except DnsError as error:
        return Finding(record, "unknown", (), f"The look-up failed: {error.public} Try again later.")
    found = tuple(_plain(value) for value in answer.records)
    return Finding(record, *judge(record, found))


def judge(record: Record, found: tuple[str, ...]) -> tuple[Verdict, tuple[str, ...], str]:
    """What the values found mean for this record."""
    if _plain(record.value) in found:
        return "ok", found, ""
    rivals = tuple(value for value in found if _kind(value) == _kind(record.value))
    if not rivals:
        return "missing", found, f"Add: {record.zone_line()}"
    return "different", rivals, f"Replace it by: {record.zone_line()}"


def _plain(value: str) -> str:
    return value.rstrip(".")


def _kind(value: str) -> str:
    """What a TXT value is for ("v=spf1", "v=DKIM1;", …); other records have one kind."""
    first = value.split(" ", 1)[0]
    return first if first.startswith("v=") else ""
