"""Judges the hits of the past again: with the rules of today, and with all that came in since.

    envelopes with hits, piece by piece > `tally` > verdicts, figures, moments of the contacts; a transaction each

What was observed is a fact and never changes. Each piece is right by itself: it may be stopped and begun again at any time,
beside a running server.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lettershop.marketing.analytics import CONSUMER
from lettershop.marketing.tally import Tally
from lettershop.store import analytics, factlog, hits
from lettershop.store.database import Database, Transaction

PIECE = 200
"""Envelopes in one transaction."""


@dataclass(frozen=True, slots=True)
class Recomputed:
    """What was done. `hits`: looked at; `changed`: have another verdict now."""

    hits: int = 0
    changed: int = 0


async def recompute(main: Database, campaign_id: int | None = None) -> Recomputed:
    """All hits of a campaign, or of all campaigns."""
    after, seen, changed = 0, 0, 0
    while ids := await main.read(hits.envelopes_after, after, PIECE, campaign_id):
        one = await main.write(_piece, ids)
        seen, changed, after = seen + one.hits, changed + one.changed, ids[-1]
    return Recomputed(seen, changed)


def _piece(tx: Transaction, envelope_ids: Sequence[int]) -> Recomputed:
    factlog.hold(tx, CONSUMER)  # new facts of the same people must not be counted meanwhile
    kept = hits.of_envelopes(tx.conn, envelope_ids)
    campaign_of = {key: rows[0].campaign_id for key, rows in kept.items()}
    known = analytics.background(tx.conn, envelope_ids=set(kept), campaign_ids=set(campaign_of.values()))
    owners = hits.contacts_of(tx.conn, list(kept))
    tally = Tally(known)
    for envelope_id, campaign_id in campaign_of.items():
        tally.judge_again(campaign_id, envelope_id, owners.get(envelope_id))
    analytics.apply(tx, tally.changes)
    return Recomputed(sum(len(rows) for rows in kept.values()), len(tally.changes.hits))
