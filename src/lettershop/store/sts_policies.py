"""Policies of MTA-STS as they were fetched, kept until they expire, for all processes and over restarts."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select

from lettershop.store.database import Transaction
from lettershop.store.rows import upsert
from lettershop.store.schema_transport import sts_policies


@dataclass(frozen=True, slots=True)
class KeptPolicy:
    """A policy of a domain; `mx` are patterns. Times in seconds since the epoch."""

    domain: str
    policy_id: str
    mode: str
    mx: tuple[str, ...]
    max_age: int
    fetched_at: float
    expires_at: float


def fetched_since(conn: Connection, since: float, now: float) -> list[KeptPolicy]:
    """Those fetched at `since` or later that have not expired."""
    c = sts_policies.c
    query = select(c.domain, c.policy_id, c.mode, c.mx, c.max_age, c.fetched_at, c.expires_at)
    rows = conn.execute(query.where(c.fetched_at >= since, c.expires_at > now).order_by(c.fetched_at, c.domain))
    return [KeptPolicy(row[0], row[1], row[2], tuple(row[3].split()), *row[4:]) for row in rows]


def keep(tx: Transaction, policies: Sequence[KeptPolicy]) -> None:
    """Take these in place of what was known of their domains."""
    rows = [
        {
            "domain": one.domain, "policy_id": one.policy_id, "mode": one.mode, "mx": " ".join(one.mx),
            "max_age": one.max_age, "fetched_at": one.fetched_at, "expires_at": one.expires_at,
        }
        for one in policies
    ]  # fmt: skip
    upsert(tx.conn, sts_policies, rows, key=("domain",))


def forget_expired(tx: Transaction, now: float) -> int:
    """Delete those that count no more; how many."""
    return tx.conn.execute(delete(sts_policies).where(sts_policies.c.expires_at <= now)).rowcount
