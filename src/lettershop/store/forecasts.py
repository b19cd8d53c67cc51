"""What a forecast reads: what waits by site, and how fast sites answered lately. Bounded, however long queue and log are."""

from dataclasses import dataclass

from sqlalchemy import Connection, Text, and_, case, func, literal_column, select, text

from lettershop.store.schema_delivery import HELD, LEASED, envelopes
from lettershop.store.schema_main import facts

RECENT = 20_000
"""Facts that are looked at, the newest; and no older than `SPAN` seconds."""
SPAN = 600.0
_TOLD = ("Delivered", "Deferred", "Bounced")


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits of a campaign at a site; `ahead`: of other campaigns, due now."""

    site: str
    untried: int
    deferred: int
    last_due: float
    ahead: int


@dataclass(frozen=True, slots=True)
class Answers:
    """What a site answered lately."""

    site: str
    answered: int
    deferred: int
    first: float
    last: float


def waiting(conn: Connection, campaign_id: int, now: float) -> list[Waiting]:
    """By site, the most first."""
    c = envelopes.c
    tried = c.attempts > 0
    query = (
        select(
            c.site, func.count().filter(~tried), func.count().filter(tried),
            func.coalesce(func.max(c.due_at).filter(tried, c.due_at < HELD), 0.0),
        )
        .where(c.campaign_id == campaign_id, c.state <= LEASED).group_by(c.site).order_by(func.count().desc(), c.site)
    )  # fmt: skip
    rows = conn.execute(query).all()
    others = _others(conn, campaign_id, [row[0] for row in rows[:50]], now)
    return [Waiting(row[0], row[1], row[2], row[3], others.get(row[0], 0)) for row in rows]


def last_due(conn: Connection, campaign_id: int) -> float:
    """When the last of a campaign's recipients is due who was not tried yet; 0: nobody waits."""
    c = envelopes.c
    where = (c.campaign_id == campaign_id, text("state = 0"), c.attempts == 0, c.due_at < HELD)
    return conn.scalar(select(func.max(c.due_at)).where(*where)) or 0.0


def _others(conn: Connection, campaign_id: int, sites: list[str], now: float) -> dict[str, int]:
    """What is due of others at these sites, counted among the next hundred thousand that are due at all."""
    c = envelopes.c
    due = (
        select(c.site, c.campaign_id).where(text("state = 0"), c.due_at <= now, c.campaign_id != campaign_id)
        .limit(100_000).subquery()
    )  # fmt: skip
    query = select(due.c.site, func.count()).where(due.c.site.in_(sites)).group_by(due.c.site)
    return {row[0]: row[1] for row in conn.execute(query)}


def answers(conn: Connection, now: float) -> dict[str, Answers]:
    """How fast sites answered, from the newest facts."""
    newest = conn.scalar(select(func.max(facts.c.id))) or 0
    site = literal_column("data ->> 'site'", Text)
    late = case((facts.c.kind == "Deferred", 1), else_=0)
    where = and_(facts.c.id > newest - RECENT, facts.c.at > now - SPAN, facts.c.kind.in_(_TOLD))
    query = (
        select(site, func.count(), func.sum(late), func.min(facts.c.at), func.max(facts.c.at))
        .where(where)
        .group_by(site)
    )
    return {row[0]: Answers(*row) for row in conn.execute(query)}
