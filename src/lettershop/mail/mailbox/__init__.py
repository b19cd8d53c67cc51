"""Mailboxes as a service: an open mailbox with its numbers, flags in memory, search, and the parsing of new messages.

describe    bytes -> what IMAP is asked for [pure]
state       Index (a mailbox in memory) and View (a session's numbers) [pure]
service     Mailboxes: names, status, append, indexes
selected    an open mailbox: flags, copy, move, expunge, news
content     an open mailbox: what FETCH sends
search      an open mailbox: what SEARCH finds
watch       waiting for news (IDLE)
"""

from lettershop.mail.mailbox.describe import Described, describe

__all__ = ["Described", "describe"]
