"""The table: command -> handler, the states in which it is allowed, and which news may be told with its answer."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Flag, auto

from lettershop.servers.imap import account, folders, messages
from lettershop.servers.imap.context import Context, Done
from lettershop.wire.imap.values import Command


class State(Flag):
    """Where a conversation is (RFC 9051 3)."""

    STRANGER = auto()
    KNOWN = auto()
    SELECTED = auto()
    IN = KNOWN | SELECTED
    ANY = STRANGER | KNOWN | SELECTED


class News(Flag):
    """What is told before the tagged answer: nothing; what is known; with ASK other processes' changes too. Without
    NUMBERS no EXPUNGE: the client may already have sent commands with message numbers (RFC 9051 7.5.1)."""

    NONE = 0
    TELL = auto()
    NUMBERS = auto()
    ASK = auto()
    ALL = TELL | NUMBERS | ASK


Handler = Callable[[Context, Command], Awaitable[Done]]


@dataclass(frozen=True, slots=True)
class Spec:
    """A line of the table. `target`: its mailbox may be made first if it is missing ([TRYCREATE])."""

    handler: Handler
    states: State
    news: News = News.TELL | News.NUMBERS
    target: bool = False


COMMANDS: dict[str, Spec] = {
    "CAPABILITY": Spec(account.capability, State.ANY),
    "NOOP": Spec(account.noop, State.ANY, News.ALL),
    "LOGOUT": Spec(account.logout, State.ANY, News.NONE),
    "ID": Spec(account.identify, State.ANY),
    "LOGIN": Spec(account.login, State.STRANGER, News.NONE),
    "ENABLE": Spec(account.enable, State.IN),
    "NAMESPACE": Spec(folders.namespace, State.IN),
    "CREATE": Spec(folders.create, State.IN),
    "DELETE": Spec(folders.delete, State.IN),
    "RENAME": Spec(folders.rename, State.IN, News.ALL),
    "SUBSCRIBE": Spec(folders.subscribe, State.IN),
    "UNSUBSCRIBE": Spec(folders.unsubscribe, State.IN),
    "LIST": Spec(folders.list_, State.IN),
    "LSUB": Spec(folders.lsub_, State.IN),
    "STATUS": Spec(folders.status, State.IN),
    "APPEND": Spec(folders.append, State.IN, News.ALL, target=True),
    "SELECT": Spec(folders.open_, State.IN, News.NONE),
    "EXAMINE": Spec(folders.open_, State.IN, News.NONE),
    "CLOSE": Spec(folders.close, State.SELECTED, News.NONE),
    "UNSELECT": Spec(folders.unselect, State.SELECTED, News.NONE),
    "CHECK": Spec(account.noop, State.SELECTED, News.ALL),
    "EXPUNGE": Spec(messages.expunge, State.SELECTED),
    "FETCH": Spec(messages.fetch, State.SELECTED, News.TELL),
    "STORE": Spec(messages.store, State.SELECTED, News.TELL),
    "SEARCH": Spec(messages.find, State.SELECTED, News.TELL),
    "COPY": Spec(messages.copy, State.SELECTED, News.ALL, target=True),
    "MOVE": Spec(messages.move, State.SELECTED, target=True),
}
"""STARTTLS, AUTHENTICATE and IDLE change the conversation itself and are done by the session."""
