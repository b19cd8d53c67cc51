"""Warm-ups in the database: rooms handed out to processes, and what each day brought.

A process asks for the room of many (address, domain, provider) at once and gets what the day has left; the first who asks
on a new day moves the stage on (`egress.warmup` decides, through `Deciding`). What was handed out and not used comes back.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, update

from lettershop.store import tracking
from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new, upsert
from lettershop.store.schema_delivery import warmup_days, warmups
from lettershop.store.schema_main import brands, campaigns

Key = tuple[str, str, str]
"""(source address, sending domain, provider)"""
COUNTED = ("delivered", "bounced_hard", "complained", "tracked", "opened", "clicked", "replied")
Figures = tuple[int, int, int, int, int, int, int]
"""In the order of `COUNTED`."""


@dataclass(frozen=True, slots=True)
class StoredStage:
    """A row of `warmups`, without its key."""

    step: int
    day: int
    handed_out: int
    ended: bool
    why: str
    started_at: float


Deciding = Callable[[Key, StoredStage, Figures, int], tuple[StoredStage, int]]
"""(key, stage, what its day brought, how many are wanted) -> the stage from now on, and how many may go."""

_STAGE = [warmups.c[name] for name in StoredStage.__slots__]


def hand_out(
    tx: Transaction, wanted: Mapping[Key, int], deciding: Deciding, now: float, today: int,
    sites: Mapping[Key, Collection[str]] | None = None,
) -> dict[Key, tuple[StoredStage, int]]:  # fmt: skip
    """For each key its stage and how many of the wanted may go; `sites` are the recipient domains they go to."""
    belongs = [
        {"domain": key[1], "provider": site, "day": today, "belongs": key[2]}
        for key, names in (sites or {}).items() for site in sorted(names)
    ]  # fmt: skip
    upsert(tx.conn, warmup_days, belongs, key=("domain", "provider", "day"))
    found: dict[Key, tuple[StoredStage, int]] = {}
    for key, count in sorted(wanted.items()):
        row = dict(zip(("source", "domain", "provider"), key, strict=True))
        insert_new(tx.conn, warmups, [{**row, "day": today, "started_at": now}])
        stage = StoredStage(*tx.conn.execute(select(*_STAGE).filter_by(**row).with_for_update()).one())
        found[key] = deciding(key, stage, _brought(tx.conn, key, stage.day), count)
        after = found[key][0]
        values = {name: getattr(after, name) for name in StoredStage.__slots__}
        tx.conn.execute(update(warmups).filter_by(**row).values(values))
    return found


def _brought(conn: Connection, key: Key, day: int) -> Figures:
    """The recipient domains of a provider together."""
    c = warmup_days.c
    columns = [func.coalesce(func.sum(c[name]), 0) for name in COUNTED]
    row = conn.execute(select(*columns).where(c.domain == key[1], c.belongs == key[2], c.day == day)).one()
    delivered, bounced, complained, tracked, opened, clicked, replied = (int(count) for count in row)
    return delivered, bounced, complained, tracked, opened, clicked, replied


def providers(conn: Connection, domain: str) -> dict[str, str]:
    """Which provider took the mail of a recipient domain lately."""
    c = warmup_days.c
    query = select(c.provider, c.belongs).where(c.domain == domain, c.belongs != "").order_by(c.day)
    return {row[0]: row[1] for row in conn.execute(query)}


def take_back(tx: Transaction, unused: Mapping[Key, tuple[int, int]]) -> None:
    """Room that a process did not use: by key (day, how many). What is of an earlier day is gone."""
    c = warmups.c
    for (source, domain, provider), (day, count) in unused.items():
        where = (c.source == source, c.domain == domain, c.provider == provider, c.day == day)
        tx.conn.execute(update(warmups).where(*where).values(handed_out=c.handed_out - count))


def stages(conn: Connection) -> dict[Key, StoredStage]:
    """All of them as they were when somebody last asked for room."""
    c = warmups.c
    rows = conn.execute(select(c.source, c.domain, c.provider, *_STAGE).order_by(c.domain, c.source, c.provider))
    return {(row[0], row[1], row[2]): StoredStage(*row[3:]) for row in rows}


def last_days(conn: Connection, keys: Mapping[Key, int]) -> dict[Key, Figures]:
    """What the given day brought for each key."""
    return {key: _brought(conn, key, day) for key, day in keys.items()}


# -- campaigns ---------------------------------------------------------------------------------------------------------


def senders(conn: Connection, campaign_ids: Collection[int]) -> dict[int, tuple[str, bool]]:
    """(sending domain, whether everybody's opens are tracked) of campaigns."""
    modes = tracking.modes(conn, campaign_ids)
    c = campaigns.c
    query = select(c.id, brands.c.from_address, c.track_opens).join(brands, brands.c.id == c.brand_id)
    rows = conn.execute(query.where(c.id.in_(campaign_ids)))
    return {
        key: (address.rpartition("@")[2].lower(), tracked and modes[key] in ("", "individual"))
        for key, address, tracked in rows
    }


def count(tx: Transaction, brought: Mapping[tuple[str, str, int], Mapping[str, int]]) -> None:
    """Add what (domain, provider, day) brought."""
    rows = [
        {"domain": domain, "provider": provider, "day": day, **{name: counts.get(name, 0) for name in COUNTED}}
        for (domain, provider, day), counts in sorted(brought.items())
    ]
    upsert(tx.conn, warmup_days, rows, key=("domain", "provider", "day"), add=COUNTED)
