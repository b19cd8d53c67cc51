"""The resolver that answers from zone text: what there is, what there is not, and what is asked elsewhere."""

import pytest

from lettershop.base.config import Dns
from lettershop.base.errors import ConfigError, NotFound
from lettershop.net.resolver import DnsError, Resolver
from lettershop.net.zones import ZoneResolver, open_resolver
from lettershop.wire.trust.questions import FAILED

ZONE = """
b.example. 3600 IN MX 20 mx2.b.example.
b.example. 3600 IN MX 10 mx1.b.example.
b.example. 60 IN TXT "v=spf1 " "mx -all"
mx1.b.example. IN A 192.0.2.1
mx1.b.example. IN AAAA 2001:db8::1
www.b.example. IN CNAME mx1.b.example.
1.2.0.192.in-addr.arpa. IN PTR mx1.b.example.
none.example. IN MX 0 .
"""


@pytest.fixture
def zone() -> Resolver:
    return ZoneResolver.parse("$TTL 300\n" + ZONE)


async def test_records_come_as_plain_text(zone):
    answer = await zone.query("B.example.", "TXT")
    assert (answer.records, answer.ttl) == (("v=spf1 mx -all",), 60)
    assert await zone.txt("b.example") == ("v=spf1 mx -all",)
    assert await zone.mx("b.example") == [(10, "mx1.b.example"), (20, "mx2.b.example")]
    assert await zone.addresses("mx1.b.example") == ["2001:db8::1", "192.0.2.1"]
    assert await zone.ptr("192.0.2.1") == ("mx1.b.example",)


async def test_the_null_mx_is_an_empty_host(zone):
    assert await zone.mx("none.example") == [(0, "")]


async def test_an_alias_is_followed(zone):
    assert await zone.addresses("www.b.example") == ["2001:db8::1", "192.0.2.1"]


async def test_an_alias_loop_ends():
    zone = ZoneResolver.parse("$TTL 300\na.example. IN CNAME b.example.\nb.example. IN CNAME a.example.\n")
    assert (await zone.query("a.example", "A")).status == "nodata"


async def test_no_record_and_no_name_are_told_apart(zone):
    assert (await zone.query("mx1.b.example", "TXT")).status == "nodata"
    assert await zone.addresses("b.example") == []
    assert (await zone.query("2.0.192.in-addr.arpa", "PTR")).status == "nodata"  # it has names below it
    assert (await zone.query("gone.example", "TXT")).status == "nxdomain"
    for question in (zone.txt, zone.mx, zone.addresses):
        with pytest.raises(NotFound):
            await question("gone.example")
    assert await zone.ptr("192.0.2.9") == ()


async def test_no_answer_is_an_error_that_may_be_retried():
    zone = ZoneResolver({("b.example", "TXT"): FAILED})
    with pytest.raises(DnsError) as caught:
        await zone.txt("b.example")
    assert caught.value.retry


async def test_only_foreign_names_are_passed_on():
    beyond = ZoneResolver.of({("c.com", "A"): ["192.0.2.3"], ("c.example", "A"): ["192.0.2.4"]})
    zone = ZoneResolver.of({("b.example", "A"): ["192.0.2.1"]}, beyond)
    assert await zone.addresses("c.com") == ["192.0.2.3"]
    assert (await zone.query("c.example", "A")).status == "nxdomain"


async def test_the_configuration_names_zone_files(tmp_path, clock):
    (tmp_path / "a.zone").write_text("$TTL 300\n" + ZONE)
    (tmp_path / "empty.zone").write_text("")
    zone = open_resolver(Dns(zone_files=[str(tmp_path / "a.zone"), str(tmp_path / "empty.zone")]), clock)
    assert await zone.ptr("192.0.2.1") == ("mx1.b.example",)


def test_a_broken_zone_file_is_a_configuration_error(tmp_path, clock):
    with pytest.raises(ConfigError):
        open_resolver(Dns(zone_files=[str(tmp_path / "absent")]), clock)
    with pytest.raises(ConfigError):
        ZoneResolver.parse("b.example. IN MX nonsense")
