"""The tables of mail in the web interface: who may open which mail account there. [pure]

They belong to the main half, as the people do; accounts live in the other half and are named by number and birth:
a number may be given out again after an account was removed. `store.mailbox_links` speaks to them.
"""

from sqlalchemy import Column, ForeignKey, Table, Text

from lettershop.store.columns import Id, Time
from lettershop.store.schema_main import metadata

mailbox_links = Table(
    "mailbox_links", metadata,
    Column("user_id", Id, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("account_id", Id, primary_key=True, autoincrement=False),
    Column("account_since", Time, nullable=False),  # when that account was made
    Column("proof", Text, nullable=False, server_default=""),  # of the password that made the link; empty: it was granted
    Column("made_at", Time, nullable=False),
    Column("made_by", Text, nullable=False, server_default=""),  # who granted it
)  # fmt: skip
