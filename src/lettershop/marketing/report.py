"""The figures of a campaign as values; `marketing.analytics` reads them, the screens, the API and the demo show them. [pure]

All counts are people (recipients), never hits, unless a field says so. Times are seconds since the epoch, UTC.
sent = delivered + bounced_hard + bounced_soft + waiting, where `sent` are those to whom delivery was tried.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LinkFigures:
    """One tracked link: people who followed it, all hits by people, hits by machines."""

    number: int
    url: str
    label: str
    people: int
    hits: int
    machine_hits: int


@dataclass(frozen=True, slots=True)
class ProviderFigures:
    """One receiving domain or provider."""

    provider: str
    sent: int
    delivered: int
    bounced_hard: int
    bounced_soft: int
    waiting: int
    opened: int
    clicked: int
    complained: int


@dataclass(frozen=True, slots=True)
class BounceFigures:
    """One reason of bounces, with an answer as a sample and what to do."""

    reason: str
    hard: bool
    count: int
    example: str
    advice: str


@dataclass(frozen=True, slots=True)
class BreakerFigures:
    """A circuit breaker that acts. `level`: slow or stop; `scope`: what was counted; `provider` empty: all of the campaign."""

    level: str
    scope: str
    provider: str
    cause: str
    words: str
    since: float


@dataclass(frozen=True, slots=True)
class Moment:
    """One step of the time curve; `at` is its beginning."""

    at: float
    delivered: int
    opened: int
    clicked: int


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from hand-over to acceptance by the receiver."""

    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Report:
    """A campaign's report."""

    campaign_id: int
    name: str
    subject: str
    state: str
    started_at: float | None
    finished_at: float | None
    recipients: int
    queued: int  # not tried yet
    sent: int
    delivered: int
    bounced_hard: int
    bounced_soft: int
    waiting: int  # tried, will be tried again
    withheld: int
    opened: int
    opened_by_machine: int
    clicked: int
    clicked_by_machine: int
    unsubscribed: int
    complained: int
    replied: int
    latency_ms: Latency
    links: tuple[LinkFigures, ...]
    providers: tuple[ProviderFigures, ...]
    bounces: tuple[BounceFigures, ...]
    curve: tuple[Moment, ...]
    breakers: tuple[BreakerFigures, ...] = ()
    anonymous_opens: int = 0  # hits by people, where nobody is tracked individually
    anonymous_clicks: int = 0

    def rate(self, count: int) -> float:
        """Share of the delivered, 0 to 1."""
        return count / self.delivered if self.delivered else 0.0
