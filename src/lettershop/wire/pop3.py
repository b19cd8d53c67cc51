"""POP3 (RFC 1939) for the server: lines to commands, messages to dot-stuffed answers. [pure]

    machine = ServerMachine()
    machine.feed(b"RETR 1\\r\\n")
    machine.next_event()            # Command("RETR", "1")

`Line` is what comes after `expect_line` (SASL); `Broken` means: say -ERR and close.
"""

from dataclasses import dataclass, field

from lettershop.wire.buffer import LineTooLong, ReceiveBuffer

LINE = 4_096
"""RFC 2449 4 asks for 255 bytes; a SASL response may be longer (RFC 5034 4)."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its name in capitals and the rest of the line as it stands."""

    name: str
    rest: str = field(default="", repr=False)  # may be a password

    def numbers(self) -> tuple[int, ...] | None:
        """The rest as numbers, or None if it is anything else."""
        words = self.rest.split()
        if not all(word.isascii() and word.isdigit() and len(word) < 12 for word in words):
            return None
        return tuple(map(int, words))


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a SASL dialogue."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Broken:
    """The conversation cannot go on."""

    text: str


Event = Command | Line | Broken


class ServerMachine:
    """One connection's input."""

    def __init__(self) -> None:
        self._buffer = ReceiveBuffer()
        self._line_expected = False
        self._broken = False

    def feed(self, data: bytes) -> None:
        """Take in what was received."""
        self._buffer.feed(data)

    def expect_line(self) -> None:
        """The next line is no command."""
        self._line_expected = True

    def forget(self) -> None:
        """Throw away what was received and not yet read: what came before TLS does not count after it."""
        self._buffer.clear()

    def next_event(self) -> Event | None:
        """The next thing that happened, or None: feed more."""
        if self._broken:
            return None
        try:
            line = self._buffer.line(LINE)
        except LineTooLong:
            self._broken = True
            return Broken("The line is too long.")
        if line is None:
            return None
        line = line.removesuffix(b"\n").removesuffix(b"\r")
        if self._line_expected:
            self._line_expected = False
            return Line(line)
        name, _, rest = line.decode("utf-8", "replace").partition(" ")  # RFC 6856 2: UTF-8, or it will not match
        return Command(name.upper(), rest)


def multiline(data: bytes) -> bytes:
    """A message as the body of an answer: dots doubled at line starts, a line end at the end, then the final dot."""
    stuffed = data.replace(b"\n.", b"\n..")  # RFC 1939 3
    if stuffed.startswith(b"."):
        stuffed = b"." + stuffed
    return stuffed + (b".\r\n" if stuffed.endswith(b"\r\n") or not stuffed else b"\r\n.\r\n")


def top(data: bytes, body: int, lines: int) -> bytes:
    """The header, the blank line, and the first `lines` lines of the body, which begins at `body` (RFC 1939 7)."""
    end = body
    for _ in range(lines):
        found = data.find(b"\n", end)
        if found < 0:
            return data
        end = found + 1
    return data[:end]
