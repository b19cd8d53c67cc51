"""An open mailbox of one session: its numbers, its news, and what it does to messages.

Every method that names messages takes positions in the view (message number - 1), sorted. News of others come with
every write for nothing, and with `catch_up` for one query.
"""

from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from lettershop.base.errors import NoRoom, Refused, Temporary
from lettershop.mail.mailbox.flags import FlagChange, plan
from lettershop.mail.mailbox.service import Mailboxes
from lettershop.mail.mailbox.state import Index, Updates, View
from lettershop.store import mailboxes as rows
from lettershop.store import messages
from lettershop.store.mailboxes import DELETED, SEEN
from lettershop.store.messages import Copied

TRIES = 20


class ReadOnly(Refused):
    """The mailbox was opened with EXAMINE."""

    code = "read-only"


async def select(service: Mailboxes, account_id: int, name: str, *, read_only: bool, claim: bool = True) -> "Selected":
    """Open a mailbox; raises NoMailbox. With `claim` its new messages count as announced from now on (\\Recent)."""
    selected = Selected(service, account_id, await service.index(account_id, name), read_only=read_only, claim=claim)
    await selected.claim_recent(selected.index.box.recent_uid)
    return selected


class MailboxBusy(Temporary):
    """Others changed the mailbox whenever we were about to."""

    code = "mailbox-busy"


@dataclass(frozen=True, slots=True)
class FlagsChanged:
    """The modseq that changed messages got (0: none changed), and the UIDs that were left alone."""

    modseq: int
    refused: list[int]


class Selected:
    """See the module."""

    def __init__(self, service: Mailboxes, account_id: int, index: Index, *, read_only: bool, claim: bool) -> None:
        self.service = service
        self.account_id = account_id
        self.index = index
        self.view = View(index)
        self.read_only = read_only
        self.recent: set[int] = set()
        self.saved: list[int] = []  # UIDs of the last SEARCH with SAVE, "$"
        self._claim = claim

    @property
    def mailbox_id(self) -> int:
        """The mailbox's key."""
        return self.index.box.id

    async def catch_up(self, *, refresh: bool = True, expunge: bool = True, own: int = 0) -> Updates:
        """The news that the session has to be told; with `refresh` other processes are asked too."""
        if refresh:
            await self.service.refresh(self.index)
        updates = self.view.catch_up(expunge=expunge, own=own)
        if updates.expunged and self.recent:
            self.recent.intersection_update(self.view.uids)
        if updates.arrived:
            await self.claim_recent(updates.arrived[0])
        return updates

    async def claim_recent(self, first: int) -> None:
        """Make those from UID `first` on that no session was told of ours, if we are the first to ask."""
        uids = self.view.uids
        if not uids or uids[-1] < first or not self._claim:
            return
        if not self.read_only:
            known = self.index.box.recent_uid
            with suppress(Temporary):  # a full disk keeps nobody from reading: they are announced once more
                first = max(first, await self.service.db.write(rows.claim_recent, self.mailbox_id, known, uids[-1] + 1))
        self.recent.update(uid for uid in uids[bisect_right(uids, first - 1) :])

    # -- what it does to messages ---------------------------------------------------------------------------------

    async def store(
        self, positions: Sequence[int], change: FlagChange, *, unchanged_since: int | None = None
    ) -> FlagsChanged:
        """Change flags. What to write is worked out from memory; if that was behind the times, once more."""
        self._writable()
        index = self.index
        for _ in range(TRIES):
            known, work = index.modseq, plan(self.view, positions, change, unchanged_since)
            if work.edits:
                write = self.service.db.write
                modseq = await write(messages.set_flags, self.mailbox_id, known, work.unseen, work.edits)
                if modseq is not None:
                    index.edited(known, modseq, work.unseen, zip(work.places, work.edits, strict=True))
                    return FlagsChanged(modseq, work.refused)
            await self.service.refresh(index)
            if not work.edits and index.modseq == known:
                return FlagsChanged(0, work.refused)
        raise MailboxBusy("Too many are changing the mailbox at once.", remedy="Try again in a moment.")

    async def mark_seen(self, positions: Sequence[int]) -> int:
        """Mark as read those that are not; the modseq of the change, 0 if there were none or the mailbox is read-only."""
        if self.read_only:
            return 0
        places = zip(positions, self.view.places(positions), strict=True)
        unseen = [at for at, place in places if place is not None and not self.index.flags[place] & SEEN]
        try:
            return (await self.store(unseen, FlagChange(add=SEEN))).modseq if unseen else 0
        except NoRoom:  # a full disk keeps nobody from reading
            return 0

    async def expunge(self, positions: Sequence[int] | None = None) -> None:
        """Take out for good what is marked as deleted, of these messages or of all."""
        self._writable()
        if positions is None:
            positions = range(len(self.view.uids))
        if positions:
            at = self.service.clock.now()
            chosen = self.view.chosen(positions)
            await self.service.write(self.index, messages.expunge, self.mailbox_id, chosen, at, having=DELETED)

    async def remove(self, positions: Sequence[int]) -> None:
        """Take these messages out for good, whatever their flags."""
        self._writable()
        at = self.service.clock.now()
        chosen = self.view.chosen(positions)
        await self.service.write(self.index, messages.expunge, self.mailbox_id, chosen, at)

    async def copy(self, positions: Sequence[int], target: str) -> Copied:
        """Copy messages to another mailbox (or this one), all or none; raises NoMailbox, OverQuota."""
        box = await self._target(positions, target)
        return await self.service.write(
            self.index, messages.copy, self.mailbox_id, self.view.chosen(positions), box
        )  # fmt: skip

    async def move(self, positions: Sequence[int], target: str) -> Copied:
        """Move messages; raises NoMailbox."""
        self._writable()
        box = await self._target((), target)
        at = self.service.clock.now()
        return await self.service.write(
            self.index, messages.move, self.mailbox_id, self.view.chosen(positions), box, at
        )  # fmt: skip

    async def _target(self, copied: Sequence[int], name: str) -> int:
        places = self.view.places(copied)
        size = sum(self.index.sizes[place] for place in places if place is not None)
        return (await self.service.room(self.account_id, name, size)).id

    def _writable(self) -> None:
        if self.read_only:
            raise ReadOnly("The mailbox is open for reading only.")
