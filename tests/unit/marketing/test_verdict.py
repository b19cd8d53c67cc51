"""People and machines, by the signals that are known of them."""

import pytest

from lettershop.marketing.verdict import judge_click, judge_open

PERSON = "accept: image/*\naccept-language: en-GB"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
OUTLOOK = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.5134; Pro)"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
PREFETCH = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/42.0.2311.135 Safari/537.36 Edge/12.246"


@pytest.mark.parametrize(
    ("agent", "headers", "since", "machine"),
    [
        (FIREFOX, PERSON, 100.0, False),
        (FIREFOX, PERSON, 0.5, False),
        (FIREFOX, PERSON, None, False),
        (OUTLOOK, "", 3600.0, False),
        ("Mozilla/5.0", "", 100.0, True),
        (GMAIL, "", 5.0, True),
        (GMAIL, "", 3600.0, False),
        (PREFETCH, PERSON, 3.0, True),
        ("", "", 1.0, True),
        (FIREFOX, PERSON + "\nsec-purpose: prefetch;prerender", 100.0, True),
        (FIREFOX, PERSON + "\nx-purpose: preview", 100.0, True),
        ("Barracuda Sentinel (EE)", "", 2.0, True),
        ("curl/8.5", "", 100.0, True),
    ],
)
def test_opens(agent, headers, since, machine):
    assert judge_open(agent, headers, since).machine is machine


@pytest.mark.parametrize(
    ("agent", "headers", "method", "since", "machine"),
    [
        (FIREFOX, PERSON, "GET", 60.0, False),
        (FIREFOX, PERSON, "GET", 1.0, False),
        (FIREFOX, PERSON, "HEAD", 60.0, True),
        ("Mozilla/5.0", "", "GET", 2.0, True),
        ("MailGateway-LinkScanner/2.1", "", "GET", 60.0, True),
        ("", "", "GET", 2.0, True),
    ],
)
def test_clicks(agent, headers, method, since, machine):
    verdict = judge_click(agent, headers, method, since)
    assert verdict.machine is machine
    assert verdict.score == round(sum(weight for _, weight in verdict.reasons), 3)
