"""What IMAP commands are made of. Values only: no parsing, no formatting. [pure]"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

STAR = 0
"""Stands for "*" in a sequence set: the highest number in use."""

FLAG_BITS = {"\\seen": 1, "\\answered": 2, "\\flagged": 4, "\\deleted": 8, "\\draft": 16}
"""System flags (lower case) and their bits; the same numbers as in the store."""


@dataclass(frozen=True, slots=True)
class SequenceSet:
    """Message numbers or UIDs as ranges; `STAR` for "*". `saved`: the result of the last SEARCH, "$" (RFC 5182)."""

    ranges: tuple[tuple[int, int], ...] = ()
    saved: bool = False

    def spans(self, highest: int) -> list[tuple[int, int]]:
        """The ranges with "*" filled in, each low to high (RFC 9051 9: either end may be the larger)."""
        filled = ((low or highest, high or highest) for low, high in self.ranges)
        return [(low, high) if low <= high else (high, low) for low, high in filled]

    def positions(self, numbers: Sequence[int]) -> list[int]:
        """Where in `numbers` (sorted) the members of this set stand; every position once, in order."""
        spans = self.spans(numbers[-1] if numbers else 0)
        if len(spans) == 1:
            return list(range(bisect_left(numbers, spans[0][0]), bisect_right(numbers, spans[0][1])))
        found: set[int] = set()
        for low, high in spans:
            found.update(range(bisect_left(numbers, low), bisect_right(numbers, high)))
        return sorted(found)


@dataclass(frozen=True, slots=True)
class Flags:
    """Flags as a command names them: bits of system flags, and keywords. `recent` was named, which nobody can set."""

    bits: int = 0
    words: tuple[str, ...] = ()


# -- FETCH --------------------------------------------------------------------------------------------------------

SectionKind = Literal["", "HEADER", "HEADER.FIELDS", "HEADER.FIELDS.NOT", "TEXT", "MIME"]


@dataclass(frozen=True, slots=True)
class Attribute:
    """A fetch item without a section: FLAGS, UID, ENVELOPE, RFC822.SIZE, … in capitals."""

    name: str


@dataclass(frozen=True, slots=True)
class Section:
    """BODY[part.kind (fields)]<start.size>; `peek`: without setting \\Seen. Named `label` in the answer."""

    part: tuple[int, ...] = ()
    kind: SectionKind = ""
    fields: tuple[bytes, ...] = ()
    partial: tuple[int, int] | None = None
    peek: bool = False
    label: bytes = b""  # RFC822, RFC822.HEADER and RFC822.TEXT are sections under another name


@dataclass(frozen=True, slots=True)
class Binary:
    """BINARY[part]<start.size> or, with `size_only`, BINARY.SIZE[part] (RFC 3516): the part, decoded."""

    part: tuple[int, ...]
    partial: tuple[int, int] | None = None
    peek: bool = False
    size_only: bool = False


FetchItem = Attribute | Section | Binary


# -- SEARCH -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class All:
    """Every message."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Messages of a set of sequence numbers or (`uid`) UIDs."""

    set: SequenceSet
    uid: bool = False


@dataclass(frozen=True, slots=True)
class HasFlag:
    """Messages with any of these system flags, or with the keyword."""

    bits: int = 0
    word: str = ""


@dataclass(frozen=True, slots=True)
class Recent:
    """Messages that this session was the first to be told of."""


@dataclass(frozen=True, slots=True)
class Contains:
    """`where` is BODY, TEXT, or HEADER with a field name; `text` in any case of letters."""

    where: Literal["BODY", "TEXT", "HEADER"]
    text: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Day:
    """`of` the date of arrival or the Date field; `day` is days since the epoch."""

    of: Literal["internal", "sent"]
    relation: Literal["before", "on", "since"]
    day: int


@dataclass(frozen=True, slots=True)
class Within:
    """Arrived within the last `seconds` (YOUNGER, RFC 5032) or before (OLDER)."""

    seconds: int
    older: bool


@dataclass(frozen=True, slots=True)
class Size:
    """Larger than `size` bytes, or smaller."""

    size: int
    larger: bool


@dataclass(frozen=True, slots=True)
class ModSeq:
    """Changed at this modseq or later (RFC 7162 3.1.5)."""

    modseq: int


@dataclass(frozen=True, slots=True)
class Not:
    """Messages that `key` does not find."""

    key: "SearchKey"


@dataclass(frozen=True, slots=True)
class Or:
    """Messages that either key finds."""

    left: "SearchKey"
    right: "SearchKey"


@dataclass(frozen=True, slots=True)
class And:
    """Messages that all keys find."""

    keys: tuple["SearchKey", ...]


SearchKey = All | Numbers | HasFlag | Recent | Contains | Day | Within | Size | ModSeq | Not | Or | And


# -- commands -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Login:
    """LOGIN user password."""

    user: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authenticate:
    """AUTHENTICATE mechanism [initial response]."""

    mechanism: str
    initial: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Words:
    """Words of ENABLE, in capitals; parameters of ID."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox name as it came: raw bytes, since what it means depends on what is enabled (`names`)."""

    name: bytes
    special_use: str = ""  # CREATE … (USE (\\Sent))
    condstore: bool = False  # SELECT … (CONDSTORE)


@dataclass(frozen=True, slots=True)
class Rename:
    """RENAME old new."""

    old: bytes
    new: bytes


@dataclass(frozen=True, slots=True)
class List:
    """LIST (select options) reference (patterns) RETURN (options); LSUB without options."""

    reference: bytes
    patterns: tuple[bytes, ...]
    select: frozenset[str] = frozenset()
    returns: frozenset[str] = frozenset()
    status: tuple[str, ...] = ()
    extended: bool = False


@dataclass(frozen=True, slots=True)
class Status:
    """STATUS mailbox (items)."""

    name: bytes
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NewMessage:
    """One message of an APPEND; `at` None: now. `binary`: it came as literal8."""

    data: bytes = field(repr=False)
    flags: Flags = Flags()
    at: float | None = None
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Append:
    """APPEND mailbox message…"""

    name: bytes
    messages: tuple[NewMessage, ...]


@dataclass(frozen=True, slots=True)
class Fetch:
    """FETCH set items [(CHANGEDSINCE n)]."""

    set: SequenceSet
    items: tuple[FetchItem, ...]
    changed_since: int | None = None


@dataclass(frozen=True, slots=True)
class Store:
    """STORE set [(UNCHANGEDSINCE n)] [+|-]FLAGS[.SILENT] flags."""

    set: SequenceSet
    action: Literal["set", "add", "remove"]
    flags: Flags
    silent: bool = False
    unchanged_since: int | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """COPY or MOVE set mailbox."""

    set: SequenceSet
    name: bytes


@dataclass(frozen=True, slots=True)
class Search:
    """SEARCH [RETURN (options)] [CHARSET c] key. `returns` None: the plain SEARCH answer."""

    key: SearchKey
    returns: frozenset[str] | None = None
    uses_modseq: bool = False


@dataclass(frozen=True, slots=True)
class Expunge:
    """EXPUNGE, or UID EXPUNGE set (RFC 4315)."""

    set: SequenceSet | None = None


@dataclass(frozen=True, slots=True)
class Nothing:
    """The command has no arguments."""


Arguments = (
    Login | Authenticate | Words | Mailbox | Rename | List | Status | Append | Fetch | Store | Copy | Search | Expunge
    | Nothing
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Command:
    """A complete, well-formed command; `name` in capitals without UID, which is `uid`."""

    tag: str
    name: str
    arguments: Arguments
    uid: bool = False
