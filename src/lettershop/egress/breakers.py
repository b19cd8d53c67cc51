"""Circuit breakers: when what bounces or is complained about asks for less mail. [pure]

    counts of a campaign, of a campaign at one provider, of a sending domain > `judge` > go on, slow down or stop

The limits are the yardsticks of the field: Amazon SES reviews a sender at 5 % hard bounces and pauses it at 10 %; Gmail
and Yahoo ask for complaints below 0.1 % and turn mail away from 0.3 %. Too small a sample decides nothing. Whoever resumes
a campaign has seen the figures: what was counted until then is subtracted (`Counts.since`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from lettershop.base.config import Breakers

Cause = Literal["bounces", "complaints"]
Scope = Literal["campaign", "provider", "domain"]
GO, SLOW, STOP = range(3)
"""Levels of a breaker, each worse than the one before."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Shares from which a breaker slows down and stops; the least that must have been counted; how slow slow is."""

    bounces: tuple[float, float] = (0.05, 0.10)
    complaints: tuple[float, float] = (0.001, 0.003)
    sample: int = 100
    least_bounces: int = 10
    least_complaints: int = 3
    slow_to: float = 0.1
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The rules of everybody, and those of workspaces and campaigns (by name) that have their own."""

    usual: Rules = field(default_factory=Rules)
    workspaces: Mapping[str, Rules] = field(default_factory=dict)
    campaigns: Mapping[str, Rules] = field(default_factory=dict)

    def of(self, workspace: str, campaign: str) -> Rules:
        """The rules for a campaign; the narrower ones win."""
        return self.campaigns.get(campaign) or self.workspaces.get(workspace) or self.usual


@dataclass(frozen=True, slots=True)
class Counts:
    """People: with a final answer, of them delivered, bounced for good; and who complained."""

    delivered: int = 0
    bounced_hard: int = 0
    bounced_soft: int = 0
    complained: int = 0

    @property
    def answered(self) -> int:
        """Those of whom it is known what became of their message."""
        return self.delivered + self.bounced_hard + self.bounced_soft

    def since(self, base: "Counts") -> "Counts":
        """What came after `base` was seen. A bounce report may take back a delivery that was in it."""
        return Counts(
            max(0, self.delivered - base.delivered),
            max(0, self.bounced_hard - base.bounced_hard),
            max(0, self.bounced_soft - base.bounced_soft),
            max(0, self.complained - base.complained),
        )

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.delivered + other.delivered, self.bounced_hard + other.bounced_hard,
            self.bounced_soft + other.bounced_soft, self.complained + other.complained,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the counts ask for, and the figures behind it."""

    level: int
    cause: Cause = "bounces"
    count: int = 0
    of: int = 0
    limit: float = 0.0


def judge(counts: Counts, rules: Rules) -> Verdict:
    """The worse of what bounces and complaints ask for."""
    if not rules.enabled or counts.answered < rules.sample:
        return Verdict(GO)
    bounces = _judge("bounces", counts.bounced_hard, counts.answered, rules.bounces, rules.least_bounces)
    complaints = _judge("complaints", counts.complained, counts.delivered, rules.complaints, rules.least_complaints)
    return complaints if complaints.level > bounces.level else bounces


def _judge(cause: Cause, count: int, of: int, limits: tuple[float, float], least: int) -> Verdict:
    if count < least or not of:
        return Verdict(GO)
    share = count / of
    for level, limit in ((STOP, limits[1]), (SLOW, limits[0])):
        if share >= limit:
            return Verdict(level, cause, count, of, limit)
    return Verdict(GO)


def words(scope: Scope, name: str, verdict: Verdict) -> str:
    """Plain words for the operator: what was counted, what happens, from which share on."""
    where = {"campaign": "", "provider": f" at {name}", "domain": f" in the campaigns of {name}"}[scope]
    what = "bounced for good" if verdict.cause == "bounces" else "were complained about"
    then = "are held back" if verdict.level == STOP else "go out slowly"
    whose = {"campaign": "The others", "provider": f"The others at {name}", "domain": "The others"}[scope]
    share = f"{verdict.count / verdict.of:.2%}".replace("%", " %")
    limit = f"{verdict.limit:.2%}".replace(".00%", "%").replace("%", " %")
    return f"{share} of the messages{where} {what} ({verdict.count:,} of {verdict.of:,}). {whose} {then}, as from {limit} on."


def slowed(sent: int, seconds: float, rules: Rules) -> float:
    """Messages a second for what is slowed down: a share of its pace so far, at least one in ten seconds."""
    return max(0.1, rules.slow_to * sent / max(seconds, 1.0))


def rulebook(told: Breakers) -> Rulebook:
    """The rules as the configuration tells them; what a workspace or campaign does not say is as usual."""
    usual = Rules(
        bounces=told.bounces, complaints=told.complaints, sample=told.sample, least_bounces=told.least_bounces,
        least_complaints=told.least_complaints, slow_to=told.slow_to, enabled=told.enabled,
    )  # fmt: skip
    own = {
        kind: {name: replace(usual, **rules.model_dump(exclude_none=True)) for name, rules in table.items()}
        for kind, table in (("workspaces", told.workspaces), ("campaigns", told.campaigns))
    }
    return Rulebook(usual, own["workspaces"], own["campaigns"])
