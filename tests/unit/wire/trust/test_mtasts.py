"""MTA-STS: records, policies, patterns."""

import pytest

from lettershop.wire.trust.mtasts import BadPolicy, Policy, parse, policy_id

TEXT = b"version: STSv1\r\nmode: enforce\r\nmx: Mail.b.example\r\nmx: *.mx.b.example\r\nmax_age: 604800\r\n"


@pytest.mark.parametrize(("records", "found"), [
    (["v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
    (["v=STSv1;id=1"], "1"),
    (["v=STSv1 ; foo=bar; id=abc ; x=y;"], "abc"),
    (["v=spf1 -all", "v=STSv1; id=1;"], "1"),
    ([], None),
    (["v=STSv1; id=1;", "v=STSv1; id=2;"], None),
    (["v=STSv2; id=1;"], None),
    (["v=STSv1"], None),
    (["v=STSv1; id=not-alphanumeric;"], None),
    ([f"v=STSv1; id={'1' * 33};"], None),
    ([" v=STSv1; id=1;"], None),
])  # fmt: skip
def test_the_record(records: list[str], found: str | None) -> None:
    assert policy_id(records) == found


def test_a_policy_and_its_lines() -> None:
    policy = parse(TEXT)
    assert policy == Policy("enforce", ("mail.b.example", "*.mx.b.example"), 604_800)
    assert parse("\n".join(policy.lines).encode()) == policy


@pytest.mark.parametrize(("host", "named"), [
    ("mail.b.example", True), ("MAIL.B.example.", True), ("a.mx.b.example", True), ("b.a.mx.b.example", False),
    ("mx.b.example", False), ("b.example", False), ("xmail.b.example", False),
])  # fmt: skip
def test_which_hosts_are_named(host: str, named: bool) -> None:
    assert parse(TEXT).names(host) is named


def test_of_repeated_fields_the_first_counts_and_unknown_ones_are_passed_over() -> None:
    text = b"max_age: 1\nversion: STSv1\nfuture: x\nmode: testing\nmode: none\nmx: a.example\nmax_age: 2\n\n"
    assert parse(text) == Policy("testing", ("a.example",), 1)


def test_a_policy_of_mode_none_needs_no_host() -> None:
    assert parse(b"version: STSv1\nmode: none\nmax_age: 86400\n") == Policy("none", (), 86_400)


@pytest.mark.parametrize("text", [
    b"", b"version: STSv2\nmode: none\nmax_age: 1\n", b"version: STSv1\nmode: strict\nmx: a\nmax_age: 1\n",
    b"version: STSv1\nmode: enforce\nmx: a.example\n", b"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 99999999999\n",
    b"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: -1\n", b"version: STSv1\nmode: enforce\nmax_age: 1\n",
    b"version: STSv1\nmode: enforce\nmx: *.*.example\nmax_age: 1\n", b"version: STSv1\nmode: enforce\nmx: a*.b\nmax_age: 1\n",
    b"<html>\n<body>Not found</body>\n", b"\xff\xfe",
])  # fmt: skip
def test_what_is_no_policy(text: bytes) -> None:
    with pytest.raises(BadPolicy):
        parse(text)
