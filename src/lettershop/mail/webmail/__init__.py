"""Mail in the web interface: what a person does with a mailbox there, over the services behind IMAP and submission.

letter    bytes -> what a reader is shown: people, text, files [pure]
clean     foreign HTML -> HTML that can do nothing, with a word on what was left out [pure]
wishes    the words of the search field -> keys of SEARCH [pure]
threads   which messages belong together [pure]
writing   a message that is being written <-> bytes; how answers begin [pure]
desk      Desk: folders, pages, messages, moving them
post      Post: drafts, sending

Every call names the person; that the mailbox is theirs is checked here, each time (`mail.own_mailboxes`).
"""
