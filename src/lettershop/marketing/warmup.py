"""What warm-up needs of campaigns: the figures of each day, by sending domain and provider; and who is written to first.

`egress.warmup` decides on steps, `egress.rooms` holds back what exceeds the day. Machines never count here: the figures
are those of `marketing.tally`, the moments those of people.
"""

from collections.abc import Mapping

from lettershop.egress.warmup import day_of
from lettershop.store import warmups
from lettershop.store.analytics import Counter
from lettershop.store.campaigns import Engaged
from lettershop.store.database import Transaction

YEAR = 365 * 86_400.0
HEAD_START = 3600.0
"""The most engaged are due so many seconds before those who never did anything: the queue goes by due time."""
WEIGHTS = (14 * 86_400.0, 7 * 86_400.0, 0.0)
"""Seconds by which an answer and a click are worth more than an open of the same moment."""


def note(tx: Transaction, counted: Mapping[Counter, int], at: float) -> None:
    """Add what a batch of facts changed to the day's figures."""
    by = {
        (campaign_id, value, what): count
        for (campaign_id, what, dimension, value), count in counted.items()
        if dimension == "provider" and what in warmups.COUNTED
    }
    senders = warmups.senders(tx.conn, {campaign_id for campaign_id, _, _ in by})
    brought: dict[tuple[str, str, int], dict[str, int]] = {}
    for (campaign_id, provider, what), count in by.items():
        if campaign_id not in senders:
            continue
        domain, tracked = senders[campaign_id]
        day = brought.setdefault((domain, provider, day_of(at)), {})
        day[what] = day.get(what, 0) + count
        if what == "delivered" and tracked:
            day["tracked"] = day.get("tracked", 0) + count
    warmups.count(tx, brought)


def precedence(person: Engaged | None, started_at: float) -> float:
    """Seconds by which a recipient goes before those who never did anything; none for whom nothing is known."""
    if person is None:
        return 0.0
    moments = (person.last_replied_at, person.last_clicked_at, person.last_opened_at)
    latest = max((at + weight for at, weight in zip(moments, WEIGHTS, strict=True) if at is not None), default=0.0)
    freshness = (latest - (started_at - YEAR)) / (YEAR + WEIGHTS[0])
    return HEAD_START * min(1.0, max(0.0, freshness))
