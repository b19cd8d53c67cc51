"""What the demo says in the end, and whether its figures add up. [pure]

Every figure comes from where it was recorded: `delivered` and its kin from the campaign's report (facts in the database),
the `*_pass` counts from messages found in mailboxes over IMAP. The readers' own count of what they did is only compared.
"""

from dataclasses import asdict, dataclass
from typing import Any

from lettershop.cli.demo.readers import Seen
from lettershop.marketing.report import Report

ACTS = ("opened", "opened_by_machine", "clicked", "unsubscribed", "complained", "replied")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The JSON object of `demo --json` (CONTRACT.md)."""

    recipients: int
    sent: int
    delivered: int
    bounced_hard: int
    bounced_soft: int
    waiting: int
    complained: int
    opened: int
    opened_by_machine: int
    clicked: int
    unsubscribed: int
    replied: int
    dkim_pass: int
    spf_pass: int
    dmarc_pass: int
    seconds: float
    messages_per_second: float
    latency_ms: dict[str, float]
    web: str
    imap: str

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def outcome_of(report: Report, seen: Seen, *, seconds: float, rate: float, web: str, imap: str) -> Outcome:
    """Put the figures together."""
    return Outcome(
        recipients=report.recipients, sent=report.sent, delivered=report.delivered,
        bounced_hard=report.bounced_hard, bounced_soft=report.bounced_soft, waiting=report.waiting,
        complained=report.complained, opened=report.opened, opened_by_machine=report.opened_by_machine,
        clicked=report.clicked, unsubscribed=report.unsubscribed, replied=report.replied,
        dkim_pass=seen.passed["dkim"], spf_pass=seen.passed["spf"], dmarc_pass=seen.passed["dmarc"],
        seconds=round(seconds, 2), messages_per_second=round(rate, 1),
        latency_ms={"p50": report.latency_ms.p50, "p95": report.latency_ms.p95, "p99": report.latency_ms.p99},
        web=web, imap=imap,
    )  # fmt: skip


def settled(report: Report, seen: Seen) -> bool:
    """Whether every message is decided and all that the readers did is counted: facts take a moment to come home."""
    decided = report.state == "done" and not report.waiting and not report.queued
    followed = {link.number: link.people for link in report.links}
    clicks = all(followed.get(number, 0) >= people for number, people in seen.link_people.items())
    return decided and clicks and all(getattr(report, act) >= len(seen.did[act]) for act in ACTS)


def problems(outcome: Outcome, report: Report, seen: Seen) -> list[str]:
    """What does not add up, in words; empty if all does."""
    checks = [
        (outcome.sent > 0, "nothing was sent"),
        (report.state == "done", f"the campaign is {report.state}, not done"),
        (not report.withheld, f"{report.withheld} withheld, though nobody asked for that"),
        (2 * outcome.delivered > outcome.sent, f"only {outcome.delivered} of {outcome.sent} were delivered"),
        (outcome.recipients == outcome.sent, f"{outcome.recipients} recipients, but only {outcome.sent} tried"),
        (
            outcome.sent == outcome.delivered + outcome.bounced_hard + outcome.bounced_soft + outcome.waiting,
            "sent is not delivered + bounced + waiting",
        ),
        (outcome.delivered == len(seen.found), f"{outcome.delivered} delivered, {len(seen.found)} found over IMAP"),
        *(
            (seen.passed[m] == outcome.delivered, f"{m}=pass in {seen.passed[m]} messages only")
            for m in ("dkim", "spf", "dmarc")
        ),
        *(
            (
                getattr(report, act) == len(seen.did[act]),
                f"{act}: {getattr(report, act)} counted, {len(seen.did[act])} done",
            )
            for act in ACTS
        ),
    ]
    links = {link.number: link.people for link in report.links if link.people}
    checks.append((links == dict(seen.link_people), "clicks by link are not what the readers clicked"))
    return [words for good, words in checks if not good] + seen.troubles[:10]
