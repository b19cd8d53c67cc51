"""What an incoming message must pass. Checks report, the pipeline decides. [pure]

A check gets what is known and returns a `Finding` or None; `decide` turns the findings into what is answered and added.
Adding a check is adding a function to `CHECKS`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from lettershop.mail.authenticate import AuthReport

Action = Literal["reject", "junk", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found: what it asks for, a stable reason, words for the sender."""

    action: Action
    reason: str
    words: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do: take it, into INBOX or Junk, or refuse it with these words."""

    refuse: Finding | None
    junk: bool
    findings: tuple[Finding, ...]


def dmarc_policy(report: AuthReport) -> Finding | None:
    """The From domain's owner says what becomes of mail that only pretends to be from it (RFC 9989)."""
    if report.dmarc != "fail":
        return None
    if report.dmarc_policy == "reject":
        return Finding("reject", "dmarc-reject", "This message fails the DMARC policy of its From domain.")
    if report.dmarc_policy == "quarantine":
        return Finding("junk", "dmarc-quarantine", "Fails the DMARC policy of its From domain.")
    return None


def one_author(report: AuthReport) -> Finding | None:
    """From must name one domain: with none, or several, nobody can be held to what it says (RFC 9989 5.3.1)."""
    if report.dmarc != "permerror":
        return None
    return Finding("junk", "author-unclear", "From does not name the domain of one author.")


CHECKS: tuple[Callable[[AuthReport], Finding | None], ...] = (dmarc_policy, one_author)


def decide(report: AuthReport, checks: Sequence[Callable[[AuthReport], Finding | None]] = CHECKS) -> Verdict:
    """The verdict on a message."""
    findings = tuple(finding for check in checks if (finding := check(report)) is not None)
    refuse = next((finding for finding in findings if finding.action == "reject"), None)
    return Verdict(refuse, any(finding.action == "junk" for finding in findings), findings)
