"""Who a campaign is for: its list, its segment, minus those who must not be written to. In pieces, by contact id.

Spans of days ("in last 30 days") count back from one moment for the whole campaign, so it does not matter how long it
takes to put it into the queue.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from lettershop.marketing.segment_text import parse
from lettershop.marketing.segments import SegmentInvalid, from_json, list_names, to_json
from lettershop.store import campaigns, contacts, predicates, subscriptions
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
    """The tree as SQL for this connection's engine; None for everyone."""
    if not tree:
        return None
    dialect: predicates.Dialect = "sqlite" if conn.dialect.name == "sqlite" else "postgresql"
    return predicates.where(
        to_json(from_json(tree)), dialect, now
    )  # read and written, so that only what we know gets there


def tree_of(expression: str) -> dict[str, Any]:
    """The JSON tree of a written segment; {} for everyone. Raises SegmentInvalid."""
    return to_json(parse(expression)) if expression.strip() else {}


def next_piece(conn: Connection, campaign: Campaign, now: float) -> list[tuple[int, str]]:
    """The next (contact id, domain) who are not in the queue yet."""
    where = condition(conn, campaign.tree, now)
    return campaigns.audience(conn, campaign, where, after=campaign.expanded_to, limit=PIECE)


def preview(conn: Connection, workspace_id: int, expression: str, now: float, limit: int = 5) -> Preview:
    """Count a written segment and show the first few. Raises SegmentInvalid, also for a list that does not exist."""
    tree = tree_of(expression)
    check_lists(conn, workspace_id, tree)
    where = condition(conn, tree, now)
    first = contacts.page(conn, workspace_id, where=where, limit=limit)
    return Preview(contacts.count(conn, workspace_id, where=where), tuple(first))


def check_lists(conn: Connection, workspace_id: int, tree: dict[str, Any]) -> None:
    """Raises SegmentInvalid if a list that the tree names does not exist."""
    unknown = list_names(from_json(tree)) - subscriptions.list_names(conn, workspace_id).keys()
    if unknown:
        raise SegmentInvalid(f"There is no list {', '.join(sorted(unknown))}.")
