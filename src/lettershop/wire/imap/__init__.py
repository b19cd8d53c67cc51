"""IMAP4rev1 and IMAP4rev2 (RFC 3501, RFC 9051): bytes to values and back. [pure]

    values    what commands are made of: sequence sets, fetch items, search keys
    scan      atoms, strings, literals, numbers, dates
    parse     a complete command -> a `Command`; `parse_fetch`, `parse_search`, `parse_list` for the rich ones
    server    the machine: fed with bytes, it gives events, and says when a literal may come
    names     modified UTF-7 and UTF-8 mailbox names
    format    strings, flags, dates, sets as they are sent
    structure ENVELOPE, BODY and BODYSTRUCTURE
    listing   LIST and LSUB patterns against names

A command's words are checked here; what it does is decided by `servers.imap` and `mail.mailbox`.
"""
