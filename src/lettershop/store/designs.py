"""What started campaigns are made of: kept, so that all of their messages are made of the same."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from lettershop.store.database import Transaction
from lettershop.store.rows import upsert
from lettershop.store.schema_content import campaign_designs


def keep(tx: Transaction, campaign_id: int, design: Mapping[str, Any]) -> None:
    """Keep the design of a campaign that starts."""
    upsert(tx.conn, campaign_designs, [{"campaign_id": campaign_id, "design": design}], key=("campaign_id",))


def kept(conn: Connection, campaign_id: int) -> dict[str, Any] | None:
    """The design of a campaign that has started; None for drafts."""
    return conn.scalar(select(campaign_designs.c.design).where(campaign_designs.c.campaign_id == campaign_id))
