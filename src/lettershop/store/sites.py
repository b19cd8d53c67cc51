"""How source addresses stand at sites, kept over restarts and shown to people; which site takes a domain's mail.

Written when something changed, a few rows at a time, never per message. Rows of one (source, site) come from whichever
process noticed the change; the last one counts.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields

from sqlalchemy import Connection, case, delete, func, select, text, update

from lettershop.base.facts import Fact
from lettershop.store.database import Transaction
from lettershop.store.rows import upsert
from lettershop.store.schema_delivery import domain_sites, envelopes, site_states

OLD = 7 * 86_400.0
"""Seconds after which a state that nobody touched is forgotten."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRow:
    """One source at one site. Times since the epoch (0: never), `throttle` and `per_minute` messages a minute (0: none),

    `speed` answers a second. `waiting`: envelopes held by processes; `most`: connections that the table allows.
    """

    source: str
    site: str
    provider: str
    window: float = 0.0
    ceiling: float = 0.0
    throttle: float = 0.0
    throttled_from: float = 0.0
    rests_until: float = 0.0
    failures: float = 0.0
    suspended_until: float = 0.0
    strikes: float = 0.0
    told: float = 0.0
    narrow_until: float = 0.0
    narrow_connections: float = 0.0
    narrow_rate: float = 0.0
    connections: float = 0.0
    speed: float = 0.0
    waiting: float = 0.0
    most: float = 0.0
    per_minute: float = 0.0
    why: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class Home:
    """Which site takes a domain's mail."""

    domain: str
    site: str
    provider: str


_NAMES = [field.name for field in fields(SiteRow)]
_COLUMNS = [site_states.c[name] for name in _NAMES]


def all_states(conn: Connection) -> list[SiteRow]:
    """Every source at every site, what waits first."""
    c = site_states.c
    rows = conn.execute(select(*_COLUMNS).order_by(c.suspended_until.desc(), c.waiting.desc(), c.site, c.source))
    return [SiteRow(**dict(zip(_NAMES, row, strict=True))) for row in rows]


def save(tx: Transaction, rows: Sequence[SiteRow], homes: Sequence[Home], facts: Iterable[Fact] = ()) -> None:
    """Write states and homes, and tell what happened."""
    upsert(
        tx.conn, site_states, [{name: getattr(row, name) for name in _NAMES} for row in rows], key=("source", "site")
    )
    upsert(
        tx.conn, domain_sites, [{"domain": one.domain, "site": one.site, "provider": one.provider} for one in homes],
        key=("domain",),
    )  # fmt: skip
    for fact in facts:
        tx.fact(fact)


def forget_old(tx: Transaction, now: float) -> int:
    """Delete states that nobody touched for long and that say nothing for the future; how many."""
    c = site_states.c
    return tx.conn.execute(delete(site_states).where(c.at < now - OLD, c.suspended_until < now)).rowcount


def lift(tx: Transaction, site: str, now: float, source: str | None = None) -> int:
    """End the suspension of a site, for one source or all; how many that were. Processes notice within seconds."""
    c = site_states.c
    which = [c.site == site, (c.suspended_until > now) | (c.narrow_until > now) | (c.rests_until > now)]
    if source is not None:
        which.append(c.source == source)
    values = {
        "suspended_until": 0.0,
        "strikes": 0.0,
        "told": 0.0,
        "narrow_until": 0.0,
        "rests_until": 0.0,
        "lifted_at": now,
    }
    return tx.conn.execute(update(site_states).where(*which).values(values)).rowcount


def lifted(conn: Connection, since: float) -> list[tuple[str, str, float]]:
    """(source, site, when) of what operators ended after `since`."""
    c = site_states.c
    rows = conn.execute(select(c.source, c.site, c.lifted_at).where(c.lifted_at > since))
    return [(row.source, row.site, row.lifted_at) for row in rows]


def homes(conn: Connection) -> dict[str, Home]:
    """Every domain's site as it was seen last."""
    c = domain_sites.c
    return {row.domain: Home(*row) for row in conn.execute(select(c.domain, c.site, c.provider))}


def home(conn: Connection, domain: str) -> Home | None:
    """A domain's site, or None if it was never seen."""
    c = domain_sites.c
    row = conn.execute(select(c.domain, c.site, c.provider).where(c.domain == domain)).first()
    return None if row is None else Home(*row)


def serving(conn: Connection, domains: Collection[str]) -> dict[str, list[SiteRow]]:
    """How every source stands at the sites that take these domains' mail; a domain that nobody looked up is left out."""
    d, s = domain_sites.c, site_states.c
    query = select(d.domain, *_COLUMNS).join(site_states, s.site == d.site).where(d.domain.in_(domains))
    found: dict[str, list[SiteRow]] = {}
    for domain, *values in conn.execute(query):
        found.setdefault(domain, []).append(SiteRow(**dict(zip(_NAMES, values, strict=True))))
    return found


def waiting(conn: Connection) -> dict[str, int]:
    """How many envelopes wait or are being tried, by site; a domain that was never seen stands for itself."""
    c = envelopes.c
    site = func.coalesce(domain_sites.c.site, c.site).label("at_site")
    query = (
        select(site, func.sum(case((c.state <= 1, 1), else_=0)))
        .select_from(envelopes.outerjoin(domain_sites, domain_sites.c.domain == c.site))
        .where(text("envelopes.state IN (0, 1)")).group_by(site)
    )  # fmt: skip
    return {row[0]: int(row[1]) for row in conn.execute(query)}
