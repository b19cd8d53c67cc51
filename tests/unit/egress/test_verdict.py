"""What an answer makes of an envelope."""

from dataclasses import replace

import pytest

from lettershop.base.errors import Invalid, Temporary
from lettershop.egress.message import Leased, Withhold
from lettershop.egress.retries import Retries
from lettershop.egress.verdict import AGAIN_SOON, Answer, judge, not_made, too_late, withheld
from lettershop.store.schema_delivery import BOUNCED, DELIVERED, EXPIRED, QUEUED, WITHHELD

NOW = 1000.0
RETRIES = Retries([10.0, 60.0], {"soon": [2.0], "late": [500.0]})
LEASED = Leased(1, 2, 3, 4, None, None, "b.example", 0, 990.0, 980.0, 2000.0)
LATER = Answer(451, "4.7.1", "Please try later", "rcpt", "mx.b.example")


def of(code, enhanced="", text="", stage="rcpt", leased=LEASED):
    return judge(leased, "a@b.example", Answer(code, enhanced, text, stage, "mx.b.example", "TLSv1.3"), NOW, RETRIES)


def test_accepted():
    outcome = of(250, "2.0.0", "ok", "dot")
    assert (outcome.state, outcome.tried, outcome.address) == (DELIVERED, True, "a@b.example")
    fact = outcome.fact
    assert (fact.latency, fact.attempt, fact.tls, fact.text) == (20.0, 1, "TLSv1.3", "2.0.0 ok")
    assert (fact.workspace_id, fact.campaign_id, fact.contact_id, fact.envelope_id) == (2, 3, 4, 1)


def test_a_2xx_before_the_dot_accepts_nothing():
    assert of(250, "", "ok", "data").state == QUEUED


def test_deferred_until_the_table_says():
    outcome = of(451, "4.7.1", "Please try later", leased=replace(LEASED, attempts=1))
    assert outcome.state == QUEUED
    assert NOW + 60 <= outcome.due_at < NOW + 66
    assert (outcome.fact.kind, outcome.fact.attempt, outcome.fact.retry_at) == ("Deferred", 2, outcome.due_at)
    assert outcome.answer == "mx.b.example (TLSv1.3), rcpt: 451 4.7.1 Please try later"


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("Greylisted, see the help page", 2, 3),
        ("Mailbox full", 500, 550),
        ("Greylisted, try again in 300 seconds", 301, 332),
        ("Please come back in 00:05:00", 301, 332),
        ("Rate limit exceeded, please wait 2 minutes before you retry", 121, 134),
    ],
)
def test_each_class_has_its_own_schedule_and_a_time_that_is_told_counts(text, least, most):
    outcome = of(451, "4.0.0", text)
    assert NOW + least <= outcome.due_at <= NOW + most


def test_given_up_when_the_next_try_would_be_too_late():
    outcome = of(452, "4.2.2", "over quota", leased=replace(LEASED, expires_at=NOW + 5))
    assert outcome.state == EXPIRED
    assert (outcome.fact.kind, outcome.fact.hard, outcome.fact.reason) == ("Bounced", False, "mailbox-full")


def test_a_dead_address_said_temporarily_until_the_end_is_not_hard():
    outcome = of(450, "4.1.1", "user unknown", leased=replace(LEASED, expires_at=NOW + 5))
    assert (outcome.fact.reason, outcome.fact.hard) == ("unknown-user", False)


@pytest.mark.parametrize(("text", "hard"), [("User unknown", True), ("Message looks like spam", False)])
def test_refused_for_good(text, hard):
    outcome = of(550, "", text)
    assert (outcome.state, outcome.fact.hard, outcome.fact.address) == (BOUNCED, hard, "a@b.example")
    assert outcome.fact.advice


def test_the_time_ran_out():
    never = too_late(LEASED, NOW, "")
    assert (never.state, never.fact.reason, never.tried) == (WITHHELD, "too-late", False)
    unreachable = too_late(LEASED, NOW, "Connection refused")
    assert (unreachable.state, unreachable.fact.kind, unreachable.fact.reason) == (EXPIRED, "Bounced", "expired")
    assert "Connection refused" in unreachable.answer
    tried = too_late(replace(LEASED, attempts=3), NOW, "")
    assert (tried.state, tried.answer) == (EXPIRED, None)  # the last answer stays


def test_withheld_for_good_and_for_now():
    gone = withheld(LEASED, Withhold(1, "suppressed"), NOW)
    assert (gone.state, gone.fact.reason, gone.tried) == (WITHHELD, "suppressed", False)
    paused = withheld(LEASED, Withhold(1, "paused", again=True), NOW)
    assert (paused.state, paused.fact, paused.due_at) == (QUEUED, None, NOW + AGAIN_SOON)


def test_what_cannot_be_made_is_withheld_or_tried_again():
    assert not_made(LEASED, "a@b.example", Invalid("no", code="no-name"), NOW, RETRIES).fact.reason == "no-name"
    assert not_made(LEASED, "a@b.example", Temporary("busy"), NOW, RETRIES).state == QUEUED
    secret = not_made(LEASED, "a@b.example", ValueError("secret"), NOW, RETRIES)
    assert secret.state == QUEUED
    assert "secret" not in secret.answer + secret.fact.text


def test_answers_are_kept_short_and_printable():
    outcome = of(550, "5.1.1", "no\x00\r\n" + "x" * 9000)
    assert len(outcome.fact.text) <= 500
    assert outcome.fact.text.isprintable()
    assert len(outcome.answer) <= 500
