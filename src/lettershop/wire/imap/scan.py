"""A complete command's bytes, read token by token: atoms, strings, literals, numbers, sets, dates. [pure]

Literals stand in the text as "{5}\\r\\n", their bytes come in a list beside it, so that a large message is never copied.
Whatever is not well formed raises BadSyntax.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TypeVar

from lettershop.base.errors import ProtocolError
from lettershop.wire.imap.values import FLAG_BITS, STAR, Flags, SequenceSet

T = TypeVar("T")

# RFC 9051 9: atom-specials are "(", ")", "{", SP, CTL, "%", "*", DQUOTE, "\\" and "]"
ATOM = re.compile(rb'[^\x00-\x20(){%*"\\\]\x7f-\xff]+')
ASTRING = re.compile(rb'[^\x00-\x20(){%*"\\\x7f-\xff]+')
PATTERN = re.compile(rb'[^\x00-\x20(){"\\\x7f-\xff]+')
QUOTED = re.compile(rb'"((?:[^"\\\r\n\x00]|\\["\\])*)"')
LITERAL = re.compile(rb"(~?)\{(\d+)\+?\}\r\n")
NUMBER = re.compile(rb"\d{1,20}")
FLAG = re.compile(rb'\\?[^\x00-\x20(){%*"\\\]\x7f-\xff]+')
SET = re.compile(rb"(?:\d+|\*)(?::(?:\d+|\*))?(?:,(?:\d+|\*)(?::(?:\d+|\*))?)*")
DATE = re.compile(rb'("?)(\d{1,2})-([A-Za-z]{3})-(\d{4})\1')
DATE_TIME = re.compile(rb'"([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"')
MONTHS = {name: number for number, name in enumerate(
    (b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec"), 1
)}  # fmt: skip
EPOCH = date(1970, 1, 1).toordinal()
MAX_NUMBER = 2**32 - 1
MAX_MODSEQ = 2**63 - 1


class BadSyntax(ProtocolError):
    """The command is not well formed."""

    code = "bad-syntax"


class Scanner:
    """A place in a command; every method reads one thing and moves on, or raises BadSyntax."""

    __slots__ = ("_literals", "at", "data")

    def __init__(self, data: bytes, literals: Sequence[bytes] = ()) -> None:
        self.data = data
        self.at = 0
        self._literals = iter(literals)

    # -- single characters ------------------------------------------------------------------------------------------

    def next_is(self, mark: bytes) -> bool:
        """Whether `mark` comes next."""
        return self.data.startswith(mark, self.at)

    def skip(self, mark: bytes) -> bool:
        """Pass over `mark` if it comes next; whether it did."""
        if self.data.startswith(mark, self.at):
            self.at += len(mark)
            return True
        return False

    def need(self, mark: bytes) -> None:
        """Pass over `mark`."""
        if not self.skip(mark):
            raise BadSyntax(f"Expected {mark.decode()!r}.")

    def space(self) -> None:
        """One blank."""
        if not self.skip(b" "):
            raise BadSyntax("A blank is missing.")

    def end(self) -> None:
        """Nothing more may come."""
        if self.at != len(self.data):
            raise BadSyntax("There is too much at the end.")

    def done(self) -> bool:
        """Whether all was read."""
        return self.at == len(self.data)

    # -- words ------------------------------------------------------------------------------------------------------

    def take(self, pattern: re.Pattern[bytes], what: str) -> bytes:
        """What `pattern` matches here."""
        found = pattern.match(self.data, self.at)
        if found is None:
            raise BadSyntax(f"Expected {what}.")
        self.at = found.end()
        return found.group()

    def word(self) -> str:
        """An atom in capitals."""
        return self.take(ATOM, "a word").decode("ascii").upper()

    def astring(self) -> bytes:
        """An atom (which may have "]") or a string."""
        found = ASTRING.match(self.data, self.at)
        if found is None:
            return self.string()
        self.at = found.end()
        return found.group()

    def pattern(self) -> bytes:
        """A mailbox pattern of LIST."""
        found = PATTERN.match(self.data, self.at)
        if found is None:
            return self.string()
        self.at = found.end()
        return found.group()

    def string(self) -> bytes:
        """A quoted string or a literal."""
        quoted = QUOTED.match(self.data, self.at)
        if quoted is None:
            return self.literal()[0]
        self.at = quoted.end()
        inner = quoted.group(1)
        return inner if b"\\" not in inner else re.sub(rb"\\(.)", rb"\1", inner)

    def literal(self) -> tuple[bytes, bool]:
        """A literal's bytes, and whether it was a literal8."""
        found = LITERAL.match(self.data, self.at)
        if found is None:
            raise BadSyntax("Expected a string.")
        self.at = found.end()
        data = next(self._literals)
        binary = bool(found.group(1))
        if not binary and b"\0" in data:
            raise BadSyntax("A literal must not have NUL bytes.")  # RFC 9051 4.3: CHAR8 only
        return data, binary

    def nstring(self) -> bytes | None:
        """A string or NIL."""
        if self.data[self.at : self.at + 3].upper() == b"NIL":
            self.at += 3
            return None
        return self.string()

    def text(self) -> str:
        """An astring of UTF-8."""
        return utf8(self.astring())

    # -- numbers ----------------------------------------------------------------------------------------------------

    def number(self, highest: int = MAX_NUMBER) -> int:
        """A number up to `highest`."""
        value = int(self.take(NUMBER, "a number"))
        if value > highest:
            raise BadSyntax("The number is too large.")
        return value

    def set(self) -> SequenceSet:
        """A sequence set or "$"."""
        if self.skip(b"$"):
            return SequenceSet(saved=True)
        raw = self.take(SET, "a set of numbers")
        return SequenceSet(tuple(_range(piece) for piece in raw.split(b",")))

    # -- lists and flags ----------------------------------------------------------------------------------------------

    def list(self, item: Callable[[], T]) -> tuple[T, ...]:
        """(item item …), perhaps empty."""
        self.need(b"(")
        if self.skip(b")"):
            return ()
        items = [item()]
        while not self.skip(b")"):
            self.space()
            items.append(item())
        return tuple(items)

    def flag(self) -> str:
        """A flag, as it is."""
        return self.take(FLAG, "a flag").decode("ascii")

    def flags(self) -> Flags:
        """A list of flags."""
        return flags_of(self.list(self.flag))

    # -- dates ------------------------------------------------------------------------------------------------------

    def day(self) -> int:
        """A date of SEARCH, as days since the epoch."""
        found = DATE.match(self.data, self.at)
        if found is None:
            raise BadSyntax("Expected a date.")
        self.at = found.end()
        try:
            return date(int(found[4]), MONTHS[found[3].lower()], int(found[2])).toordinal() - EPOCH
        except (KeyError, ValueError) as error:
            raise BadSyntax("There is no such date.") from error

    def moment(self) -> float:
        """A date with time, as seconds since the epoch."""
        found = DATE_TIME.match(self.data, self.at)
        if found is None:
            raise BadSyntax("Expected a date and time.")
        self.at = found.end()
        try:
            return _moment(found)
        except (KeyError, ValueError, OverflowError) as error:
            raise BadSyntax("There is no such date.") from error


def flags_of(names: Sequence[str]) -> Flags:
    """Flags by their names; raises BadSyntax for a system flag that nobody may set."""
    bits, words = 0, dict[str, str]()
    for name in names:
        bit = FLAG_BITS.get(name.lower())
        if bit is not None:
            bits |= bit
        elif name.startswith("\\"):
            raise BadSyntax("That flag cannot be set.")
        else:
            words.setdefault(name.lower(), name)
    return Flags(bits, tuple(words.values()))


def utf8(raw: bytes) -> str:
    """Bytes as text; raises BadSyntax."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadSyntax("The text is not valid UTF-8.") from error


def _range(piece: bytes) -> tuple[int, int]:
    low, colon, high = piece.partition(b":")
    return _edge(low), _edge(high if colon else low)


def _edge(raw: bytes) -> int:
    if raw == b"*":
        return STAR
    value = int(raw)
    if not 0 < value <= MAX_NUMBER:  # RFC 9051 9: nz-number
        raise BadSyntax("A number of a set is out of range.")
    return value


def _moment(found: re.Match[bytes]) -> float:
    offset = timedelta(hours=int(found[8]), minutes=int(found[9]))
    zone = timezone(-offset if found[7] == b"-" else offset) if offset else UTC
    day, month, year, hour, minute, second = int(found[1]), MONTHS[found[2].lower()], *map(int, found.group(3, 4, 5, 6))
    return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone).timestamp()
