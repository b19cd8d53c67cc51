"""Campaigns: what is sent to whom, and how far that is.

A change of state names the states it may come from and is done only if the campaign is in one of them (the table of
transitions is in `marketing.campaigns`). `for_sending` is the one question that the sending engine asks per batch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, and_, delete, exists, func, insert, or_, select, text, update
from sqlalchemy.sql.elements import ColumnElement

from lettershop.base.facts import CampaignChanged
from lettershop.store.database import Transaction
from lettershop.store.preferences import resting
from lettershop.store.rows import insert_one, told
from lettershop.store.schema_delivery import suppressions
from lettershop.store.schema_main import brands, campaign_links, campaigns, consents, contacts, subscriptions
from lettershop.store.subscriptions import SUBSCRIBED


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign as it is stored. `tree`: JSON of `marketing.segments`, {} for everybody on the list."""

    id: int
    workspace_id: int
    brand_id: int
    name: str
    state: str
    subject: str
    preheader: str
    html: str
    text: str
    tree: dict[str, Any]
    list_id: int | None
    created_at: float
    scheduled_at: float | None
    started_at: float | None
    finished_at: float | None
    expanded_to: int
    expanded: bool
    recipients: int
    version: int
    track_opens: bool
    track_clicks: bool
    pool: str = ""
    tracking: str = ""
    format: str = "html"
    hourly: int = 0
    local_zone: str = ""
    zone_attribute: str = "timezone"
    utm: dict[str, str] = field(default_factory=dict)
    untracked: list[str] = field(default_factory=list)
    repeat: dict[str, Any] = field(default_factory=dict)
    series_id: int | None = None
    resend_of: int | None = None
    layout: str = ""
    variants: dict[str, dict[str, str]] = field(default_factory=dict)
    language_attribute: str = "language"
    files: list[dict[str, Any]] = field(default_factory=list)
    archive: str = ""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What tells the scheduler what to do with a campaign. `expanded`: its whole audience is in the queue."""

    id: int
    state: str
    scheduled_at: float | None
    expanded: bool
    local_zone: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """The few columns that say whether a campaign is sent, and in which version."""

    id: int
    state: str
    version: int


@dataclass(frozen=True, slots=True)
class Addressee:
    """A contact as the message is made for it. `suppressed`: the reason, or None; `status`: on the campaign's list."""

    contact_id: int
    email: str
    name: str
    attributes: dict[str, Any]
    suppressed: str | None
    status: str | None


@dataclass(frozen=True, slots=True)
class Engaged:
    """When a contact last did something; machines do not count."""

    last_opened_at: float | None
    last_clicked_at: float | None
    last_replied_at: float | None


@dataclass(frozen=True, slots=True)
class StoredLink:
    """A tracked link."""

    number: int
    url: str
    label: str


_CAMPAIGN = [campaigns.c[name] for name in Campaign.__slots__]


def create(tx: Transaction, workspace_id: int, brand_id: int, *, at: float, **values: Any) -> int:
    """A draft; its id. `values`: name, subject, html and what else `Campaign` has."""
    return insert_one(
        tx.conn, campaigns, workspace_id=workspace_id, brand_id=brand_id, state="draft", created_at=at, **values
    )


_OWN = frozenset({
    "id", "state", "created_at", "scheduled_at", "started_at", "finished_at", "expanded_to", "expanded", "recipients",
    "version", "repeat", "series_id", "resend_of",
})  # fmt: skip
"""Columns of one campaign alone; the others are what it says, to whom and how, which a copy shares."""


def copy(tx: Transaction, campaign_id: int, *, at: float, state: str = "draft", **changed: Any) -> int:
    """A new campaign like this one but for what is `changed`; its id."""
    row = tx.conn.execute(select(campaigns).where(campaigns.c.id == campaign_id)).one()
    same = {name: value for name, value in row._mapping.items() if name not in _OWN}
    return insert_one(tx.conn, campaigns, **{**same, **changed}, state=state, created_at=at)


def set_hourly(tx: Transaction, campaign_id: int, hourly: int, *, only_from: Sequence[str]) -> bool:
    """How many messages an hour at most, 0: no limit; False if it is in none of these states. Lanes: `store.breakers`."""
    where = (campaigns.c.id == campaign_id, campaigns.c.state.in_(only_from))
    return bool(tx.conn.execute(update(campaigns).where(*where).values(hourly=hourly)).rowcount)


def change(tx: Transaction, campaign_id: int, **values: Any) -> bool:
    """Change the content of a draft or of a campaign that waits; False if it is not one."""
    where = (campaigns.c.id == campaign_id, campaigns.c.state.in_(("draft", "scheduled", "recurring")))
    return bool(
        tx.conn.execute(update(campaigns).where(*where).values(version=campaigns.c.version + 1, **values)).rowcount
    )


def remove_draft(tx: Transaction, campaign_id: int) -> bool:
    """Delete a campaign that was never sent; False if it was."""
    where = (
        campaigns.c.id == campaign_id,
        campaigns.c.state.in_(("draft", "scheduled")),
        campaigns.c.started_at.is_(None),
    )
    return bool(tx.conn.execute(delete(campaigns).where(*where)).rowcount)


def by_id(conn: Connection, campaign_id: int) -> Campaign | None:
    """The campaign, or None."""
    row = conn.execute(select(*_CAMPAIGN).where(campaigns.c.id == campaign_id)).first()
    return Campaign(*row) if row is not None else None


def by_name(conn: Connection, workspace_id: int, name: str) -> Campaign | None:
    """The newest campaign of that name, or None."""
    where = (campaigns.c.workspace_id == workspace_id, campaigns.c.name == name)
    row = conn.execute(select(*_CAMPAIGN).where(*where).order_by(campaigns.c.id.desc()).limit(1)).first()
    return Campaign(*row) if row is not None else None


def page(
    conn: Connection, workspace_id: int, *, before: int | None = None, limit: int = 50, search: str = ""
) -> list[Campaign]:
    """The workspace's campaigns, newest first; `before` is the last id of the page before. `search` looks in the name."""
    query = select(*_CAMPAIGN).where(campaigns.c.workspace_id == workspace_id)
    if search:
        query = query.where(func.lower(campaigns.c.name).contains(search.lower(), autoescape=True))
    if before is not None:
        query = query.where(campaigns.c.id < before)
    return [Campaign(*row) for row in conn.execute(query.order_by(campaigns.c.id.desc()).limit(limit))]


def runs_of(conn: Connection, series_id: int, limit: int = 200) -> list[Campaign]:
    """The runs of a recurring campaign, the newest first."""
    query = select(*_CAMPAIGN).where(campaigns.c.series_id == series_id).order_by(campaigns.c.id.desc()).limit(limit)
    return [Campaign(*row) for row in conn.execute(query)]


# Reason: asked many times a second while anything is sent; the content of a campaign is not.
_UNDER_WAY = select(*[campaigns.c[name] for name in UnderWay.__slots__]).order_by(campaigns.c.id)


def under_way(conn: Connection, *states: str) -> list[UnderWay]:
    """All campaigns in these states, oldest first, without their content."""
    return [UnderWay(*row) for row in conn.execute(_UNDER_WAY.where(campaigns.c.state.in_(states)))]


def move(
    tx: Transaction, campaign_id: int, to: str, *, only_from: Sequence[str], at: float, by: str = "", why: str = "",
    **values: Any,
) -> bool:  # fmt: skip
    """Move to another state, with a fact; False if the campaign is in none of the states it may come from."""
    where = (campaigns.c.id == campaign_id, campaigns.c.state.in_(only_from))
    if not tx.conn.execute(update(campaigns).where(*where).values(state=to, **values)).rowcount:
        return False
    workspace_id = tx.conn.scalar(select(campaigns.c.workspace_id).where(campaigns.c.id == campaign_id))
    tx.fact(CampaignChanged(at=at, workspace_id=workspace_id, campaign_id=campaign_id, state=to, by=by, why=why))
    return True


def expanded(tx: Transaction, campaign_id: int, *, to: int, more: int, done: bool) -> None:
    """Note that contacts up to id `to` are in the queue, `more` of them now."""
    tx.conn.execute(
        update(campaigns)
        .where(campaigns.c.id == campaign_id)
        .values(expanded_to=to, recipients=campaigns.c.recipients + more, expanded=done)
    )


# -- links -------------------------------------------------------------------------------------------------------------


def set_links(tx: Transaction, campaign_id: int, links: Iterable[tuple[int, str, str]]) -> None:
    """Replace the campaign's tracked links by (number, url, label)."""
    tx.conn.execute(delete(campaign_links).where(campaign_links.c.campaign_id == campaign_id))
    rows = [{"campaign_id": campaign_id, "number": n, "url": url, "label": label} for n, url, label in links]
    if rows:
        tx.conn.execute(insert(campaign_links), rows)


def links_of(conn: Connection, campaign_id: int) -> list[StoredLink]:
    """The campaign's tracked links, by number."""
    c = campaign_links.c
    rows = conn.execute(select(c.number, c.url, c.label).where(c.campaign_id == campaign_id).order_by(c.number))
    return [StoredLink(*row) for row in rows]


# -- recipients --------------------------------------------------------------------------------------------------------


def _suppressed() -> ColumnElement[str | None]:
    """Why a contact's address is suppressed, for its workspace or for everybody; NULL if it is not."""
    s = suppressions.c
    return (
        select(func.max(s.reason))
        .where(s.email_key == contacts.c.email_key, s.workspace_id.in_([0, contacts.c.workspace_id]))
        .scalar_subquery()
    )


CONSENTED = ("express", "implied")


def audience(
    conn: Connection, campaign: Campaign, where: ColumnElement[bool] | None, now: float, *, after: int, limit: int
) -> list[tuple[int, str]]:
    """The next (contact id, domain) whom the campaign is for, by id: on its list, in its segment, not suppressed.

    Whose consent is over is left out, and who wants none now.
    """
    query = _audience(select(contacts.c.id, contacts.c.domain), campaign.workspace_id, campaign.list_id, where)
    query = query.where(*_not_left_out(campaign.workspace_id, now))
    rows = conn.execute(query.where(contacts.c.id > after).order_by(contacts.c.id).limit(limit))
    return [(row.id, row.domain) for row in rows]


def own_values(conn: Connection, contact_ids: Sequence[int], attribute: str) -> dict[int, Any]:
    """One attribute of these contacts, of those who have it."""
    rows = conn.execute(select(contacts.c.id, contacts.c.attributes).where(contacts.c.id.in_(contact_ids)))
    return {row[0]: row[1][attribute] for row in rows if attribute in row[1]}


def lane_of(conn: Connection, campaign_id: int) -> tuple[str, str]:
    """What a campaign's lane is told: the domain of its sender, and the pool that it or its brand names."""
    query = select(brands.c.from_address, campaigns.c.pool, brands.c.pool.label("brand_pool"))
    row = conn.execute(
        query.join(brands, brands.c.id == campaigns.c.brand_id).where(campaigns.c.id == campaign_id)
    ).one()
    return row.from_address.rpartition("@")[2].lower(), row.pool or row.brand_pool


def engaged(conn: Connection, contact_ids: Sequence[int]) -> dict[int, Engaged]:
    """When these contacts last did something."""
    c = contacts.c
    query = select(c.id, c.last_opened_at, c.last_clicked_at, c.last_replied_at).where(c.id.in_(contact_ids))
    return {row[0]: Engaged(*row[1:]) for row in conn.execute(query)}


def audience_size(
    conn: Connection, workspace_id: int, list_id: int | None, where: ColumnElement[bool] | None, now: float
) -> int:
    """How many would get a campaign now."""
    query = _audience(select(func.count()).select_from(contacts), workspace_id, list_id, where)
    return conn.scalar(query.where(*_not_left_out(workspace_id, now))) or 0


def audience_lapsed(
    conn: Connection, workspace_id: int, list_id: int | None, where: ColumnElement[bool] | None, now: float
) -> int:
    """How many would get it, were their consent not over."""
    query = _audience(select(func.count()).select_from(contacts), workspace_id, list_id, where)
    return conn.scalar(query.where(contacts.c.id.in_(_lapsed(workspace_id, now)))) or 0


def audience_resting(
    conn: Connection, workspace_id: int, list_id: int | None, where: ColumnElement[bool] | None, now: float
) -> int:
    """How many would get it, did they not pause or want fewer newsletters."""
    query = _audience(select(func.count()).select_from(contacts), workspace_id, list_id, where)
    return conn.scalar(query.where(resting(now))) or 0


def _not_left_out(workspace_id: int, now: float) -> tuple[ColumnElement[bool], ...]:
    return contacts.c.id.not_in(_lapsed(workspace_id, now)), ~resting(now)


def _lapsed(workspace_id: int, now: float) -> Any:
    """Contacts whose consent was for a time that is over (CASL 10(10)), and who have given no other."""
    other = consents.alias()
    holds = exists().where(
        other.c.contact_id == consents.c.contact_id, other.c.kind.in_(CONSENTED),
        or_(other.c.expires_at.is_(None), other.c.expires_at > now),
    )  # fmt: skip
    return select(consents.c.contact_id).where(
        consents.c.workspace_id == workspace_id, consents.c.expires_at <= now, consents.c.kind.in_(CONSENTED), ~holds
    )


def audience_sites(
    conn: Connection, workspace_id: int, list_id: int | None, where: ColumnElement[bool] | None, now: float
) -> list[tuple[str, int]]:
    """How many would get a campaign now, by receiving domain, the most first."""
    size = func.count()
    query = _audience(select(contacts.c.domain, size), workspace_id, list_id, where)
    query = query.where(*_not_left_out(workspace_id, now))
    rows = conn.execute(query.group_by(contacts.c.domain).order_by(size.desc(), contacts.c.domain))
    return [(row[0], row[1]) for row in rows]


def without_consent(conn: Connection, workspace_id: int, list_id: int | None, where: ColumnElement[bool] | None) -> int:
    """How many of the audience never gave a consent that is on record. Whose is over, `audience_lapsed` counts."""
    c = consents.c
    held = exists().where(c.contact_id == contacts.c.id, c.kind.in_(CONSENTED))
    query = _audience(select(func.count()).select_from(contacts), workspace_id, list_id, where)
    return conn.scalar(query.where(~held)) or 0


def _audience(query: Any, workspace_id: int, list_id: int | None, where: ColumnElement[bool] | None) -> Any:
    query = query.where(contacts.c.workspace_id == workspace_id, _suppressed().is_(None))
    if list_id is not None:
        on_list = and_(
            subscriptions.c.contact_id == contacts.c.id, subscriptions.c.list_id == list_id,
            subscriptions.c.status == SUBSCRIBED,
        )  # fmt: skip
        query = query.where(exists().where(on_list))
    return query if where is None else query.where(where)


def standings(conn: Connection, campaign_ids: Iterable[int]) -> dict[int, Standing]:
    """State and version of these campaigns."""
    ids = sorted(set(campaign_ids))
    if conn.dialect.name == "sqlite":
        rows = orjson.loads(told(conn, _STANDINGS_SQLITE, {"ids": orjson.dumps(ids).decode()}))
        return {row[0]: Standing(*row) for row in rows}
    c = campaigns.c
    return {row.id: Standing(*row) for row in conn.execute(select(c.id, c.state, c.version).where(c.id.in_(ids)))}


def list_ids(conn: Connection, campaign_ids: Iterable[int]) -> dict[int, int | None]:
    """The lists that these campaigns are for."""
    c = campaigns.c
    return {row.id: row.list_id for row in conn.execute(select(c.id, c.list_id).where(c.id.in_(set(campaign_ids))))}


# Reason: asked for every handful of messages. One constant statement, prepared once; the ids travel as one array.
_ADDRESSEES = """
    SELECT c.id, c.email, c.name, c.attributes,
        (SELECT max(s.reason) FROM suppressions s
         WHERE s.email_key = c.email_key AND s.workspace_id IN (0, c.workspace_id)) AS suppressed,
        (SELECT s.status FROM subscriptions s WHERE s.list_id = :list AND s.contact_id = c.id) AS status
    FROM contacts c WHERE c.id {among}
"""
# Reason: asked for every handful of a campaign; on SQLite one text of JSON costs a third of rows through the driver.
_ADDRESSEES_SQLITE = (
    "SELECT json_group_array(json_array(id, email, name, json(attributes), suppressed, status)) FROM ("  # noqa: S608
    + _ADDRESSEES.format(among="IN (SELECT value FROM json_each(:ids))")
    + ")"
)
_STANDINGS_SQLITE = """
    SELECT json_group_array(json_array(id, state, version)) FROM campaigns WHERE id IN (SELECT value FROM json_each(:ids))
"""
_ADDRESSEES_POSTGRESQL = text(_ADDRESSEES.format(among="= ANY(CAST(:ids AS BIGINT[]))")).columns(
    attributes=contacts.c.attributes.type
)


def addressees(conn: Connection, list_id: int | None, contact_ids: Sequence[int]) -> dict[int, Addressee]:
    """The contacts as they are now, with what forbids to write to them."""
    if conn.dialect.name == "sqlite":
        values = {"list": list_id or 0, "ids": orjson.dumps(contact_ids).decode()}
        rows: Iterable[Sequence[Any]] = orjson.loads(told(conn, _ADDRESSEES_SQLITE, values))
    else:
        rows = conn.execute(_ADDRESSEES_POSTGRESQL, {"list": list_id or 0, "ids": contact_ids})
    return {row[0]: Addressee(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows}


def for_sending(
    conn: Connection, wanted: Iterable[tuple[int, int | None, Sequence[int]]]
) -> tuple[dict[int, Standing], dict[int, dict[int, Addressee]]]:
    """For (campaign, its list, contacts) each: where the campaigns stand, and the addressees by campaign."""
    asked = list(wanted)
    found = {campaign_id: addressees(conn, list_id, ids) for campaign_id, list_id, ids in asked}
    return standings(conn, [entry[0] for entry in asked]), found
