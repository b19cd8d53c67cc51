"""Stored messages in the queue: complete ones, from submission, the API, forwards and reports, with an envelope a recipient.

What an envelope is and what becomes of it is in `store.envelopes`; the bytes lie in `store.blobs`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, insert, select

from lettershop.store.database import Transaction
from lettershop.store.envelopes import NORMAL, Lane, Leased, ensure_lane
from lettershop.store.rows import insert_one
from lettershop.store.schema_delivery import LANE_OPEN, LEASED, envelopes, lanes, outgoing


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A stored message on its way out; `blob` is its key in `store.blobs`, `tls` what its sender says (RFC 8689)."""

    outgoing_id: int
    workspace_id: int | None
    mail_from: str
    blob: str
    size: int
    tls: str = ""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who takes a lease, and until when (seconds since the epoch)."""

    owner: str
    until: float


@dataclass(frozen=True, slots=True)
class Queued:
    """A stored message in the queue: its id in `outgoing`, its envelopes' ids in the order of the recipients, its lane.

    `leased`: those envelopes, if they were claimed at once.
    """

    outgoing_id: int
    ids: Sequence[int]
    lane: Lane
    leased: Sequence[Leased] = ()


def enqueue_stored(
    tx: Transaction,
    *,
    workspace_id: int | None,
    mail_from: str,
    recipients: Sequence[tuple[str, str]],
    blob: str,
    size: int,
    now: float,
    expires_at: float,
    due_at: float | None = None,
    priority: int = NORMAL,
    stream: str = "transactional",
    tls: str = "",
    claim: Claim | None = None,
) -> Queued:
    """Queue a stored message for (address, domain) pairs.

    `mail_from` is empty for the null sender (RFC 5321 4.5.5). With a `claim` it is leased in the same moment, if it is
    due and its lane is open and has no limit.
    """
    due = now if due_at is None else due_at
    lane_id = ensure_lane(tx, workspace_id or 0, 0, priority, now)
    free = claim is not None and due <= now and _free(tx.conn, lane_id)
    taken = {"state": LEASED, "owner": claim.owner, "leased_until": claim.until} if claim is not None and free else {}
    message = insert_one(
        tx.conn, outgoing,
        workspace_id=workspace_id, mail_from=mail_from, blob=blob, size=size, stream=stream, created_at=now, tls=tls,
    )  # fmt: skip
    same = {
        "lane_id": lane_id, "workspace_id": workspace_id, "outgoing_id": message,
        "due_at": due, "created_at": max(now, due), "expires_at": expires_at, **taken,
    }  # fmt: skip
    statement = insert(envelopes).returning(envelopes.c.id, sort_by_parameter_order=True)
    rows = [{**same, "address": address, "site": site} for address, site in recipients]
    ids = list(tx.conn.scalars(statement, rows))
    leased = [
        Leased(
            envelope_id, workspace_id, None, None, message, address, site, 0, due, max(now, due), expires_at, lane_id,
            claim.until,
        )
        for envelope_id, (address, site) in zip(ids, recipients, strict=True)
    ] if claim is not None and free else []  # fmt: skip
    return Queued(message, ids, Lane(lane_id, workspace_id or 0, 0, priority), leased)


def _free(conn: Connection, lane_id: int) -> bool:
    return bool(conn.scalar(select(lanes.c.id).filter_by(id=lane_id, state=LANE_OPEN, per_second=None)))


def stored_messages(conn: Connection, ids: Iterable[int]) -> dict[int, Outgoing]:
    """The stored messages by their id."""
    c = outgoing.c
    rows = conn.execute(select(c.id, c.workspace_id, c.mail_from, c.blob, c.size, c.tls).where(c.id.in_(set(ids))))
    return {row.id: Outgoing(*row) for row in rows}


def over(conn: Connection, before: float, limit: int) -> dict[int, str]:
    """Stored messages made before `before` whose envelopes are all finished, with the keys of their bytes."""
    waiting = exists().where(envelopes.c.outgoing_id == outgoing.c.id, envelopes.c.state <= LEASED)
    query = select(outgoing.c.id, outgoing.c.blob).where(outgoing.c.created_at < before, ~waiting)
    return {row.id: row.blob for row in conn.execute(query.order_by(outgoing.c.id).limit(limit))}


def forget(tx: Transaction, ids: Sequence[int]) -> None:
    """Their bytes are deleted; envelopes and what the API tells of them stay."""
    tx.conn.execute(delete(outgoing).where(outgoing.c.id.in_(ids)))
