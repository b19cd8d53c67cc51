"""The public archive of a list: which of its campaigns everybody may read."""

from dataclasses import dataclass

from sqlalchemy import Connection, and_, or_, select
from sqlalchemy.sql.elements import ColumnElement

from lettershop.store.campaigns import Campaign
from lettershop.store.schema_main import campaigns, lists

_CAMPAIGN = [campaigns.c[name] for name in Campaign.__slots__]


@dataclass(frozen=True, slots=True)
class PublicList:
    """A list that has an archive."""

    id: int
    workspace_id: int
    name: str


def public_list(conn: Connection, list_id: int) -> PublicList | None:
    """The list, if it is public and has an archive."""
    c = lists.c
    query = select(c.id, c.workspace_id, c.name).where(c.id == list_id, c.public, c.archive)
    row = conn.execute(query).first()
    return PublicList(*row) if row is not None else None


def page(conn: Connection, list_id: int, *, before: int | None, limit: int) -> list[Campaign]:
    """What was sent to the list, the newest first: to all of it unless the campaign says no; to a part only if it says yes."""
    query = select(*_CAMPAIGN).where(*_shown(list_id))
    if before is not None:
        query = query.where(campaigns.c.id < before)
    return [Campaign(*row) for row in conn.execute(query.order_by(campaigns.c.id.desc()).limit(limit))]


def one(conn: Connection, list_id: int, campaign_id: int) -> Campaign | None:
    """One of them."""
    row = conn.execute(select(*_CAMPAIGN).where(campaigns.c.id == campaign_id, *_shown(list_id))).first()
    return Campaign(*row) if row is not None else None


def _shown(list_id: int) -> tuple[ColumnElement[bool], ...]:
    c = campaigns.c
    wanted = or_(c.archive == "yes", and_(c.archive == "", c.segmented.is_(False)))
    return (c.list_id == list_id, c.state.in_(("sending", "paused", "done")), c.resend_of.is_(None), wanted)
