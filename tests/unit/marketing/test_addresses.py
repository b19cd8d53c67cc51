"""Addresses: what is none is refused in words; what is odd is flagged with the likely right one."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from lettershop.base.errors import Invalid
from lettershop.marketing.addresses import (
    WELL_KNOWN,
    AddressCheck,
    check_address,
    is_disposable,
    is_role,
    mistyped,
    one_slip,
)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "is empty"), ("nobody", "has no @"), ("a@@b.example", "@"), ("a b@c.example", "SPACE"), ("a@", "after the @"),
        ("@b.example", "before the @"), ("a..b@c.example", "two periods"), (".a@c.example", "period"), ("a@b", "period"),
    ],
)  # fmt: skip
def test_bad_addresses_are_refused_in_words(address, words):
    for check in (check_address, AddressCheck().check):
        with pytest.raises(Invalid) as refused:
            check(address)
        assert words in refused.value.public


def test_addresses_of_all_scripts_are_taken():
    assert str(check_address("用户@例え.jp")) == "用户@xn--r8jz45g.jp"
    assert AddressCheck().check("Jürgen@BÜCHER.example")[:3] == (
        "Jürgen@xn--bcher-kva.example", "jürgen@xn--bcher-kva.example", "xn--bcher-kva.example",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("domain", "meant"),
    [
        ("gmial.com", "gmail.com"), ("gmail.con", "gmail.com"), ("gmai.com", "gmail.com"), ("gmaill.com", "gmail.com"),
        ("hotmial.com", "hotmail.com"), ("yaho.com", "yahoo.com"), ("outlok.com", "outlook.com"), ("t-onlin.de", "t-online.de"),
        ("gmail.com", ""), ("brand.example", ""), ("email.com", ""), ("mac.com", ""), ("mc.com", ""),
        ("mail.com", ""), ("aol.con", "aol.com"), ("yahoo.it", ""),
    ],
)  # fmt: skip
def test_mistyped_domains(domain, meant):
    assert mistyped(domain) == meant


@given(st.sampled_from(WELL_KNOWN), st.integers(0, 12), st.sampled_from("abcxyz"))
def test_one_slip_is_seen_from_both_sides(domain, place, letter):
    place = min(place, len(domain) - 2)
    slips = [
        domain[:place] + domain[place + 1 :],
        domain[:place] + letter + domain[place:],
        domain[:place] + letter + domain[place + 1 :],
        domain[:place] + domain[place + 1] + domain[place] + domain[place + 2 :],
    ]
    assert all(one_slip(slip, domain) and one_slip(domain, slip) for slip in slips)
    assert not one_slip(domain, letter + domain + letter)


def test_roles_and_throw_away_domains():
    assert is_role("Info") and is_role("info+shop") and not is_role("ann.info")
    assert is_disposable("mailinator.com") and is_disposable("x.mailinator.com") and not is_disposable("gmail.com")


LOCAL = st.text(alphabet="abcAB.+_-'!ü\" 1", min_size=1, max_size=8)


@given(
    st.lists(
        st.tuples(LOCAL, st.sampled_from(["a.example", "GMIAL.com", "bücher.example", "x..y", "-a.b", "b"])), max_size=6
    )
)
def test_remembering_domains_changes_no_answer(addresses):
    remembers = AddressCheck()

    def answer(check, text):
        try:
            return check.check(text)
        except Invalid:
            return None

    for local, domain in addresses * 2:
        text = f"{local}@{domain}"
        assert answer(remembers, text) == answer(AddressCheck(), text)
