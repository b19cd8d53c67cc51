"""Message data on its way into the server machine: after DATA, or in BDAT chunks (RFC 3030). [pure]

Linear in the size of the message and bounded: what is beyond the limit is read and dropped, so that the reply can be
552 and the conversation goes on.
"""

from lettershop.wire.buffer import ReceiveBuffer
from lettershop.wire.smtp.grammar import dot_unstuff, mend_line_ends

_END = b"\r\n.\r\n"


class DataReader:
    """Reads to CR LF . CR LF, and to nothing else."""

    def __init__(self, limit: int) -> None:
        """`limit`: octets of the message, without stuffed dots."""
        self._limit = limit
        self._wire_limit = limit + limit // 3 + len(_END)  # a third: the most that dot-stuffing adds
        self._too_big = False

    def read(self, buffer: ReceiveBuffer) -> bytes | bool:
        """The message; or False: feed more; or True: it has ended and was too big."""
        if not self._too_big and buffer.starts_with(_END[2:]):
            buffer.exactly(len(_END) - 2)  # no line at all: the CR LF of the end is that of the DATA command
            return b""
        data = buffer.until(_END, keep=2)
        if data is None:
            self._too_big = self._too_big or len(buffer) > self._wire_limit
            if self._too_big:
                buffer.at_most(len(buffer) - len(_END) + 1)
            return False
        too_big, self._too_big = self._too_big, False
        message = b"" if too_big else dot_unstuff(data)
        return too_big or len(message) > self._limit or message


class ChunkReader:
    """Gathers BDAT chunks. Octets of a refused chunk are passed over (RFC 3030 2)."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._left = 0
        self._keep = False

    @property
    def size(self) -> int:
        """Octets kept so far."""
        return self._size

    @property
    def reading(self) -> bool:
        """Whether octets of a chunk are still to come."""
        return self._left > 0

    def fits(self, size: int) -> bool:
        """Whether a chunk of this size is still within the limit."""
        return self._size + size <= self._limit

    def expect(self, size: int, *, keep: bool) -> None:
        """The next `size` octets are a chunk, to keep or to pass over."""
        self._left, self._keep = size, keep

    def read(self, buffer: ReceiveBuffer) -> bool:
        """Take what there is; True when the chunk is complete."""
        part = buffer.at_most(self._left)
        self._left -= len(part)
        if self._keep and part:
            self._parts.append(part)
            self._size += len(part)
        return not self._left

    def finish(self) -> bytes:
        """The message of all chunks kept."""
        message = b"".join(self._parts)
        self.forget()
        return message

    def forget(self) -> None:
        """Drop the chunks so far."""
        self._parts.clear()
        self._size = 0


def mended(data: bytes) -> bytes:
    """`data` with every line ending in CRLF, the last one too; the same object if it was so."""
    whole = mend_line_ends(data)
    return whole if whole.endswith(b"\r\n") or not whole else whole + b"\r\n"  # only BDAT can leave it open
