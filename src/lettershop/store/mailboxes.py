"""Mailboxes of an account: their rows, their counters, and messages put into them.

What lives here: making, finding, listing, renaming and deleting mailboxes, subscriptions, `append`. What happens to
messages that are already there is in `store.messages`. What must not: names as a protocol writes them (modified UTF-7).

Every change of a mailbox first moves its row on (`modseq`, counters). On PostgreSQL that row lock puts the changes of
one mailbox in the order of their modseq, so whoever has seen modseq N has seen everything up to N.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, literal, select, update

from lettershop.base.errors import Conflict, NotFound
from lettershop.store.database import Transaction
from lettershop.store.rows import insert_new
from lettershop.store.schema_mail import accounts, expunged, mailbox_subscriptions, mailboxes, messages, released

SEEN, ANSWERED, FLAGGED, DELETED, DRAFT = 1, 2, 4, 8, 16
"""Bits of `messages.flags`."""

DEFAULTS = (
    ("INBOX", ""),
    ("Drafts", "\\Drafts"),
    ("Sent", "\\Sent"),
    ("Junk", "\\Junk"),
    ("Trash", "\\Trash"),
    ("Archive", "\\Archive"),
)
"""What every account has from the start, with the special use (RFC 6154)."""


class NoMailbox(NotFound):
    """There is no mailbox of that name."""

    code = "no-mailbox"


class MailboxExists(Conflict):
    """There is a mailbox of that name."""

    code = "mailbox-exists"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox as stored: names are UTF-8 with "/" between levels."""

    id: int
    account_id: int
    name: str
    uid_validity: int
    uid_next: int
    modseq: int
    messages: int
    unseen: int
    bytes: int
    special_use: str
    recent_uid: int


@dataclass(frozen=True, slots=True)
class NewMessage:
    """What is needed to put a message into a mailbox. `size` in bytes, `keywords` separated by blanks.

    The last four are what `mail.mailbox.describe` found; None: to be found out when first asked for.
    """

    blob: str
    size: int
    internal_date: float
    flags: int = 0
    keywords: str = ""
    envelope: bytes | None = None
    structure: bytes | None = None
    parts: bytes | None = None
    header: bytes | None = None


@dataclass(frozen=True, slots=True)
class AppendResult:
    """Where the message now is."""

    uid: int
    modseq: int
    uid_validity: int
    message_id: int


@dataclass(frozen=True, slots=True)
class Quota:
    """Bytes used, and the limit (None: none)."""

    used: int
    limit: int | None


_COLUMNS = (
    mailboxes.c.id, mailboxes.c.account_id, mailboxes.c.name, mailboxes.c.uid_validity, mailboxes.c.uid_next,
    mailboxes.c.modseq, mailboxes.c.messages, mailboxes.c.unseen, mailboxes.c.bytes, mailboxes.c.special_use,
    mailboxes.c.recent_uid,
)  # fmt: skip
_BY_NAME = select(*_COLUMNS).where(
    mailboxes.c.account_id == bindparam("b_account"), mailboxes.c.name == bindparam("b_name")
)
_BY_ID = select(*_COLUMNS).where(mailboxes.c.id == bindparam("b_id"))
_LIST = select(*_COLUMNS).where(mailboxes.c.account_id == bindparam("b_account"))
_TAKE_UIDS = (
    update(mailboxes)
    .where(mailboxes.c.id == bindparam("b_id"))
    .values(
        uid_next=mailboxes.c.uid_next + bindparam("b_count"),
        modseq=mailboxes.c.modseq + 1,
        messages=mailboxes.c.messages + bindparam("b_count"),
        unseen=mailboxes.c.unseen + bindparam("b_unseen"),
        bytes=mailboxes.c.bytes + bindparam("b_bytes"),
    )
    .returning(mailboxes.c.uid_next, mailboxes.c.modseq, mailboxes.c.uid_validity, mailboxes.c.account_id)
)
_USE = (
    update(accounts)
    .where(accounts.c.id == bindparam("b_id"))
    .values(used_bytes=accounts.c.used_bytes + bindparam("b_bytes"))
)
_INSERT = insert(messages)


# -- finding ------------------------------------------------------------------------------------------------------


def mailbox_by_name(conn: Connection, account_id: int, name: str) -> Mailbox | None:
    """The mailbox; INBOX in any case of letters (RFC 9051 5.1)."""
    return _one(conn.execute(_BY_NAME, {"b_account": account_id, "b_name": canonical(name)}).first())


def mailbox_by_id(conn: Connection, mailbox_id: int) -> Mailbox | None:
    """The mailbox, or None if it was deleted."""
    return _one(conn.execute(_BY_ID, {"b_id": mailbox_id}).first())


def list_mailboxes(conn: Connection, account_id: int) -> list[Mailbox]:
    """All mailboxes of the account, by name."""
    rows = conn.execute(_LIST, {"b_account": account_id})
    return sorted((Mailbox(*row) for row in rows), key=lambda box: box.name)


def subscribed(conn: Connection, account_id: int) -> set[str]:
    """The names that are subscribed to, whether they exist or not."""
    return set(
        conn.scalars(select(mailbox_subscriptions.c.name).where(mailbox_subscriptions.c.account_id == account_id))
    )


def count_deleted(conn: Connection, mailbox_id: int) -> int:
    """How many messages are marked as deleted."""
    chosen = messages.c.mailbox_id == mailbox_id, messages.c.flags.bitwise_and(DELETED) != 0
    return conn.scalar(select(func.count()).select_from(messages).where(*chosen)) or 0


def quota(conn: Connection, account_id: int) -> Quota:
    """What the account uses and may use. Raises NotFound."""
    row = conn.execute(select(accounts.c.used_bytes, accounts.c.quota_bytes).where(accounts.c.id == account_id)).first()
    if row is None:
        raise NotFound("There is no such account.")
    return Quota(*row)


def canonical(name: str) -> str:
    """INBOX in capitals, at the top level only; other names as they are."""
    head, slash, rest = name.partition("/")
    return f"INBOX{slash}{rest}" if head.upper() == "INBOX" else name


# -- making and changing --------------------------------------------------------------------------------------------


def ensure_mailboxes(tx: Transaction, account_id: int, at: float) -> None:
    """Make what every account has, and subscribe to it; what exists stays."""
    rows = [
        {"account_id": account_id, "name": name, "special_use": use, "uid_validity": 0} for name, use in DEFAULTS
    ]  # fmt: skip
    insert_new(tx.conn, mailboxes, rows)
    _number(tx, account_id, at)
    insert_new(tx.conn, mailbox_subscriptions, [{"account_id": account_id, "name": name} for name, _ in DEFAULTS])


def create(tx: Transaction, account_id: int, name: str, at: float, *, special_use: str = "") -> Mailbox:
    """Make a mailbox. Raises MailboxExists."""
    row = {"account_id": account_id, "name": canonical(name), "special_use": special_use, "uid_validity": 0}
    if not insert_new(tx.conn, mailboxes, [row]):
        raise MailboxExists("There is a mailbox of that name already.")
    _number(tx, account_id, at)
    made = mailbox_by_name(tx.conn, account_id, name)
    assert made is not None
    return made


def rename(tx: Transaction, account_id: int, old: str, new: str, at: float) -> None:
    """Give a mailbox and all below it a new name. Raises NoMailbox, MailboxExists, Conflict.

    Renaming INBOX makes a new mailbox with all its messages and leaves INBOX empty (RFC 9051 6.3.6).
    """
    old, new = canonical(old), canonical(new)
    names = {box.name: box for box in list_mailboxes(tx.conn, account_id)}
    family = [name for name in names if name == old or name.startswith(f"{old}/")]
    if not family:
        raise NoMailbox("There is no mailbox of that name.")
    if new in names:
        raise MailboxExists("There is a mailbox of that name already.")
    if new.startswith(f"{old}/") and old != "INBOX":
        raise Conflict("A mailbox cannot be moved below itself.")
    if old == "INBOX":
        _empty_inbox(tx, names["INBOX"], create(tx, account_id, new, at))
        return
    for name in family:
        target = new + name[len(old) :]
        if target in names and target not in family:
            raise MailboxExists("There is a mailbox of that name already.")
        tx.conn.execute(update(mailboxes).where(mailboxes.c.id == names[name].id).values(name=target))


def remove(tx: Transaction, account_id: int, name: str, at: float) -> None:
    """Delete a mailbox and its messages; those below it stay. Raises NoMailbox; Conflict for INBOX."""
    box = mailbox_by_name(tx.conn, account_id, name)
    if box is None:
        raise NoMailbox("There is no mailbox of that name.")
    if box.name == "INBOX":
        raise Conflict("INBOX cannot be deleted.")  # RFC 9051 6.3.5
    blobs = tx.conn.scalars(select(messages.c.blob).where(messages.c.mailbox_id == box.id).distinct()).all()
    release(tx, blobs, at)
    tx.conn.execute(delete(mailboxes).where(mailboxes.c.id == box.id))
    use(tx, account_id, -box.bytes)


def subscribe(tx: Transaction, account_id: int, name: str) -> None:
    """Put a name on the list of subscriptions, whether it exists or not."""
    insert_new(tx.conn, mailbox_subscriptions, [{"account_id": account_id, "name": canonical(name)}])


def unsubscribe(tx: Transaction, account_id: int, name: str) -> bool:
    """Take it from the list; whether it was there."""
    chosen = mailbox_subscriptions.c.account_id == account_id, mailbox_subscriptions.c.name == canonical(name)
    return tx.conn.execute(delete(mailbox_subscriptions).where(*chosen)).rowcount > 0


def claim_recent(tx: Transaction, mailbox_id: int, known: int, upto: int) -> int:
    """Messages below UID `upto` have now been announced as recent; the first UID that had not been. `known`: where that
    stood when it was last read."""
    mine = mailboxes.c.id == bindparam("b_id")
    moved = update(mailboxes).where(mine, mailboxes.c.recent_uid == bindparam("b_known")).values(recent_uid=upto)
    if tx.conn.execute(moved, {"b_id": mailbox_id, "b_known": known}).rowcount:
        return known
    now = tx.conn.scalar(select(mailboxes.c.recent_uid).where(mine), {"b_id": mailbox_id})
    return upto if now is None or now >= upto else claim_recent(tx, mailbox_id, now, upto)


# -- messages in ------------------------------------------------------------------------------------------------------


def append(tx: Transaction, mailbox_id: int, message: NewMessage) -> AppendResult:
    """Put a message into a mailbox. Raises NoMailbox if it is gone."""
    return append_all(tx, mailbox_id, [message])[0]


def append_all(tx: Transaction, mailbox_id: int, new: Sequence[NewMessage]) -> list[AppendResult]:
    """Put messages into a mailbox, in order, under one modseq. Raises NoMailbox if it is gone."""
    size = sum(message.size for message in new)
    unseen = sum(1 for message in new if not message.flags & SEEN)
    uid_next, modseq, uid_validity, account_id = take_uids(tx, mailbox_id, len(new), unseen, size)
    use(tx, account_id, size)
    results = []
    for uid, message in enumerate(new, uid_next - len(new)):
        key = tx.conn.execute(_INSERT, _row(message, mailbox_id, uid, modseq)).inserted_primary_key
        assert key is not None
        results.append(AppendResult(uid, modseq, uid_validity, int(key[0])))
    return results


def take_uids(tx: Transaction, mailbox_id: int, count: int, unseen: int, size: int) -> tuple[int, int, int, int]:
    """Reserve UIDs and count the messages in: (uid_next after it, modseq, uid_validity, account id). Raises NoMailbox."""
    values = {"b_id": mailbox_id, "b_count": count, "b_unseen": unseen, "b_bytes": size}
    row = tx.conn.execute(_TAKE_UIDS, values).first()
    if row is None:
        raise NoMailbox("The mailbox is gone.")
    return row[0], row[1], row[2], row[3]


def use(tx: Transaction, account_id: int, size: int) -> None:
    """Add to the bytes that an account uses."""
    tx.conn.execute(_USE, {"b_id": account_id, "b_bytes": size})


def release(tx: Transaction, blobs: Iterable[str], at: float) -> None:
    """Note blobs that lost a message; who sweeps up asks `store.messages.unused` before deleting them."""
    insert_new(tx.conn, released, [{"blob": blob, "at": at} for blob in dict.fromkeys(blobs)])


def _row(message: NewMessage, mailbox_id: int, uid: int, modseq: int) -> dict[str, object]:
    return {
        "mailbox_id": mailbox_id, "uid": uid, "modseq": modseq, "blob": message.blob, "size": message.size,
        "internal_date": message.internal_date, "flags": message.flags, "keywords": message.keywords,
        "envelope": message.envelope, "structure": message.structure, "parts": message.parts, "header": message.header,
    }  # fmt: skip


def _number(tx: Transaction, account_id: int, at: float) -> None:
    """UIDVALIDITY of new mailboxes: time plus id grows strictly, also when a name is deleted and made again."""
    fresh = mailboxes.c.account_id == account_id, mailboxes.c.uid_validity == 0
    tx.conn.execute(update(mailboxes).where(*fresh).values(uid_validity=literal(int(at)) + mailboxes.c.id))


def _empty_inbox(tx: Transaction, inbox: Mailbox, target: Mailbox) -> None:
    """Move every message by moving the rows' owner: the new mailbox keeps UIDs and counters under its own UIDVALIDITY."""
    gone = select(messages.c.mailbox_id, messages.c.uid, literal(inbox.modseq + 1)).where(
        messages.c.mailbox_id == inbox.id
    )
    tx.conn.execute(insert(expunged).from_select(["mailbox_id", "uid", "modseq"], gone))
    tx.conn.execute(update(messages).where(messages.c.mailbox_id == inbox.id).values(mailbox_id=target.id))
    counters = {"messages": inbox.messages, "unseen": inbox.unseen, "bytes": inbox.bytes}
    kept = {"uid_next": inbox.uid_next, "modseq": inbox.modseq + 1, "recent_uid": inbox.recent_uid}
    tx.conn.execute(update(mailboxes).where(mailboxes.c.id == target.id).values(**counters, **kept))
    zero = dict.fromkeys(counters, 0)
    tx.conn.execute(update(mailboxes).where(mailboxes.c.id == inbox.id).values(modseq=inbox.modseq + 1, **zero))


def _one(row: Any) -> Mailbox | None:
    return Mailbox(*row) if row is not None else None
