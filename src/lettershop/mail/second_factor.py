"""The second step of signing in: a code by time from the person's device (RFC 6238), or a recovery code once.

A person begins with a fresh secret, shows that the device has it by a first code, and gets recovery codes, which are
kept as hashes. From then on a right password opens no session: it gives a ticket for ten minutes, and ticket and code
together do. A code counts once. Wrong codes are counted by person, over all tickets: who has the password has
nothing from asking for fresh ones. Secrets are stored sealed (`mail.sealing`).
"""

import hmac
from base64 import b32encode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256

from pyotp import TOTP
from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import Conflict, Refused, Temporary
from lettershop.mail.sealing import MARK, NONCE_SIZE, Sealing, WrongKey
from lettershop.mail.shared_throttle import SharedThrottle
from lettershop.mail.throttle import Limit
from lettershop.store import second_factors as rows
from lettershop.store.database import Database, Transaction

STEP = 30  # RFC 6238 4.1
SLACK = 1  # steps before and after now: clocks differ, people type slowly (RFC 6238 5.2)
TICKET_LASTS = 600.0
TRIES = 5
"""Of one ticket."""
PER_PERSON = Limit(free=5)
RECOVERY_CODES = 10
ISSUER = "Lettershop"


class CodeNeeded(Refused):
    """The password was right; `ticket` and a code open the session."""

    code = "code-needed"

    def __init__(self, ticket: str) -> None:
        super().__init__("Now the code from your device.")
        self.ticket = ticket


class WrongCode(Refused):
    """The code is wrong, used, or too old."""

    code = "wrong-code"


class TicketOver(Refused):
    """The ticket ran out or was tried too often."""

    code = "ticket-over"


class TooManyCodes(Temporary):
    """Too many wrong codes; `wait` is the number of seconds left."""

    code = "too-many-codes"

    def __init__(self, wait: float) -> None:
        super().__init__(f"Too many wrong codes. Try again in {max(1, round(wait))} seconds.")
        self.wait = wait


class IsOn(Conflict):
    """Codes are asked for already."""

    code = "second-factor-on"


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether codes are asked for, and how many recovery codes are left."""

    on: bool
    recovery_codes: int


@dataclass(frozen=True, slots=True)
class Beginning:
    """What the device has to know: the secret in words, and as the address that the square code holds."""

    secret: str
    address: str


class SecondFactor:
    """One object per process."""

    def __init__(self, db: Database, clock: Clock, sealing: Sealing) -> None:
        self._db = db
        self._clock = clock
        self._sealing = sealing
        self._throttle = SharedThrottle(db, clock, "code")

    async def standing(self, user_id: int) -> Standing:
        """How it stands with this person."""
        return await self._db.read(_standing, user_id)

    async def begin(self, user_id: int, email: str) -> Beginning:
        """A fresh secret to show; raises IsOn. Nothing is asked for before `confirm`."""
        secret = b32encode(self._clock.token(20)).decode()  # 160 bits: RFC 4226 4
        await self._db.write(_begin, user_id, self._seal(user_id, secret), self._clock.now())
        return _beginning(secret, email)

    async def begun(self, user_id: int, email: str) -> Beginning | None:
        """What was shown and is not confirmed yet, to show it again."""
        found = await self._db.read(rows.find, user_id)
        if found is None or found.confirmed_at is not None:
            return None
        return _beginning(self._sealing.open(found.secret, about=str(user_id)), email)

    async def confirm(self, user_id: int, code: str) -> list[str]:
        """The device shows the right code: turn it on; the recovery codes, told this once. Raises WrongCode, TooManyCodes."""
        codes = [_spaced(b32encode(self._clock.token(10)).decode().lower()) for _ in range(RECOVERY_CODES)]
        await self._check_pace(user_id)
        hashes = [_hash(_plain(one)) for one in codes]
        right = await self._db.write(_confirm, self._sealing, user_id, code, self._clock.now(), hashes)
        await self._judge(user_id, right)
        return codes

    async def end(self, user_id: int, code: str) -> None:
        """Turn it off, with a code. Raises WrongCode, TooManyCodes."""
        await self._check_pace(user_id)
        await self._judge(user_id, await self._db.write(_end, self._sealing, user_id, code, self._clock.now()))

    async def remove(self, user_id: int) -> None:
        """Turn it off without a code: for the operator, when device and recovery codes are lost."""
        await self._db.write(rows.end, user_id)

    async def ticket(self, user_id: int) -> str:
        """What the browser holds between password and code."""
        ticket = urlsafe_b64encode(self._clock.token(32)).decode().rstrip("=")
        now = self._clock.now()
        await self._db.write(rows.add_half, _hash(ticket), user_id, now, now + TICKET_LASTS)
        return ticket

    async def redeem(self, ticket: str, code: str) -> int:
        """Whose ticket it is, if the code is right; raises WrongCode, TicketOver, TooManyCodes."""
        user_id = await self._db.write(rows.try_half, _hash(ticket), self._clock.now(), TRIES)
        if user_id is None:
            raise TicketOver("This took too long or was tried too often.", remedy="Sign in again.")
        await self._check_pace(user_id)
        right = await self._db.write(_redeem, self._sealing, user_id, _hash(ticket), code, self._clock.now())
        await self._judge(user_id, right)
        return user_id

    async def seal_old(self) -> int:
        """Secrets that were stored before there was a key are sealed; how many."""
        plain = await self._db.read(rows.without, MARK)
        for user_id, secret in plain:
            await self._db.write(rows.replace, user_id, secret, self._seal(user_id, secret))
        return len(plain)

    def _seal(self, user_id: int, secret: str) -> str:
        return self._sealing.seal(secret, about=str(user_id), nonce=self._clock.token(NONCE_SIZE))

    async def _check_pace(self, user_id: int) -> None:
        wait = await self._throttle.begin([(str(user_id), PER_PERSON)])
        if wait > 0:
            raise TooManyCodes(wait)

    async def _judge(self, user_id: int, right: bool) -> None:
        if not right:
            raise WrongCode("This code is wrong, too old, or was used before.", remedy="Wait for the next one.")
        await self._throttle.good([(str(user_id), PER_PERSON)])


def _beginning(secret: str, email: str) -> Beginning:
    return Beginning(secret, TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER))


def _standing(conn: Connection, user_id: int) -> Standing:
    found = rows.find(conn, user_id)
    on = found is not None and found.confirmed_at is not None
    return Standing(on, rows.recovery_codes_left(conn, user_id) if on else 0)


def _begin(tx: Transaction, user_id: int, secret: str, at: float) -> None:
    if _standing(tx.conn, user_id).on:
        raise IsOn("Codes are asked for already.", remedy="Turn them off first.")
    rows.begin(tx, user_id, secret, at)


def _confirm(tx: Transaction, sealing: Sealing, user_id: int, code: str, now: float, key_hashes: list[str]) -> bool:
    found = rows.find(tx.conn, user_id)
    if found is None or found.confirmed_at is not None or not _by_time(tx, sealing, found, _plain(code), now):
        return False
    rows.confirm(tx, user_id, now, key_hashes)
    return True


def _end(tx: Transaction, sealing: Sealing, user_id: int, code: str, now: float) -> bool:
    right = _accept(tx, sealing, user_id, code, now)
    if right:
        rows.end(tx, user_id)
    return right


def _redeem(tx: Transaction, sealing: Sealing, user_id: int, key_hash: str, code: str, now: float) -> bool:
    right = _accept(tx, sealing, user_id, code, now)
    if right:
        rows.end_half(tx, key_hash)
    return right


def _accept(tx: Transaction, sealing: Sealing, user_id: int, code: str, now: float) -> bool:
    """Whether the code is right; it is used up then."""
    found, plain = rows.find(tx.conn, user_id), _plain(code)
    if found is None or found.confirmed_at is None:
        return False
    return _by_time(tx, sealing, found, plain, now) or rows.take_recovery_code(tx, user_id, _hash(plain))


def _by_time(tx: Transaction, sealing: Sealing, factor: rows.Factor, plain: str, now: float) -> bool:
    try:
        secret = sealing.open(factor.secret, about=str(factor.user_id))
    except WrongKey:
        return False  # recovery codes still count
    step = _step_of(secret, plain, now)
    return step is not None and rows.take_step(tx, factor.user_id, step)  # RFC 6238 5.2: a code is accepted once


def _step_of(secret: str, plain: str, now: float) -> int | None:
    """The step of time whose code this is, about now."""
    device, present = TOTP(secret), int(now // STEP)
    fitting = (
        step for step in range(present - SLACK, present + SLACK + 1)
        if hmac.compare_digest(device.generate_otp(step).encode(), plain.encode())
    )  # fmt: skip
    return next(fitting, None)


def _plain(code: str) -> str:
    """A code without what people type between its parts."""
    return "".join(c for c in code.lower() if c.isalnum())


def _spaced(code: str) -> str:
    return "-".join(code[at : at + 4] for at in range(0, len(code), 4))


def _hash(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()
