"""Analytics: facts in, figures out. The consumer of both fact logs, and the report.

    next facts (either log) > `tally` > counters, engagements, moments; suppression, unsubscription > cursor; one commit

Each fact is counted exactly once, also across a `kill -9`: its effects and the cursor are one transaction.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from lettershop.base.errors import NotFound
from lettershop.base.facts import Bounced, BreakerTripped, Fact, MessageReceived
from lettershop.base.log import get_logger
from lettershop.egress.breakers import Rulebook
from lettershop.egress.warmup import Plan
from lettershop.marketing import breakers, warmup
from lettershop.marketing.breakers import LEVELS
from lettershop.marketing.report import (
    BounceFigures,
    BreakerFigures,
    Latency,
    LinkFigures,
    Moment,
    ProviderFigures,
    Report,
)
from lettershop.marketing.tally import Suppress, Tally, bucket_latency
from lettershop.store import analytics, campaigns, factlog, soft_bounces, subscriptions, suppressions
from lettershop.store import breakers as breaker_rows
from lettershop.store.analytics import Row
from lettershop.store.database import Database, Transaction
from lettershop.store.factlog import Log, Logged
from lettershop.store.soft_bounces import SoftBounce
from lettershop.wire.address import Address, InvalidAddress

CONSUMER = "analytics"
PIECE = 1000
"""Facts in one transaction."""


@dataclass(frozen=True, slots=True)
class Patience:
    """When soft bounces suppress: so many in a row, over so many days, without a delivery between. 0: never."""

    bounces: int = 5
    days: float = 14.0


class Analytics:
    """Consumes both logs."""

    def __init__(
        self, main: Database, mail: Database, rules: Rulebook | None = None, warming: Plan | None = None,
        patience: Patience = Patience(),
    ) -> None:  # fmt: skip
        self._main = main
        self._patience = patience
        self._warming = warming or Plan()
        self._rules = rules or Rulebook()
        self._log = get_logger("marketing.analytics")
        self._logs: tuple[tuple[Log, Database], ...] = (("facts", main), ("mail_facts", mail))

    async def step(self) -> bool:
        """Take the next piece of each log; True if there may be more."""
        return any([await self._piece(log, database) for log, database in self._logs])

    async def _piece(self, log: Log, database: Database) -> bool:
        since = await self._main.read(factlog.position, CONSUMER, log)
        batch = await database.read(factlog.read_since, log, since, PIECE)
        if batch:
            for tripped in await self._main.write(
                consume, log, since, batch, self._rules, self._warming, self._patience
            ):
                self._log.warning(
                    "circuit breaker", campaign=tripped.campaign_id, level=tripped.level, why=tripped.words
                )
        return len(batch) == PIECE

    async def report(self, campaign_id: int) -> Report:
        """The figures of a campaign; raises NotFound."""
        return await self._main.read(report, campaign_id)


def consume(
    tx: Transaction,
    log: Log,
    since: int,
    batch: Sequence[Logged],
    rules: Rulebook | None = None,
    warming: Plan | None = None,
    patience: Patience = Patience(),
) -> list[BreakerTripped]:
    """Count a batch and move the cursor; nothing if somebody else has done it. The breakers that tripped."""
    if not factlog.advance(tx, CONSUMER, log, since=since, to=factlog.last_id(batch)):
        return []
    facts = [entry.fact for entry in batch]
    known = analytics.background(
        tx.conn,
        envelope_ids={fact.envelope_id for fact in facts if fact.campaign_id and fact.envelope_id},
        campaign_ids={fact.campaign_id for fact in facts if fact.campaign_id},
    )
    tally = Tally(known, from_mail=log == "mail_facts")
    tally.take(batch)
    tally.wrote(analytics.contacts_of(tx.conn, writers(facts).keys()), writers(facts))
    analytics.apply(tx, tally.changes)
    _suppress(tx, [*tally.suppress, *_worn_out(tx, tally.soft, patience)])
    _suppress_addresses(tx, facts)
    for entry in tally.leave:
        subscriptions.unsubscribe(
            tx, entry.contact_id, known.campaigns[entry.campaign_id].list_id,
            how=entry.how, at=entry.at, campaign_id=entry.campaign_id, envelope_id=entry.envelope_id,
        )  # fmt: skip
    if warming is not None and warming.active:
        warmup.note(tx, tally.changes.counters, facts[-1].at)
    worse = tally.worse_at()
    return breakers.watch(tx, rules or Rulebook(), worse, facts[-1].at) if worse else []


def writers(facts: Sequence[Fact]) -> dict[str, float]:
    """Who wrote to one of our mailboxes, and when last; not who only pretends to (DMARC failed)."""
    found: dict[str, float] = {}
    for fact in facts:
        if isinstance(fact, MessageReceived) and fact.sender and fact.dmarc != "fail":
            try:
                key = Address.parse(fact.sender).key
            except InvalidAddress:
                continue
            found[key] = max(fact.at, found.get(key, 0.0))
    return found


def _worn_out(tx: Transaction, bounces: Sequence[SoftBounce], patience: Patience) -> list[Suppress]:
    """Whose soft bounces in a row are too many, by the stated rule."""
    if not bounces or not patience.bounces:
        return []
    rows = soft_bounces.note(tx, bounces)
    found = [row for row in rows if row.count >= patience.bounces and row.days >= patience.days]
    soft_bounces.forget(tx, [row.bounce.contact_id for row in found])
    return [
        Suppress(
            row.bounce.contact_id, row.bounce.campaign_id, "soft-bounces",
            f"{row.count} in {row.days:.0f} days, the last: {row.bounce.detail}"[:300], row.bounce.at,
        )
        for row in found
    ]  # fmt: skip


def _suppress(tx: Transaction, entries: Sequence[Suppress]) -> None:
    addresses = analytics.addresses(tx.conn, {entry.contact_id for entry in entries})
    for entry in entries:
        if entry.contact_id not in addresses:
            continue
        workspace_id, email_key = addresses[entry.contact_id]
        suppressions.add(
            tx, workspace_id, email_key, entry.reason,
            at=entry.at, detail=entry.detail, campaign_id=entry.campaign_id,
        )  # fmt: skip
        if entry.reason == "complaint":
            subscriptions.leave_all(tx, entry.contact_id, reason="complaint", at=entry.at)


def _suppress_addresses(tx: Transaction, facts: Sequence[Fact]) -> None:
    """Mail of no campaign that bounced for good: the address is dead for the whole workspace."""
    for fact in facts:
        if isinstance(fact, Bounced) and fact.hard and fact.campaign_id is None and fact.workspace_id is not None:
            detail = f"{fact.code} {fact.text}".strip()[:300]
            key = Address.parse(fact.address).key
            suppressions.add(tx, fact.workspace_id, key, "hard-bounce", at=fact.at, detail=detail)


# -- the report --------------------------------------------------------------------------------------------------------


def report(conn: Connection, campaign_id: int) -> Report:
    """The figures of a campaign, from what was counted; raises NotFound."""
    campaign = campaigns.by_id(conn, campaign_id)
    if campaign is None:
        raise NotFound(f"There is no campaign {campaign_id}.", code="campaign")
    counted = _Counted(analytics.rows(conn, campaign_id))
    total = counted.total
    sent = sum(total[what] for what in ("delivered", "bounced_hard", "bounced_soft", "waiting"))
    return Report(
        campaign_id=campaign.id, name=campaign.name, subject=campaign.subject, state=campaign.state,
        started_at=campaign.started_at, finished_at=campaign.finished_at, recipients=campaign.recipients,
        queued=max(0, campaign.recipients - sent - total["withheld"]), sent=sent,
        delivered=total["delivered"], bounced_hard=total["bounced_hard"], bounced_soft=total["bounced_soft"],
        waiting=total["waiting"], withheld=total["withheld"],
        opened=total["opened"], opened_by_machine=total["opened_by_machine"],
        clicked=total["clicked"], clicked_by_machine=total["clicked_by_machine"],
        unsubscribed=total["unsubscribed"], complained=total["complained"], replied=total["replied"],
        latency_ms=_latency(counted.by("latency", "ms")),
        links=_links(campaigns.links_of(conn, campaign_id), counted),
        providers=_providers(counted),
        bounces=_bounces(counted, analytics.samples(conn, campaign_id)),
        anonymous_opens=total["anonymous_opens"], anonymous_clicks=total["anonymous_clicks"],
        curve=_curve(counted), breakers=_breakers(breaker_rows.of_campaigns(conn, [campaign_id])),
    )  # fmt: skip


class _Counted:
    """Counters, to be asked for by name; what was never counted is 0."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.total: dict[str, int] = defaultdict(int)
        self._split: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        for what, dimension, value, count in rows:
            if dimension:
                self._split[what, dimension][value] = count
            else:
                self.total[what] = count

    def by(self, what: str, dimension: str) -> dict[str, int]:
        """Counts by value of a dimension."""
        return {value: count for value, count in self._split.get((what, dimension), {}).items() if count}


def _latency(buckets: Mapping[str, int]) -> Latency:
    ordered = sorted((int(bucket), count) for bucket, count in buckets.items())
    total = sum(count for _, count in ordered)

    def percentile(share: float) -> float:
        rank, seen = share * total, 0
        for bucket, count in ordered:
            seen += count
            if seen >= rank:
                return bucket_latency(str(bucket))
        return 0.0

    return Latency(percentile(0.50), percentile(0.95), percentile(0.99))


def _links(links: Sequence[campaigns.StoredLink], counted: _Counted) -> tuple[LinkFigures, ...]:
    people, hits, machine = (counted.by(what, "link") for what in ("link_people", "link_hits", "link_machine_hits"))
    return tuple(
        LinkFigures(
            link.number, link.url, link.label,
            people.get(str(link.number), 0), hits.get(str(link.number), 0), machine.get(str(link.number), 0),
        )
        for link in links
    )  # fmt: skip


_BY_PROVIDER = ("delivered", "bounced_hard", "bounced_soft", "waiting", "opened", "clicked", "complained")


def _providers(counted: _Counted) -> tuple[ProviderFigures, ...]:
    by = {what: counted.by(what, "provider") for what in _BY_PROVIDER}
    found = []
    for name in {name for counts in by.values() for name in counts}:
        value = {what: by[what].get(name, 0) for what in _BY_PROVIDER}
        sent = value["delivered"] + value["bounced_hard"] + value["bounced_soft"] + value["waiting"]
        found.append(ProviderFigures(provider=name, sent=sent, **value))
    return tuple(sorted(found, key=lambda entry: (-entry.sent, entry.provider)))


def _bounces(counted: _Counted, samples: Mapping[tuple[str, bool], tuple[str, str]]) -> tuple[BounceFigures, ...]:
    found = []
    for what, hard in (("bounce_hard", True), ("bounce_soft", False)):
        for reason, count in counted.by(what, "reason").items():
            example, advice = samples.get((reason, hard), ("", ""))
            found.append(BounceFigures(reason, hard, count, example, advice))
    return tuple(sorted(found, key=lambda entry: (-entry.count, entry.reason, entry.hard)))


def _breakers(found: Sequence[breaker_rows.Breaker]) -> tuple[BreakerFigures, ...]:
    """Those that act now."""
    return tuple(
        BreakerFigures(LEVELS[breaker.level], breaker.scope, breaker.provider, breaker.cause, breaker.words, breaker.at)
        for breaker in found
        if breaker.level
    )


def _curve(counted: _Counted) -> tuple[Moment, ...]:
    by = [counted.by(what, "moment") for what in ("delivered", "opened", "clicked")]
    moments = sorted({int(value) for counts in by for value in counts})
    return tuple(Moment(float(at), *(counts.get(str(at), 0) for counts in by)) for at in moments)
