"""Recipient tokens: they come back as they were, and none can be made without the key."""

from hypothesis import given
from hypothesis import strategies as st

from lettershop.mail.tokens import Recipient, Tokens

numbers = st.integers(min_value=0, max_value=2**63 - 1)


@given(numbers, numbers, numbers)
def test_a_token_opens_to_what_was_sealed_whatever_its_case(campaign, envelope, contact):
    tokens, recipient = Tokens(b"k" * 32), Recipient(campaign, envelope, contact)
    sealed = tokens.seal(recipient)
    assert tokens.open(sealed) == tokens.open(sealed.upper()) == recipient


@given(st.text(max_size=60))
def test_nonsense_opens_to_nothing(text):
    assert Tokens(b"k" * 32).open(text) is None


@given(st.integers(0, 23), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_changed_token_opens_to_nothing(position, letter):
    tokens = Tokens(b"k" * 32)
    sealed = tokens.seal(Recipient(12, 123456, 99999))
    changed = sealed[:position] + letter + sealed[position + 1 :]
    assert tokens.open(changed) is None or changed == sealed or tokens.open(changed) == tokens.open(sealed)


def test_another_key_opens_nothing():
    assert Tokens(b"a" * 32).open(Tokens(b"b" * 32).seal(Recipient(1, 2, 3))) is None
