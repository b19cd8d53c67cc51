"""Who a campaign is for: its list, its segment, minus those who must not be written to. In pieces, by contact id.

Spans of days ("in last 30 days") count back from one moment for the whole campaign, so it does not matter how long it
takes to put it into the queue.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from lettershop.marketing.segment_text import parse
from lettershop.marketing.segments import InList, InSegment, SegmentInvalid, from_json, named, resolved, to_json
from lettershop.store import campaigns, contacts, people, predicates, subscriptions
from lettershop.store import segments as segment_rows
from lettershop.store.campaigns import Campaign
from lettershop.store.contacts import Contact

PIECE = 1000
"""Contacts put into the queue in one transaction."""


@dataclass(frozen=True, slots=True)
class Preview:
    """How many contacts a segment has, and the first few."""

    count: int
    first: tuple[Contact, ...]


def condition(conn: Connection, tree: dict[str, Any], now: float) -> predicates.Condition | None:
    """The tree as SQL for this connection's engine; None for everyone. Other segments must be resolved."""
    if not tree:
        return None
    dialect: predicates.Dialect = "sqlite" if conn.dialect.name == "sqlite" else "postgresql"
    return predicates.where(
        to_json(from_json(tree)), dialect, now
    )  # read and written, so that only what we know gets there


def tree_of(expression: str) -> dict[str, Any]:
    """The JSON tree of a written segment; {} for everyone. Raises SegmentInvalid."""
    return to_json(parse(expression)) if expression.strip() else {}


def resolve(conn: Connection, workspace_id: int, tree: dict[str, Any]) -> dict[str, Any]:
    """The tree as it can be asked: checked, its lists known, other segments put in. Raises SegmentInvalid."""
    if not tree:
        return {}
    saved = {segment.name: from_json(segment.tree) for segment in segment_rows.of_workspace(conn, workspace_id)}
    node = resolved(from_json(tree), saved)
    unknown = named(node, InList) - subscriptions.list_names(conn, workspace_id).keys()
    if unknown:
        raise SegmentInvalid(f"There is no list {', '.join(sorted(unknown))}.")
    return to_json(node)


def named_segments(tree: dict[str, Any]) -> set[str]:
    """The other segments that a tree names."""
    return named(from_json(tree), InSegment) if tree else set()


def next_piece(conn: Connection, campaign: Campaign, now: float) -> list[tuple[int, str]]:
    """The next (contact id, domain) who are not in the queue yet."""
    where = condition(conn, campaign.tree, now)  # frozen when it was started
    return campaigns.audience(conn, campaign, where, now, after=campaign.expanded_to, limit=PIECE)


def preview(conn: Connection, workspace_id: int, expression: str, now: float, limit: int = 5) -> Preview:
    """Count a written segment and show the first few. Raises SegmentInvalid, also for a list that does not exist."""
    tree = resolve(conn, workspace_id, tree_of(expression))
    first = people.page(conn, workspace_id, tree, now, limit=limit)
    return Preview(people.count(conn, workspace_id, tree, now), tuple(contacts.by_ids(conn, first)))
