"""The tables of analytics: every hit with its verdict, and where tracking is turned down. [pure]

They belong to the main half; `store.hits`, `store.tracking` and `store.journal` speak to them.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Integer, Table, Text

from lettershop.store.columns import Id, Time
from lettershop.store.schema_main import metadata

hits = Table(
    "hits", metadata,  # a request for a pixel or link, judged; what was observed is in its fact
    Column("fact_id", Id, primary_key=True, autoincrement=False),
    Column("envelope_id", Id, nullable=False, index=True),
    Column("campaign_id", Id, nullable=False, index=True),
    Column("at", Time, nullable=False),
    Column("link", Integer, nullable=False),  # 0: the pixel
    Column("machine", Boolean, nullable=False),
    Column("score", Time, nullable=False),
    Column("reasons", Text, nullable=False),  # the signals by name
    Column("device", Text, nullable=False, server_default=""),
)  # fmt: skip

workspace_tracking = Table(
    "workspace_tracking", metadata,
    Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True, autoincrement=False),
    Column("mode", Text, nullable=False),  # marketing.tracking
)  # fmt: skip

journals = Table(
    "journals", metadata,  # how far a file of events is taken into the log of facts: store.journal
    Column("name", Text, primary_key=True),
    Column("position", Id, nullable=False),
)  # fmt: skip
