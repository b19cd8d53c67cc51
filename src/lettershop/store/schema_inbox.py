"""The tables of the inbox: conversations with people about a campaign, and what was written in them. [pure]

They belong to the main half; `store.conversations` speaks to them. The words are kept here, not only in the mailbox to which
an answer came: who tidies up there must not empty the inbox. They go with the contact.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint, false

from lettershop.store.columns import Id, Time, key
from lettershop.store.schema_main import metadata

OPEN, DONE = 0, 1
"""States of a conversation."""

conversations = Table(
    "conversations", metadata, key(),
    Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("campaign_id", Id, ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False),
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("envelope_id", Id),  # of the message that was answered first
    Column("subject", Text, nullable=False, server_default=""),
    Column("state", Integer, nullable=False, server_default="0"),
    Column("last_at", Time, nullable=False),
    Column("awaits_us", Boolean, nullable=False, server_default=false()),  # the last word is theirs
    UniqueConstraint("campaign_id", "contact_id"),
    Index("conversations_by_state", "workspace_id", "state", "last_at"),
)  # fmt: skip

conversation_messages = Table(
    "conversation_messages", metadata, key(),
    Column("conversation_id", Id, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("at", Time, nullable=False),
    Column("ours", Boolean, nullable=False),
    Column("author", Text, nullable=False),  # the address that wrote, or which of us
    Column("reply_to", Text, nullable=False, server_default=""),  # where an answer goes
    Column("message_id", Text, nullable=False),  # without the brackets; of an answer without one: the fact's number
    Column("thread", Text, nullable=False, server_default=""),  # the identifiers before it, separated by blanks
    Column("text", Text, nullable=False, server_default=""),
    Column("files", Integer, nullable=False, server_default="0"),  # how many it had; they are in the mailbox
    UniqueConstraint("conversation_id", "message_id"),
)  # fmt: skip
