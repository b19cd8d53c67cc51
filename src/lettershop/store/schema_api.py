"""The tables of the API: tokens, answers kept for requests that may be repeated, templates, transactional messages. [pure]

They belong to the main half; `store.api_tokens`, `store.idempotency`, `store.templates`, `store.sent`, `store.erasures`
and `store.audit` speak to them.
"""

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, Table, Text, UniqueConstraint

from lettershop.store.columns import Id, Json, Time, key
from lettershop.store.schema_main import metadata

api_tokens = Table(
    "api_tokens", metadata, key(),
    Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("key_hash", Text, nullable=False, unique=True),  # sha256 of the secret, which is kept nowhere
    Column("scopes", Json, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("created_by", Text, nullable=False, server_default=""),
    Column("used_at", Time),  # by the hour
    Column("expires_at", Time),
    Column("revoked_at", Time),
)  # fmt: skip

idempotency = Table(
    "idempotency", metadata,
    Column("owner", Text, primary_key=True),  # hash of the token
    Column("name", Text, primary_key=True),  # what the client calls the request
    Column("fingerprint", Text, nullable=False),  # of method, path and body
    Column("status", Integer, nullable=False, server_default="0"),  # 0: under way
    Column("content_type", Text, nullable=False, server_default=""),
    Column("body", LargeBinary),
    Column("at", Time, nullable=False, index=True),
)  # fmt: skip

templates = Table(
    "templates", metadata, key(),
    Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("subject", Text, nullable=False, server_default=""),
    Column("html", Text, nullable=False, server_default=""),
    Column("text", Text, nullable=False, server_default=""),
    Column("format", Text, nullable=False, server_default="html"),  # of html: marketing.markup
    Column("layout", Text, nullable=False, server_default=""),  # by name: store.blocks
    Column("variants", Json, nullable=False, server_default="{}"),  # by language: marketing.languages
    Column("created_at", Time, nullable=False),
    Column("updated_at", Time, nullable=False),
    UniqueConstraint("workspace_id", "name"),
)  # fmt: skip

sent_messages = Table(
    "sent_messages", metadata,  # a transactional message beside its row in `outgoing`
    Column("outgoing_id", Id, primary_key=True, autoincrement=False),
    Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("message_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("sender", Text, nullable=False),
    Column("tags", Json, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("send_at", Time, nullable=False),
)  # fmt: skip

erased = Table(
    "erased", metadata,  # keyed hashes of addresses that were erased: store.erasures
    Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("at", Time, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),  # why it was suppressed, and stays so
    Column("suppressed_at", Time),
)  # fmt: skip

audit = Table(
    "audit", metadata, key(),  # who did what: store.audit
    Column("workspace_id", Id, ForeignKey("workspaces.id", ondelete="CASCADE"), index=True),
    Column("at", Time, nullable=False, index=True),
    Column("door", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False, server_default=""),
    Column("ip", Text, nullable=False, server_default=""),
)  # fmt: skip
