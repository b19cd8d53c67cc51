"""Each rule fires on its own sample; codes alone; hard and soft."""

import re

import pytest

from lettershop.egress.answers import CODES, ENHANCED, RULES, VAGUE
from lettershop.egress.classify import ADVICE, classify


def split(answer):
    code, _, rest = answer.partition(" ")
    match = re.match(r"([245]\.\d+\.\d+) ", rest)
    return (int(code), match[1], rest[match.end() :]) if match else (int(code), "", rest)


@pytest.mark.parametrize("rule", RULES + VAGUE, ids=lambda rule: f"{rule.reason}:{rule.sample[:40]}")
def test_every_rule_is_fired_first_by_its_own_sample(rule):
    fired = next(one for one in RULES + VAGUE if re.search(one.pattern, rule.sample, re.IGNORECASE))
    assert fired is rule
    assert classify(*split(rule.sample)).reason == rule.reason


ANSWERS = [
    # as sent by the large providers and the usual servers
    ("550 5.1.1 The email account that you tried to reach does not exist. Please try double-checking", "unknown-user", True, False),
    ("550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", "unknown-user", True, False),
    ("554 delivery error: dd This user doesn't have a yahoo.com account (a@yahoo.com) [0]", "unknown-user", True, False),
    ("550 Requested action not taken: mailbox unavailable", "unknown-user", True, False),
    ("550 5.1.1 No such mailbox", "unknown-user", True, False),
    ("550 5.1.1 <a@icloud.com>: user does not exist", "unknown-user", True, False),
    ("550 No such user here", "unknown-user", True, False),
    ("550 5.1.1 rejected", "unknown-user", True, False),
    ("554 30 Sorry, your message to a@yahoo.com cannot be delivered. This mailbox is disabled (554.30).", "inactive-user", True, False),
    ("450 4.1.1 <a@b.example>: Recipient address rejected: unverified address: user unknown", "unknown-user", False, True),
    ("552 5.2.2 <a@b.example>: mailbox full", "mailbox-full", False, False),
    ("452 4.3.1 Insufficient system storage", "busy", False, True),
    ("451 4.7.1 Greylisting in action, please come back later", "greylisted", False, True),
    ("550 5.7.1 [192.0.2.1] Our system has detected that this message is likely unsolicited mail.", "content", False, False),
    ("550 5.7.515 Access denied, sending domain brand.example does not meet the required authentication", "authentication", False, False),
    ("550 5.7.25 The IP address sending this message does not have a PTR record setup", "dns", False, False),
    ("421 4.7.28 Our system has detected an unusual rate of unsolicited mail originating from your IP", "rate", False, True),
    ("553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list", "reputation", False, False),
    ("550 5.3.4 too big", "too-large", False, False),
    ("554 5.4.14 Hop count exceeded - possible mail loop", "loop", False, False),
    ("554 5.3.0 Too many recipients", "too-many-recipients", False, True),
    ("421 mx.example Service not available, closing transmission channel", "busy", False, True),
    ("556 5.1.10 The domain does not accept mail.", "bad-domain", True, False),
    ("451 4.4.2 The server closed the connection", "network", False, True),
    ("550 no", "policy", False, False),
    ("250 fine", "undetermined", False, True),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "reason", "hard", "retry"), ANSWERS, ids=[line[0][:50] for line in ANSWERS])
def test_answers_of_the_field(answer, reason, hard, retry):
    found = classify(*split(answer))
    assert (found.reason, found.hard, found.retry) == (reason, hard, retry)
    assert found.advice == ADVICE[reason]


@pytest.mark.parametrize(("code", "enhanced", "reason"), [
    (550, "5.1.1", "unknown-user"), (550, "5.2.2", "mailbox-full"), (550, "5.7.1", "policy"), (451, "4.4.3", "dns"),
    (550, "5.99.99", "policy"), (599, "", "undetermined"), (503, "5.5.1", "protocol"), (552, "", "mailbox-full"),
])  # fmt: skip
def test_without_words_the_codes_count(code, enhanced, reason):
    assert classify(code, enhanced, "").reason == reason


def test_a_refusal_before_mail_concerns_no_address():
    found = classify(554, "5.7.1", "no such user may talk to us", stage="greeting")
    assert (found.hard, found.retry) == (False, True)


def test_every_reason_has_advice_and_every_table_speaks_of_known_reasons():
    used = {rule.reason for rule in RULES + VAGUE} | set(ENHANCED.values()) | set(CODES.values())
    assert used <= set(ADVICE)
