"""What STORE means: a change of flags, and the edits that it takes. [pure]"""

from collections.abc import Iterable
from dataclasses import dataclass

from lettershop.mail.mailbox.state import View
from lettershop.store.mailboxes import SEEN
from lettershop.store.messages import Edit


@dataclass(frozen=True, slots=True)
class FlagChange:
    """What to do to flags. `replace` sets exactly `add` and `add_words`; else bits and words are added and taken away."""

    add: int = 0
    remove: int = 0
    add_words: tuple[str, ...] = ()
    remove_words: tuple[str, ...] = ()
    replace: bool = False

    def apply(self, flags: int, words: str) -> tuple[int, str]:
        """Flags and keywords afterwards; a keyword keeps the case of its first use (RFC 9051 2.3.2)."""
        if self.replace:
            return self.add, " ".join(self.add_words)
        flags = (flags | self.add) & ~self.remove
        if not (self.add_words or self.remove_words):
            return flags, words
        gone = {word.lower() for word in self.remove_words}
        kept = {word.lower(): word for word in words.split() if word.lower() not in gone}
        for word in self.add_words:
            kept.setdefault(word.lower(), word)
        return flags, " ".join(kept.values())


@dataclass(frozen=True, slots=True)
class Plan:
    """The edits of a change, with the places in the index that each is about; `unseen` is how that counter moves."""

    edits: list[Edit]
    places: list[list[int]]
    unseen: int
    refused: list[int]  # UIDs


def plan(view: View, positions: Iterable[int], change: FlagChange, unchanged_since: int | None) -> Plan:
    """Work out from memory which messages get which flags. Those that have them already stay untouched, and those that
    were changed after `unchanged_since` are refused (RFC 7162 3.1.3)."""
    index = view.index
    positions = list(positions)
    groups: dict[tuple[int, str], list[tuple[int, int]]] = {}
    refused = []
    for at, place in zip(positions, view.places(positions), strict=True):
        if place is None:
            continue
        if unchanged_since is not None and index.modseqs[place] > unchanged_since:
            refused.append(index.uids[place])
            continue
        groups.setdefault((index.flags[place], index.words[place]), []).append((at, place))
    found = Plan([], [], 0, refused)
    unseen = 0
    for old, members in groups.items():
        new = change.apply(*old)
        if new != old:
            found.edits.append(Edit(view.chosen([at for at, _ in members]), *new))
            found.places.append([place for _, place in members])
            unseen += len(members) * ((old[0] & SEEN) - (new[0] & SEEN))
    return Plan(found.edits, found.places, unseen, refused)
