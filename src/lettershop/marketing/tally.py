"""What facts mean for a campaign's figures and its people. [pure]

A batch of facts and what was known before > `Tally` > what changes (counters, engagements, the contacts' moments) and
what is to be done (suppress, unsubscribe). Counting goes by people: the first moment of each kind per envelope is kept,
so that a second one changes nothing; hits are counted apart. `marketing.analytics` runs it in one transaction with the
cursor of the log.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import log
from typing import Any

from lettershop.base.facts import (
    Bounced,
    BounceReported,
    Clicked,
    Complained,
    Deferred,
    Delivered,
    Fact,
    Opened,
    Replied,
    Unsubscribed,
    Withheld,
)
from lettershop.marketing.engaged import MOST, Envelope, Measured, curve_step, measure, rejudge
from lettershop.marketing.verdict import PIXEL, Receiver
from lettershop.store.analytics import Background, CampaignNote, Changes, Engagement
from lettershop.store.factlog import Logged
from lettershop.store.hits import KeptHit
from lettershop.store.soft_bounces import SoftBounce

LATENCY_STEP = 1.02
"""Latencies are counted in buckets that each are 2 % wider than the one before."""


@dataclass(frozen=True, slots=True)
class Suppress:
    """Nobody may write to this contact's address any more."""

    contact_id: int
    campaign_id: int
    reason: str
    detail: str
    at: float


SOFT = frozenset({"mailbox-full", "inactive-user", "filtered", "unknown-user", "bad-domain", "network", "expired",
                  "relay-denied", "loop", "undetermined"})  # fmt: skip
"""Reasons of soft bounces that concern the address; the others concern us or the message and suppress nobody."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The contact asked, by mail, to be unsubscribed."""

    contact_id: int
    campaign_id: int
    envelope_id: int | None
    how: str
    at: float


@dataclass(slots=True)
class Tally:
    """Counts one batch. `from_mail`: the batch comes from the mail half's log."""

    known: Background
    from_mail: bool = False
    changes: Changes = field(default_factory=Changes)
    suppress: list[Suppress] = field(default_factory=list)
    leave: list[Leave] = field(default_factory=list)
    soft: list[SoftBounce] = field(default_factory=list)
    _fresh: dict[int, list[KeptHit]] = field(default_factory=dict)
    _owners: dict[int, Fact] = field(default_factory=dict)

    def take(self, batch: Iterable[Logged]) -> None:
        """Count them, in order. Facts of no campaign are none of ours."""
        for entry in batch:
            fact = entry.fact
            note = self.known.campaigns.get(fact.campaign_id or 0)
            if note is not None and isinstance(fact, Opened | Clicked) and fact.machine is not None:
                self._anonymous(fact)
            if note is None or fact.envelope_id is None:
                continue
            if isinstance(fact, Opened | Clicked):
                self._hit(entry.id, fact)
            elif (count := _COUNT.get(type(fact))) is not None:
                count(self, fact, note)
        for envelope_id, fact in self._owners.items():
            self._engaged(fact, self.known.hits.get(envelope_id, ()), self._fresh.get(envelope_id, []))

    def worse_at(self) -> set[tuple[int, str]]:
        """The (campaign, provider) at which somebody bounced for good or complained in this batch."""
        return {
            (campaign_id, value)
            for (campaign_id, what, dimension, value), count in self.changes.counters.items()
            if dimension == "provider" and what in ("bounced_hard", "complained") and count > 0
        }

    # -- what receivers said

    def _delivered(self, fact: Delivered, note: CampaignNote) -> None:
        self._no_longer_waiting(fact)
        self._people(fact, "delivered", note)
        self._count(fact, "latency", "ms", latency_bucket(fact.latency))
        self._moment(fact, "last_delivered_at")
        if fact.envelope_id in self.known.hits:  # judged without knowing this moment
            self._owners[fact.envelope_id or 0] = fact

    def _deferred(self, fact: Deferred, _note: CampaignNote) -> None:
        self._count(fact, "deferrals", "reason", fact.reason)
        row = self._row(fact)
        if row.deferred_at is None:
            row.deferred_at = fact.at
            self._at_provider(fact, "waiting")

    def _bounced(self, fact: Bounced, _note: CampaignNote) -> None:
        self._no_longer_waiting(fact)
        if not self._first(fact, "bounced_at"):
            return
        self._bounce(fact, fact.reason, fact.hard, f"{fact.code} {fact.text}".strip(), fact.advice)
        self._address_bounced(fact, f"{fact.code} {fact.text}".strip())

    def _bounce_reported(self, fact: BounceReported, _note: CampaignNote) -> None:
        """A bounce mail after the receiver had said 250: the message was not delivered after all.

        Only what counts as delivered can cease to: sent stays delivered + bounced + waiting.
        """
        note = self.known.envelopes.get(fact.envelope_id or 0)
        if note is None or note.delivered_at is None or not self._first(fact, "bounced_at"):
            if fact.hard:  # counted already, perhaps as soft; or our own outcome is not yet known
                self._suppress(fact, "hard-bounce", fact.diagnostic or fact.status)
            return
        self._at_provider(fact, "delivered", -1)
        self._bounce(fact, fact.reason, fact.hard, fact.diagnostic or fact.status, fact.advice)
        self._address_bounced(fact, fact.diagnostic or fact.status, note.delivered_at)

    def _address_bounced(self, fact: Bounced | BounceReported, detail: str, delivered_at: float | None = None) -> None:
        """Suppressed at once, or counted towards it."""
        if fact.hard:
            self._suppress(fact, "hard-bounce", detail)
        elif fact.reason in SOFT and fact.contact_id is not None and fact.campaign_id is not None:
            self.soft.append(SoftBounce(fact.contact_id, fact.campaign_id, fact.at, detail[:300], delivered_at))

    def _bounce(self, fact: Fact, reason: str, hard: bool, example: str, advice: str) -> None:
        self._at_provider(fact, "bounced_hard" if hard else "bounced_soft")
        self._count(fact, "bounce_hard" if hard else "bounce_soft", "reason", reason)
        self.changes.samples.setdefault((fact.campaign_id or 0, reason, hard), (example[:300], advice))

    def _withheld(self, fact: Withheld, _note: CampaignNote) -> None:
        self._no_longer_waiting(fact)
        self._count(fact, "withheld")
        self._count(fact, "withheld", "reason", fact.reason)

    def _no_longer_waiting(self, fact: Fact) -> None:
        row = self._known_row(fact)
        if row is not None and row.deferred_at is not None:
            self._row(fact).deferred_at = None
            self._at_provider(fact, "waiting", -1)

    # -- what people and machines did

    def _anonymous(self, fact: Opened | Clicked) -> None:
        """Of nobody in particular: how often, no more."""
        kind = "clicks" if isinstance(fact, Clicked) else "opens"
        self._count(fact, f"anonymous_machine_{kind}" if fact.machine else f"anonymous_{kind}")
        if isinstance(fact, Clicked):
            self._count(fact, "link_machine_hits" if fact.machine else "link_hits", "link", str(fact.link))

    def _hit(self, fact_id: int, fact: Opened | Clicked) -> None:
        envelope_id = fact.envelope_id or 0
        fresh = self._fresh.setdefault(envelope_id, [])
        if len(fresh) + len(self.known.hits.get(envelope_id, ())) >= MOST:
            return
        link, method = (fact.link, fact.method) if isinstance(fact, Clicked) else (PIXEL, "GET")
        fresh.append(
            KeptHit(
                fact_id, envelope_id, fact.campaign_id or 0, fact.at, link,
                user_agent=fact.user_agent, headers=fact.headers, method=method,
            )
        )  # fmt: skip
        self._owners[envelope_id] = fact

    def judge_again(self, campaign_id: int, envelope_id: int, contact_id: int | None) -> None:
        """By the rules of today; the figures change by the difference."""
        owner = Fact(at=0.0, campaign_id=campaign_id, envelope_id=envelope_id, contact_id=contact_id)
        self._engaged(owner, self.known.hits.get(envelope_id, ()), [])

    def _engaged(self, fact: Fact, kept: Sequence[KeptHit], fresh: Sequence[KeptHit]) -> None:
        """All that this recipient did with this message, as it must be understood now."""
        note = self.known.envelopes.get(fact.envelope_id or 0)
        campaign = self.known.campaigns.get(fact.campaign_id or 0)
        receiver = Receiver(note.delivered_at, note.gateway) if note is not None else Receiver()
        now = rejudge([*kept, *fresh], receiver)
        changed = [new for new, old in zip(now, kept, strict=False) if not new.same(old)]
        envelope = Envelope(note.site if note else "", campaign.started_at if campaign else None)
        self._difference(fact, measure(kept, envelope), measure(now, envelope))
        self.changes.hits += [*changed, *now[len(kept) :]]
        if changed and fact.contact_id is not None:
            self.changes.measure_again.add(fact.contact_id)
        for hit in now[len(kept) :]:
            if not hit.machine:
                self._moment(fact, "last_clicked_at" if hit.link else "last_opened_at", hit.at)

    def _difference(self, fact: Fact, before: Measured, after: Measured) -> None:
        for figure in before.counters.keys() | after.counters.keys():
            self._count(fact, *figure, by=after.counters[figure] - before.counters[figure])
        if before.moments != after.moments:
            row = self._row(fact)
            for name in before.moments.keys() | after.moments.keys():
                setattr(row, name, after.moments.get(name))
        envelope_id = fact.envelope_id or 0
        for link in before.followed.keys() - after.followed.keys():
            self.changes.not_followed.add((envelope_id, link))
        for link, at in after.followed.items():
            if before.followed.get(link) != at:
                self.changes.followed[envelope_id, link] = at

    def _unsubscribed(self, fact: Unsubscribed, _note: CampaignNote) -> None:
        if self.from_mail:  # a mail to the unsubscribe address: to be done first; the deed leaves a fact of its own
            if fact.contact_id is not None and fact.campaign_id is not None:
                self.leave.append(Leave(fact.contact_id, fact.campaign_id, fact.envelope_id, fact.how, fact.at))
        elif self._first(fact, "unsubscribed_at"):
            self._count(fact, "unsubscribed")

    def _complained(self, fact: Complained, _note: CampaignNote) -> None:
        if self._first(fact, "complained_at"):
            self._at_provider(fact, "complained")
            self._suppress(fact, "complaint", f"{fact.feedback_type} {fact.reporter}".strip())

    def _replied(self, fact: Replied, _note: CampaignNote) -> None:
        self._moment(fact, "last_replied_at")
        self._moment(fact, "last_wrote_at")
        if self._first(fact, "replied_at"):
            self._at_provider(fact, "replied")

    def wrote(self, contacts: Mapping[str, Sequence[int]], moments: Mapping[str, float]) -> None:
        """Mail came from these addresses, which these contacts have."""
        for key, ids in contacts.items():
            for contact_id in ids:
                name = (contact_id, "last_wrote_at")
                self.changes.moments[name] = max(moments[key], self.changes.moments.get(name, 0.0))

    # -- noting

    def _known_row(self, fact: Fact) -> Engagement | None:
        envelope = fact.envelope_id or 0
        return self.changes.engagements.get(envelope) or self.known.engagements.get(envelope)

    def _row(self, fact: Fact) -> Engagement:
        """The envelope's engagement, to be changed."""
        row = self._known_row(fact) or Engagement(fact.envelope_id or 0, fact.campaign_id or 0, fact.contact_id)
        self.changes.engagements[row.envelope_id] = row
        return row

    def _first(self, fact: Fact, name: str) -> bool:
        """Whether this is the first time for this envelope; notes the moment."""
        row = self._known_row(fact)
        if row is not None and getattr(row, name) is not None:
            return False
        setattr(self._row(fact), name, fact.at)
        return True

    def _moment(self, fact: Fact, name: str, at: float | None = None) -> None:
        if fact.contact_id is not None:
            key = (fact.contact_id, name)
            self.changes.moments[key] = max(fact.at if at is None else at, self.changes.moments.get(key, 0.0))

    def _count(self, fact: Fact, what: str, dimension: str = "", value: str = "", by: int = 1) -> None:
        key = (fact.campaign_id or 0, what, dimension, value)
        if by:
            self.changes.counters[key] = self.changes.counters.get(key, 0) + by

    def _at_provider(self, fact: Fact, what: str, by: int = 1) -> None:
        note = self.known.envelopes.get(fact.envelope_id or 0)
        self._count(fact, what, by=by)
        self._count(fact, what, "provider", note.site if note is not None else "", by)

    def _people(self, fact: Fact, what: str, note: CampaignNote) -> None:
        self._at_provider(fact, what)
        self._count(fact, what, "moment", str(curve_step(fact.at, note.started_at)))

    def _suppress(self, fact: Fact, reason: str, detail: str) -> None:
        if fact.contact_id is not None and fact.campaign_id is not None:
            self.suppress.append(Suppress(fact.contact_id, fact.campaign_id, reason, detail[:300], fact.at))


_COUNT: Mapping[type[Fact], Callable[[Tally, Any, CampaignNote], None]] = {
    Delivered: Tally._delivered, Deferred: Tally._deferred, Bounced: Tally._bounced, Withheld: Tally._withheld,
    BounceReported: Tally._bounce_reported,
    Unsubscribed: Tally._unsubscribed, Complained: Tally._complained, Replied: Tally._replied,
}  # fmt: skip


def latency_bucket(seconds: float) -> str:
    """The bucket of a latency, as it is stored."""
    milliseconds = max(seconds * 1000.0, 0.1)
    return str(round(log(milliseconds) / log(LATENCY_STEP)))


def bucket_latency(bucket: str) -> float:
    """Milliseconds in the middle of a bucket."""
    return float(round(LATENCY_STEP ** int(bucket), 3))
