"""Folders, pages of messages, one message, and what moves: a mailbox as its owner sees it.

    desk = Desk(own, mailboxes)
    page = await desk.page(Place(user_id, account_id, box_id), words="is:unread")

Nothing is marked as read by looking; the page says so itself with an act. Pages are newest first and go down by UID.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from lettershop.base.errors import Invalid, NotFound
from lettershop.mail.mailbox.flags import FlagChange
from lettershop.mail.mailbox.search import search
from lettershop.mail.mailbox.selected import Selected, select
from lettershop.mail.mailbox.service import Mailboxes
from lettershop.mail.own_mailboxes import OwnMailboxes
from lettershop.mail.webmail.clean import Cleaned, cleaned
from lettershop.mail.webmail.letter import File, Letter, Person, file_of, head_of, html_of, letter_of, pictures_of
from lettershop.mail.webmail.threads import related
from lettershop.mail.webmail.wishes import wish
from lettershop.store import mailboxes as rows
from lettershop.store import messages
from lettershop.store.accounts import Account
from lettershop.store.mailboxes import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Mailbox, NoMailbox
from lettershop.store.messages import Chosen
from lettershop.wire.imap.values import And, HasFlag, Not, Numbers, SearchKey, SequenceSet

PAGE = 50
WINDOW = 2_000
"""Messages that are searched at once, from the newest on; also those among which a thread is looked for."""
SEARCHED = 10_000
"""Messages that one page of a search looks through; the next page goes on from there, so that nobody waits for ever."""
THREAD = 100
LONGEST_NAME = 200

ROLES = ("", "\\Drafts", "\\Sent", "\\Archive", "\\Junk", "\\Trash")
"""Special uses in the order in which folders are listed; INBOX is first, folders of one's own last."""
NAMES = {use: name for name, use in rows.DEFAULTS if use}


class MessageGone(NotFound):
    """The message was moved or deleted meanwhile."""

    code = "message-gone"

    def __init__(self) -> None:
        super().__init__("The message is there no more.", remedy="It was moved or deleted, perhaps by another program.")


class NoSuchFile(NotFound):
    """The message has no file of this number."""

    code = "no-such-file"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of an account, for a person."""

    user_id: int
    account_id: int
    box_id: int


@dataclass(frozen=True, slots=True)
class Row:
    """A message in a list. `people`: who wrote it, or in Sent and Drafts to whom it goes."""

    box_id: int
    uid: int
    people: tuple[Person, ...]
    subject: str
    at: float
    seen: bool
    flagged: bool
    answered: bool
    has_files: bool


@dataclass(frozen=True, slots=True)
class Folders:
    """An account with its folders, those that everybody has first."""

    account: Account
    boxes: Sequence[Mailbox]
    accounts: Sequence[Account]

    def box(self, box_id: int) -> Mailbox:
        """One of them; raises NoMailbox."""
        found = next((box for box in self.boxes if box.id == box_id), None)
        if found is None:
            raise NoMailbox("There is no such folder.")
        return found

    def role(self, use: str) -> Mailbox | None:
        """The folder of a special use; None if there is none."""
        return next((box for box in self.boxes if box.special_use == use), None)


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of a folder, newest first. `older`: where it goes on, or None; a search may go on without having found anything."""

    folders: Folders
    box: Mailbox
    rows: Sequence[Row]
    older: int | None


@dataclass(frozen=True, slots=True)
class Shown:
    """One message with those that belong to it (oldest first, itself among them), and its neighbours in the folder."""

    folders: Folders
    box: Mailbox
    row: Row
    letter: Letter
    thread: Sequence[Row]
    newer: int | None
    older: int | None


@dataclass(frozen=True, slots=True)
class Moved:
    """Where messages went: with this they can be taken back."""

    box_id: int
    uids: Sequence[int]


CHANGES = {
    "read": FlagChange(add=SEEN), "unread": FlagChange(remove=SEEN),
    "flag": FlagChange(add=FLAGGED), "unflag": FlagChange(remove=FLAGGED),
}  # fmt: skip
TARGETS = {"archive": "\\Archive", "trash": "\\Trash", "junk": "\\Junk"}


class Desk:
    """One object per process."""

    def __init__(self, own: OwnMailboxes, mailboxes: Mailboxes) -> None:
        self._own = own
        self.mailboxes = mailboxes

    async def folders(self, user_id: int, account_id: int) -> Folders:
        """The folders; raises NoSuchAccount."""
        accounts = await self._own.of(user_id)
        account = await self._own.open(user_id, account_id)
        boxes = (await self.mailboxes.folders(account_id)).boxes.values()
        return Folders(account, sorted(boxes, key=_order), accounts)

    async def page(self, place: Place, *, words: str = "", before: int | None = None) -> Page:
        """The newest messages below the UID `before`; with `words` those that fit."""
        folders, selected = await self._open(place)
        end = bisect_left(selected.view.uids, before) if before else len(selected.view.uids)
        key = wish(words)
        found, reached = await _found(selected, key, end) if key else (_newest(selected, end), 0)
        shown = found[:PAGE]
        next_from = shown[-1] if len(found) > PAGE else reached
        older = selected.view.uids[next_from] if next_from else None
        return Page(folders, folders.box(place.box_id), await self._rows(selected, shown), older)

    async def show(self, place: Place, uid: int) -> Shown:
        """One message; raises MessageGone, NoMailbox, NoSuchAccount."""
        folders, selected = await self._open(place)
        at = _position(selected, uid)
        uids = selected.view.uids
        letter = await asyncio.to_thread(letter_of, await self._bytes(selected, uid))
        (row,) = await self._rows(selected, [at])
        return Shown(
            folders, folders.box(place.box_id), row, letter, await self._thread(place, folders, selected, row, letter),
            uids[at + 1] if at + 1 < len(uids) else None, uids[at - 1] if at else None,
        )  # fmt: skip

    async def letter(self, place: Place, uid: int) -> Letter:
        """The message alone."""
        return await asyncio.to_thread(letter_of, await self.source(place, uid))

    async def html(self, place: Place, uid: int, *, remote: bool) -> Cleaned:
        """Its HTML, made harmless."""
        data = await self.source(place, uid)
        return await asyncio.to_thread(lambda: cleaned(html_of(data), pictures_of(data), remote=remote))

    async def file(self, place: Place, uid: int, number: int) -> File:
        """One of its files; raises MessageGone, NoSuchFile."""
        found = await asyncio.to_thread(file_of, await self.source(place, uid), number)
        if found is None:
            raise NoSuchFile("The message has no such file.")
        return found

    async def source(self, place: Place, uid: int) -> bytes:
        """Its bytes as they came."""
        _, selected = await self._open(place)
        return await self._bytes(selected, uid)

    # -- what moves ---------------------------------------------------------------------------------------------------

    async def act(self, place: Place, uids: Sequence[int], act: str, target: int | None = None) -> Moved | None:
        """read, unread, flag, unflag; archive, trash, junk, move (to the folder `target`): Moved; delete: for good."""
        folders, selected = await self._open(place)
        known = sorted(uid for uid in set(uids) if selected.index.find(uid) is not None)
        if not known:
            raise MessageGone
        positions = [bisect_left(selected.view.uids, uid) for uid in known]
        if act in CHANGES:
            await selected.store(positions, CHANGES[act])
            return None
        if act == "delete":
            await selected.remove(positions)
            return None
        if act not in TARGETS and (act != "move" or target is None):
            raise Invalid("There is no such command.")
        box = folders.box(target) if act == "move" and target else await self.role(folders, TARGETS[act])
        if box.id == place.box_id:
            return None
        copied = await selected.move(positions, box.name)
        return Moved(box.id, [new for _, new in copied.pairs])

    async def create_folder(self, user_id: int, account_id: int, name: str) -> Mailbox:
        """Another folder; raises MailboxExists, Invalid."""
        folders = await self.folders(user_id, account_id)
        name = "/".join(part.strip() for part in name.split("/"))
        if not name or len(name) > LONGEST_NAME or "//" in f"/{name}/" or not name.isprintable():
            raise Invalid(f"A folder has a name of at most {LONGEST_NAME} characters.", code="folder-name")
        made = await self.mailboxes.create(folders.account.id, name)
        await self.mailboxes.subscribe(folders.account.id, name)
        return made

    async def role(self, folders: Folders, use: str) -> Mailbox:
        """The folder of a special use; made if there is none."""
        found = folders.role(use)
        if found is not None:
            return found
        same = next((box for box in folders.boxes if box.name == NAMES[use]), None)
        return same or await self.mailboxes.create(folders.account.id, NAMES[use], use)

    # -- inside -------------------------------------------------------------------------------------------------------

    async def _open(self, place: Place) -> tuple[Folders, Selected]:
        folders = await self.folders(place.user_id, place.account_id)
        box = folders.box(place.box_id)
        return folders, await select(self.mailboxes, place.account_id, box.name, read_only=False, claim=False)

    async def _bytes(self, selected: Selected, uid: int) -> bytes:
        db = self.mailboxes.db
        found = await db.read(messages.contents, selected.mailbox_id, Chosen(uid, uid), ("blob",))
        if uid not in found:
            raise MessageGone
        return await self.mailboxes.blobs.get(found[uid])

    async def _rows(self, selected: Selected, positions: Sequence[int]) -> list[Row]:
        if not positions:
            return []
        uids = [selected.view.uids[at] for at in positions]
        ordered = sorted(uids)
        chosen = Chosen(ordered[0], ordered[-1], ordered)
        found = await self.mailboxes.db.read(messages.contents, selected.mailbox_id, chosen, ("header", "blob"))
        made = []
        for uid in uids:
            place = selected.index.find(uid)
            if uid in found and place is not None:
                header, blob = found[uid]
                head = header if header is not None else await self.mailboxes.blobs.get(blob)
                made.append(_row(selected, uid, place, head))
        return made

    async def _thread(
        self, place: Place, folders: Folders, selected: Selected, row: Row, letter: Letter
    ) -> Sequence[Row]:
        """Its thread in this folder, INBOX and Sent, among the newest of each."""
        names = {folders.box(place.box_id).name, "INBOX", sent.name if (sent := folders.role("\\Sent")) else "INBOX"}
        start = [one for one in (letter.head.message_id, *letter.head.references) if one]
        envelopes: dict[tuple[int, int], bytes] = {}
        opened = {selected.mailbox_id: selected}
        for name in names - {selected.index.box.name}:
            other = await select(self.mailboxes, place.account_id, name, read_only=True, claim=False)
            opened[other.mailbox_id] = other
        for box_id, one in opened.items():
            newest = one.view.uids[-WINDOW:]
            if newest:
                kept = await self.mailboxes.db.read(
                    messages.contents, box_id, Chosen(newest[0], newest[-1]), ("envelope",)
                )
                envelopes |= {(box_id, uid): envelope for uid, envelope in kept.items() if envelope is not None}
        found = related(start, envelopes) | {(selected.mailbox_id, row.uid)}
        threads = [
            part
            for box_id, one in opened.items()
            for part in await self._rows(
                one, [bisect_left(one.view.uids, uid) for box, uid in sorted(found) if box == box_id]
            )
        ]
        return sorted(threads, key=lambda part: part.at)[-THREAD:]


def _newest(selected: Selected, end: int) -> list[int]:
    flags, places = selected.index.flags, selected.view.places(range(end))
    newest = (at for at in range(end - 1, -1, -1) if (place := places[at]) is not None and not flags[place] & DELETED)
    return list(islice(newest, PAGE + 1))


async def _found(selected: Selected, key: SearchKey, end: int) -> tuple[list[int], int]:
    """The newest that fit, looked for piece by piece until a page is full or enough was looked through; and how far down."""
    found: list[int] = []
    uids, least = selected.view.uids, max(0, end - SEARCHED)
    while end > least and len(found) <= PAGE:
        start = max(0, end - WINDOW)
        piece = Numbers(SequenceSet(((uids[start], uids[end - 1]),)), uid=True)
        found += reversed(await search(selected, And((piece, Not(HasFlag(DELETED)), key))))
        end = start
    return found, end


def _position(selected: Selected, uid: int) -> int:
    if selected.index.find(uid) is None:
        raise MessageGone
    return bisect_left(selected.view.uids, uid)


def _row(selected: Selected, uid: int, place: int, header: bytes) -> Row:
    head, flags, box = head_of(header), selected.index.flags[place], selected.index.box
    outgoing = box.special_use in ("\\Sent", "\\Drafts") or bool(flags & DRAFT)
    people = head.to or head.cc or head.bcc if outgoing else head.sender
    return Row(
        box.id, uid, people, head.subject, selected.index.dates[place], bool(flags & SEEN), bool(flags & FLAGGED),
        bool(flags & ANSWERED), head.has_files,
    )  # fmt: skip


def _order(box: Mailbox) -> tuple[int, str]:
    if box.name == "INBOX":
        return 0, ""
    known = ROLES.index(box.special_use) if box.special_use in ROLES else 0
    return known or len(ROLES), box.name.lower()
