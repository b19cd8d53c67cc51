"""Work before a form is taken."""

from hashlib import sha256

import pytest

from lettershop.marketing.proof import LASTS, Challenges

NOW = 1_800_000_000.5
HARD, EASY = Challenges(b"k" * 32, 12), Challenges(b"k" * 32, 0)


def work(challenge, bits):
    """As the browser does it."""
    tries = (f"{challenge}:{number}" for number in range(10_000_000))
    return next(one for one in tries if int.from_bytes(sha256(one.encode()).digest()) >> (256 - bits) == 0)


def test_who_worked_is_let_through_for_an_hour():
    proof = work(HARD.issue(7, NOW, b"12345678"), 12)
    assert HARD.solved(proof, 7, NOW)
    assert HARD.solved(proof, 7, NOW + LASTS - 5)
    assert not HARD.solved(proof, 7, NOW + LASTS + 5)
    assert not HARD.solved(proof, 7, NOW - 60)
    assert not HARD.solved(proof, 8, NOW)
    assert not Challenges(b"x" * 32, 12).solved(proof, 7, NOW)
    assert not Challenges(b"k" * 32, 40).solved(proof, 7, NOW)


@pytest.mark.parametrize("proof", ["", ":", "a", "7.1800000000.aa.bb:1", "7:1", "…:ü", "." * 500, "7.1.2.3:\0"])
def test_what_is_no_proof_is_none(proof):
    assert not HARD.solved(proof, 7, NOW)


def test_who_changes_the_challenge_gets_nothing():
    challenge = HARD.issue(7, NOW, b"12345678")
    assert not HARD.solved(work("8" + challenge[1:], 12), 8, NOW)
    without = next(n for n in range(10_000) if not HARD.solved(f"{challenge}:{n}", 7, NOW))
    assert not HARD.solved(f"{challenge}:{without}", 7, NOW)


def test_where_no_work_is_asked_for_everybody_is_let_through():
    assert EASY.issue(7, NOW, b"12345678") == ""
    assert EASY.solved("", 7, NOW)
