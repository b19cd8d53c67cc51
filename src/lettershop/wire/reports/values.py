"""What mail about mail says, as values. [pure]"""

from dataclasses import dataclass
from typing import Literal

from lettershop.wire.message import headers
from lettershop.wire.message.addresses import mailboxes, message_ids

LONGEST = 10_000
"""Characters of a field with addresses that are read."""

Kind = Literal[
    "bounce", "delay", "complaint", "auto-reply", "unsubscribe", "dmarc-report", "tls-report", "ordinary"
]  # fmt: skip
Action = Literal["failed", "delayed", "delivered", "relayed", "expanded", ""]
Stage = Literal["connect", "mail", "rcpt", "dot", ""]


@dataclass(frozen=True, slots=True)
class Recipient:
    """One recipient that a report is about.

    `status`: enhanced status code like "5.1.1", or empty; `code`: SMTP reply code, or 0; `original`: the address to which
    it was sent, where that is another (RFC 3464 2.3.1, forwarding); `remote`: the server that said it; `stage`: to which
    command it answered, "dot" being the end of the message.
    """

    address: str
    action: Action = ""
    status: str = ""
    code: int = 0
    diagnostic: str = ""
    original: str = ""
    remote: str = ""
    stage: Stage = ""


@dataclass(frozen=True, slots=True)
class Original:
    """The header of the message that a report is about, as far as the report returns it."""

    raw: bytes = b""

    def get(self, name: str) -> str | None:
        """A field's unfolded value."""
        return headers.parse(self.raw).get(name) if self.raw else None

    @property
    def message_id(self) -> str:
        """Without brackets; empty if it is not there."""
        return next(iter(message_ids(self.get("Message-ID") or "")), "")

    def addresses(self, *names: str) -> list[str]:
        """All addresses in these fields, in order."""
        return [
            mailbox.address
            for name in names
            for mailbox in mailboxes((self.get(name) or "")[:LONGEST])
            if mailbox.domain
        ]


@dataclass(frozen=True, slots=True)
class Report:
    """What a message is. `feedback`: the Feedback-Type of a complaint. `standard`: machine-readable fields said so."""

    kind: Kind
    recipients: tuple[Recipient, ...] = ()
    original: Original = Original()
    feedback: str = ""
    standard: bool = False
