"""The queue: envelopes, the lanes they wait in, and the hot SQL of the delivery engine.

An envelope is one message to one recipient: a campaign's recipe (contact, rendered at the last moment) or a recipient
of a stored message (`outgoing`). It waits in a lane, a queue in order of due time; a lane belongs to one workspace,
one campaign (or the stored messages) and one priority, so holding or cancelling a campaign of a million changes one
row, and whoever leases can take turns between lanes.

    enqueue_* -> QUEUED -> lease -> LEASED -> finish -> DELIVERED | BOUNCED | EXPIRED | WITHHELD, or QUEUED again
                                           `-> release (graceful stop), reclaim (lease ran out): QUEUED again

What must not live here: why an answer is hard or soft (egress.classify), what a campaign's states are (marketing).
Stored messages come in by `store.stored`; screens and commands look at the queue by `store.queue`.
Statements written by hand name their reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, exists, func, select, text, update

from lettershop.base.facts import Fact
from lettershop.store import dialogues
from lettershop.store.database import Transaction
from lettershop.store.rows import direct, told, upsert
from lettershop.store.schema_delivery import (
    BOUNCED,
    DELIVERED,
    EXPIRED,
    LANE_CANCELLED,
    LANE_HELD,
    LANE_OPEN,
    LEASED,
    QUEUED,
    WITHHELD,
    envelopes,
    lanes,
)

URGENT, NORMAL, BULK = 1, 3, 5
"""Priorities: a password reset; mail that people write, reports; campaigns. Smaller goes first."""

STATE_NAMES = {
    QUEUED: "queued",
    LEASED: "leased",
    DELIVERED: "delivered",
    BOUNCED: "bounced",
    EXPIRED: "expired",
    WITHHELD: "withheld",
}


@dataclass(frozen=True, slots=True)
class Lane:
    """A queue that may be leased from; `per_second` limits all processes together, `taken_until` is how far they are.

    `sender` is the domain of its senders where all have the same, `pool` the pool of source addresses it was given.
    """

    lane_id: int
    workspace_id: int
    campaign_id: int
    priority: int
    per_second: float | None = None
    taken_until: float = 0.0
    sender: str = ""
    pool: str = ""


@dataclass(frozen=True, slots=True)
class Leased:
    """An envelope that this process may try until `leased_until`.

    `attempts` counts those before this one; `created_at` is the hand-over, from which latency counts. Times in seconds
    since the epoch.
    """

    envelope_id: int
    workspace_id: int | None
    campaign_id: int | None
    contact_id: int | None
    outgoing_id: int | None
    address: str | None
    site: str
    attempts: int
    due_at: float
    created_at: float
    expires_at: float
    lane_id: int = 0
    leased_until: float = float("inf")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a leased envelope. `tried` counts an attempt; `due_at` matters only if it is QUEUED again.

    `dialogue`: of an attempt that failed; empty: what is kept of former ones is forgotten; None: it stays.
    """

    envelope_id: int
    state: int
    at: float
    answer: str | None = None
    address: str | None = None
    due_at: float | None = None
    tried: bool = True
    fact: Fact | None = None
    dialogue: str | None = None


# -- in ----------------------------------------------------------------------------------------------------------------

# Reason: a million rows. The constants are bound once; the rows travel as one array instead of a million parameter sets.
_ENQUEUE = """
    INSERT INTO envelopes (lane_id, workspace_id, campaign_id, contact_id, site, due_at, created_at, expires_at)
    SELECT :lane, :workspace, :campaign, {columns}, :due - {ahead}, :handed, :expires FROM {rows}
"""
_ENQUEUE_SQLITE = text(
    _ENQUEUE.format(columns="value ->> 0, value ->> 1", ahead="COALESCE(value ->> 2, 0)", rows="json_each(:rows)")
)
_ENQUEUE_POSTGRESQL = text(
    _ENQUEUE.format(
        columns="r.contact, r.site", ahead="COALESCE(r.ahead, 0)",
        rows="unnest(CAST(:contacts AS BIGINT[]), CAST(:sites AS TEXT[]), CAST(:aheads AS DOUBLE PRECISION[]))"
        " AS r(contact, site, ahead)",
    )
)  # fmt: skip


def enqueue_recipes(
    tx: Transaction,
    *,
    workspace_id: int,
    campaign_id: int,
    rows: Sequence[tuple[int, str] | tuple[int, str, float]],
    now: float,
    due_at: float,
    expires_at: float,
    priority: int = BULK,
    sender: str = "",
    pool: str = "",
) -> int:
    """Queue (contact id, recipient domain) of a campaign; how many. A third value is seconds of precedence before others.

    Call it with thousands at a time.
    """
    lane = ensure_lane(tx, workspace_id, campaign_id, priority, now, sender=sender, pool=pool)
    constant = {
        "lane": lane, "workspace": workspace_id, "campaign": campaign_id,
        "due": due_at, "handed": max(now, due_at), "expires": expires_at,
    }  # fmt: skip
    if tx.sqlite:
        tx.conn.execute(_ENQUEUE_SQLITE, {**constant, "rows": orjson.dumps(rows).decode()})
    else:
        aheads = [row[2] if len(row) > 2 else 0.0 for row in rows]
        arrays = {"contacts": [row[0] for row in rows], "sites": [row[1] for row in rows], "aheads": aheads}
        tx.conn.execute(_ENQUEUE_POSTGRESQL, {**constant, **arrays})
    return len(rows)


# -- lanes -------------------------------------------------------------------------------------------------------------


def ensure_lane(
    tx: Transaction, workspace_id: int, campaign_id: int, priority: int, now: float, *, sender: str = "", pool: str = "",
    moved: str = "",
) -> int:  # fmt: skip
    """The lane's id. A lane that is held or cancelled stays so; `touched_at` keeps it from being swept away meanwhile.

    `sender` and `pool` as in `Lane`; the last ones told count. `moved`: the lane of what an operator moved to this pool.
    """
    key = {"workspace_id": workspace_id, "campaign_id": campaign_id, "priority": priority, "moved": moved}
    upsert(tx.conn, lanes, [{**key, "touched_at": now, "sender": sender, "pool": pool}], key=tuple(key))
    found = tx.conn.scalar(select(lanes.c.id).filter_by(**key))
    assert found is not None
    return int(found)


def hold(tx: Transaction, campaign_id: int) -> None:
    """Pause: nothing more of the campaign is leased; engines give back within a poll what they hold."""
    _move_lanes(tx, campaign_id, (LANE_OPEN,), LANE_HELD)


def resume(tx: Transaction, campaign_id: int) -> None:
    """Go on after `hold`."""
    _move_lanes(tx, campaign_id, (LANE_HELD,), LANE_OPEN)


def cancel(tx: Transaction, campaign_id: int) -> None:
    """Nothing more of the campaign is sent; `sweep_cancelled` finishes what waits, a piece at a time."""
    _move_lanes(tx, campaign_id, (LANE_OPEN, LANE_HELD), LANE_CANCELLED)


def _move_lanes(tx: Transaction, campaign_id: int, before: Sequence[int], after: int) -> None:
    which = (lanes.c.campaign_id == campaign_id, lanes.c.state.in_(before))
    tx.conn.execute(update(lanes).where(*which).values(state=after))


# Reason: asked at every poll. One index seek a lane says whether it is worth a write transaction.
_READY = text("""
    SELECT id, workspace_id, campaign_id, priority, per_second, taken_until, sender, pool,
           COALESCE(taken_until + 1 / per_second, 0) <= :now
           AND EXISTS (SELECT 1 FROM envelopes WHERE lane_id = lanes.id AND state = 0 AND due_at <= :now) AS due
    FROM lanes WHERE state = 0 ORDER BY priority, id
""")


def open_lanes(conn: Connection, now: float) -> tuple[list[Lane], dict[int, float | None]]:
    """The lanes with mail that may be leased, by priority; and all open lanes with their limits a second."""
    rows = conn.execute(_READY, {"now": now}).all()
    return [Lane(*row[:8]) for row in rows if row.due], {row.id: row.per_second for row in rows}


# -- out ---------------------------------------------------------------------------------------------------------------

_COLUMNS = (
    "id, workspace_id, campaign_id, contact_id, outgoing_id, address, site, attempts, due_at, created_at, expires_at,"
    " lane_id"
)
# Reason (SQLite): Python's driver gives up the interpreter lock at every row that it steps to, and beside a thread that
# renders and signs it gets it back late. So all rows of a statement travel as one JSON text, in and out. Nobody comes
# between the two statements: SQLite has one writer.
_DUE_SQLITE = f"""
    SELECT json_group_array(json_array({_COLUMNS}, :until)) FROM (
        SELECT * FROM envelopes WHERE lane_id = :lane AND state = 0 AND due_at <= :now ORDER BY due_at LIMIT :limit)
"""  # noqa: S608 - constants only
_MARK_SQLITE = """
    UPDATE envelopes SET state = 1, owner = :owner, leased_until = :until
    WHERE id IN (SELECT value FROM json_each(:ids))
"""
# Reason: many processes lease at once, nobody waits for another's rows; MATERIALIZED keeps LIMIT evaluated once.
_LEASE_POSTGRESQL = text(f"""
    WITH due AS MATERIALIZED (
        SELECT id AS due_id FROM envelopes WHERE lane_id = :lane AND state = 0 AND due_at <= :now
        ORDER BY due_at LIMIT :limit FOR UPDATE SKIP LOCKED)
    UPDATE envelopes SET state = 1, owner = :owner, leased_until = :until FROM due WHERE id = due.due_id
    RETURNING {_COLUMNS}, leased_until
""")  # noqa: S608 - constants only


def lease(
    tx: Transaction, owner: str, now: float, until: float, shares: Sequence[tuple[int, int]]
) -> list[list[Leased]]:
    """Take up to n due envelopes from each (lane id, n), earliest due first; a list for each share."""
    take = _lease_sqlite if tx.sqlite else _lease_postgresql
    leased = []
    for lane, limit in shares:
        rows = take(tx.conn, owner, now, until, lane, limit)
        leased.append(sorted((Leased(*row) for row in rows), key=_due))
    return leased


def _lease_sqlite(
    conn: Connection, owner: str, now: float, until: float, lane: int, limit: int
) -> Sequence[Sequence[Any]]:
    rows: list[list[Any]] = orjson.loads(
        told(conn, _DUE_SQLITE, {"lane": lane, "now": now, "until": until, "limit": limit})
    )
    ids = orjson.dumps([row[0] for row in rows]).decode()
    direct(conn).execute(_MARK_SQLITE, {"owner": owner, "until": until, "ids": ids})
    return rows


def _lease_postgresql(
    conn: Connection, owner: str, now: float, until: float, lane: int, limit: int
) -> Sequence[Sequence[Any]]:
    values = {"owner": owner, "until": until, "lane": lane, "now": now, "limit": limit}
    return conn.execute(_LEASE_POSTGRESQL, values).all()


def _due(leased: Leased) -> tuple[float, int]:
    return leased.due_at, leased.envelope_id


# Reason: which of a batch are still open, in one seek each, before facts are told of them.
_OPEN_SQLITE = """
    SELECT json_group_array(id) FROM envelopes WHERE state <= 1 AND id IN (SELECT value FROM json_each(:ids))
"""
_OPEN_POSTGRESQL = text("SELECT id FROM envelopes WHERE state <= 1 AND id = ANY(CAST(:ids AS BIGINT[])) FOR UPDATE")
# Reason: all outcomes of a batch in one statement, of whatever kind.
_FINISH = """
    UPDATE envelopes SET state = v.state, attempts = attempts + v.tried, answer = COALESCE(v.answer, envelopes.answer),
        address = COALESCE(v.address, envelopes.address), due_at = COALESCE(v.due, envelopes.due_at),
        finished_at = v.finished, owner = NULL, leased_until = NULL
    FROM {rows} WHERE envelopes.id = v.id
"""
_FINISH_SQLITE = _FINISH.format(
    rows="""(
        SELECT value ->> 0 AS id, value ->> 1 AS state, value ->> 2 AS tried, value ->> 3 AS answer,
               value ->> 4 AS address, value ->> 5 AS due, value ->> 6 AS finished
        FROM json_each(:rows)) AS v"""
)
_FINISH_POSTGRESQL = text(
    _FINISH.format(
        rows="""(
        SELECT CAST(value ->> 0 AS BIGINT) AS id, CAST(value ->> 1 AS INT) AS state, CAST(value ->> 2 AS INT) AS tried,
               value ->> 3 AS answer, value ->> 4 AS address, CAST(value ->> 5 AS DOUBLE PRECISION) AS due,
               CAST(value ->> 6 AS DOUBLE PRECISION) AS finished
        FROM jsonb_array_elements(CAST(:rows AS JSONB))) AS v"""
    )
)


def finish(tx: Transaction, outcomes: Sequence[Outcome]) -> int:
    """Record what became of envelopes, and their facts; how many.

    An envelope that is finished already (its lease ran out and another process was faster) is left as it is, without a fact.
    """
    alive = _open_ids(tx, [outcome.envelope_id for outcome in outcomes])
    known = [outcome for outcome in outcomes if outcome.envelope_id in alive]
    if not known:
        return 0
    rows = orjson.dumps([_finish_values(outcome) for outcome in known]).decode()
    if tx.sqlite:
        direct(tx.conn).execute(_FINISH_SQLITE, {"rows": rows})
    else:
        tx.conn.execute(_FINISH_POSTGRESQL, {"rows": rows})
    talks = []
    for outcome in known:
        if outcome.fact is not None:
            tx.fact(outcome.fact)
        if outcome.dialogue is not None:
            talks.append((outcome.envelope_id, outcome.at, outcome.dialogue))
    if talks:
        dialogues.keep(tx, talks)
    return len(known)


def _finish_values(outcome: Outcome) -> list[object]:
    again = outcome.state == QUEUED
    return [
        outcome.envelope_id, outcome.state, int(outcome.tried), outcome.answer, outcome.address,
        outcome.due_at if again else None, None if again else outcome.at,
    ]  # fmt: skip


def _open_ids(tx: Transaction, ids: list[int]) -> set[int]:
    if tx.sqlite:
        return set(orjson.loads(told(tx.conn, _OPEN_SQLITE, {"ids": orjson.dumps(ids).decode()})))
    return set(tx.conn.scalars(_OPEN_POSTGRESQL, {"ids": ids}))


def release(tx: Transaction, owner: str, ids: Sequence[int]) -> int:
    """Give back leases that were not tried; how many."""
    return _queue_again(tx, envelopes.c.owner == owner, envelopes.c.id.in_(ids))


def release_owner(tx: Transaction, owner: str, *, but: Sequence[int] = ()) -> int:
    """Give back every lease of a process but these; how many. `owner` may be a prefix that ends in "/"."""
    who = envelopes.c.owner
    whose = who.startswith(owner, autoescape=True) if owner.endswith("/") else who == owner
    return _queue_again(tx, whose, *([envelopes.c.id.not_in(but)] if but else []))


def reclaim(tx: Transaction, now: float) -> int:
    """Give back leases that ran out; how many."""
    return _queue_again(tx, envelopes.c.leased_until < now)


def _queue_again(tx: Transaction, *which: object) -> int:
    # `leased_until` and the literal state let both engines use the small index of what is leased.
    leased = text("state = 1 AND leased_until > 0")
    values = {"state": QUEUED, "owner": None, "leased_until": None}
    return tx.conn.execute(update(envelopes).where(leased, *which).values(values)).rowcount  # type: ignore[arg-type]


def park(tx: Transaction, owner: str, parked: Sequence[tuple[int, float]]) -> None:
    """Give back leases until a later time: their site has more than it can take. (id, due_at) pairs; no attempt."""
    statement = text("""
        UPDATE envelopes SET state = 0, owner = NULL, leased_until = NULL, due_at = :due
        WHERE id = :id AND state = 1 AND owner = :owner
    """)
    if parked:
        tx.conn.execute(statement, [{"id": key, "due": due, "owner": owner} for key, due in parked])


def counts(conn: Connection, campaign_id: int) -> dict[str, int]:
    """How many envelopes of a campaign are in which state, by `STATE_NAMES`; those of none are left out."""
    c = envelopes.c
    rows = conn.execute(select(c.state, func.count()).where(c.campaign_id == campaign_id).group_by(c.state))
    return {STATE_NAMES[state]: count for state, count in rows}


def unfinished(conn: Connection, campaign_id: int) -> bool:
    """Whether anything of the campaign still waits or is being tried."""
    c = envelopes.c
    return bool(conn.scalar(select(exists().where(c.campaign_id == campaign_id, c.state <= LEASED))))
