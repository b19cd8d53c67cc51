"""A mailbox in memory: UIDs, flags, sizes, dates, in columns. [pure]

One `Index` serves all sessions of this process that have the mailbox open; the store is asked only for what changed since
its modseq. A session has a `View` of it: the order in which it numbers the messages, which moves on only where the
protocol allows it. As long as nothing was expunged behind the session's back, message number n is column entry n - 1.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from lettershop.store.mailboxes import Mailbox
from lettershop.store.messages import Changes, Chosen, Edit, IndexRow


class Index:
    """The messages of a mailbox, sorted by UID, one list a property."""

    __slots__ = ("box", "changes", "dates", "flags", "modseqs", "removals", "sizes", "uids", "words")

    def __init__(self, loaded: Changes) -> None:
        self.box: Mailbox = loaded.mailbox
        self.removals = 0  # how often messages went; numbers may be off for a view that saw fewer
        self.changes = 0  # how often anything happened
        columns = list(zip(*loaded.rows, strict=True)) or [()] * 6
        self.uids: list[int] = list(columns[0])
        self.flags: list[int] = list(columns[1])
        self.modseqs: list[int] = list(columns[2])
        self.sizes: list[int] = list(columns[3])
        self.dates: list[float] = list(columns[4])
        self.words: list[str] = list(columns[5])

    @property
    def modseq(self) -> int:
        """Everything up to here is known."""
        return self.box.modseq

    def find(self, uid: int) -> int | None:
        """Where the message stands, or None if it is gone."""
        at = bisect_left(self.uids, uid)
        return at if at < len(self.uids) and self.uids[at] == uid else None

    def keywords(self) -> list[str]:
        """All keywords in use, in order."""
        return sorted({word for words in set(self.words) for word in words.split()})

    def apply(self, news: Changes) -> None:
        """Take in what happened. May be told the same twice, or something older than what is known."""
        if news.mailbox.modseq < self.box.modseq:
            return
        self.box = news.mailbox
        if not news.rows and not news.expunged:
            return
        self.changes += 1
        for row in news.rows:
            self._put(row)
        self._remove(news.expunged)

    def edited(self, known: int, modseq: int, unseen: int, edits: Iterable[tuple[Sequence[int], Edit]]) -> None:
        """Take in changes of ours that were worked out from the state at modseq `known`, with the places they are about.
        If more is known by now, somebody has already read them back."""
        if self.box.modseq != known:
            return
        self.box = replace(self.box, modseq=modseq, unseen=self.box.unseen + unseen)
        self.changes += 1
        for places, edit in edits:
            for place in places:
                self.flags[place], self.words[place], self.modseqs[place] = edit.flags, edit.words, modseq

    def _put(self, row: IndexRow) -> None:
        uid, flags, modseq, size, date, words = row
        if not self.uids or uid > self.uids[-1]:
            self.uids.append(uid)
            self.flags.append(flags)
            self.modseqs.append(modseq)
            self.sizes.append(size)
            self.dates.append(date)
            self.words.append(words)
            return
        at = self.find(uid)
        if at is not None:
            self.flags[at], self.modseqs[at], self.words[at] = flags, modseq, words

    def _remove(self, uids: Iterable[int]) -> None:
        gone = set(uids)
        keep = [at for at, uid in enumerate(self.uids) if uid not in gone] if gone else []
        if not gone or len(keep) == len(self.uids):
            return
        self.removals += 1
        self.uids = [self.uids[at] for at in keep]
        self.flags = [self.flags[at] for at in keep]
        self.modseqs = [self.modseqs[at] for at in keep]
        self.sizes = [self.sizes[at] for at in keep]
        self.dates = [self.dates[at] for at in keep]
        self.words = [self.words[at] for at in keep]


@dataclass(slots=True)
class Updates:
    """What a session has to be told: in this order."""

    expunged: list[int] = field(default_factory=list)  # message numbers, highest first: each is right when it is said
    exists: int | None = None  # how many there are now, if that changed
    arrived: list[int] = field(default_factory=list)  # their UIDs
    changed: list[int] = field(default_factory=list)  # UIDs of known messages whose flags changed


class View:
    """A session's numbering of the messages."""

    __slots__ = ("_changes", "_removals", "index", "told", "uids")

    def __init__(self, index: Index) -> None:
        self.index = index
        self.uids = list(index.uids)
        self.told = index.modseq
        self._removals = index.removals
        self._changes = index.changes

    @property
    def exact(self) -> bool:
        """Whether nothing was expunged that the session does not know of: numbers are places in the index."""
        return self._removals == self.index.removals

    def number(self, uid: int) -> int:
        """The message number of a UID in the view."""
        return bisect_left(self.uids, uid) + 1

    def places(self, positions: Sequence[int]) -> list[int | None]:
        """For positions in the view, places in the index; None where the message is gone."""
        if self.exact:
            return list(positions)
        return [self.index.find(self.uids[at]) for at in positions]

    def chosen(self, positions: Sequence[int]) -> Chosen:
        """Positions in the view as the store wants them: as a range where they are one. Not for no positions."""
        low, high = self.uids[positions[0]], self.uids[positions[-1]]
        if positions[-1] - positions[0] + 1 == len(positions):
            return Chosen(low, high)
        return Chosen(low, high, [self.uids[at] for at in positions])

    def catch_up(self, *, expunge: bool = True, own: int = 0) -> Updates:
        """Take over what happened to the index. Without `expunge` the numbers stay as they are (RFC 9051 7.5.1);
        changes made under modseq `own` are not told: the session knows them."""
        updates = Updates()
        index = self.index
        if self._changes == index.changes and (self.exact or not expunge):
            return updates
        if expunge and not self.exact:
            updates.expunged = self._drop()
        known = self.uids[-1] if self.uids else 0
        first_new = bisect_left(index.uids, known + 1)
        updates.arrived = index.uids[first_new:]
        if self._changes != index.changes:
            updates.changed = self._changed(own, first_new)
        self.uids += updates.arrived
        if updates.arrived:
            updates.exists = len(self.uids)
        self.told = index.modseq
        self._changes = index.changes
        return updates

    def _changed(self, own: int, end: int) -> list[int]:
        told = self.told
        return [
            self.index.uids[at]
            for at, modseq in enumerate(self.index.modseqs[:end])
            if modseq > told and modseq != own
        ]  # fmt: skip

    def _drop(self) -> list[int]:
        """Forget what is gone; the message numbers, highest first."""
        there = set(self.index.uids)
        gone = [at + 1 for at, uid in enumerate(self.uids) if uid not in there]
        self.uids = [uid for uid in self.uids if uid in there]
        self._removals = self.index.removals
        return gone[::-1]
