"""Passwords: argon2 for people, SHA-256 for generated keys, a success remembered, nobody takes as long as somebody."""

from lettershop.mail.passwords import Passwords


async def test_a_right_password_is_taken_and_a_wrong_one_is_not(clock):
    passwords = Passwords(clock)
    stored = await passwords.hash("correct horse")
    assert stored.startswith("$argon2id$")
    assert await passwords.verify("correct horse", stored)
    assert not await passwords.verify("wrong horse", stored)
    assert not await passwords.verify("correct horse", "not a hash")
    assert not await passwords.verify("correct horse", None)


async def test_a_generated_key_is_checked_without_argon2(clock):
    passwords = Passwords(clock)
    key, stored = passwords.generate()
    assert stored.startswith("sha256$")
    assert await passwords.verify(key, stored)
    assert not await passwords.verify(key + "x", stored)


async def test_a_success_is_remembered_for_some_minutes_only(clock, monkeypatch):
    passwords, checks = Passwords(clock), []
    stored = await passwords.hash("p")
    monkeypatch.setattr(passwords, "_check", lambda password, _: checks.append(password) is None)
    assert await passwords.verify("p", stored)
    assert await passwords.verify("p", stored)
    clock.advance(601)
    assert await passwords.verify("p", stored)
    assert checks == ["p", "p"]
