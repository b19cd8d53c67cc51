"""The tables of the API: tokens, and the answers kept for requests that may be repeated. [pure]

They belong to the main half; `store.api_tokens` and `store.idempotency` speak to them.
"""

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, Table, Text

from lettershop.store.columns import Id, Json, Time, key
from lettershop.store.schema_main import metadata

__all__ = ["api_tokens", "idempotency", "metadata"]

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
