"""What the analytics consumer reads and writes: engagements, counters, the contacts' last moments. Batches of facts at a time.

What a fact means is decided in `marketing.tally`; here is only the SQL.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, select, tuple_, update

from lettershop.store import columnar, hits
from lettershop.store.database import Transaction
from lettershop.store.hits import KeptHit
from lettershop.store.rows import direct, insert_new, upsert
from lettershop.store.schema_delivery import DELIVERED, bounce_samples, domain_sites, envelopes
from lettershop.store.schema_main import campaigns, contacts, counters, engagements, link_engagements, workspaces

PIECE = 500
MOMENTS = ("last_delivered_at", "last_opened_at", "last_clicked_at", "last_replied_at", "last_wrote_at")


@dataclass(slots=True)
class Engagement:
    """What one recipient of one campaign did, first moment each; `deferred_at` while it waits after a temporary answer."""

    envelope_id: int
    campaign_id: int
    contact_id: int | None
    opened_at: float | None = None
    machine_opened_at: float | None = None
    clicked_at: float | None = None
    machine_clicked_at: float | None = None
    unsubscribed_at: float | None = None
    complained_at: float | None = None
    replied_at: float | None = None
    deferred_at: float | None = None
    bounced_at: float | None = None


@dataclass(frozen=True, slots=True)
class EnvelopeNote:
    """Of an envelope, what a verdict needs. `delivered_at`: the moment of the receiver's 250; `gateway`: who receives, by the MX."""

    site: str
    delivered_at: float | None
    gateway: str = ""


@dataclass(frozen=True, slots=True)
class CampaignNote:
    """Of a campaign, what counting needs."""

    workspace_id: int
    list_id: int | None
    started_at: float | None


@dataclass(frozen=True, slots=True)
class Background:
    """Everything that is known before a batch is counted."""

    envelopes: Mapping[int, EnvelopeNote]
    campaigns: Mapping[int, CampaignNote]
    engagements: Mapping[int, Engagement]
    hits: Mapping[int, Sequence[KeptHit]]


Counter = tuple[int, str, str, str]
"""(campaign, what, dimension, value)"""


@dataclass(slots=True)
class Changes:
    """What a batch changes."""

    engagements: dict[int, Engagement] = field(default_factory=dict)
    counters: dict[Counter, int] = field(default_factory=dict)
    followed: dict[tuple[int, int], float] = field(default_factory=dict)
    not_followed: set[tuple[int, int]] = field(default_factory=set)
    hits: list[KeptHit] = field(default_factory=list)
    measure_again: set[int] = field(default_factory=set)
    moments: dict[tuple[int, str], float] = field(default_factory=dict)
    samples: dict[tuple[int, str, bool], tuple[str, str]] = field(default_factory=dict)


def background(
    conn: Connection,
    *,
    envelope_ids: Collection[int],
    campaign_ids: Collection[int],
) -> Background:
    """Read it for a batch."""
    return Background(
        envelopes=notes_of(conn, envelope_ids),
        campaigns=_campaigns(conn, campaign_ids),
        engagements=_engagements(conn, envelope_ids),
        hits=hits.of_envelopes(conn, envelope_ids),
    )


def notes_of(conn: Connection, ids: Collection[int]) -> dict[int, EnvelopeNote]:
    """What a verdict needs of these envelopes."""
    c = envelopes.c
    found: dict[int, EnvelopeNote] = {}
    home = domain_sites.c
    query = select(c.id, c.site, c.state, c.finished_at, home.site.label("host"), home.provider).select_from(
        envelopes.outerjoin(domain_sites, home.domain == c.site)
    )
    for piece in _pieces(list(ids)):
        for row in conn.execute(query.where(c.id.in_(piece))):
            at = row.finished_at if row.state == DELIVERED else None
            found[row.id] = EnvelopeNote(row.site, at, f"{row.provider} {row.host}" if row.provider else "")
    return found


def _campaigns(conn: Connection, ids: Collection[int]) -> dict[int, CampaignNote]:
    c = campaigns.c
    query = select(c.id, c.workspace_id, c.list_id, c.started_at).where(c.id.in_(ids))
    return {row[0]: CampaignNote(*row[1:]) for row in conn.execute(query)}


def _engagements(conn: Connection, ids: Collection[int]) -> dict[int, Engagement]:
    columns = [engagements.c[name] for name in Engagement.__slots__]
    found: dict[int, Engagement] = {}
    for piece in _pieces(list(ids)):
        for row in conn.execute(select(*columns).where(engagements.c.envelope_id.in_(piece))):
            found[row.envelope_id] = Engagement(*row)
    return found


def apply(tx: Transaction, changes: Changes) -> None:
    """Write what a batch changes."""
    upsert(tx.conn, engagements, [asdict(row) for row in changes.engagements.values()], key=("envelope_id",))
    _follow(tx, changes)
    hits.put(tx, changes.hits)
    insert_new(
        tx.conn, bounce_samples,
        [
            {"campaign_id": campaign, "reason": reason, "hard": hard, "example": example, "advice": advice}
            for (campaign, reason, hard), (example, advice) in changes.samples.items()
        ],
    )  # fmt: skip
    _add(tx, changes.counters)
    _set_moments(tx, changes.moments)
    hits.measure_again(tx, changes.measure_again)


def _follow(tx: Transaction, changes: Changes) -> None:
    """Who followed which link, by what is known now."""
    c = link_engagements.c
    for piece in _pieces(sorted(changes.not_followed)):
        tx.conn.execute(delete(link_engagements).where(tuple_(c.envelope_id, c.number).in_(piece)))
    rows = [{"envelope_id": e, "number": n, "clicked_at": at} for (e, n), at in changes.followed.items()]
    upsert(tx.conn, link_engagements, rows, key=("envelope_id", "number"))


def _add(tx: Transaction, counted: Mapping[Counter, int]) -> None:
    names = ("campaign_id", "what", "dimension", "value")
    rows = [{**dict(zip(names, key, strict=True)), "count": count} for key, count in sorted(counted.items()) if count]
    upsert(tx.conn, counters, rows, key=names, add=("count",))


def _set_moments(tx: Transaction, moments: Mapping[tuple[int, str], float]) -> None:
    """The latest moments of the contacts, never back in time."""
    for name in MOMENTS:
        rows = [{"_id": contact, "at": at} for (contact, what), at in moments.items() if what == name]
        if rows:
            column = contacts.c[name]
            newer = (contacts.c.id == bindparam("_id")) & (func.coalesce(column, 0.0) < bindparam("at"))
            tx.conn.execute(update(contacts).where(newer).values({name: bindparam("at")}), rows)
    columnar.mark(tx, {contact for contact, _ in moments}, deeds_only=True)


def contacts_of(conn: Connection, keys: Collection[str]) -> dict[str, list[int]]:
    """The contacts of these addresses, in whatever workspace."""
    c = contacts.c
    found: dict[str, list[int]] = {}
    if not keys:
        return found
    for piece in _pieces(list(keys)):
        places = select(workspaces.c.id).scalar_subquery()
        for row in conn.execute(select(c.email_key, c.id).where(c.workspace_id.in_(places), c.email_key.in_(piece))):
            found.setdefault(row.email_key, []).append(row.id)
    return found


def addresses(conn: Connection, contact_ids: Collection[int]) -> dict[int, tuple[int, str]]:
    """(workspace, address for comparison) of these contacts."""
    c = contacts.c
    found: dict[int, tuple[int, str]] = {}
    for piece in _pieces(list(contact_ids)):
        for row in conn.execute(select(c.id, c.workspace_id, c.email_key).where(c.id.in_(piece))):
            found[row.id] = (row.workspace_id, row.email_key)
    return found


Row = tuple[str, str, str, int]
"""A counter: (what, dimension, value, count)."""


def rows(conn: Connection, campaign_id: int) -> Sequence[Row]:
    """All counters of a campaign. Plain tuples: a campaign to very many domains has tens of thousands."""
    if conn.dialect.name == "sqlite":
        statement = "SELECT what, dimension, value, count FROM counters WHERE campaign_id = ?"
        return direct(conn).execute(statement, (campaign_id,)).fetchall()
    c = counters.c
    found = conn.execute(select(c.what, c.dimension, c.value, c.count).where(c.campaign_id == campaign_id))
    return [(what, dimension, value, count) for what, dimension, value, count in found]


def providers_of(conn: Connection, campaign_id: int) -> dict[str, str]:
    """Who receives for a campaign's domains, by the row of the table of limits; without one, the site that their MX name."""
    c, home = counters.c, domain_sites.c
    theirs = select(c.value).where(c.campaign_id == campaign_id, c.dimension == "provider")
    found = conn.execute(select(home.domain, home.site, home.provider).where(home.domain.in_(theirs)))
    return {domain: site if provider == "default" else provider for domain, site, provider in found}


def sums(conn: Connection, workspace_id: int, list_id: int | None = None) -> tuple[int, dict[str, int]]:
    """How many campaigns were started, to a list or at all, and their counters without a dimension added up."""
    own, c = campaigns.c, counters.c
    which = [own.workspace_id == workspace_id, own.started_at.is_not(None)]
    if list_id is not None:
        which.append(own.list_id == list_id)
    number = conn.scalar(select(func.count()).where(*which)) or 0
    query = select(c.what, func.sum(c.count)).where(c.dimension == "", c.campaign_id.in_(select(own.id).where(*which)))
    return number, {what: int(count) for what, count in conn.execute(query.group_by(c.what))}


def started_before(conn: Connection, workspace_id: int, campaign_id: int, limit: int) -> list[int]:
    """The workspace's last campaigns that were started before this one."""
    c = campaigns.c
    own = select(func.coalesce(c.started_at, c.created_at)).where(c.id == campaign_id).scalar_subquery()
    where = (c.workspace_id == workspace_id, c.id != campaign_id, c.started_at < own)
    return list(conn.scalars(select(c.id).where(*where).order_by(c.started_at.desc()).limit(limit)))


def totals(conn: Connection, campaign_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """The counters without a dimension, by campaign: for lists of campaigns."""
    c = counters.c
    found: dict[int, dict[str, int]] = {key: {} for key in campaign_ids}
    query = select(c.campaign_id, c.what, c.count).where(c.campaign_id.in_(campaign_ids), c.dimension == "")
    for campaign_id, what, count in conn.execute(query):
        found[campaign_id][what] = count
    return found


def samples(conn: Connection, campaign_id: int) -> dict[tuple[str, bool], tuple[str, str]]:
    """(example, advice) by (reason, hard)."""
    rows = conn.execute(select(bounce_samples).where(bounce_samples.c.campaign_id == campaign_id))
    return {(row.reason, row.hard): (row.example, row.advice) for row in rows}


def _pieces(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(keys), PIECE):
        yield keys[start : start + PIECE]
