"""From stored rows to a `Design`: the campaign, its brand and its list. The one place where they come together."""

from sqlalchemy import Connection

from lettershop.marketing.content import Design
from lettershop.store import subscriptions, tracking, workspaces
from lettershop.store.campaigns import Campaign


def design_of(conn: Connection, campaign: Campaign, public_url: str) -> Design | None:
    """What a campaign's message is made of; None if its brand is gone."""
    brand = workspaces.brand(conn, campaign.brand_id)
    if brand is None:
        return None
    silent = (campaign.tracking or tracking.mode_of(conn, campaign.workspace_id)) == "none"
    return Design(
        campaign_id=campaign.id, version=campaign.version, workspace_id=campaign.workspace_id,
        subject=campaign.subject, html=campaign.html, text=campaign.text, format=campaign.format, preheader=campaign.preheader,
        from_name=brand.from_name, from_address=brand.from_address, reply_to=brand.reply_to,
        brand=brand.name, postal_address=brand.postal_address, public_url=public_url,
        list_id=campaign.list_id, list_name=subscriptions.list_name(conn, campaign.list_id),
        track_opens=campaign.track_opens and not silent, track_clicks=campaign.track_clicks and not silent,
        utm=campaign.utm, untracked=tuple(campaign.untracked),
    )  # fmt: skip
