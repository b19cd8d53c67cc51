"""What happens to messages that are in a mailbox: flags, copy, move, expunge; and what a session needs to know of them.

Sessions keep UIDs and flags in memory; `opened` fills that memory and `changes` brings it up to date, at the price of
one look at the mailbox's row where nothing changed. Bytes that IMAP sends (envelope, structure, header) are read a page
at a time with `contents`.

Statements are written by hand, in SQL that both engines take: a FETCH or STORE must not pay for building expressions.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson
from sqlalchemy import Connection, TextClause, text

from lettershop.store.database import Transaction
from lettershop.store.mailboxes import SEEN, Mailbox, mailbox_by_id, mailbox_by_name, release, take_uids, use

Content = Literal["blob", "envelope", "structure", "parts", "header"]
IndexRow = tuple[int, int, int, int, float, str]
"""uid, flags, modseq, size, internal date, keywords."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Messages of a mailbox by UID: all there are from `low` to `high`, or of these only `uids` (in order)."""

    low: int
    high: int
    uids: Sequence[int] | None = None


@dataclass(frozen=True, slots=True)
class Edit:
    """These messages get these flags (bits) and keywords (separated by blanks)."""

    chosen: Chosen
    flags: int
    words: str


@dataclass(frozen=True, slots=True)
class Copied:
    """Where copies went: pairs (old UID, new UID) in the mailbox with this UIDVALIDITY."""

    uid_validity: int
    pairs: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened since a modseq: messages new or changed, and UIDs that are gone."""

    mailbox: Mailbox
    rows: Sequence[IndexRow]
    expunged: Sequence[int]


_SINCE = text(
    "SELECT uid, flags, modseq, size, internal_date, keywords FROM messages"
    " WHERE mailbox_id = :box AND modseq > :since ORDER BY uid"
)
_INDEX = text(
    "SELECT uid, flags, modseq, size, internal_date, keywords FROM messages WHERE mailbox_id = :box ORDER BY uid"
)
_GONE = text("SELECT uid FROM expunged WHERE mailbox_id = :box AND modseq > :since")
_BUMP = text("UPDATE mailboxes SET modseq = modseq + 1 WHERE id = :box RETURNING modseq, account_id")
_BUMP_KNOWN = text(
    "UPDATE mailboxes SET modseq = modseq + 1, unseen = unseen + :unseen WHERE id = :box AND modseq = :known"
    " RETURNING modseq"
)
_COUNT = text(
    "UPDATE mailboxes SET messages = messages - :count, unseen = unseen - :unseen, bytes = bytes - :size"
    " WHERE id = :box"
)
_EXPUNGED = text("INSERT INTO expunged (mailbox_id, uid, modseq) VALUES (:box, :uid, :modseq)")
_COPY = text(
    "INSERT INTO messages (mailbox_id, uid, modseq, blob, size, internal_date, flags, keywords, envelope, structure,"
    " parts, header) SELECT :target, :new, :modseq, blob, size, internal_date, flags, keywords, envelope, structure,"
    " parts, header FROM messages WHERE mailbox_id = :box AND uid = :uid"
)
_RANGE = "mailbox_id = :box AND uid BETWEEN :low AND :high"
_LISTED = {
    True: " AND uid IN (SELECT value FROM json_each(:uids))",
    False: " AND uid IN (SELECT CAST(v AS BIGINT) FROM json_array_elements_text(CAST(:uids AS json)) AS v)",
}


# -- reading ------------------------------------------------------------------------------------------------------


def opened(
    conn: Connection, account_id: int, name: str, known: Callable[[int], int | None]
) -> tuple[Changes, bool] | None:
    """A mailbox by name, with all its messages (True), or with what happened since the modseq that `known` tells of its
    id (False); None if there is none."""
    box = mailbox_by_name(conn, account_id, name)
    if box is None:
        return None
    since = known(box.id)
    if since is not None:
        return _since(conn, box, since), False
    return Changes(box, [tuple(row) for row in conn.execute(_INDEX, {"box": box.id})], ()), True


def changes(conn: Connection, mailbox_id: int, since: int) -> Changes | None:
    """What happened after modseq `since`; None if the mailbox is gone. May tell again what is known already."""
    box = mailbox_by_id(conn, mailbox_id)
    return _since(conn, box, since) if box is not None else None


def _since(conn: Connection, box: Mailbox, since: int) -> Changes:
    if box.modseq == since:
        return Changes(box, (), ())
    values = {"box": box.id, "since": since}
    rows = [tuple(row) for row in conn.execute(_SINCE, values)]
    return Changes(box, rows, list(conn.scalars(_GONE, values)))


def modseqs(conn: Connection, mailbox_ids: Collection[int]) -> dict[int, int]:
    """The modseq of each of these mailboxes that is still there."""
    listed = _LISTED[conn.dialect.name == "sqlite"].replace(" AND uid", "id")
    rows = conn.execute(text(f"SELECT id, modseq FROM mailboxes WHERE {listed}"), {"uids": _json(mailbox_ids)})  # noqa: S608
    return {row[0]: row[1] for row in rows}


def count_recent(conn: Connection, mailbox_id: int, since: int) -> int:
    """How many messages there are from UID `since` on."""
    query = text("SELECT COUNT(*) FROM messages WHERE mailbox_id = :box AND uid >= :since")
    return conn.scalar(query, {"box": mailbox_id, "since": since}) or 0


def contents(conn: Connection, mailbox_id: int, chosen: Chosen, columns: Sequence[Content]) -> dict[int, Any]:
    """The named columns of the messages, by UID (one column: its value; more: a tuple), in the order of UIDs."""
    head = f"SELECT uid, {', '.join(columns)} FROM messages"  # noqa: S608 - names of columns, from code
    rows = conn.execute(*_statement(conn, head, mailbox_id, chosen, "ORDER BY uid"))
    if len(columns) == 1:
        return {row[0]: row[1] for row in rows}
    return {row[0]: tuple(row[1:]) for row in rows}


# -- changing -----------------------------------------------------------------------------------------------------


def set_flags(tx: Transaction, mailbox_id: int, known: int, unseen: int, edits: Sequence[Edit]) -> int | None:
    """Set flags that were worked out from what is known up to modseq `known`; `unseen` is added to that counter.

    The new modseq; or None, and nothing is done, if the mailbox has changed since (or is gone).
    """
    modseq = tx.conn.scalar(_BUMP_KNOWN, {"box": mailbox_id, "known": known, "unseen": unseen})
    if modseq is None:
        return None
    head = "UPDATE messages SET flags = :flags, keywords = :words, modseq = :modseq"
    for edit in edits:
        values = {"flags": edit.flags, "words": edit.words, "modseq": modseq}
        tx.conn.execute(*_statement(tx.conn, head, mailbox_id, edit.chosen, "", **values))
    return int(modseq)


def copy(tx: Transaction, mailbox_id: int, chosen: Chosen, target_id: int) -> Copied:
    """Copy messages with their flags and dates; the bytes are shared. Raises NoMailbox if the target is gone."""
    query = _statement(tx.conn, "SELECT uid, size, flags FROM messages", mailbox_id, chosen, "ORDER BY uid")
    rows = tx.conn.execute(*query).all()
    unseen = sum(1 for row in rows if not row[2] & SEEN)
    size = sum(row[1] for row in rows)
    uid_next, modseq, uid_validity, account_id = take_uids(tx, target_id, len(rows), unseen, size)
    pairs = [(row[0], uid) for uid, row in enumerate(rows, uid_next - len(rows))]
    use(tx, account_id, size)
    if pairs:
        common = {"target": target_id, "box": mailbox_id, "modseq": modseq}
        tx.conn.execute(_COPY, [{**common, "uid": old, "new": new} for old, new in pairs])
    return Copied(uid_validity, pairs)


def move(tx: Transaction, mailbox_id: int, chosen: Chosen, target_id: int, at: float) -> Copied:
    """Copy, then expunge from the source, in one transaction (RFC 6851)."""
    copied = copy(tx, mailbox_id, chosen, target_id)
    moved = [old for old, _ in copied.pairs]
    if moved:
        expunge(tx, mailbox_id, Chosen(moved[0], moved[-1], moved), at)
    return copied


def expunge(tx: Transaction, mailbox_id: int, chosen: Chosen, at: float, *, having: int = 0) -> list[int]:
    """Take messages out for good, of the chosen ones those with any of the flag bits `having` (0: all). Their UIDs."""
    bumped = tx.conn.execute(_BUMP, {"box": mailbox_id}).first()
    if bumped is None:
        return []
    tail = "AND (flags & :having) <> 0" if having else ""
    extra = {"having": having} if having else {}
    rows = tx.conn.execute(
        *_statement(
            tx.conn, "DELETE FROM messages", mailbox_id, chosen, f"{tail} RETURNING uid, size, flags, blob", **extra
        )
    ).all()
    if not rows:
        return []
    size = sum(row[1] for row in rows)
    unseen = sum(1 for row in rows if not row[2] & SEEN)
    tx.conn.execute(_COUNT, {"box": mailbox_id, "count": len(rows), "unseen": unseen, "size": size})
    use(tx, bumped[1], -size)
    release(tx, (row[3] for row in rows), at)
    uids = sorted(row[0] for row in rows)
    tx.conn.execute(_EXPUNGED, [{"box": mailbox_id, "uid": uid, "modseq": bumped[0]} for uid in uids])
    return uids


def released_before(conn: Connection, before: float, limit: int) -> dict[str, bool]:
    """Blobs that lost a message before that time, and whether another message still has it.

    A blob that nothing names is never named again: a copy is made from a message that is there.
    """
    query = text(
        "SELECT blob, EXISTS (SELECT 1 FROM messages WHERE messages.blob = released.blob) FROM released"
        " WHERE at < :before ORDER BY at LIMIT :limit"
    )
    return {row[0]: bool(row[1]) for row in conn.execute(query, {"before": before, "limit": limit})}


def forget_released(tx: Transaction, blobs: Sequence[str]) -> None:
    """Their bytes are deleted, or still needed."""
    if blobs:
        tx.conn.execute(text("DELETE FROM released WHERE blob = :blob"), [{"blob": blob} for blob in blobs])


def _statement(
    conn: Connection, head: str, mailbox_id: int, chosen: Chosen, tail: str, **values: object
) -> tuple[TextClause, dict[str, object]]:
    """`head` WHERE the chosen messages `tail`. One text a kind of choice, so that compiled statements are found again."""
    values |= {"box": mailbox_id, "low": chosen.low, "high": chosen.high}
    listed = ""
    if chosen.uids is not None:
        listed = _LISTED[conn.dialect.name == "sqlite"]
        values["uids"] = _json(chosen.uids)
    return text(f"{head} WHERE {_RANGE}{listed} {tail}"), values


def _json(numbers: Iterable[int]) -> str:
    return orjson.dumps(list(numbers)).decode()
