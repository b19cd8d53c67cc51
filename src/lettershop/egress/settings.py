"""What the delivery engine of a process is told: names, seconds, counts, tables."""

import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lettershop.base.config import Config
from lettershop.egress.breakers import rulebook
from lettershop.egress.classify import Rules, load, shipped
from lettershop.egress.meters import Book
from lettershop.egress.shaping import Shaping
from lettershop.egress.shaping_file import load as load_shaping
from lettershop.egress.sources import Pools, pools_of
from lettershop.egress.tls_results import TlsResults
from lettershop.egress.warmup import Plan, plan_of
from lettershop.net.dial import Timeouts


@dataclass(frozen=True, slots=True)
class Settings:
    """Seconds and counts. `owner` names this process in leases, the same after a restart. Without a table of limits
    `connections` and `messages_per_connection` count for every site. `all_connections` are those of this process.
    `tls` encrypts and checks nothing, `trusted` checks names; without them no TLS."""

    hostname: str
    owner: str
    retry: Sequence[float] = (300.0, 900.0, 1800.0, 3600.0)
    retry_by: Mapping[str, Sequence[float]] = field(default_factory=dict)
    connections: int = 10
    messages_per_connection: int = 100
    all_connections: int = 500
    window: int = 2000
    lease_for: float = 900.0
    poll: float = 0.25
    tidy: float = 2.0
    idle: float = 2.0
    stop_patience: float = 10.0
    timeouts: Timeouts | None = None
    tls: ssl.SSLContext | None = None
    trusted: ssl.SSLContext | None = None
    rules: Rules = field(default_factory=shipped)
    shaping: Shaping | None = None
    pools: Pools = field(default_factory=Pools)
    workers: int = 1
    warmup: Plan = field(default_factory=Plan)
    tls_results: TlsResults | None = None
    chunking: bool = True
    book: Book = field(default_factory=Book)

    @classmethod
    def of(
        cls, config: Config, *, owner: str, workers: int, tls: ssl.SSLContext | None, trusted: ssl.SSLContext | None
    ) -> "Settings":
        """From the configuration. Raises ConfigError for a table of limits or a pool that is wrong."""
        delivery = config.delivery
        return cls(
            hostname=config.server.hostname,
            chunking=delivery.chunking,
            owner=owner,
            retry=tuple(delivery.retry),
            retry_by=delivery.schedules,
            tls=tls,
            trusted=trusted,
            rules=load(delivery.bounce_rules),
            shaping=load_shaping(delivery),
            pools=pools_of(delivery),
            workers=workers,
            warmup=plan_of(delivery.warmup, rulebook(delivery.breakers).usual),
        )
