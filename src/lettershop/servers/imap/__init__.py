"""IMAP: a command in, one service call, an answer out.

session     the machine's events -> commands; log-in, IDLE, TLS: what changes the conversation itself
context     what a conversation knows: who, which mailbox, what is enabled; how news are told
account     commands in any state, and before the log-in
folders     commands about mailboxes
messages    commands in an open mailbox
commands    the table: command -> handler, states, what news it may tell

StreamServer(lambda: ImapSession(services, settings), tls=context, implicit_tls=…)
"""

from lettershop.servers.imap.context import Settings
from lettershop.servers.imap.session import ImapSession

__all__ = ["ImapSession", "Settings"]
