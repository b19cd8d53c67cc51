"""The client's side of SMTP, pipelined within and across messages (RFC 2920). [pure]

What lives here: greeting, EHLO, STARTTLS, AUTH, then any number of one-recipient messages. What must not: which
server, which message, what an answer means for the envelope (egress.classify).

    machine.submit(Outgoing("a@b.example", "c@d.example", data), token)     # any time, any number
    transport.writelines(machine.take())
    for event in machine.receive(data): ...                                 # then take() again

One message is on the wire between its 354 and the reply to its dot; the next one's MAIL, RCPT and DATA travel behind
the dot. So a message costs one round trip and one write. A refused recipient costs a RSET, or a lone dot where the
server said 354 all the same (RFC 2920 3.1).

Where the server offers CHUNKING (RFC 3030) and nothing is on the line, the message travels with its envelope: a round trip
less, and an answer less to read. A refused recipient then costs the bytes of the message, so larger ones go by DATA.

It is on the path of every message sent: flat code, few objects.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from lettershop.base.errors import ProtocolError
from lettershop.wire.smtp import transcript
from lettershop.wire.smtp.fitting import fit
from lettershop.wire.smtp.grammar import dot_unstuff
from lettershop.wire.smtp.opening import STAGE_OF, Awaited, Opening
from lettershop.wire.smtp.outgoing import (
    NO_REQUIRETLS,
    NOT_PROVEN,
    Closed,
    Event,
    Lost,
    Outcome,
    Outgoing,
    Ready,
    Settings,
    Stage,
)
from lettershop.wire.smtp.replies import Reply

MOST_AT_ONCE = 131_072
"""Octets of a message that is sent before its recipient is answered."""


class ClientMachine(Opening):
    """One connection to one server. Make it, feed it what the server says; it begins with the greeting."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._queue: deque[tuple[Outgoing, Any]] = deque()
        self._current: tuple[Outgoing, Any] | None = None  # its MAIL is written, its DATA not yet answered
        self._refused = False  # and its outcome was told already
        # its dot is written, not yet answered: token, envelope, replies to it
        self._sent: tuple[Any, bytes, Reply | None, Reply | None, Reply] | None = None
        self._envelope = b""  # of the current one, as it was written
        self._to_mail: Reply | None = None
        self._to_rcpt: Reply | None = None
        self._closed = False
        self._quitting = False
        self._rset = False  # a transaction was left open
        self._within = self._across = self._chunks = False
        self._at_once = False  # the current message is written as well as its envelope
        self._size = self._eight_bit = self._utf8 = False

    # -- for the caller -------------------------------------------------------------------------------------------

    @property
    def awaiting(self) -> Stage | None:
        """What the server is to answer next, for the time-out; None when nothing is asked."""
        return STAGE_OF[self._expected[0]] if self._expected else None

    @property
    def closed(self) -> bool:
        """The session is over: nothing more can be sent."""
        return self._closed

    @property
    def pending(self) -> int:
        """Messages submitted whose outcome is not known yet."""
        return len(self._queue) + (self._current is not None and not self._refused) + (self._sent is not None)

    def room(self, ahead: int) -> int:
        """How many messages may be submitted now until `ahead` wait behind the one whose envelope is out."""
        if not self._ready or self._closed or self._quitting:
            return 0
        return ahead + (self._current is None) - len(self._queue)

    def submit(self, outgoing: Outgoing, token: Any, *, first: bool = False) -> list[Event]:
        """Send this message as soon as the line is free; may be called before Ready. Returns outcomes known at once.

        `first`: before those that wait. What the server was told of already goes on.
        """
        if "\n" in (head := outgoing.mail_from + outgoing.rcpt + outgoing.mail_params + outgoing.rcpt_params):
            raise ProtocolError("An address with a line end cannot be sent.")
        if "\r" in head or not outgoing.data.endswith(b"\r\n"):
            raise ProtocolError("The message is not in wire form.")
        if self._closed or self._quitting:
            return [Lost(token, "mail", in_doubt=False, why="connection closed")]
        if first:
            self._queue.appendleft((outgoing, token))
        else:
            self._queue.append((outgoing, token))
        if self._current is None and self._ready:
            self._advance()
        return self._drain()

    def receive(self, data: bytes) -> list[Event]:
        """What the server said. Raises ProtocolError when it is no SMTP; then call `ended`."""
        for reply in self._reader.feed(data):
            if self._closed or (self._expected and self._expected[0] == "handshake"):
                break  # RFC 3207 4.2: a reply behind the 220 to STARTTLS may be an attacker's
            self._on_reply(reply)
        return self._drain()

    def ended(self, why: str) -> list[Event]:
        """The connection is gone: what becomes of every message that has no outcome."""
        if not self._closed:
            self._close(None, why)
        return self._drain()

    def take(self) -> list[bytes]:
        """What to write now, in order; may be empty."""
        output, self._output = self._output, []
        return output

    def quit(self) -> None:
        """Take no more messages; say QUIT when those submitted have their outcomes."""
        self._quitting = True
        self._maybe_quit()

    # -- replies --------------------------------------------------------------------------------------------------

    def _on_reply(self, reply: Reply) -> None:
        if not self._expected:
            self._close(reply)  # 421, or something nobody asked for
            return
        awaited = self._expected.popleft()
        _ON_REPLY[awaited](self, reply)
        if reply.code == 421 and not self._closed:  # RFC 5321 3.8: the server is about to close
            self._close(reply)

    def _begin(self) -> None:
        names = self.capabilities.names
        self._within = "PIPELINING" in names and self.settings.pipelining != "no"
        self._across = self._within and self.settings.pipelining == "across"
        self._chunks = self._within and "CHUNKING" in names and self.settings.chunking
        self._size, self._eight_bit, self._utf8 = "SIZE" in names, "8BITMIME" in names, "SMTPUTF8" in names
        self._ready = True
        self._events.append(Ready(self.capabilities))
        self._advance()
        self._maybe_quit()

    # -- messages -------------------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Begin the next message if the line is free for it."""
        while self._queue and (self._across or not self._expected):
            outgoing, token = self._current = self._queue.popleft()
            fitted = fit(outgoing, self._utf8, self._eight_bit) if outgoing.eight_bit or outgoing.smtputf8 else outgoing
            if isinstance(fitted, Outgoing) and 0 < self.capabilities.size < len(fitted.data):
                fitted = _TOO_BIG  # RFC 1870 6.4
            if outgoing.require_tls:
                fitted = self._not_kept() or fitted
            if isinstance(fitted, Outgoing):
                if fitted is not outgoing:
                    self._current = fitted, token
                self._refused = False
                self._write_envelope(fitted)
                return
            self._current = None
            self._events.append(Outcome(token, "mail", fitted, True, transcript.remark(str(fitted))))

    def _not_kept(self) -> Reply | None:
        """What this session lacks for a message with REQUIRETLS; RFC 8689 4.2.1."""
        if not (self._tls and self.settings.verified):
            return NOT_PROVEN
        return None if "REQUIRETLS" in self.capabilities.names else NO_REQUIRETLS

    def _write_envelope(self, outgoing: Outgoing) -> None:
        expected = self._expected
        mail = self._mail_command(outgoing)
        self._envelope = f"{mail}\r\nRCPT TO:<{outgoing.rcpt}>{outgoing.rcpt_params}\r\nDATA\r\n".encode()
        if self._rset:
            self._rset = False
            expected.append("rset")
            self._output.append(b"RSET\r\n")
            if not self._within:
                return
        if not self._within:
            self._ask("mail", mail)
            return
        if self._chunks and not expected and len(outgoing.data) <= MOST_AT_ONCE:
            self._write_at_once(outgoing)
            return
        expected.extend(_ENVELOPE)
        self._output.append(self._envelope)

    def _write_at_once(self, outgoing: Outgoing) -> None:
        """Envelope and message in one write: nobody has to say 354 (RFC 3030 2)."""
        data = dot_unstuff(outgoing.data)
        self._envelope = self._envelope.replace(b"\r\nDATA\r\n", b"\r\nBDAT %d LAST\r\n" % len(data))
        self._at_once = True
        self._expected.extend(_AT_ONCE)
        self._output += (self._envelope, data)

    def _mail_command(self, outgoing: Outgoing) -> str:
        command = f"MAIL FROM:<{outgoing.mail_from}>"
        if self._size:
            command += f" SIZE={len(outgoing.data)}"
        if outgoing.eight_bit and self._eight_bit:
            command += " BODY=8BITMIME"
        if outgoing.smtputf8:
            command += " SMTPUTF8"
        if outgoing.require_tls:
            command += " REQUIRETLS"
        return command + outgoing.mail_params

    def _rset_answered(self, reply: Reply) -> None:
        if reply.code >= 300:
            self._close(reply)
        elif not self._within and self._current is not None:
            self._ask("mail", self._mail_command(self._current[0]))

    def _mail_answered(self, reply: Reply) -> None:
        assert self._current is not None
        self._to_mail = reply
        if reply.code >= 300:
            self._refuse_current("mail", reply)
        elif not self._within:
            outgoing = self._current[0]
            self._ask("rcpt", f"RCPT TO:<{outgoing.rcpt}>{outgoing.rcpt_params}")

    def _rcpt_answered(self, reply: Reply) -> None:
        self._to_rcpt = reply
        if reply.code >= 300:
            self._refuse_current("rcpt", reply)
        elif not self._within:
            self._ask("data", "DATA")

    def _refuse_current(self, stage: Stage, reply: Reply) -> None:
        if self._refused:
            return  # RCPT after a refused MAIL: the first answer counts
        assert self._current is not None
        self._refused = True
        self._events.append(
            Outcome(self._current[1], stage, reply, dialogue=self._dialogue(stage, transcript.answered(reply)))
        )
        if not self._within:
            self._next(rset=True)

    def _data_answered(self, reply: Reply) -> None:
        assert self._current is not None
        if reply.code != 354:
            self._refuse_current("data", reply)
            if self._within:
                self._next(rset=True)
            return
        if self._refused:
            self._output.append(b".\r\n")  # RFC 2920 3.1: 354 although nobody is left to send to
            self._expected.append("void")
        else:
            outgoing, token = self._current
            self._sent = (token, self._envelope, self._to_mail, self._to_rcpt, reply)
            self._output += (outgoing.data, b".\r\n")
            self._expected.append("dot")
        self._next(rset=False)

    def _chunk_answered(self, reply: Reply) -> None:
        assert self._current is not None
        if not self._refused:
            dialogue = "" if reply.code < 300 else self._dialogue("dot", transcript.answered(reply))
            self._events.append(Outcome(self._current[1], "dot", reply, False, dialogue))
        self._at_once = False
        self._next(rset=self._refused or reply.code >= 300)  # RFC 3030 4.2: what was begun is not ended by a refusal

    def _next(self, *, rset: bool) -> None:
        self._current = None
        self._rset = rset
        self._advance()
        self._maybe_quit()

    def _dot_answered(self, reply: Reply) -> None:
        assert self._sent is not None
        dialogue = "" if reply.code < 300 else self._dialogue("dot", transcript.answered(reply))
        self._events.append(Outcome(self._sent[0], "dot", reply, False, dialogue))
        self._sent = None
        self._line_free()

    def _void_answered(self, reply: Reply) -> None:
        self._line_free()

    def _line_free(self) -> None:
        if self._current is None:
            self._advance()
            self._maybe_quit()

    # -- the end --------------------------------------------------------------------------------------------------

    def _maybe_quit(self) -> None:
        if self._quitting and self._ready and not self._expected and not self._queue and not self._closed:
            self._ask("quit", "QUIT")

    def _quit_answered(self, reply: Reply) -> None:
        self._close(reply)

    def _close(self, reply: Reply | None, why: str = "connection closed") -> None:
        self._closed = True
        self._fail_all(str(reply) if reply is not None else why)
        self._events.append(Closed(reply))

    def _fail_all(self, why: str) -> None:
        stage, end = "dot" if self._at_once else self.awaiting or "mail", transcript.remark(why)
        self._expected.clear()
        if self._sent is not None:
            self._events.append(Lost(self._sent[0], "dot", True, why, self._dialogue("dot", end)))
            stage = "mail"
        if self._current is not None and not self._refused:
            self._events.append(Lost(self._current[1], stage, self._at_once, why, self._dialogue(stage, end)))
        self._events.extend(Lost(token, "mail", in_doubt=False, why=why) for _, token in self._queue)
        self._sent = self._current = None
        self._queue.clear()

    def _dialogue(self, stage: Stage, end: str) -> str:
        """What was said of the current message, or of the one whose dot is out."""
        sent = stage == "dot" and self._sent is not None
        envelope, *replies = self._sent[1:] if sent and self._sent else (self._envelope, self._to_mail, self._to_rcpt)
        return transcript.of_message(envelope, [reply for reply in replies if reply is not None], stage, end)

    def _drain(self) -> list[Event]:
        events, self._events = self._events, []
        return events


_ENVELOPE: tuple[Awaited, ...] = ("mail", "rcpt", "data")
_AT_ONCE: tuple[Awaited, ...] = ("mail", "rcpt", "chunk")
_TOO_BIG = Reply.of(552, "5.3.4", "Message is larger than the server takes")


def _noted(handler: Callable[[ClientMachine, Reply], None]) -> Callable[[ClientMachine, Reply], None]:
    """Replies before messages flow are kept; those behind cost nothing."""

    def note(machine: ClientMachine, reply: Reply) -> None:
        machine._said.append(transcript.answered(reply))
        handler(machine, reply)

    return note


_ON_REPLY: dict[Awaited, Callable[[ClientMachine, Reply], None]] = {
    "greeting": _noted(ClientMachine._greeted),
    "ehlo": _noted(ClientMachine._ehlo_answered),
    "helo": _noted(ClientMachine._helo_answered),
    "tls": _noted(ClientMachine._tls_answered),
    "auth": _noted(ClientMachine._auth_answered),
    "rset": ClientMachine._rset_answered,
    "mail": ClientMachine._mail_answered,
    "rcpt": ClientMachine._rcpt_answered,
    "data": ClientMachine._data_answered,
    "dot": ClientMachine._dot_answered,
    "chunk": ClientMachine._chunk_answered,
    "void": ClientMachine._void_answered,
    "quit": ClientMachine._quit_answered,
}
