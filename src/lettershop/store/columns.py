"""Column types and shorthands that both halves of the schema use. [pure]"""

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Double, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB

Id = BigInteger().with_variant(Integer, "sqlite")
"""64-bit row ids; SQLite wants the word INTEGER to make it the row id."""

Time = Double
"""Seconds since the epoch, UTC."""

Json = JSON().with_variant(JSONB(), "postgresql")
Bytes = LargeBinary


def key() -> Column[int]:
    """The primary key of a table."""
    return Column("id", Id, primary_key=True, autoincrement=True)


def fact_columns() -> list[Column[Any]]:
    """The shape of a fact log; both halves have one (`base.facts`)."""
    return [
        key(),
        Column("at", Time, nullable=False),
        Column("kind", Text, nullable=False),
        Column("workspace_id", Id),
        Column("campaign_id", Id),
        Column("contact_id", Id),
        Column("envelope_id", Id),
        Column("data", Json, nullable=False),
    ]
