"""The suppression ledger: who must get nothing more, why and since when. Asked last, where the mail leaves.

Workspace 0 is everybody. Addresses are compared by their key (lower case, domain as A-label), as in `contacts.email_key`.
Of somebody who was erased only a hash stays (`store.erasures`), which `suppressed` and `remove` know.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select

from lettershop.store import erasures
from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new
from lettershop.store.schema_delivery import suppressions

EVERYBODY = 0
PIECE = 500
"""Keys asked for in one statement."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """A line of the ledger. `reason`: hard-bounce, soft-bounces, complaint, unsubscribed, manual."""

    workspace_id: int
    email_key: str
    reason: str
    detail: str
    campaign_id: int | None
    at: float


def add(
    tx: Transaction,
    workspace_id: int,
    email_key: str,
    reason: str,
    *,
    at: float,
    detail: str = "",
    campaign_id: int | None = None,
) -> bool:
    """Suppress an address; False if it was already. The first reason and date stay."""
    return add_many(tx, [Suppression(workspace_id, email_key, reason, detail, campaign_id, at)]) == 1


def add_many(tx: Transaction, entries: Sequence[Suppression]) -> int:
    """Suppress many (an import); how many are new. Each (workspace, key) should come once."""
    by_workspace: dict[int, list[str]] = {}
    for entry in entries:
        by_workspace.setdefault(entry.workspace_id, []).append(entry.email_key)
    before = sum(_known(tx.conn, workspace, keys) for workspace, keys in by_workspace.items())
    insert_new(
        tx.conn, suppressions, [{name: getattr(entry, name) for name in Suppression.__slots__} for entry in entries]
    )
    return sum(_known(tx.conn, workspace, keys) for workspace, keys in by_workspace.items()) - before


def _known(conn: Connection, workspace_id: int, keys: Iterable[str]) -> int:
    c = suppressions.c
    query = select(func.count()).select_from(suppressions).where(c.workspace_id == workspace_id)
    return sum(conn.scalar(query.where(c.email_key.in_(piece))) or 0 for piece in _pieces(keys))


def remove(tx: Transaction, workspace_id: int, keys: Iterable[str]) -> int:
    """Lift suppressions; how many there were."""
    c, removed = suppressions.c, 0
    for piece in _pieces(keys):
        where = (c.workspace_id == workspace_id, c.email_key.in_(piece))
        removed += tx.conn.execute(delete(suppressions).where(*where)).rowcount
        removed += erasures.forgive(tx, workspace_id, piece)
    return removed


def suppressed(conn: Connection, workspace_id: int | None, keys: Iterable[str]) -> dict[str, Suppression]:
    """Which of these keys are suppressed, for this workspace or for everybody (whose entry is then the one given)."""
    c = suppressions.c
    found: dict[str, Suppression] = {}
    for piece in _pieces(keys):
        where = (c.workspace_id.in_((EVERYBODY, workspace_id or EVERYBODY)), c.email_key.in_(piece))
        for row in conn.execute(select(suppressions).where(*where).order_by(c.workspace_id.desc())):
            found[row.email_key] = Suppression(*row)
        if workspace_id:
            left = [key for key in piece if key not in found]
            for key, objection in erasures.objections(conn, workspace_id, left).items():
                found[key] = Suppression(workspace_id, key, objection.reason, "", None, objection.at)
    return found


def _pieces(keys: Iterable[str]) -> Iterator[list[str]]:
    unique = list(dict.fromkeys(keys))
    for start in range(0, len(unique), PIECE):
        yield unique[start : start + PIECE]


def page(
    conn: Connection, workspace_id: int, *, after: str = "", contains: str = "", reason: str = "", limit: int = 100
) -> list[Suppression]:
    """The ledger by address, for lists and exports; `after` is the last key of the page before."""
    c = suppressions.c
    query = select(suppressions).where(c.workspace_id == workspace_id, c.email_key > after)
    if contains:
        query = query.where(c.email_key.contains(contains, autoescape=True))
    if reason:
        query = query.where(c.reason == reason)
    return [Suppression(*row) for row in conn.execute(query.order_by(c.email_key).limit(limit))]


def count(conn: Connection, workspace_id: int) -> dict[str, int]:
    """How many suppressions by reason."""
    c = suppressions.c
    rows = conn.execute(select(c.reason, func.count()).where(c.workspace_id == workspace_id).group_by(c.reason))
    return {row[0]: row[1] for row in rows}
