"""What people want of us: pace, pause, topics; and their requests about their data."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, exists, func, or_, select

from lettershop.store import subscriptions
from lettershop.store.database import Transaction
from lettershop.store.rows import insert_one, upsert
from lettershop.store.schema_main import contacts, lists
from lettershop.store.schema_main import subscriptions as subscription_rows
from lettershop.store.schema_people import data_requests, preferences
from lettershop.store.subscriptions import PENDING, SUBSCRIBED, Consent

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How often. `paused_until` None: no pause; `every_days` 0: everything."""

    paused_until: float | None = None
    every_days: int = 0


@dataclass(frozen=True, slots=True)
class Topic:
    """A list that the person may join or leave. `name` as the lists' screen has it."""

    list_id: int
    name: str
    on: bool


@dataclass(frozen=True, slots=True)
class DataRequest:
    """A request by its link. `kind`: data, erase."""

    id: int
    workspace_id: int
    contact_id: int
    kind: str
    email: str
    expires_at: float


def pace_of(conn: Connection, contact_id: int) -> Pace:
    """What the person wants; everything, if they never said."""
    c = preferences.c
    row = conn.execute(select(c.paused_until, c.every_days).where(c.contact_id == contact_id)).first()
    return Pace(*row) if row is not None else Pace()


def set_pace(tx: Transaction, workspace_id: int, contact_id: int, pace: Pace, at: float) -> None:
    """Keep it."""
    row = {
        "contact_id": contact_id, "workspace_id": workspace_id, "paused_until": pace.paused_until,
        "every_days": pace.every_days, "changed_at": at,
    }  # fmt: skip
    upsert(tx.conn, preferences, [row], key=("contact_id",))


def resting(now: float) -> ColumnElement[bool]:
    """Whether a contact of the query wants no newsletter now: they pause, or had one in the days they named.

    One look-up a contact: a list of all who rest would be made anew for every piece of an audience.
    """
    c = preferences.c
    soon = and_(c.every_days > 0, contacts.c.last_delivered_at > now - c.every_days * DAY)
    return exists().where(c.contact_id == contacts.c.id, or_(c.paused_until > now, soon))


def topics(conn: Connection, workspace_id: int, contact_id: int) -> list[Topic]:
    """The public lists, and those that the person is on."""
    s = subscription_rows.c
    mine = and_(s.list_id == lists.c.id, s.contact_id == contact_id)
    query = (
        select(lists.c.id, lists.c.name, s.status)
        .join(subscription_rows, mine, isouter=True)
        .where(lists.c.workspace_id == workspace_id, or_(lists.c.public.is_(True), s.status.in_((SUBSCRIBED, PENDING))))
    )
    return [Topic(row.id, row.name, row.status == SUBSCRIBED) for row in conn.execute(query.order_by(lists.c.name))]


def choose(
    tx: Transaction, workspace_id: int, contact_id: int, wanted: set[int], consent: Consent, at: float
) -> tuple[int, int]:
    """Join and leave lists so that the person is on those wanted; how many they joined and left."""
    there = topics(tx.conn, workspace_id, contact_id)
    joined = [topic.list_id for topic in there if topic.list_id in wanted and not topic.on]
    left = [topic.list_id for topic in there if topic.list_id not in wanted and topic.on]
    for list_id in joined:
        if not subscriptions.resubscribe(tx, contact_id, list_id, consent=consent, at=at):
            subscriptions.join(tx, workspace_id, list_id, [contact_id], consent, at)
    for list_id in left:
        subscriptions.unsubscribe(tx, contact_id, list_id, how="preferences", at=at, ip=consent.ip)
    return len(joined), len(left)


def request(
    tx: Transaction, workspace_id: int, contact_id: int, kind: str, key_hash: str, at: float, expires_at: float
) -> int:
    """Note a request; its id. Old ones go on the way."""
    c = data_requests.c
    tx.conn.execute(delete(data_requests).where(c.contact_id == contact_id, c.expires_at < at - DAY))
    return insert_one(
        tx.conn, data_requests, workspace_id=workspace_id, contact_id=contact_id, kind=kind, key_hash=key_hash,
        requested_at=at, expires_at=expires_at,
    )  # fmt: skip


def requested_since(conn: Connection, contact_id: int, since: float) -> int:
    """How many requests there were: nobody is to be flooded with mails."""
    c = data_requests.c
    query = select(func.count()).select_from(data_requests).where(c.contact_id == contact_id, c.requested_at >= since)
    return conn.scalar(query) or 0


def by_hash(conn: Connection, key_hash: str) -> DataRequest | None:
    """The request of this secret, or None."""
    c = data_requests.c
    query = select(c.id, c.workspace_id, c.contact_id, c.kind, contacts.c.email, c.expires_at)
    row = conn.execute(query.join(contacts, contacts.c.id == c.contact_id).where(c.key_hash == key_hash)).first()
    return DataRequest(*row) if row is not None else None
