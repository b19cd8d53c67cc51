"""The queue as people look at it: what waits, since when, until when, and how many fit a filter.

For screens and `lettershop queue`. What people do with it is in `store.queue_acts`; the engine's own statements are in
`store.envelopes`.
"""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, false, func, or_, select, text

from lettershop.store.envelopes import STATE_NAMES
from lettershop.store.schema_delivery import HELD, LANE_OPEN, LEASED, QUEUED, envelopes, lanes, outgoing
from lettershop.store.schema_main import contacts


@dataclass(frozen=True, slots=True)
class Waiting:
    """An envelope for a screen. `address` is the contact's own while a campaign's recipe was not tried yet."""

    envelope_id: int
    workspace_id: int | None
    campaign_id: int | None
    contact_id: int | None
    outgoing_id: int | None
    mail_from: str | None
    address: str | None
    site: str
    state: str
    attempts: int
    created_at: float
    due_at: float
    expires_at: float
    finished_at: float | None
    answer: str | None
    lane_state: int = LANE_OPEN
    pool: str = ""

    @property
    def held_since(self) -> float | None:
        """When an operator held it, if one did."""
        return self.due_at - HELD if self.finished_at is None and self.due_at >= HELD else None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which envelopes that wait are meant; whatever is not said does not matter. All that is said must fit.

    `state`: queued (not tried yet), waiting (put off), held, leased. `sender`: an address, or a domain. `recipient`: a part
    of the address. `before`: handed over before this time; `older_than`: the same in seconds before now. `ids`: only these.
    """

    workspace_id: int | None = None
    site: str | None = None
    campaign_id: int | None = None
    state: str = ""
    sender: str = ""
    recipient: str = ""
    before: float | None = None
    older_than: float | None = None
    ids: tuple[int, ...] = ()

    def at(self, now: float) -> "Filter":
        """The same with `before` in place of `older_than`."""
        return self if self.older_than is None else replace(self, before=now - self.older_than, older_than=None)

    @property
    def whole(self) -> bool:
        """Whether it leaves nothing out but other workspaces."""
        return replace(self, workspace_id=None) == Filter()


ALL = Filter()


@dataclass(frozen=True, slots=True)
class Fitting:
    """How many fit a filter. `leased` are being tried, or held by a process that soon will: no act touches them."""

    queued: int
    held: int
    leased: int
    oldest: float | None

    @property
    def touched(self) -> int:
        """Those that an act concerns."""
        return self.queued + self.held


@dataclass(frozen=True, slots=True)
class SiteQueue:
    """What waits for one recipient domain. `deferred` were tried before; `oldest` is the earliest hand-over; `next_due` 0: all are held."""

    site: str
    waiting: int
    deferred: int
    leased: int
    oldest: float
    next_due: float


def _select() -> Select[tuple[Any, ...]]:
    c = envelopes.c
    return (
        select(
            c.id, c.workspace_id, c.campaign_id, c.contact_id, c.outgoing_id, outgoing.c.mail_from,
            func.coalesce(c.address, contacts.c.email), c.site, c.state, c.attempts, c.created_at, c.due_at,
            c.expires_at, c.finished_at, c.answer, func.coalesce(lanes.c.state, LANE_OPEN), func.coalesce(lanes.c.pool, ""),
        )
        .outerjoin(lanes, lanes.c.id == c.lane_id)
        .outerjoin(outgoing, outgoing.c.id == c.outgoing_id)
        .outerjoin(contacts, contacts.c.id == c.contact_id)
    )  # fmt: skip


def _waiting(row: Row[tuple[Any, ...]]) -> Waiting:
    values: list[Any] = list(row)
    values[8] = "held" if values[8] == QUEUED and values[11] >= HELD else STATE_NAMES[values[8]]
    return Waiting(*values)


def _fits(which: Filter) -> list[ColumnElement[bool]]:
    """The conditions on an envelope; what is in other tables is asked by sub-queries, for updates cannot join."""
    c = envelopes.c
    found: list[ColumnElement[bool]] = [c.state <= LEASED]
    for column, value in (
        (c.workspace_id, which.workspace_id),
        (c.site, which.site),
        (c.campaign_id, which.campaign_id),
    ):
        if value is not None:
            found.append(column == value)
    if which.ids:
        found.append(c.id.in_(which.ids))
    if which.before is not None:
        found.append(c.created_at <= which.before)
    if which.state:
        found.append(_in_state(which.state))
    if which.sender:
        found.append(_from(which.sender.lower()))
    if which.recipient:
        part = which.recipient.lower()
        people = select(contacts.c.id).where(contacts.c.email_key.contains(part, autoescape=True))
        found.append(or_(func.lower(c.address).contains(part, autoescape=True), c.contact_id.in_(people)))
    return found


def _in_state(state: str) -> ColumnElement[bool]:
    c = envelopes.c
    # literal states: then the small partial indexes serve
    known = {
        "queued": and_(text("envelopes.state = 0"), c.attempts == 0, c.due_at < HELD),
        "waiting": and_(text("envelopes.state = 0"), c.attempts > 0, c.due_at < HELD),
        "held": and_(text("envelopes.state = 0"), c.due_at >= HELD),
        "leased": and_(text("envelopes.state = 1")),
    }
    return known.get(state, false())


def _from(sender: str) -> ColumnElement[bool]:
    """Stored messages by their sender, campaigns by the domain of theirs."""
    c, by = envelopes.c, func.lower(outgoing.c.mail_from)
    domain = sender.removeprefix("@")
    fits = by == sender if "@" in sender.lstrip("@") else by.endswith(f"@{domain}", autoescape=True)
    stored = c.outgoing_id.in_(select(outgoing.c.id).where(fits))
    return stored if "@" in domain else or_(stored, c.lane_id.in_(select(lanes.c.id).where(lanes.c.sender == domain)))


def fitting(conn: Connection, which: Filter) -> Fitting:
    """How many fit."""
    c = envelopes.c
    held = and_(c.state == QUEUED, c.due_at >= HELD)
    query = select(
        func.count().filter(c.state == QUEUED, c.due_at < HELD), func.count().filter(held),
        func.count().filter(c.state == LEASED), func.min(c.created_at),
    ).where(*_fits(which))  # fmt: skip
    return Fitting(*conn.execute(query).one())


def ids_of(conn: Connection, which: Filter, *, after: int, limit: int) -> list[int]:
    """Those that an act concerns, by id, a page after the id `after`."""
    c = envelopes.c
    query = select(c.id).where(*_fits(which), text("envelopes.state = 0"), c.id > after).order_by(c.id).limit(limit)
    return list(conn.scalars(query))


def list_waiting(conn: Connection, which: Filter = ALL, *, after: int = 0, limit: int = 100) -> list[Waiting]:
    """What is queued or being tried, by id; `after` is the last id of the page before."""
    c = envelopes.c
    query = _select().where(*_fits(which), c.id > after).order_by(c.id).limit(limit)
    return [_waiting(row) for row in conn.execute(query)]


def show(conn: Connection, envelope_id: int) -> Waiting | None:
    """One envelope in whatever state, with the end of its last dialogue."""
    row = conn.execute(_select().where(envelopes.c.id == envelope_id)).first()
    return None if row is None else _waiting(row)


def by_site(conn: Connection, *, campaign_id: int | None = None, limit: int = 200) -> list[SiteQueue]:
    """What waits by recipient domain, the longest queues first."""
    c = envelopes.c
    query = (
        select(
            c.site, func.count(), func.count().filter(c.attempts > 0), func.count().filter(c.state == LEASED),
            func.min(c.created_at), func.coalesce(func.min(c.due_at).filter(c.due_at < HELD), 0.0),
        )
        .where(c.state <= LEASED).group_by(c.site).order_by(func.count().desc(), c.site).limit(limit)
    )  # fmt: skip
    if campaign_id is not None:
        query = query.where(c.campaign_id == campaign_id)
    return [SiteQueue(*row) for row in conn.execute(query)]


def totals(conn: Connection) -> dict[str, int]:
    """How many wait and how many are being tried, in the whole queue."""
    # literal states: then the small partial indexes are counted, not the table
    count = "SELECT count(*) FROM envelopes WHERE state"
    queued, leased = (conn.scalar(text(f"{count} = {state}")) or 0 for state in (QUEUED, LEASED))
    return {"queued": queued, "leased": leased}
