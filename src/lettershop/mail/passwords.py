"""Passwords of people and keys made by the program, hashed and checked.

A person's password gets argon2id, some hundred milliseconds and 64 MiB a time: in a thread, a few at once, and a
success is remembered for some minutes so that a mail client that logs in every minute does not cost that each time.
A key that the program made (`generated`, 128 bits and more) cannot be guessed, so one SHA-256 protects it as well.
What is remembered is an HMAC under a key of this process, never the password.
"""

import asyncio
import hmac
from base64 import urlsafe_b64encode
from collections import OrderedDict
from hashlib import sha256

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from lettershop.base.clock import Clock

GENERATED = "sha256$"
AT_ONCE = 2
"""Most argon2 computations at the same time: memory and processor are bounded, however many log in."""
REMEMBERED = 10_000
REMEMBER_FOR = 600.0


class Passwords:
    """Hashes and checks; one object per process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hasher = PasswordHasher()
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._key = clock.token(32)
        self._seen: OrderedDict[bytes, float] = OrderedDict()

    async def hash(self, password: str) -> str:
        """What to store for a person's password."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    def generate(self) -> tuple[str, str]:
        """A fresh key for a program to log in with, and what to store for it."""
        password = urlsafe_b64encode(self._clock.token(18)).decode()
        return password, stored_key(password)

    async def verify(self, password: str, stored: str | None) -> bool:
        """Whether this is the password. With `stored` None (nobody of that name) it takes as long and says no."""
        if stored is None:
            await self.hash(password)
            return False
        if stored.startswith(GENERATED):
            return hmac.compare_digest(stored, stored_key(password))
        seen = hmac.digest(self._key, f"{stored}\0{password}".encode(), "sha256")
        if self._clock.monotonic() < self._seen.get(seen, 0.0):
            return True
        async with self._turn:
            right = await asyncio.to_thread(self._check, password, stored)
        if right:
            self._remember(seen)
        return right

    def _check(self, password: str, stored: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    def _remember(self, seen: bytes) -> None:
        self._seen[seen] = self._clock.monotonic() + REMEMBER_FOR
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)


def stored_key(password: str) -> str:
    """What to store for a generated key."""
    return GENERATED + sha256(password.encode()).hexdigest()
