"""What goes into a client machine and what comes out: settings, messages, capabilities, events. [pure]"""

from dataclasses import dataclass, field
from typing import Any, Literal

from lettershop.wire.sasl import Credentials
from lettershop.wire.smtp.replies import Reply

NOT_PROVEN = Reply.of(550, "5.7.10", "The sender requires TLS, and nothing proves who this server is")
NO_REQUIRETLS = Reply.of(550, "5.7.30", "The sender requires TLS, and this server does not promise to keep to it")

Stage = Literal["greeting", "ehlo", "tls", "auth", "mail", "rcpt", "data", "dot", "quit"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to one recipient.

    `mail_from` ("" is the null sender) and `rcpt` as written between the brackets; `data` is in wire form: dots
    stuffed (`grammar.dot_stuff`), ending in CRLF, without the final dot. `mail_params` and `rcpt_params` are further
    parameters, each with a blank before it. SIZE and BODY are added where the server knows them. `require_tls`: it may
    go only to who is proven and promises the same (RFC 8689).
    """

    mail_from: str
    rcpt: str
    data: bytes
    smtputf8: bool = False
    eight_bit: bool = False
    mail_params: str = ""
    rcpt_params: str = ""
    require_tls: bool = False


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the server announced; `size` 0 is no limit known."""

    names: frozenset[str] = frozenset()
    size: int = 0
    mechanisms: frozenset[str] = frozenset()
    greeting: str = ""

    @classmethod
    def of(cls, reply: Reply, greeting: str) -> "Capabilities":
        """From the reply to EHLO."""
        words = [line.upper().replace("AUTH=", "AUTH ").split() for line in reply.lines[1:]]
        table = {word[0]: word[1:] for word in words if word}
        size = table.get("SIZE", ["0"])
        limit = int(size[0]) if size and size[0].isdecimal() else 0
        return cls(frozenset(table), limit, frozenset(table.get("AUTH", ())), greeting)


@dataclass(frozen=True, slots=True)
class StartTls:
    """Upgrade the connection now, then call `tls_started`; if it fails the connection is of no use."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The session stands; messages flow."""

    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class Outcome:
    """The server's answer that decides the message of `token`: to its dot, or a refusal before it.

    `local`: the answer is our own, the server was not asked (too big for it, no SMTPUTF8). `dialogue`: what was said of
    this message, unless it was accepted.
    """

    token: Any
    stage: Stage
    reply: Reply
    local: bool = False
    dialogue: str = field(default="", compare=False)

    @property
    def accepted(self) -> bool:
        """The server has taken the message."""
        return self.stage == "dot" and self.reply.code < 300


def tls_not_kept(outcome: Outcome) -> bool:
    """Whether a message was not offered because this server does not do what REQUIRETLS asks; another may (RFC 8689 4.2.1)."""
    return outcome.local and outcome.reply.enhanced in (NOT_PROVEN.enhanced, NO_REQUIRETLS.enhanced)


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection ended with this message unanswered. `in_doubt`: its dot was sent, it may have been taken.

    Every message submitted ends in exactly one `Outcome` or `Lost`.
    """

    token: Any
    stage: Stage
    in_doubt: bool
    why: str = ""
    dialogue: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """The session could not be established: the greeting, EHLO, STARTTLS or AUTH was answered so."""

    stage: Stage
    reply: Reply


@dataclass(frozen=True, slots=True)
class Closed:
    """No more can be sent here: QUIT was answered, or the server said 421 (`reply`). Close the connection."""

    reply: Reply | None


Event = StartTls | Ready | Outcome | Lost | Refused | Closed


@dataclass(frozen=True, slots=True)
class Settings:
    """How to introduce ourselves and how much to trust.

    `tls`: "never", "may" (where it is offered), "must". We log in if `credentials` are given. `pipelining`: "no",
    "within" a message, "across" messages; none of it where the server does not announce it. `verified`: TLS on this
    connection proves who the server is, which a message with REQUIRETLS wants. `chunking`: BDAT where it is offered.
    """

    hostname: str
    tls: Literal["never", "may", "must"] = "may"
    credentials: Credentials | None = None
    pipelining: Literal["no", "within", "across"] = "across"
    verified: bool = False
    chunking: bool = True
