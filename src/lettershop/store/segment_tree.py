"""What `store.predicates` (SQL) and `store.masks` (columns) must know alike of a segment's tree, as JSON. [pure]

The tree itself, its checks and its words are in `marketing.segments`; whatever gets here was checked there.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Tree = Mapping[str, Any]

COLUMNS = ("email", "name", "domain")
"""Fields that are columns of a contact and no attributes; always text."""

MOMENTS = ("delivered", "opened", "clicked", "replied", "wrote")
CONSENTS = ("none", "implied", "express")
TRACKING = {"unknown": None, "refused": False, "allowed": True}
DAY = 86_400


def since(now: float, days: int) -> int:
    """From when on something happened "in the last N days". In whole seconds, so that columns may keep whole seconds."""
    return int(now) - days * DAY


def window(leaf: Tree, now: float) -> tuple[str, str]:
    """The first and the last day of "in last N days" or "in next N days", as dates are written; today is in both."""
    today = datetime.fromtimestamp(now, UTC).date()
    days = timedelta(days=leaf["days"])
    first, last = (today - days, today) if leaf["when"] == "last" else (today, today + days)
    return first.isoformat(), last.isoformat() + "\uffff"


def is_outside(tree: Tree) -> bool:
    """Whether this condition is about one campaign or one link: what a contact's row does not say."""
    return tree.get("op") in MOMENTS and ("campaign" in tree or "link" in tree)


def leaves(tree: Tree) -> list[Tree]:
    """The conditions of a tree, without those that only join others."""
    if not tree:
        return []
    if tree["op"] in ("and", "or", "not"):
        return [leaf for part in tree["of"] for leaf in leaves(part)]
    return [tree]
