"""The server's machine: fed with bytes, it gives complete commands, and says when a literal may come. [pure]

    machine = ServerMachine()
    machine.feed(data)
    while (event := machine.next_event()) is not None:
        Continue   -> send "+ …": the client waits to send a literal
        Command    -> do it
        Bad        -> tagged BAD: not well formed
        TooBig     -> tagged NO: a literal above the limit
        Line       -> what came after `expect_line`: a SASL response, DONE
        Broken     -> say BYE and close: what follows cannot be told apart any more

It holds at most one command. Before the log-in literals are small; `append_limit` opens APPEND afterwards.
"""

import re
from dataclasses import dataclass

from lettershop.base.errors import ProtocolError
from lettershop.wire.buffer import LineTooLong, ReceiveBuffer
from lettershop.wire.imap.parse import name_of, parse, tag_of
from lettershop.wire.imap.values import Command

LINE = 65_536
"""Bytes in one line, and in all text of a command. RFC 9051 4 asks for 8,192 at least."""

LITERALS = 65_536
"""Bytes in all literals of a command that is not APPEND."""

_LITERAL = re.compile(rb"~?\{(\d{1,19})(\+?)\}\r?\n\Z")


@dataclass(frozen=True, slots=True)
class Continue:
    """The client waits for leave to send a literal."""


@dataclass(frozen=True, slots=True)
class Bad:
    """A command that is not well formed, with its tag ("*" if it had none) and the reason."""

    tag: str
    error: ProtocolError


@dataclass(frozen=True, slots=True)
class TooBig:
    """A literal was above the limit; its bytes were thrown away or never sent."""

    tag: str
    append: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line outside of commands, without its end."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """The conversation cannot go on."""

    text: str


Event = Continue | Command | Bad | TooBig | Line | Broken


class ServerMachine:
    """One connection's input."""

    def __init__(self) -> None:
        self.append_limit = 0
        self._buffer = ReceiveBuffer()
        self._text: list[bytes] = []
        self._literals: list[bytes] = []
        self._size = 0  # bytes of all literals of this command
        self._needed: int | None = None  # bytes of the literal that is coming
        self._skipping = 0  # bytes of a literal that is thrown away
        self._too_big = False
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
        while not self._broken:
            if not self._literal_done():
                return None
            try:
                line = self._buffer.line(LINE)
            except LineTooLong:
                self._broken = True
                return Broken("The line is too long.")
            if line is None:
                return None
            if self._line_expected:
                self._line_expected = False
                return Line(line.rstrip(b"\r\n"))
            event = self._read(line)
            if event is not None:
                return event
        return None

    def _literal_done(self) -> bool:
        if self._skipping:
            self._skipping -= len(self._buffer.at_most(self._skipping))
            return not self._skipping
        if self._needed is None:
            return True
        data = self._buffer.exactly(self._needed)
        if data is None:
            return False
        self._literals.append(data)
        self._needed = None
        return True

    def _read(self, line: bytes) -> Event | None:
        """A line of a command: it ends there, or a literal follows."""
        found = _LITERAL.search(line)
        if found is None:
            self._text.append(line.removesuffix(b"\n").removesuffix(b"\r"))
            return self._complete()
        self._text.append(line[: found.end(2)] + b"}\r\n")
        if sum(map(len, self._text)) > LINE:
            self._broken = True
            return Broken("The command is too long.")
        return self._announce(int(found[1]), synchronizing=not found[2])

    def _announce(self, size: int, *, synchronizing: bool) -> Event | None:
        append = name_of(self._text[0]) == "APPEND" and self.append_limit > 0
        self._size += size
        if not self._too_big and self._size <= (self.append_limit if append else LITERALS):
            self._needed = size
            return Continue() if synchronizing else None
        if synchronizing:  # without leave it does not come (RFC 9051 4.3)
            tag = tag_of(self._text[0])
            self._reset()
            return TooBig(tag, append)
        if not append:
            self._broken = True  # nobody sends such a thing by mistake; do not read gigabytes of it
            return Broken("The literal is too long.")
        self._too_big = True
        self._skipping = size
        return None

    def _complete(self) -> Event:
        data, literals, too_big = b"".join(self._text), self._literals, self._too_big
        self._reset()
        tag = tag_of(data)
        if too_big:
            return TooBig(tag, append=True)
        try:
            return parse(data, literals)
        except ProtocolError as error:
            return Bad(tag or "*", error)

    def _reset(self) -> None:
        self._text, self._literals = [], []
        self._size = self._skipping = 0
        self._needed = None
        self._too_big = False
