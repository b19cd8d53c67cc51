"""What a server machine tells its caller, and the facts of a conversation that services are given. [pure]

Events marked (decide) wait for one `ServerMachine.send(reply)`; the others need no answer.
"""

from dataclasses import dataclass
from typing import Literal

from lettershop.wire.address import Address
from lettershop.wire.sasl import Credentials, Principal


@dataclass(frozen=True, slots=True)
class Connected:
    """(decide) The connection stands: a 220 greets, anything else (554, 421) refuses the client."""


@dataclass(frozen=True, slots=True)
class Hello:
    """EHLO or HELO was answered. `name` is what the client calls itself, unchecked."""

    name: str
    esmtp: bool


@dataclass(frozen=True, slots=True)
class StartTls:
    """The 220 is in the output: write it, upgrade the connection, call `tls_started`."""


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """(decide) 235 lets the client in; anything else does not."""

    mechanism: str
    credentials: Credentials


@dataclass(frozen=True, slots=True)
class MailFrom:
    """(decide) A transaction begins. `address` is None for the null sender.

    `size` is the SIZE the client declared, 0 if none; `ret` ("FULL", "HDRS", "") and `envid` are of RFC 3461. `tls`:
    "require" with REQUIRETLS, "optional" where the message says TLS-Required: No (RFC 8689), else "".
    """

    address: Address | None
    size: int = 0
    smtputf8: bool = False
    eight_bit: bool = False
    ret: str = ""
    envid: str = ""
    tls: str = ""


@dataclass(frozen=True, slots=True)
class RcptTo:
    """(decide) One recipient. `notify` ({"NEVER"} or of SUCCESS, FAILURE, DELAY) and `orcpt` are of RFC 3461."""

    address: Address
    notify: frozenset[str] = frozenset()
    orcpt: str = ""


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """(decide) The message, complete: dots unstuffed, every line ending in CRLF.

    `mended`: it held bare CR or LF, which were made CRLF (RFC 5321 2.3.8 forbids them; see `server`).
    """

    data: bytes
    mended: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """The transaction is off: RSET, a new EHLO, STARTTLS, or a message that was too big."""


@dataclass(frozen=True, slots=True)
class Quit:
    """The conversation is over: write the output, close."""

    why: Literal["quit", "errors", "refused"]


Event = Connected | Hello | StartTls | LoginAttempt | MailFrom | RcptTo | MessageReceived | Reset | Quit


@dataclass(frozen=True, slots=True)
class Client:
    """Who talks to us: what services are told of a connection.

    `tls` is the version ("TLSv1.3"; "" if plain); `principal` is who logged in, if anybody; `via` another
    protocol than SMTP.
    """

    ip: str
    port: int
    local_ip: str = ""
    local_port: int = 0
    helo: str = ""
    esmtp: bool = False
    tls: str = ""
    cipher: str = ""
    principal: Principal | None = None
    via: str = ""

    @property
    def protocol(self) -> str:
        """The "with" word of a Received header: SMTP, ESMTP, ESMTPS, ESMTPA, ESMTPSA (RFC 3848), or `via`."""
        if self.via:
            return self.via
        if not self.esmtp:
            return "SMTP"
        return "ESMTP" + ("S" if self.tls else "") + ("A" if self.principal else "")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A complete transaction: the client, the sender, the recipients that were accepted."""

    client: Client
    sender: MailFrom
    recipients: tuple[RcptTo, ...]
