"""Each rule fires on its own sample; codes alone; hard and soft."""

import re

import pytest

from lettershop.base.errors import Invalid
from lettershop.egress.classify import classify, load, shipped
from lettershop.egress.rules import CACHED, parse

TABLE = shipped()
SAMPLES = [(rule, sample) for rule in (*TABLE.rules, *TABLE.vague) for sample in rule.samples]


def split(answer):
    code, _, rest = answer.partition(" ")
    match = re.match(r"([245]\.\d+\.\d+) ", rest)
    return (int(code), match[1], rest[match.end() :]) if match else (int(code), "", rest)


@pytest.mark.parametrize(("rule", "sample"), SAMPLES, ids=[f"{rule.reason}:{sample[:40]}" for rule, sample in SAMPLES])
def test_every_rule_is_fired_first_by_its_own_samples(rule, sample):
    code, status, text = split(sample)
    assert TABLE.first(sample, code, status) is rule
    assert classify(code, status, text).reason == rule.reason


def test_every_rule_has_a_sample():
    assert all(rule.samples for rule in (*TABLE.rules, *TABLE.vague))


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
    ("554 30 Sorry, your message to a@yahoo.com cannot be delivered. This mailbox is disabled (554.30).", "inactive-user", False, False),
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
    assert found.advice == TABLE.advice(reason)


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
    assert TABLE.checked() is TABLE
    assert all(reason.advice.endswith(".") for reason in TABLE.reasons.values())


@pytest.mark.parametrize(
    ("host", "text", "provider"),
    [
        ("aspmx.l.google.com", "", "google"), ("mx-in.mail.t-online.de", "", "telekom"), ("", "no. [2a00:0:1] - gsmtp", "google"),
        ("mx.b.example", "no", ""), ("evilgoogle.com", "", ""), ("", "Too busy S3115 [x.prod.outlook.com]", "microsoft"),
    ],
)  # fmt: skip
def test_whose_answer_it_is(host, text, provider):
    assert classify(550, "", text, host=host).provider == provider


OWN = """
[[rules]]
reason = "house-rule"
words = ['no newsletters']
providers = ["b"]
status = "x.7"
stages = "rcpt"
hard = true
advice = "They want none."

[reasons.house-rule]
advice = "Ask them."

[reasons.policy]
advice = "Ours."

[providers]
b = { hosts = ["b.example"] }

[codes]
599 = "policy"
"""


@pytest.fixture
def own():
    return TABLE.under(parse(OWN)).checked()


def test_the_operators_rules_come_first(own):
    found = own.classify(550, "5.7.1", "We want no newsletters", "rcpt", "mx1.b.example")
    assert (found.reason, found.hard, found.advice, found.provider) == ("house-rule", True, "They want none.", "b")
    assert own.classify(599, "", "what?").advice == "Ours."


@pytest.mark.parametrize(
    ("status", "stage", "host"),
    [("5.1.3", "rcpt", "mx1.b.example"), ("5.7.1", "dot", "mx1.b.example"), ("5.7.1", "rcpt", "mx.c.example")],
)
def test_a_rule_fits_only_if_all_it_names_fits(own, status, stage, host):
    assert own.classify(550, status, "We want no newsletters", stage, host).reason != "house-rule"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[[rules]]\nreason = 'policy'\nword = ['x']", "word"), ("[[rules]]\nreason = 'nothing'\nwords = ['x']", "nothing"),
        ("[[rules]]\nreason = 'policy'\nwords = ['(']", "("), ("[rule]", "rule"), ("[[rules]", "Bounce rules"),
        ("[[rules]]\nreason = 'policy'\nproviders = ['gogle']", "gogle"), ("[codes]\nx = 'policy'", "x"),
    ],
)  # fmt: skip
def test_a_wrong_table_says_what_is_wrong(text, named):
    with pytest.raises(Invalid, match=re.escape(named)):
        TABLE.under(parse(text)).checked()


def test_a_table_from_a_file(tmp_path):
    file = tmp_path / "rules.toml"
    file.write_text(OWN)
    assert load(file).advice("policy") == "Ours."
    assert load("") is TABLE
    with pytest.raises(Invalid, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_answers_that_differ_in_addresses_only_are_understood_once():
    table = TABLE.under(parse(""))
    for number in range(50):
        table.classify(550, "5.1.1", f"<a{number}@b.example>: user unknown, 192.0.2.{number}, id 4Z{number:013d}x")
    assert len(table._cache) == 1
    for number in range(CACHED + 10):
        table.classify(550, "", f"no {number}")
    assert len(table._cache) <= CACHED
