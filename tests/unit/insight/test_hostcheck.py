"""What others see of the host: each thing with its verdict and a remedy."""

import pytest

from lettershop.insight.hostcheck import HostCheck, Shown, judge_certificate
from lettershop.net.zones import ZoneResolver

ZONE = """
mail.brand.example. 60 IN A 203.0.113.5
5.113.0.203.in-addr.arpa. 60 IN PTR {reverse}.
readers.example. 60 IN MX 10 mx.readers.example.
mx.readers.example. 60 IN A 203.0.113.9
"""
GOOD = Shown(("mail.brand.example",), 4e9, False)


def check(clock, *, reverse="mail.brand.example", greet=None, zone=ZONE):
    async def nobody(host, port, seconds):
        raise TimeoutError

    resolver = ZoneResolver.parse(zone.format(reverse=reverse))
    return HostCheck("mail.brand.example", resolver, lambda: GOOD, greet or nobody, clock)


def verdicts(found):
    return {one.what: one.verdict for one in found}


async def test_a_host_as_it_should_be(clock):
    asked = []

    async def greet(host, port, seconds):
        asked.append((host, port))
        return "220 mx.readers.example ESMTP"

    found = await check(clock, greet=greet).look("ann@readers.example")
    assert verdicts(found) == {"address": "ok", "reverse": "ok", "certificate": "ok", "port 25": "ok"}
    assert asked == [("mx.readers.example", 25)]


async def test_a_wrong_reverse_name_and_a_closed_port_have_remedies(clock):
    found = await check(clock, reverse="host5.provider.example").look("ann@readers.example")
    assert verdicts(found) == {"address": "ok", "reverse": "different", "certificate": "ok", "port 25": "missing"}
    assert "PTR" in found[1].remedy
    assert "relay" in found[-1].remedy


async def test_without_an_address_nobody_outside_is_tried(clock):
    found = await check(clock).look("")
    assert "port 25" not in verdicts(found)


async def test_a_name_without_an_address(clock):
    found = await check(clock, zone="other.example. 60 IN A 203.0.113.5\n").look("")
    assert found[0].verdict == "missing"
    assert "A record for mail.brand.example" in found[0].remedy


@pytest.mark.parametrize(
    ("shown", "verdict", "words"),
    [
        (GOOD, "ok", ""),
        (Shown(("*.brand.example",), 4e9, False), "ok", ""),
        (Shown(("*.example",), 4e9, False), "different", "does not name"),
        (Shown(("mail.brand.example",), 4e9, True), "different", "known authority"),
        (Shown(("mail.brand.example",), 1_700_000_000.0 + 86_400, False), "different", "renew"),
        (Shown((), 4e9, False), "different", "does not name"),
    ],
)
def test_certificates(shown, verdict, words):
    found = judge_certificate(shown, "mail.brand.example", 1_700_000_000.0)
    assert found.verdict == verdict
    assert words in found.remedy
