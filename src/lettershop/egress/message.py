"""The port through which the delivery engine gets messages. [pure]

Egress knows envelopes, not campaigns. Just before a connection is ready it asks a `MessageSource` to prepare a handful of
leased envelopes (one read for all of them), and when a connection has room for one, `Recipe.make()` builds the bytes: the
message is made now, never earlier. `app.py` fills the port: `marketing.send` renders and signs, `mail.submission` hands
over a stored blob.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from lettershop.store.envelopes import Leased
from lettershop.wire.message.seven_bit import speaks_utf8
from lettershop.wire.smtp.outgoing import Outgoing

__all__ = ["OPTIONAL", "REQUIRE", "Leased", "MessageSource", "Recipe", "Withhold", "outgoing"]

REQUIRE, OPTIONAL = "require", "optional"
"""What a sender may say of TLS (RFC 8689)."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A message that can be made now.

    `make()` returns the whole message in wire form: CRLF line ends, dot-stuffed (RFC 5321 4.5.2), signed, ending in
    CRLF, without the final dot. It may raise a LettershopError; the envelope is then withheld with that error's code.
    `draft()` does the same in two steps, where that is faster for many: everything but the signature, then what it returns.
    `tls` is the sender's word (RFC 8689): "require", "optional", or "" for as the receiver wants it.
    """

    envelope_id: int
    mail_from: str
    address: str
    make: Callable[[], bytes]
    draft: Callable[[], Callable[[], bytes]] | None = None
    dsn: tuple[str, str] = ("", "")
    """Parameters of MAIL and RCPT for a server that knows DSN (RFC 3461)."""
    tls: str = ""


@dataclass(frozen=True, slots=True)
class Withhold:
    """Not to be sent after all. `reason`: suppressed, unsubscribed, contact-gone, paused, cancelled, too-late, …

    `again` says that the envelope goes back to the queue (a paused campaign) instead of being finished.
    """

    envelope_id: int
    reason: str
    again: bool = False


def outgoing(recipe: Recipe, data: bytes, *, dsn: bool) -> Outgoing:
    """What is handed to the connection; `dsn`: the server knows RFC 3461."""
    mail_params, rcpt_params = recipe.dsn if dsn else ("", "")
    eight_bit = not data.isascii()
    utf8 = not (recipe.address.isascii() and recipe.mail_from.isascii()) or (eight_bit and speaks_utf8(data))
    return Outgoing(
        recipe.mail_from, recipe.address, data, utf8, eight_bit, mail_params, rcpt_params, recipe.tls == REQUIRE
    )


class MessageSource(Protocol):
    """Who knows how a leased envelope becomes a message."""

    async def prepare(self, leased: Sequence[Leased]) -> Sequence[Recipe | Withhold]:
        """One answer for each, in the same order. The suppression ledger and the campaign's state are asked here, last."""
