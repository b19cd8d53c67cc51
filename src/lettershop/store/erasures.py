"""Keyed hashes of addresses that were erased (GDPR 17): what keeps an erased person from being written to again.

A hash says that nobody may bring the address back by a file, and, where the person had complained, bounced or left, for what
reason nothing may be sent to it: erasing somebody's data must not undo their objection (GDPR 21(3)). It leads to no address.
"""

import hmac
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update

from lettershop.store import secrets
from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new
from lettershop.store.schema_api import erased
from lettershop.store.schema_delivery import suppressions

KEY = "erasure"
"""The name of the hashes' key among the secrets."""

PIECE = 500


@dataclass(frozen=True, slots=True)
class Objection:
    """Why an erased address stays suppressed, and since when."""

    reason: str
    at: float


def digest(key: bytes, workspace_id: int, email_key: str) -> str:
    """What is kept of an erased address."""
    return hmac.digest(key, f"{workspace_id} {email_key}".encode(), "sha256").hex()


def remember(tx: Transaction, workspace_id: int, email_key: str, key: bytes, at: float) -> None:
    """Keep the hash, with the reason for which the address is suppressed; its plain line in the ledger goes."""
    s = suppressions.c
    mine = (s.workspace_id == workspace_id, s.email_key == email_key)
    line = tx.conn.execute(select(s.reason, s.at).where(*mine)).first()
    name = digest(key, workspace_id, email_key)
    insert_new(tx.conn, erased, [{"workspace_id": workspace_id, "digest": name, "at": at}])
    if line is None:
        return
    where = (erased.c.workspace_id == workspace_id, erased.c.digest == name)
    tx.conn.execute(update(erased).where(*where).values(reason=line.reason, suppressed_at=line.at))
    tx.conn.execute(delete(suppressions).where(*mine))


def known(conn: Connection, workspace_id: int, email_keys: Iterable[str]) -> set[str]:
    """Which of these addresses were erased."""
    return {email_key for email_key, _ in _found(conn, workspace_id, email_keys)}


def all_of(conn: Connection, workspace_id: int) -> frozenset[str]:
    """The hashes of a workspace."""
    return frozenset(conn.scalars(select(erased.c.digest).where(erased.c.workspace_id == workspace_id)))


def objections(conn: Connection, workspace_id: int, email_keys: Iterable[str]) -> dict[str, Objection]:
    """Which of these addresses were erased while they were suppressed."""
    found = _found(conn, workspace_id, email_keys)
    return {email_key: objection for email_key, objection in found if objection.reason}


def _found(conn: Connection, workspace_id: int, email_keys: Iterable[str]) -> Iterator[tuple[str, Objection]]:
    key = secrets.find(conn, KEY)
    if key is None:
        return
    digests = {digest(key, workspace_id, email_key): email_key for email_key in email_keys}
    names, c = list(digests), erased.c
    for start in range(0, len(names), PIECE):
        where = (c.workspace_id == workspace_id, c.digest.in_(names[start : start + PIECE]))
        for row in conn.execute(select(c.digest, c.reason, c.suppressed_at, c.at).where(*where)):
            yield digests[row.digest], Objection(row.reason, row.suppressed_at or row.at)


def forgive(tx: Transaction, workspace_id: int, email_keys: Iterable[str]) -> int:
    """Lift the objections of erased addresses, as `suppressions.remove` does; how many there were. The hashes stay."""
    there = objections(tx.conn, workspace_id, email_keys)
    key = secrets.find(tx.conn, KEY) or b""
    for email_key in there:
        where = (erased.c.workspace_id == workspace_id, erased.c.digest == digest(key, workspace_id, email_key))
        tx.conn.execute(update(erased).where(*where).values(reason=""))
    return len(there)


def resume(tx: Transaction, workspace_id: int, email_key: str) -> None:
    """The address is known again, by whose word is open: an objection stands in the ledger as before. The hash stays."""
    objection = objections(tx.conn, workspace_id, [email_key]).get(email_key)
    if objection is None:
        return
    line = {"workspace_id": workspace_id, "email_key": email_key, "reason": objection.reason, "at": objection.at}
    insert_new(tx.conn, suppressions, [line])
    forgive(tx, workspace_id, [email_key])


def come_back(tx: Transaction, workspace_id: int, email_keys: Iterable[str]) -> None:
    """These came back by their own word: `resume`, and the hash goes."""
    for email_key in known(tx.conn, workspace_id, email_keys):
        resume(tx, workspace_id, email_key)
        key = secrets.find(tx.conn, KEY) or b""
        where = (erased.c.workspace_id == workspace_id, erased.c.digest == digest(key, workspace_id, email_key))
        tx.conn.execute(delete(erased).where(*where))
