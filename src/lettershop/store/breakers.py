"""Circuit breakers in the database: what is counted for them, what they did, what was seen when they were reset.

When one trips is decided in `egress.breakers`; what that does to a campaign in `marketing.breakers`. The engine asks
`closed` at every poll: the providers of campaigns that are held back or slowed down.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, or_, select, text, update

from lettershop.store.database import Transaction
from lettershop.store.envelopes import Lane
from lettershop.store.rows import upsert
from lettershop.store.schema_delivery import HELD, breakers, envelopes, lanes
from lettershop.store.schema_main import brands, campaigns, counters, workspaces

COUNTED = ("delivered", "bounced_hard", "bounced_soft", "complained")
Figures = tuple[int, int, int, int]
"""In the order of `COUNTED`."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """A breaker of a campaign, or of a campaign at one provider. `seen` are the counts when it was last reset."""

    campaign_id: int
    provider: str
    level: int
    scope: str
    cause: str
    words: str
    at: float
    seen: Figures


@dataclass(frozen=True, slots=True)
class Subject:
    """A campaign as the breakers look at it; `domain` is that of its sender."""

    campaign_id: int
    workspace_id: int
    workspace: str
    name: str
    state: str
    started_at: float | None
    domain: str


@dataclass(frozen=True, slots=True)
class Closed:
    """A campaign's provider that is held back (`per_second` None) or slowed down."""

    campaign_id: int
    provider: str
    level: int
    words: str
    per_second: float | None


def subjects(conn: Connection, campaign_ids: Collection[int]) -> list[Subject]:
    """The campaigns of these ids."""
    return _subjects(conn, campaigns.c.id.in_(campaign_ids))


def of_domain(conn: Connection, workspace_id: int, domain: str, since: float) -> list[Subject]:
    """The campaigns of a sending domain that run, or ended after `since`."""
    recent = or_(campaigns.c.state.in_(("sending", "paused")), campaigns.c.finished_at >= since)
    found = _subjects(conn, campaigns.c.workspace_id == workspace_id, campaigns.c.started_at.is_not(None), recent)
    return [subject for subject in found if subject.domain == domain]


def _subjects(conn: Connection, *where: Any) -> list[Subject]:
    c = campaigns.c
    query = (
        select(c.id, c.workspace_id, workspaces.c.name, c.name, c.state, c.started_at, brands.c.from_address)
        .join(brands, brands.c.id == c.brand_id)
        .join(workspaces, workspaces.c.id == c.workspace_id)
        .where(*where).order_by(c.id)
    )  # fmt: skip
    return [Subject(*row[:6], row[6].rpartition("@")[2].lower()) for row in conn.execute(query)]


def complaints_of(conn: Connection, workspace_id: int, domain: str, since: float) -> tuple[int, int]:
    """(delivered, complained) of the campaigns of a sending domain that run, or ended after `since`."""
    found = counts(conn, [(subject.campaign_id, "") for subject in of_domain(conn, workspace_id, domain, since)])
    return sum(figures[0] for figures in found.values()), sum(figures[3] for figures in found.values())


def counts(conn: Connection, keys: Collection[tuple[int, str]]) -> dict[tuple[int, str], Figures]:
    """What was counted so far for (campaign, provider or "") each."""
    c = counters.c
    found: dict[tuple[int, str], dict[str, int]] = {key: {} for key in keys}
    by_campaign: dict[int, set[str]] = {}
    for campaign_id, provider in keys:
        by_campaign.setdefault(campaign_id, set()).add(provider)
    for campaign_id, providers in by_campaign.items():
        at = and_(c.dimension == "provider", c.value.in_(providers - {""}))
        where = (c.campaign_id == campaign_id, c.what.in_(COUNTED), or_(and_(c.dimension == "", c.value == ""), at))
        for what, value, count in conn.execute(select(c.what, c.value, c.count).where(*where)):
            if (key := (campaign_id, value)) in found:
                found[key][what] = count
    return {key: _figures(values) for key, values in found.items()}


def _figures(values: dict[str, int]) -> Figures:
    delivered, hard, soft, complained = (values.get(what, 0) for what in COUNTED)
    return delivered, hard, soft, complained


def of_campaigns(conn: Connection, campaign_ids: Collection[int]) -> list[Breaker]:
    """All breakers of these campaigns, those that were reset too."""
    rows = conn.execute(select(breakers).where(breakers.c.campaign_id.in_(campaign_ids)).order_by(breakers.c.at))
    return [_breaker(row) for row in rows]


def _breaker(row: Row[Any]) -> Breaker:
    seen = (row.delivered, row.bounced_hard, row.bounced_soft, row.complained)
    return Breaker(row.campaign_id, row.provider, row.level, row.scope, row.cause, row.words, row.at, seen)


def trip(
    tx: Transaction, campaign_id: int, provider: str, *, level: int, scope: str, cause: str, words: str, at: float,
    per_second: float | None,
) -> None:  # fmt: skip
    """Note that it has tripped; what was seen at an earlier reset stays."""
    row = {
        "campaign_id": campaign_id, "provider": provider, "level": level, "scope": scope, "cause": cause,
        "words": words, "at": at, "per_second": per_second,
    }  # fmt: skip
    upsert(tx.conn, breakers, [row], key=("campaign_id", "provider"))


def slow_lanes(tx: Transaction, campaign_id: int, per_second: float | None) -> None:
    """Limit what is leased of a campaign, by all processes together; None lifts the limit but for the campaign's own."""
    hourly = tx.conn.scalar(select(campaigns.c.hourly).where(campaigns.c.id == campaign_id))
    per_second = min([pace for pace in (per_second, (hourly or 0) / 3600) if pace], default=None)
    where = lanes.c.campaign_id == campaign_id
    tx.conn.execute(update(lanes).where(where).values(per_second=per_second, taken_until=0.0))


def keep_pace(tx: Transaction, campaign_id: int) -> None:
    """The campaign's own limit on lanes that have none, or a wider one."""
    hourly = tx.conn.scalar(select(campaigns.c.hourly).where(campaigns.c.id == campaign_id))
    if hourly:
        wider = or_(lanes.c.per_second.is_(None), lanes.c.per_second > hourly / 3600)
        where = (lanes.c.campaign_id == campaign_id, wider)
        tx.conn.execute(update(lanes).where(*where).values(per_second=hourly / 3600))


def change_pace(tx: Transaction, campaign_id: int, before: int, now: float) -> None:
    """The campaign's own limit has changed, from `before` an hour: on its lanes, and for what was to wait for its turn."""
    own = tx.conn.execute(select(campaigns.c.hourly, campaigns.c.local_zone).where(campaigns.c.id == campaign_id)).one()
    hourly = own.hourly
    slowed = select(breakers.c.campaign_id).where(
        breakers.c.campaign_id == campaign_id, breakers.c.provider == "", breakers.c.level > 0
    )
    if tx.conn.scalar(slowed) is None:
        slow_lanes(tx, campaign_id, None)
    else:
        keep_pace(tx, campaign_id)
    c = envelopes.c
    untried = (text("state = 0"), c.campaign_id == campaign_id, c.attempts == 0)
    if before and not own.local_zone:
        sooner = (c.due_at - now) * (1 - (before / hourly if hourly else 0.0))
        tx.conn.execute(
            update(envelopes).where(*untried, c.due_at > now, c.due_at < HELD)
            .values(due_at=c.due_at - sooner, created_at=c.created_at - sooner, expires_at=c.expires_at - sooner)
        )  # fmt: skip
    elif hourly:
        waiting = tx.conn.scalar(select(func.count()).select_from(envelopes).where(*untried)) or 0
        tx.conn.execute(update(envelopes).where(*untried).values(expires_at=c.expires_at + waiting / hourly * 3600))


def allowance(tx: Transaction, lane: Lane, share: int, now: float) -> int:
    """How much of a share the lane's limit allows now; it is taken, and the other processes see that."""
    if not lane.per_second:
        return share
    since = max(lane.taken_until, now - max(1.0, 1 / lane.per_second))
    count = min(share, int((now - since) * lane.per_second + 1e-6))  # a hair: 1 / rate * rate may be below 1
    seen = (lanes.c.id == lane.lane_id, lanes.c.taken_until == lane.taken_until)
    moved = tx.conn.execute(update(lanes).where(*seen).values(taken_until=since + count / lane.per_second)).rowcount
    return count if moved else 0


# Reason: a batch of leases at once. The days that we let a message wait neither use up its life nor make it look old.
_SET_ASIDE = text("""
    UPDATE envelopes SET state = 0, owner = NULL, leased_until = NULL, due_at = :due, answer = :why,
        expires_at = expires_at + :wait, created_at = CASE WHEN attempts = 0 THEN :due ELSE created_at END
    WHERE id = :id AND state = 1 AND owner = :owner
""")


def set_aside(tx: Transaction, owner: str, parked: Sequence[tuple[int, float, str]], now: float) -> None:
    """Give back leases that our own policy does not let go yet: (id, due_at, why); no attempt."""
    rows = [{"id": key, "due": due, "why": why, "wait": due - now, "owner": owner} for key, due, why in parked]
    if rows:
        tx.conn.execute(_SET_ASIDE, rows)


def due_again(tx: Transaction, campaign_id: int, sites: Sequence[str], now: float) -> int:
    """What was set aside because its provider was held back is due; how many."""
    c = envelopes.c
    where = (c.campaign_id == campaign_id, c.site.in_(sites), c.due_at > now, c.due_at < HELD)
    handed = case((c.created_at > now, now), else_=c.created_at)
    query = update(envelopes).where(text("state = 0"), *where).values(due_at=now, created_at=handed)
    return tx.conn.execute(query).rowcount


def closed(conn: Connection) -> list[Closed]:
    """The providers of campaigns that are held back or slowed down."""
    c = breakers.c
    query = select(c.campaign_id, c.provider, c.level, c.words, c.per_second).where(c.level > 0, c.provider != "")
    return [Closed(*row) for row in conn.execute(query)]


def closed_of(conn: Connection, campaign_id: int) -> list[Closed]:
    """What holds a campaign back or slows it down, the whole (provider "") or single providers."""
    c = breakers.c
    limit = select(func.min(lanes.c.per_second)).where(lanes.c.campaign_id == campaign_id).scalar_subquery()
    pace = case((c.provider == "", limit), else_=c.per_second)
    query = select(c.campaign_id, c.provider, c.level, c.words, pace).where(c.level > 0, c.campaign_id == campaign_id)
    return [Closed(*row) for row in conn.execute(query)]


# -- a person resumes --------------------------------------------------------------------------------------------------


def lift(tx: Transaction, campaign_id: int, at: float, recent: float) -> bool:
    """Let a campaign go on at full speed; False if no breaker held it. What was counted until now does not count again.

    If its sending domain was the reason, that holds for all campaigns of the domain since `recent`.
    """
    tripped = [breaker for breaker in of_campaigns(tx.conn, [campaign_id]) if breaker.level]
    if not tripped:
        return False
    keys = [(campaign_id, ""), *((campaign_id, breaker.provider) for breaker in tripped if breaker.provider)]
    if any(breaker.scope == "domain" for breaker in tripped):
        (own,) = subjects(tx.conn, [campaign_id])
        keys += [(other.campaign_id, "") for other in of_domain(tx.conn, own.workspace_id, own.domain, recent)]
    _saw(tx, counts(tx.conn, set(keys)), at)
    tx.conn.execute(
        update(breakers).where(breakers.c.campaign_id == campaign_id).values(level=0, per_second=None, at=at)
    )
    slow_lanes(tx, campaign_id, None)
    due_again(tx, campaign_id, [breaker.provider for breaker in tripped if breaker.provider], at)
    return True


def _saw(tx: Transaction, seen: dict[tuple[int, str], Figures], at: float) -> None:
    rows = [
        {"campaign_id": campaign_id, "provider": provider, "at": at, **dict(zip(COUNTED, figures, strict=True))}
        for (campaign_id, provider), figures in sorted(seen.items())
    ]
    upsert(tx.conn, breakers, rows, key=("campaign_id", "provider"))
