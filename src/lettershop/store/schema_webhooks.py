"""The tables of webhooks: who is told of which facts, what became of each event, ranges to be told again. [pure]

They belong to the main half; `store.webhooks` and `store.webhook_deliveries` speak to them. A delivery names its fact and
does not copy it: what was erased from the facts is told to nobody any more.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint, text, true

from lettershop.store.columns import Id, Json, Time, key
from lettershop.store.schema_main import metadata

WAITING, DELIVERED, GIVEN_UP = 0, 1, 2
"""States of a delivery."""

webhooks = Table(
    "webhooks", metadata, key(),
    Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("kinds", Json, nullable=False),  # of facts; empty: all
    Column("secret", Text, nullable=False),  # it signs, so it cannot be kept as a hash
    Column("old_secret", Text),  # signs too until then
    Column("old_secret_until", Time),
    Column("active", Boolean, nullable=False, server_default=true()),
    Column("off_why", Text, nullable=False, server_default=""),  # turned off by us, in words
    Column("created_at", Time, nullable=False),
    Column("created_by", Text, nullable=False, server_default=""),
    Column("facts_position", Id, nullable=False),  # how far each log was told
    Column("mail_facts_position", Id, nullable=False),
    Column("failures", Integer, nullable=False, server_default="0"),  # rounds in a row in which nothing was taken
    Column("failing_since", Time),
    Column("rests_until", Time, nullable=False, server_default="0"),
    Column("delivered_at", Time),  # last time that something was taken
)  # fmt: skip

webhook_deliveries = Table(
    "webhook_deliveries", metadata, key(),
    Column("webhook_id", Id, ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False),
    Column("event_id", Text, nullable=False),  # the header webhook-id: the same at every try
    Column("log", Text, nullable=False),  # facts or mail_facts; test
    Column("fact_id", Id, nullable=False),
    Column("kind", Text, nullable=False),
    Column("happened_at", Time, nullable=False),
    Column("state", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", Time, nullable=False),  # tries are counted from here
    Column("due_at", Time, nullable=False),
    Column("tried_at", Time),
    Column("status", Integer),  # of HTTP; NULL: there was no answer
    Column("answer", Text, nullable=False, server_default=""),  # its beginning, or what went wrong
    Column("seconds", Time),  # that the answer took
    UniqueConstraint("webhook_id", "event_id"),
    Index("webhook_deliveries_of", "webhook_id", "id"),
    Index(
        "webhook_deliveries_due", "webhook_id", "due_at",
        sqlite_where=text("state = 0"), postgresql_where=text("state = 0"),
    ),
)  # fmt: skip

webhook_replays = Table(
    "webhook_replays", metadata, key(),  # a range that is being told again, piece by piece
    Column("webhook_id", Id, ForeignKey("webhooks.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("log", Text, nullable=False),
    Column("since", Time, nullable=False),
    Column("until", Time, nullable=False),
    Column("position", Id, nullable=False),
    Column("last", Id, nullable=False),
)  # fmt: skip
