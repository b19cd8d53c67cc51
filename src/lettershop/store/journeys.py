"""Everything that is recorded of one envelope: in the main log, in the mail log, and the verdicts on its hits."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Table, and_, func, or_, select

from lettershop.base.facts import KINDS, Fact, restore
from lettershop.store.schema_analytics import hits
from lettershop.store.schema_delivery import envelopes
from lettershop.store.schema_mail import mail_facts
from lettershop.store.schema_main import contacts, facts

MOST = 500
"""Facts of one log; a scanner may follow a link any number of times."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a machine asked for a pixel or a link, why we think so, and with which device."""

    machine: bool
    reasons: str
    device: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A fact; `verdict` for openings and clicks that were judged."""

    fact: Fact
    verdict: Verdict | None = None


def recorded(conn: Connection, envelope_id: int, campaign_id: int | None, contact_id: int | None) -> Sequence[Recorded]:
    """From the main log, in order."""
    h = hits.c
    judged = {
        row.fact_id: Verdict(row.machine, row.reasons, row.device)
        for row in conn.execute(
            select(h.fact_id, h.machine, h.reasons, h.device).where(h.envelope_id == envelope_id).limit(MOST)
        )
    }
    found = _facts(conn, facts, envelope_id, campaign_id, contact_id)
    return [Recorded(fact, judged.get(fact_id)) for fact_id, fact in found]


def returned(conn: Connection, envelope_id: int, campaign_id: int | None, contact_id: int | None) -> Sequence[Recorded]:
    """From the mail log, in order: bounces that came back, complaints, answers."""
    return [Recorded(fact) for _, fact in _facts(conn, mail_facts, envelope_id, campaign_id, contact_id)]


def _facts(
    conn: Connection, table: Table, envelope_id: int, campaign_id: int | None, contact_id: int | None
) -> list[tuple[int, Fact]]:
    """What names the envelope, or the person in this campaign."""
    c = table.c
    which = c.envelope_id == envelope_id
    if contact_id is not None and campaign_id is not None:
        which = or_(which, and_(c.contact_id == contact_id, c.campaign_id == campaign_id, c.envelope_id.is_(None)))
    rows = conn.execute(select(table).where(which).order_by(c.id).limit(MOST)).mappings()
    return [
        (row["id"], restore(row["kind"], {name: row[name] for name in Fact.HEAD}, row["data"]))
        for row in rows
        if row["kind"] in KINDS
    ]


def of_contact(
    conn: Connection, contact_id: int, before: tuple[float, int] | None, limit: int
) -> Sequence[tuple[int, Fact]]:
    """From the mail log: what came back of a contact, with ids, newest first, below this moment and id."""
    c = mail_facts.c
    query = select(mail_facts).where(c.contact_id == contact_id, c.kind.in_(list(KINDS)))
    if before is not None:
        at, fact_id = before
        query = query.where(or_(c.at < at, and_(c.at == at, c.id < fact_id)))
    rows = conn.execute(query.order_by(c.at.desc(), c.id.desc()).limit(limit)).mappings()
    return [(row["id"], restore(row["kind"], {name: row[name] for name in Fact.HEAD}, row["data"])) for row in rows]


def moment_of(conn: Connection, fact_id: int) -> float | None:
    """When a fact of the mail log happened."""
    at: float | None = conn.scalar(select(mail_facts.c.at).where(mail_facts.c.id == fact_id))
    return at


def envelope_of(conn: Connection, campaign_id: int, email_key: str) -> int | None:
    """The envelope of a person in a campaign, by the address they have now or had when it was sent."""
    e, c = envelopes.c, contacts.c
    now = select(e.id).join(contacts, c.id == e.contact_id).where(c.email_key == email_key)
    then = select(e.id).where(func.lower(e.address) == email_key)
    for query in (now, then):
        found = conn.scalar(query.where(e.campaign_id == campaign_id).order_by(e.id.desc()).limit(1))
        if found is not None:
            return int(found)
    return None
