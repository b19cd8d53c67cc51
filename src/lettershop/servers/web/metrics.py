"""Metrics as Prometheus reads them: figures of all workers, the queue, webhooks. What is counted is in `egress.meters`."""

from collections.abc import Iterator, Sequence
from typing import Any

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from lettershop.egress.meters import BOUNDS, RESULTS, Book, Counts, WorkerUse
from lettershop.mail.measured import Depths

SHOWN = 200
"""Most sites whose queue is told."""
QUANTILES = (0.5, 0.95, 0.99)


class Told:
    """One reading, as a collector."""

    def __init__(self, book: Book, uses: Sequence[WorkerUse], depths: Depths) -> None:
        self._book = book
        self._uses = uses
        self._depths = depths

    def collect(self) -> Iterator[Metric]:
        """See `prometheus_client.registry.Collector`."""
        book = self._book
        yield _attempts("lettershop_site_attempts", "Attempts to deliver, by receiving site.", "site", book.sites)
        yield _attempts("lettershop_source_attempts", "Attempts, by source address.", "source", book.sources)
        yield _attempts("lettershop_campaign_attempts", "Attempts, by campaign.", "campaign", book.campaigns)
        yield from self._latencies()
        asked = CounterMetricFamily("lettershop_links_asked", "Requests to links in messages.", labels=["kind"])
        for kind, count in sorted(book.asked.items()):
            asked.add_metric([kind], count)
        yield asked
        yield from self._waiting()
        yield from self._workers()

    def _latencies(self) -> Iterator[Metric]:
        whole = HistogramMetricFamily(
            "lettershop_delivery_latency_seconds", "From hand-over to acceptance by the receiver.", labels=["stream"]
        )
        shares = GaugeMetricFamily(
            "lettershop_delivery_latency_quantile_seconds", "The same since the start, estimated from the histogram.",
            labels=["stream", "quantile"],
        )  # fmt: skip
        for stream, found in sorted(self._book.latencies.items()):
            seen, buckets = 0, []
            for bound, count in zip((*map(str, BOUNDS), "+Inf"), found.buckets, strict=True):
                seen += count
                buckets.append((bound, float(seen)))
            whole.add_metric([stream], buckets=buckets, sum_value=found.seconds)
            for share in QUANTILES:
                shares.add_metric([stream, str(share)], found.quantile(share))
        yield whole
        yield shares

    def _waiting(self) -> Iterator[Metric]:
        depths = self._depths
        yield _gauge("lettershop_queue_messages", "Messages in the queue.", ["state"], [
            ((state,), count) for state, count in depths.queue.items()
        ])  # fmt: skip
        sites = {one.site: one.queued for one in depths.sites[:SHOWN]}
        yield _gauge("lettershop_site_queue_messages", "Messages in the queue for a site.", ["site"], [
            ((site,), queued) for site, queued in sites.items()
        ])  # fmt: skip
        seen = [one for one in depths.sites[:SHOWN] if one.provider or one.at]
        for name, about, value in _STANDING:
            yield _gauge(
                name, about, ["site", "source"], [((one.site, one.source or "system"), value(one)) for one in seen]
            )
        yield _gauge("lettershop_webhook_waiting", "Events that wait for another try.", ["webhook"], [
            ((str(webhook),), count) for webhook, count in depths.webhooks.items()
        ])  # fmt: skip

    def _workers(self) -> Iterator[Metric]:
        seconds = CounterMetricFamily("lettershop_worker_cpu_seconds", "Processor time of a worker.", labels=["worker"])
        for use in self._uses:
            seconds.add_metric([str(use.number)], use.seconds)
        yield seconds
        yield _gauge("lettershop_worker_memory_bytes", "Resident memory of a worker.", ["worker"], [
            ((str(use.number),), use.memory) for use in self._uses
        ])  # fmt: skip


_STANDING: tuple[tuple[str, str, Any], ...] = (
    ("lettershop_site_connections", "Connections of a source to a site.", lambda one: one.connections),
    (
        "lettershop_site_suspended",
        "1 while nothing goes to a site from a source.",
        lambda one: int(one.suspended_until > 0),
    ),
)


def _attempts(name: str, about: str, label: str, counts: Counts) -> Metric:
    made = CounterMetricFamily(name, about, labels=[label, "result"])
    for value, of in sorted(counts.items()):
        for result, count in zip(RESULTS, of, strict=True):
            made.add_metric([value, result], count)
    return made


def _gauge(name: str, about: str, labels: Sequence[str], values: Sequence[tuple[tuple[str, ...], float]]) -> Metric:
    made = GaugeMetricFamily(name, about, labels=labels)
    for of, value in values:
        made.add_metric(of, value)
    return made
