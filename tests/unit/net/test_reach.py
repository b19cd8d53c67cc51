"""Where requests may go: public addresses, by https; and what a URL is taken apart into."""

from ipaddress import ip_network

import pytest

from lettershop.net.reach import BadTarget, Target, TargetRefused, check, is_public, target_of

NOT_PUBLIC = (
    "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254", "0.0.0.0",
    "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1",
    "2001:db8::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
    "2002:7f00:1::", "2002:a00:1::1", "::127.0.0.1", "2001:0:4136:e378:8000:63bf:f5ff:fffe",
)  # fmt: skip
PUBLIC = ("1.1.1.1", "9.9.9.9", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101")


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_only_we_reach_is_not_public(address):
    assert not is_public(address)
    with pytest.raises(TargetRefused):
        check(Target(True, "inner.example", 443, "/"), address.partition("%")[0], [])


@pytest.mark.parametrize("address", PUBLIC)
def test_what_everybody_reaches_is_public_by_https(address):
    assert is_public(address)
    check(Target(True, "hooks.example", 443, "/"), address, [])
    with pytest.raises(TargetRefused, match="https"):
        check(Target(False, "hooks.example", 80, "/"), address, [])


def test_a_setting_opens_one_network_and_no_other():
    inner, allowed = Target(False, "inner.example", 80, "/"), [ip_network("10.1.0.0/16"), ip_network("::1/128")]
    check(inner, "10.1.2.3", allowed)
    check(inner, "::1", allowed)
    with pytest.raises(TargetRefused):
        check(inner, "10.2.0.1", allowed)


@pytest.mark.parametrize(
    ("url", "target", "authority"),
    [
        ("https://hooks.example/in", Target(True, "hooks.example", 443, "/in"), "hooks.example"),
        ("https://Hooks.Example.", Target(True, "hooks.example", 443, "/"), "hooks.example"),
        ("http://hooks.example:8080/a?b=c&d", Target(False, "hooks.example", 8080, "/a?b=c&d"), "hooks.example:8080"),
        ("https://bücher.example/ä?ö", Target(True, "xn--bcher-kva.example", 443, "/%C3%A4?%C3%B6"), "xn--bcher-kva.example"),
        ("https://[2001:DB8::1]:444/", Target(True, "2001:db8::1", 444, "/"), "[2001:db8::1]:444"),
        ("https://192.0.2.1/%2F", Target(True, "192.0.2.1", 443, "/%2F"), "192.0.2.1"),
        ("http://my_app.internal/", Target(False, "my_app.internal", 80, "/"), "my_app.internal"),
    ],
)  # fmt: skip
def test_urls_are_taken_apart(url, target, authority):
    assert target_of(url) == target
    assert target_of(url).authority == authority


@pytest.mark.parametrize(
    "url",
    [
        "", "hooks.example", "ftp://hooks.example/", "https://", "https:///path", "https://user:secret@hooks.example/",
        "https://hooks.example/#part", "https://hooks.example:0/", "https://hooks.example:99999/", "https://a b.example/",
        "https://hooks.example/a b", "https://hooks.example/\r\nhost: x", "https://2130706433/", "https://127.1/",
        "https://[::1/", "https://hooks.example\\@evil.example/", "https://a..b/", "https://hooks.example/" + "a" * 2000,
        "https://-/\x00", "https://*/",
    ],
)  # fmt: skip
def test_what_is_no_target_is_refused(url):
    with pytest.raises(BadTarget):
        target_of(url)
