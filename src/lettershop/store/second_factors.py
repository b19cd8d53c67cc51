"""Secrets for codes by time, recovery codes, and sign-ins that wait for their code."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select, update

from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new, upsert
from lettershop.store.schema_signin import half_sign_ins, recovery_codes, second_factors


@dataclass(frozen=True, slots=True)
class Factor:
    """A person's secret; `confirmed_at` None: no code of it was seen yet."""

    user_id: int
    secret: str
    confirmed_at: float | None
    last_step: int


_FACTOR = [second_factors.c[name] for name in Factor.__slots__]


def find(conn: Connection, user_id: int) -> Factor | None:
    """The secret of a person, or None."""
    row = conn.execute(select(*_FACTOR).where(second_factors.c.user_id == user_id)).one_or_none()
    return Factor(*row) if row else None


def begin(tx: Transaction, user_id: int, secret: str, at: float) -> None:
    """A fresh secret that is not confirmed yet, in the place of any other."""
    row = {"user_id": user_id, "secret": secret, "created_at": at, "confirmed_at": None, "last_step": 0}
    upsert(tx.conn, second_factors, [row], key=["user_id"])


def without(conn: Connection, mark: str) -> list[tuple[int, str]]:
    """People and secrets that do not begin with this mark."""
    c = second_factors.c
    rows = conn.execute(select(c.user_id, c.secret).where(~c.secret.startswith(mark)))
    return [(user_id, secret) for user_id, secret in rows]


def replace(tx: Transaction, user_id: int, before: str, after: str) -> None:
    """Store another form of a secret, unless it changed meanwhile."""
    c = second_factors.c
    tx.conn.execute(update(second_factors).where(c.user_id == user_id, c.secret == before).values(secret=after))


def confirm(tx: Transaction, user_id: int, at: float, key_hashes: Sequence[str]) -> None:
    """From now on codes are asked for; these are the recovery codes."""
    tx.conn.execute(update(second_factors).where(second_factors.c.user_id == user_id).values(confirmed_at=at))
    tx.conn.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))
    insert_new(tx.conn, recovery_codes, [{"user_id": user_id, "key_hash": one} for one in key_hashes])


def end(tx: Transaction, user_id: int) -> None:
    """No code is asked for any more."""
    tx.conn.execute(delete(second_factors).where(second_factors.c.user_id == user_id))
    tx.conn.execute(delete(recovery_codes).where(recovery_codes.c.user_id == user_id))


def take_step(tx: Transaction, user_id: int, step: int) -> bool:
    """Use up the code of a step of time; False if it or a later one was used before."""
    c = second_factors.c
    query = update(second_factors).where(c.user_id == user_id, c.last_step < step).values(last_step=step)
    return tx.conn.execute(query).rowcount == 1


def take_recovery_code(tx: Transaction, user_id: int, key_hash: str) -> bool:
    """Use up a recovery code; False if there is no such one."""
    c = recovery_codes.c
    return tx.conn.execute(delete(recovery_codes).where(c.user_id == user_id, c.key_hash == key_hash)).rowcount == 1


def recovery_codes_left(conn: Connection, user_id: int) -> int:
    """How many recovery codes are not used."""
    query = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.user_id == user_id)
    return conn.scalar(query) or 0


def add_half(tx: Transaction, key_hash: str, user_id: int, at: float, expires_at: float) -> None:
    """A sign-in whose code is to come; those of anybody that have run out go."""
    tx.conn.execute(delete(half_sign_ins).where(half_sign_ins.c.expires_at <= at))
    insert_new(tx.conn, half_sign_ins, [{"key_hash": key_hash, "user_id": user_id, "expires_at": expires_at}])


def try_half(tx: Transaction, key_hash: str, now: float, most: int) -> int | None:
    """Count a try of this sign-in; whose it is, or None if it is unknown, over, or was tried too often."""
    c = half_sign_ins.c
    fits = (c.key_hash == key_hash, c.expires_at > now, c.tries < most)
    if tx.conn.execute(update(half_sign_ins).where(*fits).values(tries=c.tries + 1)).rowcount != 1:
        return None
    return tx.conn.scalar(select(c.user_id).where(c.key_hash == key_hash))


def end_half(tx: Transaction, key_hash: str) -> None:
    """The sign-in has got its code."""
    tx.conn.execute(delete(half_sign_ins).where(half_sign_ins.c.key_hash == key_hash))
