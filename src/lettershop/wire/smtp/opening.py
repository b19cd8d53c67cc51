"""How a client's session comes to stand: greeting, EHLO (or HELO), STARTTLS, AUTH. [pure]

What lives here: the questions until messages may flow, and their answers as lines for people. What must not: messages
(`client`), the socket.

    220 > EHLO > STARTTLS > handshake > EHLO > AUTH > `_begin`; whatever refuses us > Refused
"""

from abc import ABC, abstractmethod
from collections import deque
from typing import Literal

from lettershop.wire.sasl import choose, client_responses
from lettershop.wire.smtp import transcript
from lettershop.wire.smtp.outgoing import Capabilities, Event, Refused, Settings, Stage, StartTls
from lettershop.wire.smtp.replies import Reply, ReplyReader

Awaited = Literal[
    "greeting",
    "ehlo",
    "helo",
    "tls",
    "handshake",
    "auth",
    "rset",
    "mail",
    "rcpt",
    "data",
    "dot",
    "void",
    "chunk",
    "quit",
]
STAGE_OF: dict[Awaited, Stage] = {
    "greeting": "greeting", "ehlo": "ehlo", "helo": "ehlo", "tls": "tls", "handshake": "tls", "auth": "auth",
    "rset": "mail", "mail": "mail", "rcpt": "rcpt", "data": "data", "dot": "dot", "void": "dot", "chunk": "dot",
    "quit": "quit",
}  # fmt: skip
_NO_TLS = Reply.of(454, "4.7.0", "The server offers no TLS")
_NO_LOGIN = Reply.of(504, "5.5.4", "The server offers no way to log in that we know")


class Opening(ABC):
    """The part of a client machine that is asked first."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.capabilities = Capabilities()
        self._reader = ReplyReader()
        self._output: list[bytes] = []
        self._events: list[Event] = []
        self._expected: deque[Awaited] = deque(["greeting"])  # what the coming replies answer, in order
        self._said: list[str] = []
        self._greeting = ""
        self._tls = False
        self._ready = False
        self._responses: deque[bytes] = deque()

    @property
    def opening(self) -> str:
        """What was said until messages could flow, in the form of `transcript`."""
        return "\n".join(self._said)

    def tls_started(self) -> None:
        """The handshake succeeded."""
        self._said.append(transcript.remark("encrypted from here on"))
        self._tls = True
        self._reader = ReplyReader()
        self._expected.clear()
        self._say_ehlo()

    @abstractmethod
    def _begin(self) -> None:
        """The session stands."""

    @abstractmethod
    def _close(self, reply: Reply | None, why: str = "connection closed") -> None:
        """Nothing more can be said."""

    def _greeted(self, reply: Reply) -> None:
        if reply.code != 220:
            self._refuse("greeting", reply)
            return
        self._greeting = reply.text
        self._say_ehlo()

    def _say_ehlo(self) -> None:
        self._ask("ehlo", f"EHLO {self.settings.hostname}")

    def _ehlo_answered(self, reply: Reply) -> None:
        settings = self.settings
        if reply.permanent and settings.tls != "must" and settings.credentials is None:
            self._ask("helo", f"HELO {settings.hostname}")  # RFC 5321 4.1.4
            return
        if reply.code >= 300:
            self._refuse("ehlo", reply)
            return
        self.capabilities = Capabilities.of(reply, self._greeting)
        if self._tls or settings.tls == "never":
            self._log_in()
        elif "STARTTLS" in self.capabilities.names:
            self._ask("tls", "STARTTLS")
        elif settings.tls == "must":
            self._refuse("tls", _NO_TLS)
        else:
            self._log_in()

    def _helo_answered(self, reply: Reply) -> None:
        if reply.code >= 300:
            self._refuse("ehlo", reply)
            return
        self.capabilities = Capabilities(greeting=self._greeting)
        self._begin()

    def _tls_answered(self, reply: Reply) -> None:
        if reply.code == 220:
            self._expected.append("handshake")
            self._events.append(StartTls())
        elif self.settings.tls == "must":
            self._refuse("tls", reply)
        else:
            self._log_in()

    def _log_in(self) -> None:
        credentials = self.settings.credentials
        if credentials is None:
            self._begin()
            return
        mechanism = choose(self.capabilities.mechanisms)
        if mechanism is None:
            self._refuse("auth", _NO_LOGIN)
            return
        self._responses.extend(client_responses(mechanism, credentials))
        initial = " " + self._responses.popleft().decode() if mechanism == "PLAIN" else ""
        self._ask("auth", f"AUTH {mechanism}{initial}")

    def _auth_answered(self, reply: Reply) -> None:
        if reply.code == 334:
            self._ask("auth", self._responses.popleft().decode() if self._responses else "*")
        elif reply.code == 235:
            self._begin()
        else:
            self._refuse("auth", reply)

    def _refuse(self, stage: Stage, reply: Reply) -> None:
        self._events.append(Refused(stage, reply))
        self._close(reply)

    def _ask(self, awaited: Awaited, command: str) -> None:
        if not self._ready:
            self._said.append(transcript.hidden(command) if awaited == "auth" else transcript.said(command))
        self._expected.append(awaited)
        self._output.append(command.encode() + b"\r\n")
