"""Received bytes, read as lines or as exact sizes. [pure]

Every protocol machine reads through this. It never scans a byte twice, however the input was split, and never holds
a line longer than its reader allows.

    buffer.feed(data)
    line = buffer.line(1000)        # b"NOOP\\r\\n", or None: feed more
    literal = buffer.exactly(4096)  # 4096 bytes, or None: feed more
"""

from lettershop.base.errors import ProtocolError


class LineTooLong(ProtocolError):
    """A line without an end within the allowed length. It is still there; `skip_line` passes over it."""

    code = "line-too-long"


class ReceiveBuffer:
    """A queue of bytes with a memory of how far it was searched."""

    __slots__ = ("_data", "_searched")

    def __init__(self) -> None:
        self._data = bytearray()
        self._searched = 0

    def __len__(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> None:
        """Append what came in."""
        self._data += data

    def line(self, limit: int) -> bytes | None:
        """The next line with its line feed, or None while it is incomplete.

        It ends at LF: whether a CR must stand before it is the caller's rule. Raises LineTooLong when a line has
        more than `limit` bytes, its end included.
        """
        end = self._data.find(b"\n", self._searched, limit)
        if end >= 0:
            return self._take(end + 1)
        if len(self._data) >= limit:
            raise LineTooLong("The line is too long.")
        self._searched = len(self._data)
        return None

    def skip_line(self) -> bool:
        """Drop bytes up to and with the next line feed; True when it was found, else call again after `feed`."""
        end = self._data.find(b"\n", self._searched)
        if end < 0:
            self.clear()
            return False
        self._take(end + 1)
        return True

    def exactly(self, size: int) -> bytes | None:
        """The next `size` bytes, or None while there are fewer."""
        return self._take(size) if len(self._data) >= size else None

    def at_most(self, size: int) -> bytes:
        """What there is of the next `size` bytes; may be empty. For streaming."""
        return self._take(min(size, len(self._data)))

    def until(self, mark: bytes, *, keep: int = 0) -> bytes | None:
        """Everything before the first `mark` and its first `keep` bytes; the mark is passed over. None: feed more."""
        end = self._data.find(mark, self._searched)
        if end < 0:
            self._searched = max(0, len(self._data) - len(mark) + 1)
            return None
        found = self._take(end + keep)
        del self._data[: len(mark) - keep]
        return found

    def starts_with(self, prefix: bytes) -> bool:
        """Whether the next bytes are `prefix`."""
        return self._data.startswith(prefix)

    def clear(self) -> None:
        """Throw everything away."""
        self._data.clear()
        self._searched = 0

    def _take(self, size: int) -> bytes:
        self._searched = 0
        if size == len(self._data):
            taken = bytes(self._data)
            self._data.clear()
            return taken
        with memoryview(self._data) as view:
            taken = bytes(view[:size])
        del self._data[:size]  # moves a start pointer; no bytes are copied
        return taken
