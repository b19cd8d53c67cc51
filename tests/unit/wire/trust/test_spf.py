"""SPF beside the openspf suite (tests/vectors): what an evaluation asks, limits, odd clients, hostile text."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lettershop.wire.trust.questions import FAILED, NO_SUCH_NAME, Answer, Query, drive
from lettershop.wire.trust.spf import macros
from lettershop.wire.trust.spf.check import Client, check_host
from lettershop.wire.trust.spf.macros import BadRecord
from lettershop.wire.trust.spf.record import is_spf, parse_record


def verdict(zone: dict, ip: str = "192.0.2.1", sender: str = "a@b.example", helo: str = "mx.b.example"):
    asked: list[Query] = []

    def ask(query: Query) -> Answer:
        asked.append(query)
        found = zone.get((query.name, query.rdtype), NO_SUCH_NAME)
        return found if isinstance(found, Answer) else Answer("ok", tuple(found))

    return drive(check_host(Client(ip, helo), sender), ask), asked


def spf(text: str) -> dict:
    return {("b.example", "TXT"): ["unrelated", text]}


@pytest.mark.parametrize(
    ("record", "ip", "expected", "term"),
    [
        ("v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.9", "pass", "ip4:192.0.2.0/24"),
        ("v=spf1 ip4:192.0.2.0/24 -all", "198.51.100.1", "fail", "-all"),
        ("v=spf1 ip4:192.0.2.0/24 ~all", "::ffff:192.0.2.9", "pass", "ip4:192.0.2.0/24"),
        ("v=spf1 ip6:2001:db8::/32 ?all", "2001:db8::1", "pass", "ip6:2001:db8::/32"),
        ("v=spf1 ip6:2001:db8::/32 ?all", "192.0.2.1", "neutral", "?all"),
        ("v=spf1", "192.0.2.1", "neutral", ""),
        ("V=SPF1 ~ALL", "192.0.2.1", "softfail", "~ALL"),
    ],
)
def test_verdicts_name_the_term_that_decided(record, ip, expected, term):
    result, asked = verdict(spf(record), ip)
    assert (result.verdict, result.term, result.scope, result.domain) == (expected, term, "mfrom", "b.example")
    assert asked == [Query("b.example", "TXT")]


def test_the_null_sender_is_checked_by_helo():
    result, _ = verdict({("mx.b.example", "TXT"): ["v=spf1 -all"]}, sender="")
    assert (result.verdict, result.scope, result.domain) == ("fail", "helo", "mx.b.example")


def test_no_answer_is_a_temperror_and_no_record_none():
    assert verdict({("b.example", "TXT"): FAILED})[0].verdict == "temperror"
    assert verdict({})[0].verdict == "none"
    assert verdict({}, sender="a@[192.0.2.1]")[0].verdict == "none"


def test_a_record_that_includes_itself_ends():
    result, asked = verdict(spf("v=spf1 include:b.example -all"))
    assert (result.verdict, result.reason) == ("permerror", "too many DNS look-ups")
    assert len(asked) <= 12


def test_questions_that_find_nothing_are_limited():
    result, asked = verdict(spf("v=spf1 a:1.b.example a:2.b.example a:3.b.example a:4.b.example +all"))
    assert result.verdict == "permerror" and len(asked) == 4


def test_international_names_are_asked_as_a_labels():
    assert verdict({}, sender="a@bücher.example")[1] == [Query("xn--bcher-kva.example", "TXT")]


def test_long_domains_lose_labels_from_the_left():
    assert len(macros.as_domain(".".join(["abcdefgh"] * 60))) <= 253
    assert macros.as_domain("a.b.") == "a.b"


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 all:b.example", "v=spf1 a:", "v=spf1 a:b", "v=spf1 include", "v=spf1 ip4:1.2.3", "v=spf1 ip4:1.2.3.4/33",
        "v=spf1 ip6:1.2.3.4", "v=spf1 a/24/24", "v=spf1 a//129", "v=spf1 -", "v=spf1 redirect=", "v=spf1 exists:%{x}.b.example",
        "v=spf1 exists:%{c}.b.example", "v=spf1 a:%{d0}", "v=spf1 redirect=a.b redirect=a.b", "v=spf1 x=%", "v=spf1 \tall",
    ],
)  # fmt: skip
def test_errors_anywhere_are_found_before_evaluation(record):
    assert verdict(spf(record.replace("v=spf1", "v=spf1 +all", 1)))[0].verdict == "permerror"


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text):
    with suppress(BadRecord):
        parse_record(f"v=spf1 {text}")
    is_spf(text)


TERM = st.sampled_from(
    [
        "all",
        "mx",
        "a:%{d}",
        "include:%{l}.b.example",
        "exists:%{ir}.b.example",
        "ptr",
        "redirect=c.example",
        "exp=e.example",
    ]
)


@given(st.lists(TERM, max_size=14), st.sampled_from(["ok", "nodata", "nxdomain", "failed"]))
def test_every_evaluation_ends_within_its_limits(terms, status):
    asked = 0

    def ask(query: Query) -> Answer:
        nonlocal asked
        asked += 1
        if query.rdtype == "TXT":
            return Answer("ok", ("v=spf1 " + " ".join(terms),))
        records = {"MX": "10 mx.b.example", "A": "198.51.100.7", "PTR": "mx.b.example"}
        return Answer(status, (records[query.rdtype],) if status == "ok" else ())

    drive(check_host(Client("192.0.2.1", "h.example"), "a@b.example"), ask)
    assert asked <= 60
