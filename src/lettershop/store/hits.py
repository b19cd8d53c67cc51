"""Requests for pixels and links with their verdicts. The raw request is a fact; here is what was made of it.

What a hit means is decided in `marketing.verdict` and `marketing.engaged`; here is only the SQL.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace

from sqlalchemy import Connection, func, select, update

from lettershop.store import columnar
from lettershop.store.database import Transaction
from lettershop.store.rows import upsert
from lettershop.store.schema_analytics import hits
from lettershop.store.schema_delivery import envelopes
from lettershop.store.schema_main import contacts, facts

PIECE = 500
KINDS = ("Opened", "Clicked")
AGED = "aged"
"""Field of an open or a click whose raw signals were forgotten with time."""

MOMENTS = (("last_opened_at", hits.c.link == 0), ("last_clicked_at", hits.c.link > 0))


@dataclass(frozen=True, slots=True)
class KeptHit:
    """A hit: what was observed, and the verdict. `settled`: what was observed is gone, the verdict stays."""

    fact_id: int
    envelope_id: int
    campaign_id: int
    at: float
    link: int
    user_agent: str = ""
    headers: str = ""
    method: str = "GET"
    machine: bool = False
    score: float = 0.0
    reasons: str = ""
    device: str = ""
    settled: bool = False

    def with_verdict(self, machine: bool, score: float, reasons: str, device: str) -> "KeptHit":
        """The same hit, judged."""
        return replace(self, machine=machine, score=score, reasons=reasons, device=device)

    def same(self, other: "KeptHit") -> bool:
        """Whether the verdicts are the same."""
        mine = (self.machine, self.score, self.reasons, self.device)
        return mine == (other.machine, other.score, other.reasons, other.device)


_STORED = [f.name for f in fields(KeptHit) if f.name in hits.c]


def of_envelopes(conn: Connection, ids: Collection[int]) -> dict[int, list[KeptHit]]:
    """All kept hits of these envelopes, with what was observed, in the order of their facts."""
    found: dict[int, list[KeptHit]] = {}
    source = hits.outerjoin(facts, facts.c.id == hits.c.fact_id).outerjoin(
        contacts, contacts.c.id == facts.c.contact_id
    )
    query = select(*[hits.c[name] for name in _STORED], facts.c.data, contacts.c.id.label("person")).select_from(source)
    for piece in _pieces(list(ids)):
        for row in conn.execute(query.where(hits.c.envelope_id.in_(piece)).order_by(hits.c.fact_id)):
            stored = {name: getattr(row, name) for name in _STORED}
            data = row.data or {}
            seen = {name: data[name] for name in ("user_agent", "headers", "method") if name in data}
            settled = row.data is None or row.person is None or bool(data.get(AGED))
            found.setdefault(row.envelope_id, []).append(KeptHit(**stored, **seen, settled=settled))
    return found


def put(tx: Transaction, rows: Iterable[KeptHit]) -> None:
    """Keep hits, or their new verdicts."""
    upsert(tx.conn, hits, [{name: getattr(row, name) for name in _STORED} for row in rows], key=("fact_id",))


def measure_again(tx: Transaction, contact_ids: Collection[int]) -> None:
    """The last moments of these contacts, from the hits of people: a verdict of theirs has changed."""
    for piece in _pieces(sorted(contact_ids)):
        for name, which in MOMENTS:
            latest = (
                select(func.max(hits.c.at))
                .select_from(hits.join(envelopes, envelopes.c.id == hits.c.envelope_id))
                .where(envelopes.c.contact_id == contacts.c.id, hits.c.machine.is_(False), which)
                .scalar_subquery()
            )
            tx.conn.execute(update(contacts).where(contacts.c.id.in_(piece)).values({name: latest}))
    columnar.mark(tx, contact_ids, deeds_only=True)


def envelopes_after(conn: Connection, after: int, limit: int, campaign_id: int | None = None) -> list[int]:
    """The next envelopes that have hits, by id; of one campaign, or of all."""
    c = hits.c
    query = select(c.envelope_id).where(c.envelope_id > after).group_by(c.envelope_id).order_by(c.envelope_id)
    if campaign_id is not None:
        query = query.where(c.campaign_id == campaign_id)
    return list(conn.scalars(query.limit(limit)))


def contacts_of(conn: Connection, envelope_ids: Collection[int]) -> dict[int, int]:
    """Whose envelopes these are."""
    e = envelopes.c
    found: dict[int, int] = {}
    for piece in _pieces(list(envelope_ids)):
        for row in conn.execute(select(e.id, e.contact_id).where(e.id.in_(piece), e.contact_id.is_not(None))):
            found[row.id] = row.contact_id
    return found


def _pieces(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(keys), PIECE):
        yield keys[start : start + PIECE]
