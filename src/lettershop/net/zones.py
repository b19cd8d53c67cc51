"""A resolver that answers from zone-file text: tests, the demo, split DNS. What it does not know it may pass on.

open_resolver(config.dns, clock)    what the configuration says
ZoneResolver.parse(zone_text)       the text that `lettershop domain dns` prints
"""

from collections.abc import Mapping
from pathlib import Path

import dns.exception
import dns.rdatatype
import dns.zone

from lettershop.base.clock import Clock
from lettershop.base.config import Dns
from lettershop.base.errors import ConfigError
from lettershop.net.resolver import Asking, DnsFailure, DnsResolver, Resolver, present
from lettershop.wire.trust.questions import FAILED, NO_SUCH_NAME, Answer

DEPTH = 8
"""Most CNAMEs followed."""
NEVER_PASSED_ON = (".example", ".test", ".invalid", ".localhost", ".127.in-addr.arpa", ".0.0.0.0.0.0.ip6.arpa")
"""Names that mean nothing outside (RFC 6761 6, RFC 6303 4)."""

Records = Mapping[tuple[str, str], Answer]


class ZoneResolver(Asking):
    """Answers from records by (name, type), lower-case and without the final dot; then `beyond`, else NXDOMAIN."""

    def __init__(self, records: Records, beyond: Resolver | None = None) -> None:
        self._records = dict(records)
        self._names = {name for name, _ in records}
        for name in list(self._names):  # RFC 8020 2: what is above an existing name exists
            labels = name.split(".")
            self._names.update(".".join(labels[i:]) for i in range(1, len(labels)))
        self._beyond = beyond

    @classmethod
    def parse(cls, text: str, beyond: Resolver | None = None) -> "ZoneResolver":
        """From zone-file text with absolute names. Raises ConfigError."""
        return cls(parse_zone(text), beyond)

    @classmethod
    def of(cls, records: Mapping[tuple[str, str], list[str]], beyond: Resolver | None = None) -> "ZoneResolver":
        """From plain lists of records as `Answer.records` has them."""
        return cls({key: Answer("ok", tuple(values), 3600.0) for key, values in records.items()}, beyond)

    async def query(self, name: str, rdtype: str) -> Answer:
        """See `Resolver.query`. A record whose answer has the status "failed" raises DnsFailure."""
        name = name.lower().rstrip(".")
        for _ in range(DEPTH):
            found = self._records.get((name, rdtype))
            if found == FAILED:
                raise DnsFailure(f"The DNS cannot answer for {name}.")
            if found is not None:
                return found
            alias = self._records.get((name, "CNAME"))
            if alias is None:
                break
            name = alias.records[0].lower()
        if name in self._names:
            return Answer("nodata")
        if self._beyond is None or f".{name}".endswith(NEVER_PASSED_ON):
            return NO_SUCH_NAME
        return await self._beyond.query(name, rdtype)


def parse_zone(text: str) -> dict[tuple[str, str], Answer]:
    """The records of a zone file (RFC 1035 5.1) with absolute names. Raises ConfigError."""
    try:
        zone = dns.zone.from_text(text, origin=".", relativize=False, check_origin=False)
    except dns.exception.DNSException as error:
        raise ConfigError("The zone file is not well formed.", remedy=str(error)) from error
    return {
        (name.to_text().lower().rstrip("."), dns.rdatatype.to_text(rdataset.rdtype)): Answer(
            "ok", tuple(present(rdata) for rdata in rdataset), rdataset.ttl
        )
        for name, rdataset in zone.iterate_rdatasets()
    }


def open_resolver(config: Dns, clock: Clock) -> Resolver:
    """The resolver that the configuration asks for. Raises ConfigError for a zone file that cannot be read."""
    resolver = DnsResolver(clock, config.resolvers, trust=config.validating)
    if not config.zone_files:
        return resolver
    records: dict[tuple[str, str], Answer] = {}
    for file in config.zone_files:
        try:
            records.update(parse_zone(Path(file).read_text(encoding="utf-8")))
        except OSError as error:
            raise ConfigError(f"dns.zone_files: {file} cannot be read.") from error
    return ZoneResolver(records, resolver)
