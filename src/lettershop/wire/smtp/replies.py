"""Replies: the frozen value, its wire form, its incremental reader, and the catalogue the server answers with. [pure]

Reply.of(550, "5.1.1", "No such mailbox.").to_wire() == b"550 5.1.1 No such mailbox.\\r\\n"
ReplyReader().feed(b"250-a\\r\\n250 b\\r\\n") == [Reply(250, "", ("a", "b"))]
"""

import re
from dataclasses import dataclass

from lettershop.base.errors import Invalid, LettershopError, NoRoom, NotFound, ProtocolError, Refused

MAX_LINE = 480  # text per line: RFC 5321 4.5.3.1.5 allows 512 octets with code and end
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)", re.ASCII)
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # no line end either: a text must not forge a reply
_READ_LIMIT = 65_536
KEPT, KEPT_LINE = 16, 120
"""Replies that a reader remembers, and the longest line of such a one."""


class BadReply(ProtocolError):
    """What the server sent is no SMTP reply."""

    code = "bad-reply"


@dataclass(frozen=True, slots=True)
class Reply:
    """One SMTP reply: three-digit `code`, enhanced status code of RFC 3463 ("" if none), text lines without it."""

    code: int
    enhanced: str = ""
    lines: tuple[str, ...] = ()

    @classmethod
    def of(cls, code: int, enhanced: str, text: str) -> "Reply":
        """A reply with this text, one line per line of it."""
        return cls(code, enhanced, tuple(text.splitlines()) or ("",))

    @property
    def text(self) -> str:
        """The lines as one, joined with blanks."""
        return self.lines[0] if len(self.lines) == 1 else " ".join(self.lines)

    @property
    def positive(self) -> bool:
        """2xx or 3xx."""
        return self.code < 400

    @property
    def temporary(self) -> bool:
        """4xx: try again later."""
        return 400 <= self.code < 500

    @property
    def permanent(self) -> bool:
        """5xx: do not try again."""
        return self.code >= 500

    def __str__(self) -> str:
        """On one line, as it goes into logs and bounce messages."""
        return " ".join(part for part in (str(self.code), self.enhanced, self.text) if part)

    def to_wire(self, *, utf8: bool = False) -> bytes:
        """As sent. Non-ASCII text is kept only for a client that asked for SMTPUTF8 (RFC 6531 3.7.4.2)."""
        texts = [_UNPRINTABLE.sub("?", line)[:MAX_LINE] for line in self.lines] or [""]
        if self.enhanced:
            texts = [f"{self.enhanced} {line}" for line in texts]
        last = len(texts) - 1
        wire = "".join(f"{self.code}{' ' if i == last else '-'}{line}\r\n" for i, line in enumerate(texts))
        return wire.encode("utf-8" if utf8 else "ascii", "replace")


class ReplyReader:
    """Bytes in, replies out, whatever the split. Bounded: a reply above 64 KB raises BadReply."""

    __slots__ = ("_code", "_known", "_lines", "_rest", "_size")

    def __init__(self) -> None:
        self._known: dict[bytes, Reply] = {}  # a server says the same things again and again
        self._rest = b""
        self._code = b""
        self._lines: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that `data` completes. Raises BadReply."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        replies: list[Reply] = []
        for raw in lines:
            line = raw[:-1] if raw.endswith(b"\r") else raw
            if not self._code and (reply := self._known.get(line)) is not None:
                replies.append(reply)
            elif not self._code and line[3:4] == b" " and line[:3].isdigit():
                replies.append(self._remembered(line))
            elif (reply := self._more(line)) is not None:
                replies.append(reply)
        if len(self._rest) + self._size > _READ_LIMIT:
            raise BadReply("The server's reply is too long.")
        return replies

    def _remembered(self, line: bytes) -> Reply:
        reply = _one_line(line)
        if len(line) <= KEPT_LINE:
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[line] = reply
        return reply

    def _more(self, line: bytes) -> Reply | None:
        """A line of a multi-line reply, or "250" alone (RFC 5321 4.2: the text may be missing)."""
        code, mark = line[:3], line[3:4]
        if len(code) < 3 or not code.isdigit() or mark not in b"- " or (self._code and code != self._code):
            raise BadReply("The server sent something that is no SMTP reply.")
        self._code = code
        self._lines.append(line[4:].decode("utf-8", "replace"))
        self._size += len(line)
        if mark == b"-":
            return None
        reply = parse_reply(_code(code), self._lines)
        self._code, self._lines, self._size = b"", [], 0
        return reply


def _one_line(line: bytes) -> Reply:
    text = line[4:].decode("utf-8", "replace")
    match = _ENHANCED.match(text)
    if match is None or match[1][0] != chr(line[0]):
        return Reply(_code(line), "", (text,))
    return Reply(_code(line), match[1], (text[match.end() :],))


def _code(line: bytes) -> int:
    code = int(line[:3])
    if not 200 <= code < 600:
        raise BadReply("The server's reply code is not valid.")
    return code


def parse_reply(code: int, lines: list[str]) -> Reply:
    """A reply of its text lines; the enhanced code is taken off each line that has it (RFC 2034 4)."""
    match = _ENHANCED.match(lines[0])
    if match is None or match[1][0] != str(code)[0]:  # RFC 2034 4: its class must be that of the reply
        return Reply(code, "", tuple(lines))
    enhanced = match[1]
    return Reply(code, enhanced, tuple(line.removeprefix(enhanced).removeprefix(" ") for line in lines))


def reply_for(error: LettershopError) -> Reply:
    """The reply that an error of ours becomes: its public words, a code by its kind. Unknown kinds are temporary."""
    words = error.public
    if isinstance(error, NotFound):
        return Reply.of(550, "5.1.1", words)
    if isinstance(error, Refused):
        return Reply.of(550, "5.7.1", words)
    if isinstance(error, Invalid):
        return Reply.of(554, "5.6.0", words)
    if isinstance(error, NoRoom):
        return Reply.of(452, "4.3.1", words)  # RFC 5321 4.2.3: insufficient system storage
    return Reply.of(451, "4.3.0", words)


# -- the server's catalogue: RFC 5321 4.2.3, RFC 3463, RFC 4954 4, RFC 2034 --------------------------------------------

OK = Reply.of(250, "2.0.0", "OK")
SENDER_OK = Reply.of(250, "2.1.0", "OK")
RECIPIENT_OK = Reply.of(250, "2.1.5", "OK")
ACCEPTED = Reply.of(250, "2.6.0", "Message accepted")
BYE = Reply.of(221, "2.0.0", "Bye")
GO_AHEAD_TLS = Reply.of(220, "2.0.0", "Ready to start TLS")
GO_AHEAD_DATA = Reply.of(354, "", "End data with <CR><LF>.<CR><LF>")
LOGGED_IN = Reply.of(235, "2.7.0", "Authentication successful")
CANNOT_VERIFY = Reply.of(252, "2.5.1", "Send some mail, I will do my best")  # RFC 5321 3.5.3
HELP = Reply.of(214, "2.0.0", "See RFC 5321")

SHUTTING_DOWN = Reply.of(421, "4.3.2", "Service closing, try again later")
TIMED_OUT = Reply.of(421, "4.4.2", "Waited too long for you")
LOCAL_ERROR = Reply.of(421, "4.3.0", "Local error, try again later")
TOO_MANY_CONNECTIONS = Reply.of(421, "4.7.0", "Too many connections")
TOO_MUCH_AT_ONCE = Reply.of(421, "4.3.1", "Too much mail at once, try again later")
TOO_MANY_HOPS = Reply.of(554, "5.4.6", "This message goes in circles: too many Received fields")  # RFC 5321 6.3
TOO_MANY_ERRORS = Reply.of(421, "4.7.0", "Too many errors")
TOO_MANY_RECIPIENTS = Reply.of(452, "4.5.3", "Too many recipients")  # RFC 5321 4.5.3.1.10

LINE_TOO_LONG = Reply.of(500, "5.5.6", "Line too long")
BARE_LF = Reply.of(500, "5.5.2", "Lines must end with CR LF")
NOT_TEXT = Reply.of(500, "5.5.2", "Not valid text")
UNKNOWN_COMMAND = Reply.of(500, "5.5.1", "Unknown command")
BAD_ARGUMENTS = Reply.of(501, "5.5.4", "Bad arguments")
BAD_SENDER = Reply.of(501, "5.1.7", "Bad sender address")
BAD_RECIPIENT = Reply.of(501, "5.1.3", "Bad recipient address")
NOT_IMPLEMENTED = Reply.of(502, "5.5.1", "Not implemented")
BAD_SEQUENCE = Reply.of(503, "5.5.1", "Bad sequence of commands")
HELLO_FIRST = Reply.of(503, "5.5.1", "Say EHLO first")
MAIL_FIRST = Reply.of(503, "5.5.1", "Say MAIL first")
ALREADY_LOGGED_IN = Reply.of(503, "5.5.1", "Already logged in")
UNKNOWN_MECHANISM = Reply.of(504, "5.5.4", "Unknown authentication mechanism")
LOGIN_CANCELLED = Reply.of(501, "5.7.0", "Authentication cancelled")
LOGIN_BAD_RESPONSE = Reply.of(501, "5.5.2", "Cannot read the response")
LOGIN_REQUIRED = Reply.of(530, "5.7.0", "Authentication required")
LOGIN_NEEDS_TLS = Reply.of(538, "5.7.11", "Encryption required to log in")
LOGIN_FAILED = Reply.of(535, "5.7.8", "Authentication credentials invalid")
NO_SUCH_MAILBOX = Reply.of(550, "5.1.1", "No such mailbox")
RELAY_DENIED = Reply.of(550, "5.7.1", "Relaying denied")
TOO_BIG = Reply.of(552, "5.3.4", "Message too big")
NEEDS_SMTPUTF8 = Reply.of(553, "5.6.7", "Non-ASCII address without SMTPUTF8")  # RFC 6531 3.5
NO_RECIPIENTS = Reply.of(554, "5.5.1", "No valid recipients")
BAD_PARAMETER = Reply.of(555, "5.5.4", "Unknown or bad parameter")
