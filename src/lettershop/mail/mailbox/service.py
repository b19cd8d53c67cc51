"""Mailboxes of an account as a service: what IMAP and POP3 do with them, but for what needs an open mailbox.

    Mailboxes   names, subscriptions, status, append; `select` opens a mailbox -> `Selected`
    indexes     one `Index` per mailbox serves all sessions of this process; the least used ones are let go

Every answer is given after the commit. Other processes are seen by comparing modseqs when a session asks (`refresh`).
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection

from lettershop.base.clock import Clock
from lettershop.base.errors import NotFound, Refused
from lettershop.mail.mailbox.blobs import BlobStore
from lettershop.mail.mailbox.describe import describe
from lettershop.mail.mailbox.state import Index
from lettershop.mail.mailbox.watch import Watch
from lettershop.store import mailboxes as rows
from lettershop.store import messages
from lettershop.store.database import Database, Transaction
from lettershop.store.mailboxes import AppendResult, Mailbox, NoMailbox

P = ParamSpec("P")
T = TypeVar("T")

REMEMBERED = 200_000
"""Messages whose indexes are kept although nobody may be using them; some 40 MB."""

MAILBOXES = 1_000
"""Indexes that are kept."""


class MailboxGone(NotFound):
    """The mailbox that a session has open was deleted."""

    code = "mailbox-gone"


class OverQuota(Refused):
    """The account has no room for the message."""

    code = "over-quota"


@dataclass(frozen=True, slots=True)
class Upload:
    """A message that a client brings; `at` None: now; `flags` are bits, `keywords` separated by blanks."""

    data: bytes
    at: float | None = None
    flags: int = 0
    keywords: str = ""


@dataclass(frozen=True, slots=True)
class Folders:
    """All mailboxes of an account, and the names that it is subscribed to."""

    boxes: dict[str, Mailbox]
    subscribed: set[str]


class Mailboxes:
    """The service behind the mail clients. Raises the errors of `store.mailboxes`, and OverQuota."""

    def __init__(self, db: Database, blobs: BlobStore, clock: Clock) -> None:
        self.db = db
        self.blobs = blobs
        self.clock = clock
        self.watch = Watch(db, clock)
        self._indexes: OrderedDict[int, Index] = OrderedDict()
        self._messages = 0  # in them, about

    # -- names ----------------------------------------------------------------------------------------------------

    @staticmethod
    def canonical(name: str) -> str:
        """INBOX in capitals, other names as they are."""
        return rows.canonical(name)

    async def folders(self, account_id: int) -> Folders:
        """All there is to list."""
        return await self.db.read(_folders, account_id)

    async def find(self, account_id: int, name: str) -> Mailbox:
        """The mailbox; raises NoMailbox."""
        box = await self.db.read(rows.mailbox_by_name, account_id, name)
        if box is None:
            raise NoMailbox("There is no mailbox of that name.")
        return box

    async def recent(self, box: Mailbox) -> int:
        """How many messages no session was told of."""
        if box.recent_uid >= box.uid_next:
            return 0
        return await self.db.read(messages.count_recent, box.id, box.recent_uid)

    async def deleted(self, mailbox_id: int) -> int:
        """How many messages are marked as deleted."""
        return await self.db.read(rows.count_deleted, mailbox_id)

    async def create(self, account_id: int, name: str, special_use: str = "") -> Mailbox:
        """Make a mailbox."""
        return await self.db.write(rows.create, account_id, name, self.clock.now(), special_use=special_use)

    async def rename(self, account_id: int, old: str, new: str) -> None:
        """Rename a mailbox with all below it."""
        await self.db.write(rows.rename, account_id, old, new, self.clock.now())

    async def delete(self, account_id: int, name: str) -> None:
        """Delete a mailbox with its messages."""
        await self.db.write(rows.remove, account_id, name, self.clock.now())

    async def subscribe(self, account_id: int, name: str) -> None:
        """Put a name on the list of subscriptions."""
        await self.db.write(rows.subscribe, account_id, name)

    async def unsubscribe(self, account_id: int, name: str) -> None:
        """Take a name from it."""
        await self.db.write(rows.unsubscribe, account_id, name)

    # -- messages -------------------------------------------------------------------------------------------------

    async def append(self, account_id: int, name: str, uploads: Sequence[Upload]) -> list[AppendResult]:
        """Put messages into a mailbox, all or none."""
        box = await self.room(account_id, name, sum(len(upload.data) for upload in uploads))
        new = [await self._stored(upload) for upload in uploads]
        return await self.db.write(rows.append_all, box.id, new)

    async def room(self, account_id: int, name: str, size: int) -> Mailbox:
        """The mailbox, if `size` more bytes may go there; raises NoMailbox, OverQuota."""
        box, quota = await self.db.read(_target, account_id, name)
        if box is None:
            raise NoMailbox("There is no mailbox of that name.")
        if size and quota.limit is not None and quota.used + size > quota.limit:
            raise OverQuota("There is no room for the message.")
        return box

    async def _stored(self, upload: Upload) -> rows.NewMessage:
        blob = await self.blobs.put(upload.data)
        at = self.clock.now() if upload.at is None else upload.at
        return rows.NewMessage(
            blob, len(upload.data), at, upload.flags, upload.keywords, **describe(upload.data).stored()
        )

    # -- indexes --------------------------------------------------------------------------------------------------

    async def index(self, account_id: int, name: str) -> Index:
        """The index of a mailbox, up to date, at the price of one query; raises NoMailbox."""
        found = await self.db.read(messages.opened, account_id, name, self._known)
        if found is None:
            raise NoMailbox("There is no mailbox of that name.")
        news, complete = found
        if complete:
            return self._remember(Index(news))
        index = self._indexes.get(news.mailbox.id)
        if index is None:  # it was let go while we asked
            return await self.index(account_id, name)
        self._indexes.move_to_end(news.mailbox.id)
        index.apply(news)
        return index

    def _known(self, mailbox_id: int) -> int | None:
        index = self._indexes.get(mailbox_id)
        return index.modseq if index is not None else None

    async def refresh(self, index: Index) -> None:
        """Take in what other sessions and processes did; raises MailboxGone."""
        self.take_in(index, await self.db.read(messages.changes, index.box.id, index.modseq))

    async def write(
        self, index: Index, work: Callable[Concatenate[Transaction, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Do a change and take in, by the same commit, what it and others did; raises MailboxGone."""

        def both(tx: Transaction) -> tuple[T, messages.Changes | None]:
            return work(tx, *args, **kwargs), messages.changes(tx.conn, index.box.id, index.modseq)

        result, news = await self.db.write(both)
        self.take_in(index, news)
        return result

    def take_in(self, index: Index, news: messages.Changes | None) -> None:
        """Apply news to an index; raises MailboxGone."""
        if news is None:
            self._indexes.pop(index.box.id, None)
            raise MailboxGone("The mailbox was deleted.")
        index.apply(news)

    def _remember(self, index: Index) -> Index:
        kept = self._indexes.setdefault(index.box.id, index)  # another session may have been faster
        self._messages += len(index.uids) if kept is index else 0
        while len(self._indexes) > 1 and (self._messages > REMEMBERED or len(self._indexes) > MAILBOXES):
            _, dropped = self._indexes.popitem(last=False)
            self._messages = max(0, self._messages - len(dropped.uids))
        return kept


def _folders(conn: Connection, account_id: int) -> Folders:
    boxes = {box.name: box for box in rows.list_mailboxes(conn, account_id)}
    return Folders(boxes, rows.subscribed(conn, account_id))


def _target(conn: Connection, account_id: int, name: str) -> tuple[Mailbox | None, rows.Quota]:
    return rows.mailbox_by_name(conn, account_id, name), rows.quota(conn, account_id)
