"""What screens list: recipients of a campaign, figures of many campaigns, a contact's lists, consents and timeline.

Read only, paged by id, one query a page. The writing side of these tables is in their own modules.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from lettershop.store.contacts import Contact, by_ids
from lettershop.store.envelopes import STATE_NAMES
from lettershop.store.schema_delivery import DELIVERED, QUEUED, envelopes, suppressions
from lettershop.store.schema_main import campaigns, consents, contacts, engagements, facts, lists, subscriptions

STATES = {name: state for state, name in STATE_NAMES.items()}
DEEDS = ("opened", "clicked", "replied", "unsubscribed", "complained")
"""What a person may have done; asked for in the same place as a state."""


@dataclass(frozen=True, slots=True)
class RecipientRow:
    """One recipient of a campaign. `state`: queued, waiting (tried, will be tried again), leased, delivered, bounced, …"""

    envelope_id: int
    contact_id: int | None
    address: str
    name: str
    state: str
    attempts: int
    at: float | None
    due_at: float | None
    answer: str
    opened_at: float | None
    machine_opened_at: float | None
    clicked_at: float | None
    unsubscribed_at: float | None
    complained_at: float | None
    replied_at: float | None


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """Something that happened to a contact: a fact's kind and fields, and the campaign it belongs to. `id` 0: of the mail log.

    `place`: where the next page of a timeline begins.
    """

    id: int
    at: float
    kind: str
    campaign_id: int | None
    campaign: str
    data: Mapping[str, Any]
    envelope_id: int | None = None
    place: int = 0


def last_delivery(conn: Connection, campaign_id: int) -> float | None:
    """When a receiver took the last message of a campaign so far."""
    e = envelopes.c
    at: float | None = conn.scalar(
        select(func.max(e.finished_at)).where(e.campaign_id == campaign_id, e.state == DELIVERED)
    )
    return at


def recipients(
    conn: Connection, campaign_id: int, *, query: str = "", state: str = "", after: int = 0, limit: int = 50
) -> list[RecipientRow]:
    """Recipients of a campaign by envelope id, a page after the id `after`; `query` looks in address and name.

    `state`: one of `STATE_NAMES`, waiting, or one of `DEEDS`.
    """
    e, c, g = envelopes.c, contacts.c, engagements.c
    statement = (
        select(
            e.id, e.contact_id, func.coalesce(e.address, c.email, ""), func.coalesce(c.name, ""), e.state, e.attempts,
            e.finished_at, e.due_at, func.coalesce(e.answer, ""), g.opened_at, g.machine_opened_at, g.clicked_at,
            g.unsubscribed_at, g.complained_at, g.replied_at,
        )
        .select_from(envelopes.outerjoin(contacts, c.id == e.contact_id).outerjoin(engagements, g.envelope_id == e.id))
        .where(e.campaign_id == campaign_id, e.id > after)
        .order_by(e.id)
        .limit(limit)
    )  # fmt: skip
    if query:
        like = query.lower()
        statement = statement.where(
            or_(c.email_key.contains(like, autoescape=True), func.lower(c.name).contains(like, autoescape=True))
        )
    if state == "waiting":
        statement = statement.where(e.state == QUEUED, e.attempts > 0)
    elif state == "queued":
        statement = statement.where(e.state == QUEUED, e.attempts == 0)
    elif state in DEEDS:
        statement = statement.where(g[f"{state}_at"].is_not(None))
    elif state:
        statement = statement.where(e.state == STATES.get(state, -1))
    return [_recipient(list(row)) for row in conn.execute(statement)]


def _recipient(values: list[Any]) -> RecipientRow:
    values[4] = "waiting" if values[4] == QUEUED and values[5] else STATE_NAMES[values[4]]
    return RecipientRow(*values)


def lists_of(conn: Connection, contact_ids: Iterable[int]) -> dict[int, list[tuple[str, str, float]]]:
    """(list, status, since) of each contact."""
    s = subscriptions.c
    statement = (
        select(s.contact_id, lists.c.name, s.status, s.changed_at)
        .join(lists, lists.c.id == s.list_id)
        .where(s.contact_id.in_(list(contact_ids)))
        .order_by(lists.c.name)
    )
    found: dict[int, list[tuple[str, str, float]]] = {}
    for contact_id, name, status, at in conn.execute(statement):
        found.setdefault(contact_id, []).append((name, status, at))
    return found


def suppression_reasons(conn: Connection, workspace_id: int, keys: Iterable[str]) -> dict[str, str]:
    """Why each of these addresses is suppressed, in this workspace or for everybody."""
    s = suppressions.c
    where = (s.workspace_id.in_((0, workspace_id)), s.email_key.in_(list(keys)))
    return {row.email_key: row.reason for row in conn.execute(select(s.email_key, s.reason).where(*where))}


def consents_of(conn: Connection, contact_id: int) -> list[tuple[float, str, str, str]]:
    """(at, kind, basis, source), newest first."""
    c = consents.c
    statement = select(c.at, c.kind, c.basis, c.source).where(c.contact_id == contact_id).order_by(c.id.desc())
    return [(row.at, row.kind, row.basis, row.source) for row in conn.execute(statement)]


MOST_SINGLE = 500
"""Single messages to a person that their timeline knows, the newest."""


def single_messages(conn: Connection, workspace_id: int, contact: Contact) -> list[int]:
    """Envelopes of single messages to the address of a contact: they know no contact."""
    e = envelopes.c
    query = select(e.id).where(
        e.site == contact.domain, e.address.in_({contact.email, contact.email_key}), e.outgoing_id.is_not(None),
        e.workspace_id == workspace_id,
    )  # fmt: skip
    return list(conn.scalars(query.order_by(e.id.desc()).limit(MOST_SINGLE)))


def timeline(
    conn: Connection, workspace_id: int, contact_id: int, before: tuple[float, int] | None, limit: int
) -> list[TimelineRow]:
    """From the main log: what happened to a contact, newest first, below this moment and id; single messages to the address, too."""
    f = facts.c
    [contact] = by_ids(conn, [contact_id])
    single = single_messages(conn, workspace_id, contact)
    statement = (
        select(f.id, f.at, f.kind, f.campaign_id, func.coalesce(campaigns.c.name, ""), f.data, f.envelope_id)
        .select_from(facts.outerjoin(campaigns, campaigns.c.id == f.campaign_id))
        .where(or_(f.contact_id == contact_id, f.envelope_id.in_(single)) if single else f.contact_id == contact_id)
        .order_by(f.at.desc(), f.id.desc())
        .limit(limit)
    )
    if before is not None:
        at, fact_id = before
        statement = statement.where(or_(f.at < at, and_(f.at == at, f.id < fact_id)))
    return [TimelineRow(*row) for row in conn.execute(statement)]


def unsubscriptions(conn: Connection, contact_id: int) -> set[tuple[int | None, str]]:
    """(campaign, how) of those that the main log tells of a contact."""
    f = facts.c
    rows = conn.execute(select(f.campaign_id, f.data).where(f.contact_id == contact_id, f.kind == "Unsubscribed"))
    return {(campaign_id, data.get("how", "")) for campaign_id, data in rows}


def moment_of(conn: Connection, fact_id: int) -> float | None:
    """When a fact of the main log happened."""
    at: float | None = conn.scalar(select(facts.c.at).where(facts.c.id == fact_id))
    return at


def campaign_names(conn: Connection, ids: Iterable[int]) -> dict[int, str]:
    """The names of these campaigns."""
    c = campaigns.c
    return {row.id: row.name for row in conn.execute(select(c.id, c.name).where(c.id.in_(list(ids))))}
