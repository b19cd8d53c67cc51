"""Circuit breakers at work: after each batch of counted facts, what that asks of running campaigns.

    who bounced or complained, of which campaign, at which provider > counts > `egress.breakers.judge`
    > the campaign's lanes go slowly or it is paused; one provider of it likewise; fact, and words for the operator

It runs in the transaction that counts, so a breaker acts as soon as the counts have changed. Going on is a person's
decision: `store.breakers.lift`, by `Campaigns.resume`.
"""

from collections.abc import Collection
from dataclasses import dataclass

from lettershop.base.facts import BreakerTripped
from lettershop.egress.breakers import STOP, Counts, Rulebook, Rules, Scope, Verdict, judge, slowed, words
from lettershop.marketing.campaigns import DOMAIN_SPAN, move
from lettershop.store import breakers as rows
from lettershop.store.breakers import Figures, Subject
from lettershop.store.database import Transaction

LEVELS = ("go", "slow", "stop")


@dataclass(slots=True)
class _Watch:
    """One look at the campaigns that a batch has touched."""

    tx: Transaction
    at: float
    levels: dict[tuple[int, str], int]
    seen: dict[tuple[int, str], Figures]
    told: list[BreakerTripped]

    def since_reset(self, key: tuple[int, str], figures: Figures) -> Counts:
        return Counts(*figures).since(Counts(*self.seen.get(key, (0, 0, 0, 0))))

    def trip(self, subject: Subject, provider: str, scope: Scope, name: str, verdict: Verdict, rules: Rules) -> None:
        """Act, unless it has acted as hard before."""
        key = (subject.campaign_id, provider)
        if verdict.level <= self.levels.get(key, 0):
            return
        self.levels[key] = verdict.level
        sentence = words(scope, name, verdict)
        pace = slowed(verdict.of, self.at - (subject.started_at or self.at), rules) if verdict.level < STOP else None
        rows.trip(
            self.tx, subject.campaign_id, provider, level=verdict.level, scope=scope, cause=verdict.cause,
            words=sentence, at=self.at, per_second=pace,
        )  # fmt: skip
        if not provider and verdict.level == STOP:
            move(self.tx, subject.campaign_id, "pause", self.at, "breaker", sentence)
        elif not provider:
            rows.slow_lanes(self.tx, subject.campaign_id, pace)
        fact = BreakerTripped(
            at=self.at, workspace_id=subject.workspace_id, campaign_id=subject.campaign_id,
            level=LEVELS[verdict.level], scope=scope, name=name, cause=verdict.cause, count=verdict.count,
            of=verdict.of, limit=verdict.limit, words=sentence,
        )  # fmt: skip
        self.tx.fact(fact)
        self.told.append(fact)


def watch(tx: Transaction, rulebook: Rulebook, touched: Collection[tuple[int, str]], at: float) -> list[BreakerTripped]:
    """Judge the (campaign, provider) at which somebody bounced or complained; what was done about it."""
    subjects = rows.subjects(tx.conn, {campaign_id for campaign_id, _ in touched})
    look = _Watch(tx, at, {}, {}, [])
    for subject in subjects:
        _remember(look, [subject.campaign_id])
        rules = rulebook.of(subject.workspace, subject.name)
        if subject.state == "sending":
            _campaign(look, subject, [site for key, site in touched if key == subject.campaign_id], rules)
    for first in {(subject.workspace_id, subject.domain): subject for subject in subjects}.values():
        _domain(look, first, rulebook)
    return look.told


def _remember(look: _Watch, campaign_ids: Collection[int]) -> None:
    for breaker in rows.of_campaigns(look.tx.conn, campaign_ids):
        key = (breaker.campaign_id, breaker.provider)
        look.levels.setdefault(key, breaker.level)
        look.seen.setdefault(key, breaker.seen)


def _campaign(look: _Watch, subject: Subject, providers: list[str], rules: Rules) -> None:
    """The whole campaign; then single providers, where that asks for more."""
    keys = [(subject.campaign_id, provider) for provider in ("", *providers)]
    verdicts = {
        provider: judge(look.since_reset((campaign_id, provider), figures), rules)
        for (campaign_id, provider), figures in rows.counts(look.tx.conn, keys).items()
    }
    whole = verdicts.pop("")
    look.trip(subject, "", "campaign", subject.name, whole, rules)
    for provider, verdict in verdicts.items():
        if verdict.level > whole.level:
            look.trip(subject, provider, "provider", provider, verdict, rules)


def _domain(look: _Watch, subject: Subject, rulebook: Rulebook) -> None:
    """All campaigns of a sending domain together; nothing new if there is only one."""
    family = rows.of_domain(look.tx.conn, subject.workspace_id, subject.domain, look.at - DOMAIN_SPAN)
    if len(family) < 2:
        return
    _remember(look, [member.campaign_id for member in family])
    together = Counts()
    for key, figures in rows.counts(look.tx.conn, [(member.campaign_id, "") for member in family]).items():
        together += look.since_reset(key, figures)
    for member in family:
        if member.state != "sending" or look.levels.get((member.campaign_id, ""), 0) == STOP:
            continue
        rules = rulebook.of(member.workspace, member.name)
        look.trip(member, "", "domain", member.domain, judge(together, rules), rules)
