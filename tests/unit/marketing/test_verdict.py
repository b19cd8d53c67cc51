"""People and machines, by the signals that are known of them."""

import pytest

from lettershop.marketing.verdict import PIXEL, Hit, Receiver, device, judge, judge_click, judge_open

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


def machines(hits, receiver):
    return [verdict.machine for verdict in judge(hits, receiver)]


def click(at, link=1):
    return Hit(at, link, FIREFOX, PERSON)


def test_a_gateway_that_scans_presses_links_with_the_name_of_a_real_browser():
    proofpoint = Receiver(100.0, "proofpoint mx0a-00.pphosted.com")
    assert machines([click(104.0)], proofpoint) == [True]
    assert machines([click(104.0)], Receiver(100.0, "google google")) == [False]
    assert machines([click(103.0), click(130.0), click(500.0)], proofpoint) == [True, False, False]
    assert machines([Hit(130.0, 1, "", "", "GET")], proofpoint) == [True]  # no name, no language, behind a gateway
    assert machines([Hit(104.0, PIXEL, FIREFOX, PERSON)], proofpoint) == [True]
    assert machines([click(104.0)], Receiver(None, "proofpoint")) == [False]  # the 250 is not known


def test_many_links_at_once_are_followed_by_a_machine_also_the_first():
    four = [click(500.0, 1), click(500.2, 2), click(500.4, 3), click(500.9, 4)]
    assert machines(four, Receiver(100.0)) == [True, True, True, True]
    assert machines(four[:3], Receiver(100.0)) == [False, False, False]
    assert machines(four[:3], Receiver(498.0)) == [True, True, True]
    assert machines([click(500.0, 1), click(501.0, 2)], Receiver(100.0)) == [False, False]
    assert machines([click(500.0, 1), click(500.1, 1), click(500.2, 1)], Receiver(100.0)) == [False] * 3
    assert machines([click(500.0, 1), click(510.0, 2), click(520.0, 3)], Receiver(100.0)) == [False] * 3


@pytest.mark.parametrize(
    ("agent", "wanted"),
    [
        (FIREFOX, "desktop"),
        (OUTLOOK, "desktop"),
        (GMAIL, "hidden"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148", "phone"),
        ("Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36", "phone"),
        ("Mozilla/5.0 (Linux; Android 14; SM-X700) AppleWebKit/537.36 Chrome/130.0 Safari/537.36", "tablet"),
        ("Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X)", "tablet"),
        ("", "other"),
    ],
)
def test_devices(agent, wanted):
    assert device(agent) == wanted
