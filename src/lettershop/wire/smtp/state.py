"""The states of a server's conversation and its transitions, as tables. [pure]"""

from enum import Enum, auto

from lettershop.wire.smtp import replies
from lettershop.wire.smtp.events import Connected, Event, LoginAttempt, MailFrom, MessageReceived, RcptTo
from lettershop.wire.smtp.replies import Reply


class State(Enum):
    """Where a conversation stands."""

    CONNECTED = auto()  # nothing said yet
    START = auto()  # greeted
    READY = auto()  # EHLO or HELO said
    MAIL = auto()  # a sender was accepted
    RCPT = auto()  # and a recipient
    DATA = auto()  # message data is coming
    BDAT = auto()  # between two chunks of message data
    LOGIN = auto()  # in an AUTH exchange
    CLOSED = auto()


ANY = frozenset({State.START, State.READY, State.MAIL, State.RCPT, State.BDAT})
TRANSACTION = frozenset({State.MAIL, State.RCPT, State.BDAT})

# What may come when, and the reply when it may not.
ALLOWED: dict[str, tuple[frozenset[State], Reply]] = {
    "EHLO": (ANY, replies.BAD_SEQUENCE),
    "HELO": (ANY, replies.BAD_SEQUENCE),
    "STARTTLS": (frozenset({State.START, State.READY}), replies.BAD_SEQUENCE),
    "AUTH": (frozenset({State.READY}), replies.BAD_SEQUENCE),  # RFC 4954 4: not within a transaction
    "MAIL": (frozenset({State.READY}), replies.BAD_SEQUENCE),
    "RCPT": (frozenset({State.MAIL, State.RCPT}), replies.MAIL_FIRST),
    "DATA": (frozenset({State.RCPT}), replies.MAIL_FIRST),
    "BDAT": (frozenset({State.RCPT, State.BDAT}), replies.MAIL_FIRST),
    "RSET": (ANY, replies.BAD_SEQUENCE),
    "NOOP": (ANY, replies.BAD_SEQUENCE),
    "VRFY": (ANY, replies.BAD_SEQUENCE),
    "EXPN": (ANY, replies.BAD_SEQUENCE),
    "HELP": (ANY, replies.BAD_SEQUENCE),
    "QUIT": (ANY, replies.BAD_SEQUENCE),
}

# Where a decision leads: (if the reply is positive, if it is not); None: where it was.
DECIDED: dict[type[Event], tuple[State, State | None]] = {
    Connected: (State.START, State.CLOSED),
    LoginAttempt: (State.READY, State.READY),
    MailFrom: (State.MAIL, State.READY),
    RcptTo: (State.RCPT, None),
    MessageReceived: (State.READY, State.READY),
}
