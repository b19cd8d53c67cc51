"""DMARC: whose record counts, what is aligned, what the owner wants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lettershop.wire.trust.dmarc import Record, check, parse_record, walk_names
from lettershop.wire.trust.questions import FAILED, NO_SUCH_NAME, Answer, Query, drive


def result(zone: dict, author: str = "b.example", spf=None, dkim=(), exists: bool = True):
    asked: list[Query] = []

    def ask(query: Query) -> Answer:
        asked.append(query)
        if query.rdtype == "A":
            return Answer("nodata") if exists else NO_SUCH_NAME
        text = zone.get(query.name.removeprefix("_dmarc."))
        if text is None or isinstance(text, Answer):
            return text or NO_SUCH_NAME
        return Answer("ok", tuple(text) if isinstance(text, list) else (text,))

    found = drive(check(author, spf, dkim), ask)
    assert len(asked) == len(set(asked))
    return found, [query.name for query in asked]


def test_an_aligned_domain_passes_and_nothing_more_is_asked():
    found, asked = result({"b.example": "v=DMARC1; p=reject"}, spf="b.example", dkim=["b.example"])
    assert (found.verdict, found.policy, found.aligned, found.record_domain) == (
        "pass",
        "none",
        ("spf", "dkim"),
        "b.example",
    )
    assert asked == ["_dmarc.b.example"]


def test_a_foreign_domain_does_not_help():
    found, _ = result(
        {"b.example": "v=DMARC1; p=reject"}, spf="c.example", dkim=["bb.example", "b.example.evil.example"]
    )
    assert (found.verdict, found.policy) == ("fail", "reject")


@pytest.mark.parametrize(("mode", "expected"), [("r", "pass"), ("s", "fail")])
def test_relaxed_and_strict_alignment(mode, expected):
    zone = {"b.example": f"v=DMARC1; p=quarantine; adkim={mode}; aspf={mode}"}
    assert result(zone, dkim=["mail.b.example"])[0].verdict == expected
    assert result(zone, spf="bounce.b.example")[0].verdict == expected
    assert result(zone, author="news.b.example", dkim=["mail.b.example"])[0].verdict == expected


@pytest.mark.parametrize(
    ("record", "exists", "expected"),
    [
        ("v=DMARC1; p=reject", True, "reject"),
        ("v=DMARC1; p=reject; sp=quarantine", True, "quarantine"),
        ("v=DMARC1; p=none; sp=quarantine; np=reject", True, "quarantine"),
        ("v=DMARC1; p=none; sp=quarantine; np=reject", False, "reject"),
        ("v=DMARC1; p=none; np=reject", False, "reject"),
        ("v=DMARC1; p=reject; sp=none; t=y", True, "none"),
    ],
)
def test_a_name_below_takes_the_policy_of_its_organisation(record, exists, expected):
    found, _ = result({"b.example": record}, author="x.news.b.example", exists=exists)
    assert (found.verdict, found.policy, found.record_domain) == ("fail", expected, "b.example")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("v=DMARC1; p=reject; t=y", "quarantine"),
        ("v=DMARC1; p=quarantine; t=y", "none"),
        ("v=DMARC1; p=reject; t=n; pct=0", "reject"),
        ("v=DMARC1; p=reject; pct=0", "quarantine"),
        ("v=DMARC1; p=reject; pct=50", "reject"),
    ],
)
def test_while_testing_the_next_softer_policy_counts(record, expected):
    assert result({"b.example": record})[0].policy == expected


def test_a_public_suffix_stands_above_organisations():
    zone = {"co.example": "v=DMARC1; p=reject; psd=y"}
    found, _ = result(zone, author="a.shop.co.example", dkim=["mail.shop.co.example"])
    assert (found.verdict, found.record_domain) == ("pass", "co.example")
    found, _ = result(zone, author="a.shop.co.example", dkim=["other.co.example"])
    assert (found.verdict, found.policy) == ("fail", "reject")


def test_psd_n_marks_the_organisation():
    zone = {"b.example": "v=DMARC1; p=none", "dep.b.example": "v=DMARC1; p=reject; psd=n"}
    found, _ = result(zone, author="x.dep.b.example", dkim=["b.example"])
    assert (found.verdict, found.record_domain) == ("fail", "dep.b.example")
    assert result(zone, author="x.dep.b.example", dkim=["y.dep.b.example"])[0].verdict == "pass"


def test_without_any_record_there_is_no_verdict():
    found, asked = result({}, author="x.b.example", spf="x.b.example")
    assert (found.verdict, found.reason) == ("none", "no DMARC record")
    assert asked == ["_dmarc.x.b.example", "_dmarc.b.example", "_dmarc.example"]


def test_several_records_count_as_none():
    assert result({"b.example": ["v=DMARC1; p=reject", "v=DMARC1; p=none"]})[0].verdict == "none"
    assert result({"b.example": ["v=spf1 -all", "v=DMARC1; p=reject"]})[0].verdict == "fail"


def test_no_answer_is_a_temperror():
    assert result({"b.example": FAILED}, author="x.b.example")[0].verdict == "temperror"


def test_a_walk_asks_at_most_eight_names():
    assert walk_names("b.example") == ["b.example", "example"]
    assert walk_names("a.b.c.d.e.f.g.h.i.j.mail.example.com") == [
        "a.b.c.d.e.f.g.h.i.j.mail.example.com", "g.h.i.j.mail.example.com", "h.i.j.mail.example.com",
        "i.j.mail.example.com", "j.mail.example.com", "mail.example.com", "example.com", "com",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("v=DMARC1; p=reject", Record("reject", "reject", "reject")),
        (" v = DMARC1 ; P=Quarantine;sp = none ;", Record("quarantine", "none", "none")),
        ("v=DMARC1; rua=mailto:a@b.example, mailto:c@d.example",
         Record("none", "none", "none", rua=("mailto:a@b.example", "mailto:c@d.example")),),
        ("v=DMARC1", Record("none", "none", "none")),
        ("v=DMARC1; p=strange; rua=mailto:a@b.example", Record("none", "none", "none", rua=("mailto:a@b.example",))),
        ("v=DMARC1; p=strange", None),
        ("v=dmarc1; p=none", None),
        ("v=DMARC10; p=none", None),
        ("p=none; v=DMARC1", None),
        ("v=DMARC1; p=none; fo=1:d; psd=y; adkim=s; unknown=x", Record("none", "none", "none", adkim="s", psd="y", fo=("1", "d"))),
    ],
)  # fmt: skip
def test_records(text, expected):
    assert parse_record(text) == expected


@given(st.text(max_size=60))
def test_no_text_breaks_the_parser(text):
    parse_record(text)
    parse_record(f"v=DMARC1;{text}")
