"""Conditions about one campaign or one link, which no contact's row knows: who was delivered, opened, clicked, replied.

    {"op": "opened", "campaign": "Spring", "days": 30}    {"op": "clicked", "link": "https://shop.example/sale"}

`query` is the ids of those contacts; `ids` asks it at once, for the columns; `of_contact` is the same for one contact,
for the conditions in SQL. A campaign is named by its id, or by its name (all of that name).
"""

from typing import Any

import numpy as np
import orjson
from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from lettershop.store.column_codec import Array
from lettershop.store.schema_delivery import DELIVERED, envelopes
from lettershop.store.schema_main import campaign_links, campaigns, contacts, engagements, link_engagements
from lettershop.store.segment_tree import Tree, since


def ids(conn: Connection, workspace_id: int, leaf: Tree, now: float) -> Array:
    """The contacts for whom the condition holds."""
    wanted = query(leaf, now).where(_campaign(leaf, workspace_id)).subquery()
    every = func.json_group_array if conn.dialect.name == "sqlite" else func.array_agg
    found = conn.scalar(select(every(wanted.c[0])))
    return np.unique(np.array(orjson.loads(found) if isinstance(found, str) else found or [], np.int64))


def of_contact(leaf: Tree, now: float) -> ColumnElement[bool]:
    """The condition on a row of `contacts`."""
    owner = envelopes.c.contact_id == contacts.c.id
    found: ColumnElement[bool] = query(leaf, now).where(owner, _campaign(leaf, contacts.c.workspace_id)).exists()
    return found


def _campaign(leaf: Tree, workspace_id: Any) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [campaigns.c.workspace_id == workspace_id]
    if "campaign" in leaf:
        named = campaigns.c.id if isinstance(leaf["campaign"], int) else campaigns.c.name
        conditions.append(named == leaf["campaign"])
    return and_(*conditions)


def query(leaf: Tree, now: float) -> Select[Any]:
    """The contacts' ids, of all workspaces."""
    joined = envelopes.join(campaigns, campaigns.c.id == envelopes.c.campaign_id)
    conditions: list[ColumnElement[bool]] = [envelopes.c.contact_id.is_not(None)]
    if leaf["op"] == "delivered":
        moment: ColumnElement[Any] = envelopes.c.finished_at
        conditions.append(envelopes.c.state == DELIVERED)
    else:
        joined = joined.join(engagements, engagements.c.envelope_id == envelopes.c.id)
        moment = engagements.c[f"{leaf['op']}_at"]
    if "link" in leaf:
        joined = joined.join(link_engagements, link_engagements.c.envelope_id == envelopes.c.id).join(
            campaign_links,
            and_(
                campaign_links.c.campaign_id == envelopes.c.campaign_id,
                campaign_links.c.number == link_engagements.c.number,
            ),
        )
        moment = link_engagements.c.clicked_at
        conditions.append(campaign_links.c.url == leaf["link"])
    if "days" in leaf:
        conditions.append(moment >= since(now, leaf["days"]))
    else:
        conditions.append(moment.is_not(None))
    return select(envelopes.c.contact_id).select_from(joined).where(*conditions)
