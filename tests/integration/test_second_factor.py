"""The second step of signing in, on both engines. The codes are made by the test itself, after RFC 6238."""

import hmac
from base64 import b32decode

import pytest
from sqlalchemy import select

from lettershop.mail.sealing import MARK, Sealing
from lettershop.mail.second_factor import (
    PER_PERSON,
    TICKET_LASTS,
    TRIES,
    CodeNeeded,
    IsOn,
    TicketOver,
    TooManyCodes,
    WrongCode,
)
from lettershop.mail.users import SignInFailed, Users
from lettershop.store import second_factors
from lettershop.store.schema_signin import half_sign_ins, recovery_codes

EMAIL, PASSWORD = "ann@brand.example", "correct horse"


class PlainPasswords:
    """Stands in for argon2."""

    async def hash(self, password: str) -> str:
        return f"plain:{password}"

    async def verify(self, password: str, stored: str | None) -> bool:
        return stored == f"plain:{password}"


def code_at(secret: str, at: float) -> str:
    """RFC 6238 4.2 with RFC 4226 5.3."""
    digest = hmac.digest(b32decode(secret), int(at // 30).to_bytes(8, "big"), "sha1")
    start = digest[-1] & 15
    return f"{(int.from_bytes(digest[start : start + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


def wrong(secret: str, at: float) -> str:
    """Six digits that are no code of these minutes."""
    near = {code_at(secret, at + 30 * n) for n in range(-4, 5)}
    return next(f"{n:06}" for n in range(100) if f"{n:06}" not in near)


def test_the_codes_of_this_test_are_those_of_the_rfc():
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238 appendix B: "12345678901234567890"
    assert [code_at(secret, at) for at in (59, 1111111109, 1234567890)] == ["287082", "081804", "005924"]


@pytest.fixture
async def users(store, clock):
    made = Users(store.main, PlainPasswords(), clock, Sealing(bytes(32)))
    await made.create(EMAIL, PASSWORD, role="owner")
    return made


@pytest.fixture
async def ann(users):
    return (await users.get(EMAIL)).id


@pytest.fixture
async def on(users, ann, clock):
    """(secret, recovery codes) of Ann, for whom it is turned on; the code of that moment is used up."""
    begun = await users.second.begin(ann, EMAIL)
    codes = await users.second.confirm(ann, code_at(begun.secret, clock.now()))
    clock.advance(60)
    return begun.secret, codes


async def ticket_of(users) -> str:
    with pytest.raises(CodeNeeded) as needed:
        await users.sign_in(EMAIL, PASSWORD)
    return needed.value.ticket


async def test_nothing_is_asked_for_until_the_device_has_shown_a_right_code(users, ann, clock):
    begun = await users.second.begin(ann, EMAIL)
    assert begun.secret in begun.address
    assert begun.address.startswith("otpauth://totp/")
    await users.sign_in(EMAIL, PASSWORD)
    with pytest.raises(WrongCode):
        await users.second.confirm(ann, wrong(begun.secret, clock.now()))
    assert await users.second.begun(ann, EMAIL) == begun
    await users.sign_in(EMAIL, PASSWORD)
    codes = await users.second.confirm(ann, code_at(begun.secret, clock.now()))
    assert len(set(codes)) == 10
    assert (await users.second.standing(ann)).on
    assert await users.second.begun(ann, EMAIL) is None
    with pytest.raises(IsOn):
        await users.second.begin(ann, EMAIL)


async def test_password_and_code_together_open_the_session(users, on, clock):
    ticket = await ticket_of(users)
    assert await users.session(ticket) is None
    with pytest.raises(SignInFailed):
        await users.sign_in(EMAIL, "guessed")
    signed = await users.sign_in_with_code(ticket, code_at(on[0], clock.now()), ip="203.0.113.7", user_agent="A")
    assert (await users.session(signed.secret)).email == EMAIL
    assert [one.user_agent for one in await users.sessions(signed.who.user_id)] == ["A"]


@pytest.mark.parametrize(("late", "right"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
async def test_a_clock_may_be_off_by_one_step(users, on, clock, late, right):
    ticket = await ticket_of(users)
    clock.advance(60)
    code = code_at(on[0], clock.now() - late)
    if right:
        await users.sign_in_with_code(ticket, code)
    else:
        with pytest.raises(WrongCode):
            await users.sign_in_with_code(ticket, code)


async def test_a_code_counts_once_and_earlier_ones_no_more(users, on, clock):
    code, earlier = code_at(on[0], clock.now()), code_at(on[0], clock.now() - 30)
    await users.sign_in_with_code(await ticket_of(users), code)
    for used in (code, earlier):
        with pytest.raises(WrongCode):
            await users.sign_in_with_code(await ticket_of(users), used)


async def test_a_ticket_opens_once_runs_out_and_ends_with_the_password(users, on, clock):
    ticket = await ticket_of(users)
    await users.sign_in_with_code(ticket, code_at(on[0], clock.now()))
    clock.advance(60)
    late = await ticket_of(users)
    clock.advance(TICKET_LASTS + 1)
    old = await ticket_of(users)
    await users.set_password(EMAIL, PASSWORD)
    for worthless in (ticket, late, old, "made up", ""):
        with pytest.raises(TicketOver):
            await users.sign_in_with_code(worthless, code_at(on[0], clock.now()))


async def test_a_person_who_is_locked_out_between_the_steps_stays_out(users, on, clock):
    ticket = await ticket_of(users)
    await users.disable(EMAIL)
    with pytest.raises((TicketOver, SignInFailed)):
        await users.sign_in_with_code(ticket, code_at(on[0], clock.now()))


async def test_guessing_is_slowed_down_over_all_tickets(users, on, clock):
    seen: list[type] = []
    for _ in range(12):
        try:
            await users.sign_in_with_code(await ticket_of(users), wrong(on[0], clock.now()))
        except (WrongCode, TooManyCodes) as error:
            seen.append(type(error))
    judged = PER_PERSON.free + 1
    assert seen == [WrongCode] * judged + [TooManyCodes] * (12 - judged)


async def test_one_ticket_has_few_tries_even_over_a_long_time(users, on, clock):
    ticket = await ticket_of(users)
    for _ in range(TRIES):
        with pytest.raises(WrongCode):
            await users.sign_in_with_code(ticket, wrong(on[0], clock.now()))
    clock.advance(300)
    with pytest.raises(TicketOver):
        await users.sign_in_with_code(ticket, code_at(on[0], clock.now()))


async def test_a_recovery_code_opens_once_however_it_is_typed(users, on, ann):
    code = on[1][3]
    await users.sign_in_with_code(await ticket_of(users), f" {code.upper().replace('-', ' ')} ")
    assert (await users.second.standing(ann)).recovery_codes == 9
    with pytest.raises(WrongCode):
        await users.sign_in_with_code(await ticket_of(users), code)


async def test_turning_it_off_needs_a_code_and_ends_the_recovery_codes(users, on, ann, clock):
    with pytest.raises(WrongCode):
        await users.second.end(ann, wrong(on[0], clock.now()))
    assert (await users.second.standing(ann)).on
    await users.second.end(ann, code_at(on[0], clock.now()))
    await users.sign_in(EMAIL, PASSWORD)
    with pytest.raises(WrongCode):
        await users.second.end(ann, on[1][0])


async def test_the_operator_takes_it_away_when_everything_is_lost(users, on, ann):
    await users.second.remove(ann)
    await users.sign_in(EMAIL, PASSWORD)


async def test_the_database_holds_neither_tickets_nor_recovery_codes(users, on, store):
    ticket = await ticket_of(users)
    stored = await store.main.read(
        lambda conn: [*conn.scalars(select(half_sign_ins.c.key_hash)), *conn.scalars(select(recovery_codes.c.key_hash))]
    )
    assert len(stored) == 11
    assert not {ticket, *on[1], *(code.replace("-", "") for code in on[1])} & set(stored)


async def stored(store, user_id):
    return (await store.main.read(second_factors.find, user_id)).secret


async def test_the_database_alone_holds_no_secret(store, users, ann, on, clock):
    sealed = await stored(store, ann)
    assert sealed.startswith(MARK)
    assert on[0] not in sealed
    other = Users(store.main, PlainPasswords(), clock, Sealing(b"k" * 32))
    ticket = await ticket_of(other)
    with pytest.raises(WrongCode):
        await other.sign_in_with_code(ticket, code_at(on[0], clock.now()))
    signed = await other.sign_in_with_code(ticket, on[1][0])  # without the key, recovery codes are left
    assert signed.who.email == EMAIL


async def test_a_sealed_secret_of_another_person_does_not_open(store, users, ann, on, clock):
    bob = (await users.create("bob@brand.example", PASSWORD, role="owner")).id
    await users.second.confirm(bob, code_at((await users.second.begin(bob, "b")).secret, clock.now()))
    copied = await stored(store, ann)
    await store.main.write(second_factors.replace, bob, await stored(store, bob), copied)
    clock.advance(60)
    with pytest.raises(WrongCode):
        await users.second.end(bob, code_at(on[0], clock.now()))


async def test_secrets_of_before_are_sealed_once(store, users, ann, clock):
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    await store.main.write(lambda tx: second_factors.begin(tx, ann, secret, clock.now()))
    assert (await users.second.begun(ann, EMAIL)).secret == secret
    assert await users.second.seal_old() == 1
    assert await users.second.seal_old() == 0
    assert (await stored(store, ann)).startswith(MARK)
    await users.second.confirm(ann, code_at(secret, clock.now()))
    assert (await users.second.standing(ann)).on


async def test_all_workers_count_wrong_codes_together(store, users, ann, on, clock):
    others = [Users(store.main, PlainPasswords(), clock, Sealing(bytes(32))) for _ in range(3)]
    ticket = await ticket_of(users)
    for number in range(PER_PERSON.free + 1):
        with pytest.raises(TicketOver if number == TRIES else WrongCode):
            await others[number % 3].sign_in_with_code(ticket, wrong(on[0], clock.now()))
    with pytest.raises(WrongCode):
        await others[0].second.end(ann, wrong(on[0], clock.now()))
    with pytest.raises(TooManyCodes):
        await users.second.end(ann, code_at(on[0], clock.now()))
