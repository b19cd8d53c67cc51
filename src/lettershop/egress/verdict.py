"""What becomes of an envelope after an answer: the outcome to store and the fact to tell. [pure]

answer -> classify -> delivered | again at … | refused | given up, as one `store.envelopes.Outcome`
"""

from dataclasses import dataclass, replace

from lettershop.base.errors import LettershopError
from lettershop.base.facts import Bounced, Deferred, Delivered, Withheld
from lettershop.egress.classify import EXPIRED as RAN_OUT
from lettershop.egress.classify import Class, Rules, Stage, shipped
from lettershop.egress.message import Leased, Withhold
from lettershop.egress.retries import Retries
from lettershop.store.envelopes import Outcome
from lettershop.store.schema_delivery import BOUNCED, DELIVERED, EXPIRED, QUEUED, WITHHELD

LONGEST = 500
"""Characters of an answer that are kept."""
_CONTROLS = dict.fromkeys((*range(32), 127), " ")
AGAIN_SOON = 2.0
"""Seconds after which an envelope comes back whose campaign said "not now"."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said at which stage by whom; words of our own where nobody answered. `talk`: the dialogue that led there."""

    code: int
    enhanced: str
    text: str
    stage: Stage
    mx: str = ""
    tls: str = ""
    talk: str = ""
    relayed: bool = False  # see `base.facts.Delivered`

    @property
    def words(self) -> str:
        """Enhanced code and text, without what neither a screen nor a database likes."""
        words = f"{self.enhanced} {self.text}" if self.enhanced else self.text
        if len(words) > LONGEST:
            words = words[:LONGEST]
        return words if words.isprintable() else words.translate(_CONTROLS)

    @property
    def line(self) -> str:
        """Code and words."""
        return f"{self.code} {self.words}"

    @property
    def dialogue(self) -> str:
        """The end of the conversation, for the queue's screen: "mx1.b.example (TLSv1.3), rcpt: 550 5.1.1 …"."""
        return self.dialogue_of(self.words)

    def dialogue_of(self, words: str) -> str:
        """The same, for who has the words already."""
        where = f"{self.mx} ({self.tls})" if self.tls else self.mx
        return f"{where or 'here'}, {self.stage}: {self.code} {words}"[:LONGEST]


def judge(
    leased: Leased, address: str, answer: Answer, now: float, retries: Retries, rules: Rules | None = None
) -> Outcome:
    """The outcome of an attempt that was answered so, by these rules."""
    if answer.stage == "dot" and 200 <= answer.code < 300:
        return _delivered(leased, address, answer, now)
    found = (rules or shipped()).classify(answer.code, answer.enhanced, answer.text, answer.stage, answer.mx)
    if not found.retry:
        return _bounced(leased, address, answer, now, found, BOUNCED)
    at = retries.at(now, leased.attempts + 1, found.again, found.wait, leased.envelope_id)
    if at > leased.expires_at:
        return _bounced(leased, address, answer, now, found, EXPIRED)
    fact = Deferred(
        at=now, workspace_id=leased.workspace_id, campaign_id=leased.campaign_id, contact_id=leased.contact_id,
        envelope_id=leased.envelope_id, site=leased.site, mx=answer.mx, code=answer.code, text=answer.words,
        reason=found.reason, attempt=leased.attempts + 1, retry_at=at,
    )  # fmt: skip
    return Outcome(
        leased.envelope_id, QUEUED, now, answer=answer.dialogue, address=address, due_at=at, fact=fact,
        dialogue=answer.talk or None,
    )  # fmt: skip


def _delivered(leased: Leased, address: str, answer: Answer, now: float) -> Outcome:
    words = answer.words
    fact = Delivered(
        at=now, workspace_id=leased.workspace_id, campaign_id=leased.campaign_id, contact_id=leased.contact_id,
        envelope_id=leased.envelope_id, site=leased.site, mx=answer.mx, code=answer.code, text=words,
        tls=answer.tls, attempt=leased.attempts + 1, latency=max(0.0, now - leased.created_at), relayed=answer.relayed,
    )  # fmt: skip
    return Outcome(
        leased.envelope_id, DELIVERED, now, answer=answer.dialogue_of(words), address=address, fact=fact,
        dialogue="" if leased.attempts else None,
    )  # fmt: skip


def _bounced(leased: Leased, address: str, answer: Answer, now: float, found: Class, state: int) -> Outcome:
    fact = Bounced(
        at=now, workspace_id=leased.workspace_id, campaign_id=leased.campaign_id, contact_id=leased.contact_id,
        envelope_id=leased.envelope_id, site=leased.site, mx=answer.mx, code=answer.code, text=answer.words,
        reason=found.reason, hard=found.hard and state == BOUNCED, address=address, attempt=leased.attempts + 1,
        advice=found.advice,
    )  # fmt: skip
    return Outcome(
        leased.envelope_id, state, now, answer=answer.dialogue, address=address, fact=fact, dialogue=answer.talk or None
    )


def too_late(leased: Leased, now: float, why: str) -> Outcome:
    """Its time ran out while it waited: given up if it was tried or its site cannot be reached (`why`), else withheld."""
    if not (leased.attempts or why):
        return withheld(leased, Withhold(leased.envelope_id, "too-late"), now)
    answer = Answer(451, "4.4.7", why or "Message expired", "connect")
    given_up = _bounced(leased, leased.address or "", answer, now, RAN_OUT, EXPIRED)
    # its last answer tells more than "expired"
    return replace(given_up, answer=None, address=None) if leased.attempts else replace(given_up, address=None)


def withheld(leased: Leased, withhold: Withhold, now: float) -> Outcome:
    """The source said that it must not go, for good or for now."""
    if withhold.again:
        return Outcome(leased.envelope_id, QUEUED, now, due_at=now + AGAIN_SOON, tried=False)
    fact = Withheld(
        at=now, workspace_id=leased.workspace_id, campaign_id=leased.campaign_id, contact_id=leased.contact_id,
        envelope_id=leased.envelope_id, reason=withhold.reason,
    )  # fmt: skip
    return Outcome(leased.envelope_id, WITHHELD, now, answer=withhold.reason, tried=False, fact=fact)


def not_made(leased: Leased, address: str, error: Exception, now: float, retries: Retries) -> Outcome:
    """The message could not be made. An error of ours that says so for good withholds; anything else is tried again."""
    if isinstance(error, LettershopError) and not error.retry:
        return withheld(leased, Withhold(leased.envelope_id, error.code), now)
    words = error.public if isinstance(error, LettershopError) else "The message could not be made."
    return judge(leased, address, Answer(451, "4.3.0", words, "connect"), now, retries)
