"""The tables of what people have asked of us themselves: how often they want mail, and requests about their data. [pure]

They belong to the main half; `store.preferences` speaks to them.
"""

from sqlalchemy import Column, ForeignKey, Integer, Table, Text

from lettershop.store.columns import Id, Time, key
from lettershop.store.schema_main import metadata

preferences = Table(
    "preferences", metadata,  # of those who want another pace than everything at once
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("paused_until", Time),
    Column("every_days", Integer, nullable=False, server_default="0"),  # most one newsletter in so many days; 0: all
    Column("changed_at", Time, nullable=False),
)  # fmt: skip

data_requests = Table(
    "data_requests", metadata, key(),  # asked on a page, confirmed by a link in a mail: it proves that the mailbox is theirs
    Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("contact_id", Id, ForeignKey("contacts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", Text, nullable=False),  # data, erase
    Column("key_hash", Text, nullable=False, unique=True),
    Column("requested_at", Time, nullable=False),
    Column("expires_at", Time, nullable=False),
)  # fmt: skip
