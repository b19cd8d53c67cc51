"""Sign-ins in the log of who did what, and failures counted by all workers together, on both engines."""

import asyncio

import pytest

from lettershop.mail.audit import Audit
from lettershop.mail.sealing import Sealing
from lettershop.mail.users import PER_ACCOUNT_AND_ADDRESS, SignInFailed, TooManyTries, Users

EMAIL, PASSWORD, IP = "ann@brand.example", "correct horse", "203.0.113.7"


class PlainPasswords:
    """Stands in for argon2."""

    async def hash(self, password):
        return f"plain:{password}"

    async def verify(self, password, stored):
        await asyncio.sleep(0)
        return stored == f"plain:{password}"


@pytest.fixture
async def workers(store, clock):
    made = [Users(store.main, PlainPasswords(), clock, Sealing(bytes(32))) for _ in range(3)]
    await made[0].create(EMAIL, PASSWORD, role="owner")
    return made


async def acts(store, clock):
    noted = await Audit(store.main, clock).page(1, operator=True)
    return [(one.act.action, one.act.actor, one.act.ip) for one in noted if one.act.action.startswith("sign-in")]


async def test_good_and_failed_sign_ins_are_noted(store, workers, clock):
    with pytest.raises(SignInFailed):
        await workers[0].sign_in(EMAIL, "guessed", ip=IP)
    with pytest.raises(SignInFailed):
        await workers[0].sign_in("correct horse", "oops", ip=IP)
    await workers[0].sign_in(EMAIL, PASSWORD, ip=IP)
    assert await acts(store, clock) == [
        ("sign-in", EMAIL, IP),
        ("sign-in-failed", "", IP),
        ("sign-in-failed", EMAIL, IP),
    ]


async def test_all_workers_count_failures_together(workers, clock):
    for number in range(PER_ACCOUNT_AND_ADDRESS.free + 1):
        with pytest.raises(SignInFailed):
            await workers[number % 3].sign_in(EMAIL, "guessed", ip=IP)
    for worker in workers:
        with pytest.raises(TooManyTries):
            await worker.sign_in(EMAIL, PASSWORD, ip=IP)
    await workers[1].sign_in(EMAIL, PASSWORD, ip="198.51.100.9")  # nobody can lock a person out
    clock.advance(2)
    await workers[2].sign_in(EMAIL, PASSWORD, ip=IP)
    for number in range(PER_ACCOUNT_AND_ADDRESS.free):  # the good one made them free again
        with pytest.raises(SignInFailed):
            await workers[number % 3].sign_in(EMAIL, "guessed", ip=IP)
    await workers[0].sign_in(EMAIL, PASSWORD, ip=IP)


async def test_many_tries_at_once_are_as_many_failures(workers):
    tries = [workers[n % 3].sign_in(EMAIL, f"guess {n}", ip=IP) for n in range(40)]
    ended = await asyncio.gather(*tries, return_exceptions=True)
    checked = [one for one in ended if isinstance(one, SignInFailed)]
    assert len(checked) == PER_ACCOUNT_AND_ADDRESS.free + 1
    assert all(isinstance(one, TooManyTries) for one in ended if one not in checked)
