"""The tables of content: layouts and blocks, media, and designs as they were when their campaigns started. [pure]

They belong to the main half; `store.blocks`, `store.media` and `store.designs` speak to them.
"""

from sqlalchemy import Boolean, Column, ForeignKey, Integer, Table, Text, UniqueConstraint, false

from lettershop.store.columns import Id, Json, Time, key
from lettershop.store.schema_main import metadata

blocks = Table(
    "blocks", metadata, key(),
    Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("layout", Boolean, nullable=False, server_default=false()),  # stands round bodies
    Column("html", Text, nullable=False, server_default=""),
    Column("text", Text, nullable=False, server_default=""),
    Column("format", Text, nullable=False, server_default="html"),  # of html: marketing.markup
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
    UniqueConstraint("workspace_id", "name"),
)  # fmt: skip

media = Table(
    "media", metadata, key(),
    Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("hash", Text, nullable=False, index=True),  # SHA-256 of the bytes
    Column("name", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("size", Id, nullable=False),
    Column("width", Integer, nullable=False),  # 0: no picture
    Column("height", Integer, nullable=False),
    Column("blob", Text, nullable=False),  # key in store.blobs
    Column("created_at", Time, nullable=False),
    UniqueConstraint("workspace_id", "hash"),
)  # fmt: skip

campaign_designs = Table(
    "campaign_designs", metadata,  # what a started campaign is made of, whatever becomes of brand, layout and blocks
    Column("campaign_id", Id, ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True),
    Column("design", Json, nullable=False),
)  # fmt: skip
