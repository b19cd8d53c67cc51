"""People by the time at which they joined, and what they did in the periods after; a campaign's recipients one by one.

Both read what `store.analytics` keeps; no event is read. `edges` are the bounds of periods, ascending, in seconds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, case, distinct, func, select
from sqlalchemy.sql.elements import ColumnElement

from lettershop.store.schema_delivery import DELIVERED, envelopes
from lettershop.store.schema_main import contacts, engagements

TOGETHER = 50_000
"""Rows read at once."""
MOMENTS = ("opened", "clicked", "replied", "unsubscribed")


@dataclass(frozen=True, slots=True)
class Counted:
    """So many people of the cohort that joined in period `joined` did `what` in the period `period`."""

    what: str
    joined: int
    period: int
    people: int


def joined(conn: Connection, workspace_id: int, edges: Sequence[float]) -> dict[int, int]:
    """How many people joined in each period."""
    c = contacts.c
    number = _period(c.created_at, edges)
    query = select(number, func.count()).where(c.workspace_id == workspace_id, *_within(c.created_at, edges))
    return {row[0]: row[1] for row in conn.execute(query.group_by(number))}


def did(conn: Connection, workspace_id: int, edges: Sequence[float]) -> list[Counted]:
    """What they did, by the period in which they joined and the one in which they did it; people are counted once in each."""
    e, v = engagements.c, envelopes.c
    found = _counted(
        conn,
        workspace_id,
        edges,
        "delivered",
        v.contact_id,
        v.finished_at,
        [v.state == DELIVERED, v.id.not_in(_returned())],
    )
    for what in MOMENTS:
        found += _counted(conn, workspace_id, edges, what, e.contact_id, e[f"{what}_at"], [])
    return found


def _counted(
    conn: Connection,
    workspace_id: int,
    edges: Sequence[float],
    what: str,
    who: ColumnElement[int],
    when: ColumnElement[float],
    where: Sequence[ColumnElement[bool]],
) -> list[Counted]:
    c = contacts.c
    cohort, period = _period(c.created_at, edges), _period(when, edges)
    query = (
        select(cohort, period, func.count(distinct(c.id)))
        .join_from(contacts, who.table, c.id == who)
        .where(c.workspace_id == workspace_id, *_within(c.created_at, edges), *_within(when, edges), *where)
        .group_by(cohort, period)
    )
    return [Counted(what, row[0], row[1], row[2]) for row in conn.execute(query)]


def _returned() -> Select[int]:
    """Accepted first, and sent back later."""
    return select(engagements.c.envelope_id).where(engagements.c.bounced_at.is_not(None))


def _period(moment: ColumnElement[float], edges: Sequence[float]) -> ColumnElement[int]:
    return case(*[(moment < edge, number) for number, edge in enumerate(edges[1:])], else_=len(edges) - 1)


def _within(moment: ColumnElement[float], edges: Sequence[float]) -> list[ColumnElement[bool]]:
    return [moment >= edges[0], moment < edges[-1]]


@dataclass(frozen=True, slots=True)
class Recipients:
    """Recipients of a campaign: their contacts' ids, the states of their envelopes, and by what they did whether they did."""

    contacts: list[int]
    states: list[int]
    did: dict[str, list[bool]]


DEEDS = ("opened", "machine_opened", "clicked", "machine_clicked", "replied", "unsubscribed", "complained", "bounced")


def recipients(conn: Connection, campaign_id: int) -> Iterator[Recipients]:
    """All recipients whose contacts there are, some at a time."""
    e, v = engagements.c, envelopes.c
    query = (
        select(v.contact_id, v.state, *(e[f"{deed}_at"].is_not(None) for deed in DEEDS))
        .select_from(envelopes.outerjoin(engagements, e.envelope_id == v.id))
        .where(v.campaign_id == campaign_id, v.contact_id.is_not(None))
        .execution_options(yield_per=TOGETHER)
    )
    for rows in conn.execute(query).partitions():
        who, states, *done = (list(column) for column in zip(*rows, strict=True))
        yield Recipients(who, states, dict(zip(DEEDS, done, strict=True)))
