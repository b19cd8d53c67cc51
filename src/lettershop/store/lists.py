"""Mailing lists as the API sees them. Who is on them is `store.subscriptions`'."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, delete, exists, func, select, update

from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new
from lettershop.store.schema_main import campaigns, lists, subscriptions
from lettershop.store.subscriptions import SUBSCRIBED


@dataclass(frozen=True, slots=True)
class ListRow:
    """A list and how many are subscribed to it."""

    id: int
    name: str
    public: bool
    double_opt_in: bool
    created_at: float
    subscribed: int
    archive: bool = False


def _select(workspace_id: int) -> Select[Any]:
    s = subscriptions.c
    size = (
        select(func.count()).select_from(subscriptions)
        .where(s.list_id == lists.c.id, s.status == SUBSCRIBED).scalar_subquery()
    )  # fmt: skip
    columns = [size if name == "subscribed" else lists.c[name] for name in ListRow.__slots__]
    return select(*columns).where(lists.c.workspace_id == workspace_id)


def page(conn: Connection, workspace_id: int, *, after: int, limit: int) -> list[ListRow]:
    """The workspace's lists by id, a page after the id `after`."""
    query = _select(workspace_id).where(lists.c.id > after).order_by(lists.c.id).limit(limit)
    return [ListRow(*row) for row in conn.execute(query)]


def by_id(conn: Connection, workspace_id: int, list_id: int) -> ListRow | None:
    """One list of the workspace, or None."""
    row = conn.execute(_select(workspace_id).where(lists.c.id == list_id)).first()
    return ListRow(*row) if row is not None else None


def create(
    tx: Transaction,
    workspace_id: int,
    name: str,
    at: float,
    *,
    public: bool,
    double_opt_in: bool,
    archive: bool = False,
) -> int | None:
    """A new list; its id, or None if the name is taken."""
    row = {
        "workspace_id": workspace_id,
        "name": name,
        "public": public,
        "double_opt_in": double_opt_in,
        "archive": archive,
        "created_at": at,
    }
    if not insert_new(tx.conn, lists, [row]):
        return None
    return tx.conn.scalar(select(lists.c.id).where(lists.c.workspace_id == workspace_id, lists.c.name == name))


def change(tx: Transaction, /, workspace_id: int, list_id: int, **values: Any) -> bool:
    """Change name or kind; False if the name is taken."""
    c = lists.c
    if "name" in values:
        taken = select(c.id).where(c.workspace_id == workspace_id, c.name == values["name"], c.id != list_id)
        if tx.conn.scalar(taken) is not None:
            return False
    if values:
        tx.conn.execute(update(lists).where(c.id == list_id).values(**values))
    return True


def remove(tx: Transaction, list_id: int) -> bool:
    """Delete a list; False if a campaign under way needs it."""
    needed = exists().where(campaigns.c.list_id == list_id, campaigns.c.state.in_(("scheduled", "sending", "paused")))
    return bool(tx.conn.execute(delete(lists).where(lists.c.id == list_id, ~needed)).rowcount)
