"""A message as a server takes it: in plain ASCII where it knows nothing else. [pure]"""

from dataclasses import replace

from lettershop.wire.message.seven_bit import plain_header, seven_bit
from lettershop.wire.smtp.grammar import dot_stuff, dot_unstuff
from lettershop.wire.smtp.outgoing import Outgoing
from lettershop.wire.smtp.replies import Reply

_NO_SMTPUTF8 = Reply.of(553, "5.6.7", "The server does not take non-ASCII addresses")
_NO_8BITMIME = Reply.of(554, "5.6.3", "The server takes seven bits only, and this message cannot be converted")


def fit(outgoing: Outgoing, knows_utf8: bool, knows_eight_bit: bool) -> Outgoing | Reply:
    """The message, converted if it must be, or why that cannot be."""
    utf8, eight_bit = outgoing.smtputf8 and not knows_utf8, outgoing.eight_bit and not knows_eight_bit
    if not utf8 and not eight_bit:
        return outgoing
    if utf8 and not (outgoing.mail_from.isascii() and outgoing.rcpt.isascii()):
        return _NO_SMTPUTF8  # RFC 6531 3.1
    message = plain_header(dot_unstuff(outgoing.data))
    if message is None:
        return _NO_SMTPUTF8 if utf8 else _NO_8BITMIME
    converted = seven_bit(message) if eight_bit else message  # RFC 6152 3
    if converted is None:
        return _NO_8BITMIME
    return replace(outgoing, data=dot_stuff(converted), smtputf8=False, eight_bit=not converted.isascii())
