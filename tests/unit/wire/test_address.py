"""Mailbox addresses of RFC 5321 and RFC 6531."""

import pytest

from lettershop.wire.address import Address, InvalidAddress, normal_domain, parse_path, unicode_domain


@pytest.mark.parametrize(
    ("text", "local", "domain"),
    [
        ("ann@example.com", "ann", "example.com"),
        ("Ann.Lee+tag@EXAMPLE.Com", "Ann.Lee+tag", "example.com"),
        ('"ann lee"@example.com', "ann lee", "example.com"),
        (r'"a\"b\\c@d"@example.com', r'a"b\c@d', "example.com"),
        ('""@example.com', "", "example.com"),
        ('"plain"@example.com', "plain", "example.com"),
        ("a@[192.0.2.1]", "a", "[192.0.2.1]"),
        ("a@[ipv6:2001:DB8::0:1]", "a", "[IPv6:2001:db8::1]"),
        ("用户@例え.example", "用户", "xn--r8jz45g.example"),
        ("a@Bücher.example", "a", "xn--bcher-kva.example"),
        ("a@XN--BCHER-KVA.example", "a", "xn--bcher-kva.example"),
        ("a@mail_1.example", "a", "mail_1.example"),
        ("a@localhost", "a", "localhost"),
    ],
)
def test_valid(text: str, local: str, domain: str) -> None:
    address = Address.parse(text)
    assert (address.local, address.domain) == (local, domain)
    assert Address.parse(str(address)) == address
    assert parse_path(f"<{text}> SIZE=1") == (address, " SIZE=1")


@pytest.mark.parametrize(
    "text",
    [
        "", "ann", "@example.com", "ann@", "a..b@example.com", ".a@example.com", "a.@example.com", "a b@example.com",
        "a@exam ple.com", "a@-x.example", "a@x-.example", "a@x..example", "a@.example", "a@example.com.", "a@b@c.example",
        '"a@example.com', '"a"b@example.com', "a@[192.0.2.256]", "a@[192.0.2.1", "a@[IPv6:zz]", "a@xn--zzzzzz---.example",
        "a\r@example.com", "a@exa\nmple.com", "<a@example.com>", f"a@{'x' * 64}.example", f"a@{'x.' * 130}example",
        f"{'x' * 257}@example.com", "a@example.com\n",
    ],
)  # fmt: skip
def test_invalid(text: str) -> None:
    with pytest.raises(InvalidAddress):
        Address.parse(text)


def test_the_domain_alone_is_folded() -> None:
    assert Address.parse("a@EXAMPLE.com") == Address.parse("a@example.COM")
    assert Address.parse("A@example.com") != Address.parse("a@example.com")


def test_quotes_are_written_only_where_needed() -> None:
    assert str(Address.parse('"ann"@example.com')) == "ann@example.com"
    assert str(Address("a b", "example.com")) == '"a b"@example.com'
    assert str(Address("a..b", "example.com")) == '"a..b"@example.com'


def test_for_people_and_for_old_servers() -> None:
    address = Address.parse("jürgen@bücher.example")
    assert address.needs_smtputf8
    assert address.for_people == "jürgen@bücher.example"
    assert str(address) == "jürgen@xn--bcher-kva.example"
    assert not Address.parse("a@bücher.example").needs_smtputf8
    assert unicode_domain("xn--a.example") == "xn--a.example"
    assert normal_domain("xn--bcher-kva.example") == normal_domain("BÜCHER.example")


@pytest.mark.parametrize(
    ("text", "address", "rest"),
    [
        ("<>", None, ""),
        ("<> BODY=7BIT", None, " BODY=7BIT"),
        ("<@one.example,@two.example:a@b.example>", Address("a", "b.example"), ""),
        ("<Postmaster>", Address("Postmaster", ""), ""),
        ('<"a>b"@c.example>x', Address("a>b", "c.example"), "x"),
    ],
)
def test_paths(text: str, address: Address | None, rest: str) -> None:
    assert parse_path(text) == (address, rest)


@pytest.mark.parametrize(
    "text", ["", "a@b.example", "<a@b.example", "<ann>", "<a@b.example,c@d.example>", "<@x:>", "< >"]
)
def test_bad_paths(text: str) -> None:
    with pytest.raises(InvalidAddress):
        parse_path(text)
