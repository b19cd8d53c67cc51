"""One column of a piece of the contacts as bytes, and back. [pure]

`store.columnar` keeps a copy of the contacts by columns, a piece of contacts at a time. What a column holds is told by
the beginning of its name:

    =email =name =domain      text            t:plan   the text in the attribute plan       (None: no text there)
    e:opened  created         a moment        n:plan   the number in it                     (None)
    l:7                       status on list  b:plan   the yes or no in it                  (None)
    is:consent is:tracking    small number    m:plan   the texts of the list in it; m:=tags the tags
    until                     a moment        o:plan   whether it is a list or an object
    ids                       the contact's   search   address and name as they are searched, a line a contact
                              place in the span

Numbers are arrays of the narrowest kind that holds them all; a text is a number in the piece's own list of words, so a
condition looks at each word once.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Array = NDArray[Any]

_LENGTH = struct.Struct("<I")
_INTEGERS = (np.int8, np.int16, np.int32)
_NOTHING = np.array([], np.uint8)
_CODES = (np.uint8, np.uint16, np.uint32)


def kind_of(name: str) -> str:
    """Which of the encodings a column has."""
    if name in ("ids", "search", "until"):
        return name
    if name[0] == "=" or name.startswith("t:"):
        return "text"
    if name.startswith("m:"):
        return "texts"
    if name.startswith("n:"):
        return "number"
    if name.startswith("e:") or name == "created":
        return "moment"
    return "small"


MISSING: dict[str, Any] = {
    "text": None, "texts": (), "number": None, "moment": None, "until": None, "small": 0, "ids": 0, "search": "",
}  # fmt: skip
"""What a contact has where nothing is known."""


# -- writing -----------------------------------------------------------------------------------------------------------


def encode(kind: str, values: Sequence[Any]) -> bytes:
    """The values of all contacts of a piece, in their order, as bytes."""
    data: bytes = _ENCODE[kind](values)
    return data


def _array(values: Array) -> bytes:
    return values.dtype.char.encode() + values.tobytes()


def _number(values: Sequence[float | None]) -> bytes:
    """Whole numbers as narrow as they fit, with the lowest for "nothing"; others as floats."""
    array = np.array(values, np.float64)  # None becomes NaN
    gone = np.isnan(array)
    known = array[~gone]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
    for dtype in _INTEGERS:
        missing = np.iinfo(dtype).min
        if missing < low and high <= np.iinfo(dtype).max and not np.any(known % 1):
            return _array(np.where(gone, missing, array).astype(dtype))
    return _array(array)


def _moment(values: Sequence[float | None]) -> bytes:
    return _array(np.nan_to_num(np.array(values, np.float64)).astype(np.uint32))


def _until(values: Sequence[float | None]) -> bytes:
    return _array(np.array([np.inf if value is None else value for value in values], np.float64))


def _small(values: Sequence[int]) -> bytes:
    return _array(np.array(values, np.uint8))


def _ids(values: Sequence[int]) -> bytes:
    return _array(np.array(values, np.uint16))


def _search(values: Sequence[str]) -> bytes:
    return "\n".join(values).encode()


def _codes(numbers: Sequence[int], highest: int) -> bytes:
    dtype = next(dtype for dtype in _CODES if highest <= np.iinfo(dtype).max)
    return _array(np.array(numbers, dtype))


def _worded(words: Sequence[str], rest: bytes) -> bytes:
    told = orjson.dumps(words)
    return _LENGTH.pack(len(told)) + told + rest


def _text(values: Sequence[str | None]) -> bytes:
    words = [word for word in dict.fromkeys(values) if word is not None]
    numbers: dict[str | None, int] = {word: number for number, word in enumerate(words, 1)}
    numbers[None] = 0
    return _worded(words, _codes([numbers[value] for value in values], len(numbers)))


def _texts(values: Sequence[Sequence[str]]) -> bytes:
    numbers: dict[str, int] = {}
    found = [numbers.setdefault(word, len(numbers)) for entry in values for word in entry]
    counts = _array(np.array([len(entry) for entry in values], np.uint32))
    return _worded(list(numbers), _LENGTH.pack(len(counts)) + counts + _codes(found, len(numbers)))


_ENCODE: dict[str, Any] = {
    "text": _text, "texts": _texts, "number": _number, "moment": _moment, "until": _until, "small": _small,
    "ids": _ids, "search": _search,
}  # fmt: skip


# -- reading -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a piece. Of `text`: codes into `words`, 0 is nothing; of `texts`: codes from 0, and `counts` a contact."""

    kind: str
    array: Array
    words: list[str]
    counts: Array | None = None

    def missing(self) -> Mask:
        """Where a number is not there."""
        if self.array.dtype.kind == "f":
            return np.asarray(np.isnan(self.array))
        return np.asarray(self.array == np.iinfo(self.array.dtype).min)

    def at(self, positions: Array) -> list[Any]:
        """The values there, as they were handed to `encode`."""
        if self.kind in ("texts", "search"):
            every = self.values()
            return [every[position] for position in positions.tolist()]
        return self._told(self.array[positions])

    def values(self) -> list[Any]:
        """All values, as they were handed to `encode`."""
        if self.kind == "search":
            return self.words
        if self.kind != "texts":
            return self._told(self.array)
        assert self.counts is not None
        words = [self.words[code] for code in self.array.tolist()]
        ends = np.cumsum(self.counts).tolist()
        return [tuple(words[start:end]) for start, end in zip([0, *ends], ends, strict=False)]

    def _told(self, array: Array) -> list[Any]:
        if self.kind == "text":
            words: list[str | None] = [None, *self.words]
            return [words[code] for code in array.tolist()]
        if self.kind in ("small", "ids"):
            return list(array.tolist())
        if self.kind == "number":
            gone = np.nan if array.dtype.kind == "f" else np.iinfo(array.dtype).min
            return [None if value == gone or value != value else value for value in array.tolist()]
        nothing = 0 if self.kind == "moment" else float("inf")
        return [None if value == nothing else value for value in array.tolist()]


def decode(kind: str, data: bytes) -> Column:
    """A column as it was encoded."""
    if kind == "search":
        return Column(kind, _NOTHING, data.decode().split("\n"))
    if kind not in ("text", "texts"):
        return Column(kind, _read(data), [])
    (length,) = _LENGTH.unpack_from(data)
    start = _LENGTH.size + length
    words = orjson.loads(data[_LENGTH.size : start])
    if kind == "text":
        return Column(kind, _read(data[start:]), words)
    (length,) = _LENGTH.unpack_from(data, start)
    start += _LENGTH.size
    return Column(kind, _read(data[start + length :]), words, _read(data[start : start + length]))


def _read(data: bytes) -> Array:
    return np.frombuffer(data, np.dtype(data[:1].decode()), offset=1)
