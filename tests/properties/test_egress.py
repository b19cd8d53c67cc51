"""Whatever a receiver says, it is understood somehow and kept in a form that can be stored and shown."""

from hypothesis import given
from hypothesis import strategies as st

from lettershop.egress.classify import classify, shipped
from lettershop.egress.message import Leased
from lettershop.egress.retries import Retries
from lettershop.egress.verdict import Answer, judge
from lettershop.store.schema_delivery import BOUNCED, DELIVERED, EXPIRED, QUEUED

CODES = st.integers(200, 599)
ENHANCED = st.one_of(st.just(""), st.from_regex(r"[245]\.\d{1,3}\.\d{1,3}", fullmatch=True))
STAGES = st.sampled_from(["route", "connect", "greeting", "ehlo", "tls", "auth", "mail", "rcpt", "data", "dot"])
LEASED = Leased(1, 2, 3, 4, None, None, "b.example", 0, 0.0, 0.0, 1e9)


@given(CODES, ENHANCED, st.text(max_size=300), STAGES)
def test_every_answer_has_a_class(code, enhanced, text, stage):
    found = classify(code, enhanced, text, stage)
    assert found.advice == shipped().advice(found.reason)
    assert not (found.hard and found.retry)
    assert code >= 500 or not found.hard


@given(CODES, ENHANCED, st.text(max_size=900), STAGES)
def test_every_answer_has_an_outcome_that_can_be_stored(code, enhanced, text, stage):
    outcome = judge(LEASED, "a@b.example", Answer(code, enhanced, text, stage), 10.0, Retries([60.0]))
    assert outcome.state in (DELIVERED, BOUNCED, EXPIRED, QUEUED)
    assert (outcome.state == DELIVERED) == (stage == "dot" and code < 300)
    assert "\x00" not in outcome.answer + outcome.fact.text
    assert len(outcome.answer) <= 500
    assert (outcome.state == QUEUED) == (outcome.due_at is not None)
